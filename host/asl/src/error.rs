//! Language errors are data: a name that Retry and Catch match, and a cause for people.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What went wrong in a state or an execution. AWS allows either part to be absent: a Fail state
/// may name neither, and `SendTaskFailure` may give neither.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatesError {
    /// The error name, such as `States.Timeout` or `CardDeclined`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The cause: a sentence, or the JSON text a function failed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl StatesError {
    /// An error with a name and a cause.
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { error: Some(error.into()), cause: Some(cause.into()) }
    }

    /// A `States.Runtime` error: it cannot be retried or caught.
    pub fn runtime(cause: impl Into<String>) -> Self {
        Self::new(name::RUNTIME, cause)
    }

    /// The name that Retry and Catch match; empty when absent.
    pub fn name(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }

    /// The error as whoever looks at an execution sees it: a timeout's empty cause is for catchers only.
    pub(crate) fn shown(mut self) -> Self {
        if self.name() == name::TIMEOUT {
            self.cause = self.cause.filter(|cause| !cause.is_empty());
        }
        self
    }

    /// The error output that a catcher puts at its `ResultPath`.
    pub fn output(&self) -> Value {
        json!({ "Error": self.error, "Cause": self.cause })
    }
}

/// An error of evaluating a state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EvaluationError {
    pub(crate) error: StatesError,
    /// Of a JSONata expression, the place of its field within the state.
    pub(crate) place: Option<Box<str>>,
}

impl From<StatesError> for EvaluationError {
    fn from(error: StatesError) -> Self {
        Self { error, place: None }
    }
}

/// The reserved error names, each with when it is raised (States Language, "Errors").
pub mod name {
    /// Wildcard: any error but `States.Runtime`, and but the `States.DataLimitExceeded` of a state;
    /// that of a task's result it matches.
    pub const ALL: &str = "States.ALL";
    /// Wildcard: any error but `States.Timeout` and `States.Runtime`.
    pub const TASK_FAILED: &str = "States.TaskFailed";
    /// A task ran longer than `TimeoutSeconds` or was silent longer than `HeartbeatSeconds`, or an
    /// execution ran longer than its machine's `TimeoutSeconds`.
    pub const TIMEOUT: &str = "States.Timeout";
    /// Matches a heartbeat timeout in Retry and Catch; never raised under this name.
    pub const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
    /// A path, intrinsic function or Choice that cannot be evaluated. Uncatchable.
    pub const RUNTIME: &str = "States.Runtime";
    /// A payload over 262,144 bytes.
    pub const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
    /// A JSONata expression that fails, gives nothing, or gives what its field does not take.
    pub const QUERY_EVALUATION_ERROR: &str = "States.QueryEvaluationError";
    /// More items of a Distributed Map failed than it tolerates.
    pub const EXCEED_TOLERATED_FAILURE_THRESHOLD: &str = "States.ExceedToleratedFailureThreshold";
    /// An `ItemReader` cannot read the items of a Distributed Map.
    pub const ITEM_READER_FAILED: &str = "States.ItemReaderFailed";
    /// A `ResultWriter` cannot export the results of a Distributed Map.
    pub const RESULT_WRITER_FAILED: &str = "States.ResultWriterFailed";
    /// `ResultPath` cannot be applied to the input.
    pub const RESULT_PATH_MATCH_FAILURE: &str = "States.ResultPathMatchFailure";
    /// The task lacks the privilege to do its work.
    pub const PERMISSIONS: &str = "States.Permissions";
}
