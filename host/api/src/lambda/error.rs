//! What an operation is refused with: AWS Lambda's errors, in its shapes and words.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use stepyard_engine::PublishingError;

use super::name::Named;
use crate::{body::TOO_LARGE, error::ApiError};

const NOT_FOUND: &str = "ResourceNotFoundException";
const INVALID_PARAMETER: &str = "InvalidParameterValueException";
const CONFLICT: &str = "ResourceConflictException";
const PRECONDITION: &str = "PreconditionFailedException";
const INVALID_CONTENT: &str = "InvalidRequestContentException";
const TOO_MANY_REQUESTS: &str = "TooManyRequestsException";
const CODE_STORAGE: &str = "CodeStorageExceededException";
const SERVICE: &str = "ServiceException";
const ENTITY_TOO_LARGE: &str = "RequestEntityTooLargeException";

pub(super) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::with_status(StatusCode::NOT_FOUND, NOT_FOUND, message)
}

pub(super) fn invalid_parameter(message: impl Into<String>) -> ApiError {
    ApiError::new(INVALID_PARAMETER, message)
}

/// A request's body that is no JSON.
pub(super) fn invalid_content(message: impl Into<String>) -> ApiError {
    ApiError::new(INVALID_CONTENT, message)
}

/// More calls than a function takes.
pub(super) fn too_many_requests(message: impl Into<String>) -> ApiError {
    let error = ApiError::with_status(StatusCode::TOO_MANY_REQUESTS, TOO_MANY_REQUESTS, message);
    error.with("Reason", "ReservedFunctionConcurrentInvocationLimitExceeded")
}

/// The server could not do it.
pub(super) fn service(message: impl Into<String>) -> ApiError {
    ApiError::with_status(StatusCode::INTERNAL_SERVER_ERROR, SERVICE, message)
}

/// A caller who may not call.
pub(super) fn access_denied(message: impl Into<String>) -> ApiError {
    ApiError::with_status(StatusCode::FORBIDDEN, "AccessDeniedException", message)
}

/// A body or a payload that is too large.
pub(super) fn entity_too_large(message: impl Into<String>) -> ApiError {
    ApiError::with_status(StatusCode::PAYLOAD_TOO_LARGE, ENTITY_TOO_LARGE, message)
}

/// An operation that is AWS's and not here.
pub(super) fn absent(operation: &str) -> ApiError {
    invalid_parameter(format!(
        "{operation} is not supported by this server: a function is what [functions.NAME] of its manifest says"
    ))
}

impl Named {
    /// Why what was asked of the function is refused.
    pub(super) fn refused(&self, error: PublishingError) -> ApiError {
        let conflict = |message| ApiError::with_status(StatusCode::CONFLICT, CONFLICT, message);
        match &error {
            PublishingError::NoFunction { .. } => {
                not_found(format!("Function not found: {}", self.arn()))
            }
            PublishingError::NoVersion { qualifier, .. } => {
                let arn = self.arn_of(Some(qualifier));
                not_found(format!("Function not found: {arn}"))
            }
            PublishingError::NoAlias { alias, .. } => {
                let arn = self.arn_of(Some(alias));
                not_found(format!("Cannot find alias arn: {arn}"))
            }
            PublishingError::AliasExists { alias, .. } => {
                conflict(format!("Alias already exists: {}", self.arn_of(Some(alias))))
            }
            PublishingError::VersionInUse { aliases, .. } => conflict(format!(
                "Unable to delete version because the following aliases reference it: [{}]",
                aliases.join(", ")
            )),
            PublishingError::OtherRevision { .. } => ApiError::with_status(
                StatusCode::PRECONDITION_FAILED,
                PRECONDITION,
                "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
            ),
            PublishingError::LatestStays => invalid_parameter(
                "$LATEST version cannot be deleted without deleting the function.",
            ),
            PublishingError::TooManyRoutes { .. } => invalid_parameter(
                "Number of items in AdditionalVersionWeights cannot be greater than 1",
            ),
            PublishingError::SameRoute { version } => invalid_parameter(format!(
                "Invalid function version {version}. Function version {version} is already included in routing configuration."
            )),
            PublishingError::LatestRoute => invalid_parameter(
                "$LATEST is not supported for an alias pointing to more than 1 version",
            ),
            PublishingError::OtherCode { .. }
            | PublishingError::Refused { .. }
            | PublishingError::TooMany { .. } => invalid_parameter(error.to_string()),
            PublishingError::AliasName { .. }
            | PublishingError::Description { .. }
            | PublishingError::Weight { .. } => {
                ApiError::new("ValidationException", error.to_string())
            }
            PublishingError::CodeStorage { .. } => ApiError::new(CODE_STORAGE, error.to_string()),
            PublishingError::Code { .. } | PublishingError::Store(_) => {
                tracing::error!(%error, "a function could not be published");
                service(error.to_string())
            }
        }
    }
}

/// An error of the rooms that all APIs share, in Lambda's words. `operation` took at most `bytes` of
/// body.
pub(super) fn shared(error: ApiError, operation: &str, bytes: usize) -> ApiError {
    let (name, message) = error.told();
    match name {
        "ThrottlingException" => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let error = ApiError::with_status(status, TOO_MANY_REQUESTS, "Rate Exceeded.");
            error.with("Reason", "CallerRateLimitExceeded")
        }
        TOO_LARGE => {
            let operation = if operation == "Invoke" { "InvokeFunction" } else { operation };
            entity_too_large(format!(
                "Request must be smaller than {bytes} bytes for the {operation} operation"
            ))
        }
        "MissingAuthenticationTokenException"
        | "UnrecognizedClientException"
        | "IncompleteSignatureException"
        | "InvalidSignatureException" => {
            ApiError::with_status(StatusCode::FORBIDDEN, name, message)
        }
        "InternalFailure" => service(message),
        _ => error,
    }
}

/// The answer that an error is.
pub(super) fn answer(error: &ApiError) -> Response {
    let (name, message) = error.told();
    let mut body = match type_of(name) {
        Some(kind) => json!({ "Type": kind }),
        None => json!({}),
    };
    body[message_member(name)] = message.into();
    if let Some((member, value)) = error.detail() {
        body[member] = value.into();
    }
    let headers = [
        (header::CONTENT_TYPE.as_str(), HeaderValue::from_static("application/json")),
        ("x-amzn-errortype", HeaderValue::from_static(name)),
    ];
    (error.status(), headers, Value::to_string(&body)).into_response()
}

/// Whose fault an error of the service's model is; the framework's own errors do not say.
fn type_of(name: &str) -> Option<&'static str> {
    match name {
        NOT_FOUND | INVALID_PARAMETER | CONFLICT | PRECONDITION | INVALID_CONTENT
        | TOO_MANY_REQUESTS | CODE_STORAGE => Some("User"),
        SERVICE => Some("Service"),
        _ => None,
    }
}

/// The member that the model has the message in: it is not of one mind about its case.
fn message_member(name: &str) -> &'static str {
    match name {
        NOT_FOUND | SERVICE | ENTITY_TOO_LARGE => "Message",
        _ => "message",
    }
}
