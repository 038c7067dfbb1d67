//! What an invocation is answered with: a result, or an error in the shape that Lambda's clients know.

use serde_json::{Map, Value, json};
use stepyard_asl::{Payload, StatesError, Status, error_name};
use stepyard_engine::FunctionError;

/// The most bytes of a response (Lambda quotas, "Invocation payload").
const RESPONSE_BYTES_MAX: usize = 6_291_556;

/// The answer to an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The result, as JSON text.
    Result(String),
    /// Why there is none.
    Error(Failure),
}

/// An error. Step Functions takes `errorType` of its body for the error's name, and the body itself for
/// the cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `errorType`; none where an execution failed without a name.
    pub(crate) error_type: Option<String>,
    /// What it says, for the log.
    pub(crate) message: String,
    /// JSON text with `errorType` and `errorMessage`.
    pub(crate) body: String,
}

impl Answer {
    /// A result, if Lambda takes one so large.
    pub(crate) fn result(payload: &Payload) -> Self {
        if payload.len() <= RESPONSE_BYTES_MAX {
            return Self::Result(payload.text().to_owned());
        }
        // Lambda's own words for it.
        let message = format!(
            "Response payload size ({} bytes) exceeded maximum allowed payload size \
             ({RESPONSE_BYTES_MAX} bytes).",
            payload.len()
        );
        Self::error("Function.ResponseSizeTooLarge", &message)
    }

    /// An error of this name.
    pub(crate) fn error(error_type: &str, message: &str) -> Self {
        Self::Error(Failure::new(Some(error_type), message))
    }

    /// What a step's task came to. Its errors keep their names, as a Catch or Retry has them; so do those
    /// of the host, by which Step Functions knows Lambda's own.
    pub(crate) fn of_step(error: FunctionError) -> Self {
        match error {
            FunctionError::Function { error, .. } => Self::Error(Failure::of_step(error)),
            FunctionError::NotFound => {
                Self::error("Lambda.ResourceNotFoundException", "the step is not there any more")
            }
            FunctionError::TooManyRequests(message) => {
                Self::error("Lambda.TooManyRequestsException", &message)
            }
            FunctionError::Service(message) => Self::error("Lambda.ServiceException", &message),
        }
    }

    /// What an execution came to.
    pub(crate) fn of_execution(status: &Status) -> Self {
        match status {
            Status::Succeeded { output } => Self::result(output),
            Status::Failed { error } | Status::Aborted { error } => {
                let message = error.cause.as_deref().unwrap_or_default();
                Self::Error(Failure::new(error.error.as_deref(), message))
            }
            Status::TimedOut => {
                Self::error(error_name::TIMEOUT, "the execution ran longer than its TimeoutSeconds")
            }
            Status::Running => Self::error("Lambda.ServiceException", "the execution has no end"),
        }
    }
}

impl Failure {
    fn new(error_type: Option<&str>, message: &str) -> Self {
        let mut body = Map::from_iter([("errorMessage".to_owned(), json!(message))]);
        if let Some(error_type) = error_type {
            body.insert("errorType".to_owned(), json!(error_type));
        }
        let body = Value::Object(body).to_string();
        Self { error_type: error_type.map(str::to_owned), message: message.to_owned(), body }
    }

    /// A step's error: its cause is what Lambda answers already.
    fn of_step(error: StatesError) -> Self {
        let cause = error.cause.unwrap_or_default();
        let told = serde_json::from_str::<Map<String, Value>>(&cause).ok();
        let message = told.as_ref().and_then(|told| told.get("errorMessage")?.as_str());
        match message {
            Some(message) => {
                Self { error_type: error.error, message: message.to_owned(), body: cause }
            }
            None => Self::new(error.error.as_deref(), &cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(answer: Answer) -> String {
        match answer {
            Answer::Error(failure) => failure.body,
            Answer::Result(result) => panic!("{result} is no error"),
        }
    }

    #[test]
    fn a_failed_execution_is_told_by_its_error_and_cause() {
        let failed = |error: Option<&str>, cause: Option<&str>| {
            let [error, cause] = [error, cause].map(|part| part.map(str::to_owned));
            body(Answer::of_execution(&Status::Failed { error: StatesError { error, cause } }))
        };
        assert_eq!(
            failed(Some("PaymentFailed"), Some("card \"x\"")),
            r#"{"errorMessage":"card \"x\"","errorType":"PaymentFailed"}"#
        );
        assert_eq!(failed(None, None), r#"{"errorMessage":""}"#);
        let timed_out = body(Answer::of_execution(&Status::TimedOut));
        assert!(timed_out.contains(r#""errorType":"States.Timeout""#), "{timed_out}");
    }

    #[test]
    fn a_response_is_at_most_as_large_as_lambda_takes() {
        let of_bytes = |bytes: usize| {
            let text = format!("\"{}\"", "x".repeat(bytes - 2));
            Answer::result(&Payload::parse(text).unwrap())
        };
        assert!(matches!(of_bytes(RESPONSE_BYTES_MAX), Answer::Result(_)));
        assert_eq!(
            body(of_bytes(RESPONSE_BYTES_MAX + 1)),
            r#"{"errorMessage":"Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}"#
        );
    }

    #[test]
    fn errors_of_the_host_have_the_names_that_retriers_match() {
        let service = body(Answer::of_step(FunctionError::Service("DynamoDB is away".to_owned())));
        assert_eq!(
            service,
            r#"{"errorMessage":"DynamoDB is away","errorType":"Lambda.ServiceException"}"#
        );
    }
}
