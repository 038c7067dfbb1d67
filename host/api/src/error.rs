//! What an operation is refused with: AWS's error types and messages.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use stepyard_asl::{Diagnostic, Severity};
use stepyard_engine::{
    ActivityError, CompletionError, EngineError, MachineError, NameError, RedriveError, StartError,
};

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    /// The error's name, as botocore's model has it.
    name: &'static str,
    message: String,
}

impl ApiError {
    /// An error of the caller's; AWS answers 400 for all that its model has.
    pub(crate) fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self::with_status(StatusCode::BAD_REQUEST, name, message)
    }

    /// An error that is HTTP's rather than an operation's.
    pub(crate) fn with_status(
        status: StatusCode,
        name: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { status, name, message: message.into() }
    }

    pub(crate) fn invalid_arn(detail: impl std::fmt::Display) -> Self {
        Self::new("InvalidArn", format!("Invalid Arn: '{detail}'"))
    }

    pub(crate) fn invalid_token() -> Self {
        Self::new("InvalidToken", "Invalid Token: 'Invalid token'")
    }

    pub(crate) fn execution_does_not_exist(arn: &str) -> Self {
        Self::new("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'"))
    }

    pub(crate) fn invalid_definition(problems: &[Diagnostic]) -> Self {
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        let texts: Vec<String> =
            errors.map(|it| format!("{}: {} at {}", it.code, it.message, it.location)).collect();
        let detail = texts.join(", ");
        Self::new("InvalidDefinition", format!("Invalid State Machine Definition: '{detail}'"))
    }

    pub(crate) fn type_not_supported() -> Self {
        let message = "This operation is not supported by this type of state machine";
        Self::new("StateMachineTypeNotSupported", message)
    }

    /// More is asked than is taken at once.
    pub(crate) fn throttled() -> Self {
        Self::new("ThrottlingException", "Rate exceeded")
    }

    /// An operation or member that AWS has and this server has not.
    pub(crate) fn unsupported(what: &str) -> Self {
        Self::new("ValidationException", format!("{what} is not supported by this server"))
    }

    /// The server failed; what happened is in its log.
    fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        let message = error.to_string();
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, name: "InternalFailure", message }
    }

    fn unavailable(error: &dyn std::fmt::Display) -> Self {
        let message = error.to_string();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, name: "ServiceUnavailable", message }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::ExecutionDoesNotExist { arn } => Self::execution_does_not_exist(arn),
            EngineError::ShutDown => Self::unavailable(&error),
            _ => Self::internal(&error),
        }
    }
}

impl From<NameError> for ApiError {
    fn from(error: NameError) -> Self {
        Self::new("InvalidName", format!("Invalid Name: '{}'", error.name))
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::InvalidName(error) => error.into(),
            StartError::InvalidArn { arn } => {
                Self::invalid_arn(format!("Invalid ARN prefix: {arn}"))
            }
            StartError::InputTooLarge { .. } => Self::new(
                "InvalidExecutionInput",
                format!("Invalid State Machine Execution Input: '{error}'"),
            ),
            StartError::ExecutionAlreadyExists { arn } => {
                let message = format!("Execution Already Exists: '{arn}'");
                Self::new("ExecutionAlreadyExists", message)
            }
            StartError::AtCapacity => Self::new("ExecutionLimitExceeded", error.to_string()),
            StartError::Engine(error) => error.into(),
        }
    }
}

impl From<CompletionError> for ApiError {
    fn from(error: CompletionError) -> Self {
        match error {
            CompletionError::InvalidToken => Self::invalid_token(),
            CompletionError::TaskOver => {
                Self::new("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
            }
            CompletionError::Engine(error) => error.into(),
        }
    }
}

impl From<ActivityError> for ApiError {
    fn from(error: ActivityError) -> Self {
        match error {
            ActivityError::DoesNotExist { arn } => {
                Self::new("ActivityDoesNotExist", format!("Activity Does Not Exist: '{arn}'"))
            }
            ActivityError::WorkerLimitExceeded { .. } => {
                Self::new("ActivityWorkerLimitExceeded", error.to_string())
            }
            ActivityError::Store(error) => Self::internal(&error),
            ActivityError::Engine(error) => error.into(),
        }
    }
}

impl From<RedriveError> for ApiError {
    fn from(error: RedriveError) -> Self {
        match error {
            RedriveError::NotRedrivable { reason } => Self::new("ExecutionNotRedrivable", reason),
            RedriveError::Engine(error) => error.into(),
        }
    }
}

impl From<MachineError> for ApiError {
    fn from(error: MachineError) -> Self {
        match error {
            MachineError::AlreadyExists { arn } => {
                let message = format!("State Machine Already Exists: '{arn}'");
                Self::new("StateMachineAlreadyExists", message)
            }
            MachineError::DoesNotExist { arn } => {
                let message = format!("State Machine Does Not Exist: '{arn}'");
                Self::new("StateMachineDoesNotExist", message)
            }
            MachineError::InvalidDefinition { diagnostics } => {
                Self::invalid_definition(&diagnostics)
            }
            MachineError::Store(error) => Self::internal(&error),
            MachineError::Engine(error) => error.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({
            "__type": format!("com.amazonaws.swf.service.v2.model#{}", self.name),
            "message": self.message,
        });
        (self.status, Json(body)).into_response()
    }
}
