//! The door for whoever completes a task from outside: `SendTaskSuccess`, `SendTaskFailure` and
//! `SendTaskHeartbeat`.

use stepyard_asl::{Payload, StatesError, TaskToken};
use tokio::sync::oneshot;

use crate::{Engine, EngineError, driver::Message, looking::Roused};

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

/// How a token stands with an execution that is at work.
pub(crate) enum Standing {
    /// Nothing is at work under its execution's name.
    NotLive,
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
        loop {
            let (done, told) = oneshot::channel();
            let message = Message::Complete {
                execution: execution.as_str().into(),
                token: token.clone(),
                completion: completion.clone(),
                done,
            };
            self.send(message).await?;
            match told.await.map_err(|_| self.gone())? {
                Standing::Told => return Ok(()),
                Standing::Over => return Err(CompletionError::TaskOver),
                Standing::Foreign => return Err(CompletionError::InvalidToken),
                Standing::NotLive => {}
            }
            let record = self.store().execution(&execution).map_err(EngineError::from)?;
            // A forged token has nothing read back.
            if !record.is_some_and(|record| token.is_sealed_by(&record.seed)) {
                return Err(CompletionError::InvalidToken);
            }
            if let Roused::Over(_) = self.rouse(&execution).await? {
                return Err(CompletionError::TaskOver);
            }
        }
    }
}
