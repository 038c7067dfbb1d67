//! The door for whoever completes a task from outside: `SendTaskSuccess`, `SendTaskFailure` and
//! `SendTaskHeartbeat`.

use stepyard_asl::{Payload, StatesError, TaskToken};

use crate::{Engine, EngineError, driver::Message, looking::Asked};

/// What is said of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// It is done, with this result.
    Succeeded(Payload),
    /// It failed.
    Failed(StatesError),
    /// Somebody is still at it.
    Beat,
}

/// Why nothing was said of a task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompletionError {
    /// That is no token that was given here.
    #[error("that is not the token of a task")]
    InvalidToken,
    /// The task is over: it was completed before, ran out of time, or its execution is over.
    #[error("the task is over")]
    TaskOver,
    /// The engine could not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// How a token stands with an execution that is in memory.
pub(crate) enum Standing {
    /// It was told, and that is durable.
    Told,
    /// Its task is over.
    Over,
    /// The execution never gave it.
    Foreign,
}

impl Engine {
    /// Tells a task's execution how the task stands; that is durable when this returns.
    pub async fn complete_task(
        &self,
        token: &str,
        completion: Completion,
    ) -> Result<(), CompletionError> {
        let token = TaskToken(token.to_owned());
        let execution = token.execution().ok_or(CompletionError::InvalidToken)?;
        let message = |done| Message::Complete {
            execution: execution.as_str().into(),
            token: token.clone(),
            completion: completion.clone(),
            done,
        };
        let standing = match self.put(&message).await? {
            Some(standing) => standing,
            None => {
                // A forged token has nothing read back.
                let record = self.store().execution(&execution).map_err(EngineError::from)?;
                if !record.is_some_and(|record| token.is_sealed_by(&record.seed)) {
                    return Err(CompletionError::InvalidToken);
                }
                match self.rouse(&execution, message).await? {
                    Asked::Answered(standing) => standing,
                    Asked::Over(_) => Standing::Over,
                }
            }
        };
        match standing {
            Standing::Told => Ok(()),
            Standing::Over => Err(CompletionError::TaskOver),
            Standing::Foreign => Err(CompletionError::InvalidToken),
        }
    }
}
