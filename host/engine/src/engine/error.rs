//! Why an engine did not do as asked.

use crate::StoreError;

/// Why the engine did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// There is no such execution.
    #[error("execution `{arn}` does not exist")]
    ExecutionDoesNotExist {
        /// What was given.
        arn: String,
    },
    /// Nothing is at work on the execution, though it is unfinished.
    #[error("execution `{arn}` was interrupted: resume it first")]
    Interrupted {
        /// The execution.
        arn: String,
    },
    /// The definition it was started with is not valid here.
    #[error("execution `{arn}` has a definition that cannot be read: {reason}")]
    InvalidDefinition {
        /// The execution.
        arn: String,
        /// The first diagnostic.
        reason: String,
    },
    /// The store failed; after a failed write the engine has stopped.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine met an error of its own, and has stopped.
    #[error("the engine broke down: {reason}; its executions can be resumed by another")]
    Broken {
        /// What its panic said.
        reason: String,
    },
    /// More is asked than the engine takes at once. Nothing of it was done.
    #[error("more is asked of the engine than it takes at once: ask again later")]
    Throttled,
    /// The engine was shut down.
    #[error("the engine was shut down")]
    ShutDown,
}
