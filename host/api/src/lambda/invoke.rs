//! Invoke: a function is called, and its answer awaited or not.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;
use stepyard_asl::{Payload, StatesError};
use stepyard_engine::{FunctionCall, FunctionError, FunctionVersion};

use super::{
    Service,
    error::{self, entity_too_large, invalid_content, invalid_parameter, not_found},
    name::{Named, check_qualified},
    wire::{Asked, empty},
};
use crate::{constraint::Constraints, error::ApiError};

/// The most bytes of a payload whose answer is awaited, and of one whose is not (Lambda quotas,
/// "Invocation payload").
pub(super) const PAYLOAD_BYTES_MAX: usize = 6_291_456;
const EVENT_BYTES_MAX: usize = 1_048_576;

const INVOCATION_TYPE: &str = "x-amz-invocation-type";
const LOG_TYPE: &str = "x-amz-log-type";
const TRACE: &str = "x-amzn-trace-id";
/// The longest trace header that is passed on (Step Functions API reference, `TraceHeader`).
const TRACE_BYTES_MAX: usize = 256;
/// What a step has no way to read.
const NOT_HERE: [(&str, &str); 2] =
    [("x-amz-tenant-id", "TenantId"), ("x-amz-durable-execution-name", "DurableExecutionName")];

/// Invoke.
pub(super) async fn invoke(service: &Service, asked: &Asked) -> Result<Response, ApiError> {
    let qualifier = asked.query("Qualifier");
    let (kind, log) = (asked.header(INVOCATION_TYPE), asked.header(LOG_TYPE));
    check_qualified(Constraints::default(), &asked.function, qualifier)
        .one_of("invocationType", kind, &["Event", "RequestResponse", "DryRun"])
        .one_of("logType", log, &["None", "Tail"])
        .check()?;
    if let Some((_, member)) = NOT_HERE.iter().find(|(header, _)| asked.header(header).is_some()) {
        return Err(invalid_parameter(format!("{member} is not supported by this server")));
    }
    let named = service.qualified(&asked.function, qualifier)?;
    let is_event = kind == Some("Event");
    let call = FunctionCall {
        qualifier: named.qualifier.clone(),
        trace: asked.header(TRACE).filter(|it| it.len() <= TRACE_BYTES_MAX).map(str::to_owned),
        ..FunctionCall::new(&named.function, payload(asked.body(), is_event)?)
    };
    if is_event || kind == Some("DryRun") {
        let there = service.functions.resolve(&named.function, named.qualifier.as_deref());
        there.ok_or_else(|| refused(&named, FunctionError::NotFound))?;
    }
    if is_event {
        service.api.events.begin(service.functions.clone(), call, &asked.request_id)?;
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    if kind == Some("DryRun") {
        return Ok(empty());
    }
    let ended = service.functions.invoke(call).await;
    let (payload, version, failed) = match ended {
        Ok(reply) => (reply.payload.text().to_owned(), reply.version, false),
        Err(FunctionError::Function { error, version }) => (failure(error), version, true),
        Err(error) => return Err(refused(&named, error)),
    };
    let log = (log == Some("Tail")).then(|| tail(&version, &asked.request_id));
    Ok(answer(payload, &version, failed, log))
}

/// The event. Lambda gives a function `{}` when a request has no payload.
fn payload(body: &[u8], is_event: bool) -> Result<Payload, ApiError> {
    let (kind, most) = match is_event {
        true => ("Event", EVENT_BYTES_MAX),
        false => ("RequestResponse", PAYLOAD_BYTES_MAX),
    };
    let bytes = body.len();
    if bytes > most {
        return Err(entity_too_large(format!(
            "{bytes} byte payload is too large for the {kind} invocation type (limit {most} bytes)"
        )));
    }
    if body.is_empty() {
        return Ok(json!({}).into());
    }
    let fault = match std::str::from_utf8(body) {
        Ok(text) => match Payload::received(text) {
            Ok(payload) => return Ok(payload),
            Err(fault) => fault,
        },
        Err(error) => {
            let byte = body.get(error.valid_up_to()).copied().unwrap_or_default();
            format!("Invalid UTF-8 start byte {byte:#04x}")
        }
    };
    Err(invalid_content(format!(
        "Could not parse request body into json: Could not parse payload into json: {fault}"
    )))
}

/// What a function that failed is answered with: the JSON text of `errorMessage` and `errorType`.
fn failure(error: StatesError) -> String {
    let StatesError { error, cause } = error;
    cause.unwrap_or_else(|| json!({ "errorMessage": "", "errorType": error }).to_string())
}

/// Why a function was not called.
fn refused(named: &Named, error: FunctionError) -> ApiError {
    match error {
        FunctionError::NotFound => not_found(format!("Function not found: {}", named.arn())),
        FunctionError::TooManyRequests(message) => error::too_many_requests(message),
        FunctionError::Service(message) => error::service(message),
        FunctionError::Function { error, .. } => error::service(failure(error)),
    }
}

/// The platform's own lines of a call's log; what the step itself writes goes to Stepyard's log.
fn tail(version: &FunctionVersion, request_id: &str) -> String {
    let number = &version.number;
    let start = format!("START RequestId: {request_id} Version: {number}\n");
    let end = format!("END RequestId: {request_id}\n");
    BASE64_STANDARD.encode(start + &end)
}

fn answer(
    payload: String,
    version: &FunctionVersion,
    failed: bool,
    log: Option<String>,
) -> Response {
    let mut response = Response::new(Body::from(payload));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // A number, `$LATEST`, base64: all of them may stand in a header.
    if let Ok(number) = HeaderValue::from_str(&version.number) {
        headers.insert("x-amz-executed-version", number);
    }
    if failed {
        headers.insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    if let Some(Ok(log)) = log.map(|log| HeaderValue::from_str(&log)) {
        headers.insert("x-amz-log-result", log);
    }
    response
}
