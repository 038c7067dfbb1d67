//! Why a call of a function has no result.

use serde_json::{Map, Value, json};
use stepyard_asl::StatesError;

use super::FunctionVersion;

/// A call that failed, told apart as Lambda does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FunctionError {
    /// Nothing is bound to the name, or it has no such version.
    NotFound,
    /// The function itself failed: the error is its `errorType`, the cause the JSON text of
    /// `{errorMessage, errorType, …}`.
    Function {
        /// Error and Cause of the task.
        error: StatesError,
        /// The version that ran.
        version: FunctionVersion,
    },
    /// More calls than the function may have at once, and its queue is full.
    TooManyRequests(String),
    /// The runtime could not run it.
    Service(String),
}

impl FunctionError {
    /// The same, with the request that failed in the cause of a function's own error: its `requestId`,
    /// as what Lambda's runtimes write has it.
    #[must_use]
    pub fn of_request(self, request_id: &str) -> Self {
        let Self::Function { error, version } = self else { return self };
        let cause = error.cause.map(|cause| with_request(cause, request_id));
        Self::Function { error: StatesError { cause, ..error }, version }
    }
}

/// What is not the text of an error as Lambda has it stays as it is.
fn with_request(cause: String, request_id: &str) -> String {
    match serde_json::from_str::<Map<String, Value>>(&cause) {
        Ok(mut told) if told.contains_key("errorType") => {
            told.insert("requestId".to_owned(), json!(request_id));
            Value::from(told).to_string()
        }
        _ => cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_own_error_tells_its_request() {
        let told = |cause: &str| {
            let error = StatesError::new("No", cause);
            let version = FunctionVersion::new("1".into(), "5eed".into());
            match (FunctionError::Function { error, version }).of_request("r-1") {
                FunctionError::Function { error, .. } => error.cause.unwrap_or_default(),
                other => panic!("{other:?} is another error"),
            }
        };
        assert_eq!(
            told(r#"{"errorMessage":"no","errorType":"No"}"#),
            r#"{"errorMessage":"no","errorType":"No","requestId":"r-1"}"#
        );
        for other in ["", "{}", "[]", "no"] {
            assert_eq!(told(other), other);
        }
        assert_eq!(FunctionError::NotFound.of_request("r-1"), FunctionError::NotFound);
    }
}
