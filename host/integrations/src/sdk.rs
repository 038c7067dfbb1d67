//! The marks of an AWS SDK that optimized integrations leave: what an answer is given besides the
//! service's own fields, and how an error is told.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use stepyard_asl::StatesError;
use stepyard_engine::{Task, outside::HttpMetadata};

/// How a `Resource` calls a service, which its answers and errors show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// By an optimized integration: `states:startExecution`.
    Optimized,
    /// By an AWS SDK: `aws-sdk:sfn:startExecution`.
    Sdk,
}

/// An AWS service, as errors name it.
pub(crate) struct Service {
    /// Before the dot of an error name: `Lambda`.
    pub(crate) prefix: &'static str,
    /// In a cause: `AWSLambda`.
    pub(crate) name: &'static str,
}

/// The errors of a service's operation, as Step Functions names them.
pub(crate) struct Errors {
    /// The service.
    pub(crate) service: Service,
    /// How the service is called.
    pub(crate) dialect: Dialect,
    /// The codes that the service's model declares for the operation; after the dot each ends in `Exception`.
    pub(crate) modelled: &'static [&'static str],
    /// Codes that have another name after the dot.
    pub(crate) renamed: &'static [(&'static str, &'static str)],
    /// What stands after the dot for any other code.
    pub(crate) other: &'static str,
}

/// What a service refused a request with.
pub(crate) struct ServiceError<'a> {
    /// The service's text.
    pub(crate) message: &'a str,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The service's error code; empty when the answer has none.
    pub(crate) code: &'a str,
    /// The request's id.
    pub(crate) request_id: &'a str,
}

impl Service {
    /// The task's error when the service refused it; `exception` is the name after the dot.
    pub(crate) fn refused(&self, exception: &str, error: &ServiceError<'_>) -> StatesError {
        let or_null =
            |text: &str| if text.is_empty() { "null".to_owned() } else { text.to_owned() };
        let cause = format!(
            "{} (Service: {}; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
            error.message,
            self.name,
            error.status,
            or_null(error.code),
            or_null(error.request_id)
        );
        StatesError::new(format!("{}.{exception}", self.prefix), cause)
    }

    /// The same, where the service was called by an AWS SDK.
    pub(crate) fn refused_to_sdk(&self, exception: &str, error: &ServiceError<'_>) -> StatesError {
        let ServiceError { message, status, request_id, .. } = error;
        let name = self.name;
        let cause = format!(
            "{message} (Service: {name}, Status Code: {status}, Request ID: {request_id}) \
             (SDK Attempt Count: 1)"
        );
        StatesError::new(format!("{}.{exception}", self.prefix), cause)
    }

    /// The task's error when no answer came.
    pub(crate) fn unreachable(&self, message: &str) -> StatesError {
        StatesError::new(format!("{}.SdkClientException", self.prefix), message)
    }
}

impl Errors {
    /// The task's error when the service refused it.
    pub(crate) fn refused(&self, error: &ServiceError<'_>) -> StatesError {
        let exception = self.exception(error.code);
        match self.dialect {
            Dialect::Optimized => self.service.refused(&exception, error),
            Dialect::Sdk => self.service.refused_to_sdk(&exception, error),
        }
    }

    fn exception(&self, code: &str) -> String {
        if let Some((_, name)) = self.renamed.iter().find(|(renamed, _)| *renamed == code) {
            return (*name).to_owned();
        }
        match self.modelled.contains(&code) {
            true if code.ends_with("Exception") => code.to_owned(),
            true => format!("{code}Exception"),
            false => self.other.to_owned(),
        }
    }
}

/// The text of an argument that may be any JSON: a string is itself, anything else its compact JSON.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The id of a task's request, for what answers without a service. It follows from the task, so
/// that a task performed again after a crash has it again.
pub(crate) fn request_id(task: &Task) -> String {
    let mut hash = Sha256::new();
    hash.update(task.idempotency_key.as_bytes());
    hash.update(task.attempt.to_be_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// Adds `SdkHttpMetadata` and `SdkResponseMetadata` to an answer.
pub(crate) fn add_metadata(answer: &mut Map<String, Value>, http: &HttpMetadata, request_id: &str) {
    answer.insert(
        "SdkHttpMetadata".to_owned(),
        json!({
            "AllHttpHeaders": all_headers(http),
            "HttpHeaders": headers(http),
            "HttpStatusCode": http.status,
        }),
    );
    answer.insert("SdkResponseMetadata".to_owned(), json!({ "RequestId": request_id }));
}

/// Every value of every header, in the order they came.
fn all_headers(http: &HttpMetadata) -> Value {
    let mut all = Map::new();
    for (name, value) in &http.headers {
        let values = all.entry(header_name(name)).or_insert_with(|| json!([]));
        values.as_array_mut().expect("only lists are put in").push(json!(value));
    }
    all.into()
}

/// One value of each header, sorted by name without regard to case.
fn headers(http: &HttpMetadata) -> Value {
    let mut sorted: Vec<_> = http.headers.iter().collect();
    sorted.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    sorted
        .into_iter()
        .map(|(name, value)| (header_name(name), json!(value)))
        .collect::<Map<_, _>>()
        .into()
}

/// HTTP clients give header names in lower case; workflows read them as AWS writes them.
fn header_name(name: &str) -> String {
    const NAMES: [&str; 5] =
        ["Content-Length", "Content-Type", "Date", "x-amzn-RequestId", "X-Amzn-Trace-Id"];
    let known = NAMES.iter().find(|known| known.eq_ignore_ascii_case(name));
    known.map_or(name, |known| known).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task;

    #[test]
    fn a_request_id_follows_from_the_task_and_its_attempt() {
        let first = task("arn:aws:states:::sns:publish", "{}");
        let retried = Task { attempt: 1, ..first.clone() };
        let other = Task { idempotency_key: "another".to_owned(), ..first.clone() };
        assert_eq!(request_id(&first), request_id(&first.clone()));
        assert_ne!(request_id(&first), request_id(&retried));
        assert_ne!(request_id(&first), request_id(&other));
        assert!(uuid::Uuid::parse_str(&request_id(&first)).is_ok());
    }

    #[test]
    fn metadata_is_written_as_aws_writes_it() {
        let headers = [
            ("x-amzn-requestid", "r"),
            ("connection", "keep-alive"),
            ("content-type", "text/xml"),
            ("x-twice", "1"),
            ("x-twice", "2"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let mut answer = Map::new();
        add_metadata(&mut answer, &HttpMetadata { status: 200, headers }, "r");
        assert_eq!(
            Value::from(answer).to_string(),
            concat!(
                r#"{"SdkHttpMetadata":{"AllHttpHeaders":{"x-amzn-RequestId":["r"],"#,
                r#""connection":["keep-alive"],"Content-Type":["text/xml"],"x-twice":["1","2"]},"#,
                r#""HttpHeaders":{"connection":"keep-alive","Content-Type":"text/xml","#,
                r#""x-amzn-RequestId":"r","x-twice":"2"},"HttpStatusCode":200},"#,
                r#""SdkResponseMetadata":{"RequestId":"r"}}"#
            )
        );
    }
}
