//! Where an execution stands.

use serde::{Deserialize, Serialize};

use crate::{Payload, StatesError};

/// Where an execution stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It goes on.
    Running,
    /// It ended with an output.
    Succeeded {
        /// The execution's output.
        output: Payload,
    },
    /// It ended with an error.
    Failed {
        /// The error; a Fail state may leave both parts out.
        error: StatesError,
    },
    /// It ran longer than the state machine's `TimeoutSeconds`.
    TimedOut,
    /// It was stopped.
    Aborted {
        /// What the caller of `StopExecution` gave.
        error: StatesError,
    },
}

impl Status {
    /// AWS's word for it (`ExecutionStatus`).
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded { .. } => "SUCCEEDED",
            Self::Failed { .. } => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted { .. } => "ABORTED",
        }
    }
}
