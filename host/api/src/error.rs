//! What an operation is refused with: AWS's error types and messages.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use stepyard_asl::{Diagnostic, Severity, TestRefusal};
use stepyard_engine::{
    ActivityError, CompletionError, EngineError, EventError, MachineError, NameError, RedriveError,
    StartError, TagError,
};

use crate::members::Unreadable;

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    /// The error's name, as botocore's model has it.
    name: &'static str,
    message: String,
    /// The member that some errors have besides, and its value.
    detail: Option<(&'static str, String)>,
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
        Self { status, name, message: message.into(), detail: None }
    }

    /// The error's name and what it says.
    pub(crate) fn told(&self) -> (&'static str, &str) {
        (self.name, &self.message)
    }

    /// The status it is answered with.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The member that it has besides, and its value.
    pub(crate) fn detail(&self) -> Option<(&'static str, &str)> {
        self.detail.as_ref().map(|(member, value)| (*member, value.as_str()))
    }

    /// With a member besides.
    pub(crate) fn with(mut self, member: &'static str, value: impl Into<String>) -> Self {
        self.detail = Some((member, value.into()));
        self
    }

    /// With AWS's reason for a ValidationException.
    pub(crate) fn because(self, reason: &str) -> Self {
        self.with("reason", reason)
    }

    /// With the resource that an error of that kind names.
    pub(crate) fn about(self, resource: String) -> Self {
        self.with("resourceName", resource)
    }

    pub(crate) fn invalid_arn(detail: impl std::fmt::Display) -> Self {
        Self::new("InvalidArn", format!("Invalid Arn: '{detail}'"))
    }

    fn conflict(message: impl Into<String>) -> Self {
        Self::new("ConflictException", message)
    }

    pub(crate) fn invalid_token() -> Self {
        Self::new("InvalidToken", "Invalid Token: 'Invalid token'")
    }

    pub(crate) fn execution_does_not_exist(arn: &str) -> Self {
        Self::new("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'"))
    }

    pub(crate) fn invalid_definition(problems: &[Diagnostic]) -> Self {
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        let text = |it: &Diagnostic| {
            let place = it.place().unwrap_or_else(|| "null".to_owned());
            format!("{}: {} at {place}", it.code, it.message)
        };
        let texts: Vec<String> = errors.map(text).collect();
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
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        let message = error.to_string();
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, ..Self::new("InternalFailure", message) }
    }

    fn unavailable(error: &dyn std::fmt::Display) -> Self {
        let message = error.to_string();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, ..Self::new("ServiceUnavailable", message) }
    }
}

impl From<Unreadable> for ApiError {
    fn from(error: Unreadable) -> Self {
        Self::new("SerializationException", error.to_string())
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::ExecutionDoesNotExist { arn } => Self::execution_does_not_exist(arn),
            EngineError::ShutDown => Self::unavailable(&error),
            EngineError::Throttled => Self::throttled(),
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

impl From<TestRefusal> for ApiError {
    fn from(refusal: TestRefusal) -> Self {
        match refusal {
            TestRefusal::InvalidDefinition(problems) => Self::invalid_definition(&problems),
            TestRefusal::NeedsMock | TestRefusal::TaskNeedsMock => {
                Self::new("InvalidDefinition", refusal.to_string())
            }
            _ => Self::new("ValidationException", refusal.to_string()),
        }
    }
}

impl From<EventError> for ApiError {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Machine(error) => error.into(),
            EventError::Start(error) => error.into(),
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
            ActivityError::LimitExceeded { .. } => {
                Self::new("ActivityLimitExceeded", error.to_string())
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
            MachineError::NoSuchQualifier { arn } => {
                let message = "Request references a resource that does not exist.";
                Self::new("ResourceNotFound", message).about(arn)
            }
            MachineError::OtherRevision { asked, current } => Self::conflict(format!(
                "Failed to publish the State Machine version for revision {asked}. \
                 The current State Machine revision is {current}."
            )),
            MachineError::VersionInUse { aliases } => Self::conflict(format!(
                "Version to be deleted must not be referenced by an alias. \
                 Current list of aliases referencing this version: [{}]",
                aliases.join(", ")
            )),
            MachineError::AliasExists { .. } => Self::conflict(
                "Failed to create alias because an alias with the same name and a different \
                 routing configuration already exists.",
            ),
            MachineError::LimitExceeded { .. } => {
                Self::new("StateMachineLimitExceeded", error.to_string())
            }
            MachineError::TooMany { .. } => {
                Self::new("ServiceQuotaExceededException", error.to_string())
            }
            MachineError::Store(error) => Self::internal(&error),
            MachineError::Engine(error) => error.into(),
        }
    }
}

impl From<TagError> for ApiError {
    fn from(error: TagError) -> Self {
        match error {
            TagError::ResourceNotFound { arn } => {
                let message = format!("Resource not found: '{arn}'");
                Self::new("ResourceNotFound", message).about(arn)
            }
            TagError::TooMany { ref arn } => {
                let arn = arn.clone();
                Self::new("TooManyTags", error.to_string()).about(arn)
            }
            TagError::Store(error) => Self::internal(&error),
            TagError::Engine(error) => error.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({
            "__type": format!("com.amazonaws.swf.service.v2.model#{}", self.name),
            "message": self.message,
        });
        if let Some((member, value)) = self.detail {
            body[member] = value.into();
        }
        (self.status, Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_awss() {
        let arn = || "arn:m:1".to_owned();
        let (asked, current) = ("INITIAL".to_owned(), "r2".to_owned());
        let aliases = vec!["PROD".to_owned(), "canary".to_owned()];
        for (error, name, message) in [
            (
                ApiError::from(MachineError::OtherRevision { asked, current }),
                "ConflictException",
                "Failed to publish the State Machine version for revision INITIAL. \
                 The current State Machine revision is r2.",
            ),
            (
                MachineError::VersionInUse { aliases }.into(),
                "ConflictException",
                "Version to be deleted must not be referenced by an alias. \
                 Current list of aliases referencing this version: [PROD, canary]",
            ),
            (
                MachineError::AliasExists { name: "PROD".to_owned() }.into(),
                "ConflictException",
                "Failed to create alias because an alias with the same name and a different \
                 routing configuration already exists.",
            ),
            (
                MachineError::NoSuchQualifier { arn: arn() }.into(),
                "ResourceNotFound",
                "Request references a resource that does not exist.",
            ),
            (
                MachineError::DoesNotExist { arn: arn() }.into(),
                "StateMachineDoesNotExist",
                "State Machine Does Not Exist: 'arn:m:1'",
            ),
            (
                MachineError::LimitExceeded { limit: 9 }.into(),
                "StateMachineLimitExceeded",
                "9 state machines are registered, and no more may be: delete one first",
            ),
            (
                ActivityError::LimitExceeded { limit: 9 }.into(),
                "ActivityLimitExceeded",
                "9 activities are registered, and no more may be: delete one first",
            ),
            (
                TagError::ResourceNotFound { arn: arn() }.into(),
                "ResourceNotFound",
                "Resource not found: 'arn:m:1'",
            ),
        ] {
            assert_eq!((error.name, &*error.message), (name, message));
            assert_eq!(error.status, StatusCode::BAD_REQUEST);
        }
    }
}
