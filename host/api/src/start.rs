//! `POST /start/<machine>`: a request whose body is an execution's input, for clients that know HTTP and
//! nothing of AWS. Errors are problem details (RFC 9457).
//!
//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) names the execution: the same key with
//! the same input is the same execution, for as long as that is kept.

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use stepyard_asl::Payload;
use stepyard_engine::{MachineArn, MachineType, Qualifier, check_name, event_name};

use crate::{
    Api,
    action::seconds,
    calls::{Call, START},
    error::ApiError,
    wire::{Door, admitted},
};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The most characters of a key: more than any scheme of unique ids has.
const KEY_MAX: usize = 255;

/// Answers one request.
pub(crate) async fn start(
    State(api): State<Api>,
    Path(machine): Path<String>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let call = api.calls.begin(START);
    let begun = begin(&api, &call, &machine, &head, body).await;
    call.end(&begun);
    match begun {
        Ok((status, started)) => (status, axum::Json(started)).into_response(),
        Err(error) => problem(&error),
    }
}

async fn begin(
    api: &Api,
    call: &Call<'_>,
    machine: &str,
    head: &Parts,
    body: Body,
) -> Result<(StatusCode, Value), ApiError> {
    let (body, _places) = admitted(api, call, &Door::states(api), head, body).await?;
    // A web page can have a browser send a form or plain text here unasked, but not JSON.
    if !is_json(&head.headers) {
        return Err(ApiError::with_status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            "the input is JSON: send it with Content-Type: application/json",
        ));
    }
    let key = key(&head.headers)?;
    let input = input(&body)?;
    drop(body);
    let target = api.engine.route(&arn(api, machine)?).await?;
    let status = match target.machine.kind {
        MachineType::Standard => StatusCode::CREATED,
        MachineType::Express if key.is_some() => {
            let message = "executions of an EXPRESS state machine are not remembered, so that a key cannot keep one from being started twice: leave out Idempotency-Key";
            return Err(bad(message));
        }
        MachineType::Express => StatusCode::ACCEPTED,
    };
    let name = key.unwrap_or_else(|| api.engine.fresh_uuid());
    let started = api.engine.begin(target, name, input).await?;
    let (arn, at) = (started.arn, seconds(started.started_at));
    Ok((status, json!({ "executionArn": arn, "startDate": at })))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    let kind = kind.strip_prefix("application/");
    kind.is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

/// The name that the request's key gives its execution.
fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let text = text.ok_or_else(|| bad("Idempotency-Key has to be there once, in ASCII"))?;
    let key = unquoted(text.trim())
        .ok_or_else(|| bad("Idempotency-Key begins with a quote, and does not end with one"))?;
    if !(1..=KEY_MAX).contains(&key.len()) {
        return Err(bad(format!("Idempotency-Key has 1 to {KEY_MAX} characters")));
    }
    Ok(Some(if check_name(&key).is_ok() { key } else { event_name("key", &key) }))
}

/// A string of structured fields (RFC 8941) without its quotes, or the text as it is: many clients
/// send keys bare.
fn unquoted(text: &str) -> Option<String> {
    let Some(quoted) = text.strip_prefix('"') else { return Some(text.to_owned()) };
    let mut characters = quoted.chars();
    let mut plain = String::new();
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(plain),
            '\\' => plain.push(characters.next().filter(|it| matches!(it, '"' | '\\'))?),
            other => plain.push(other),
        }
    }
}

fn input(body: &[u8]) -> Result<Payload, ApiError> {
    if body.is_empty() {
        return Err(bad("the body is the execution's input: send {} for none"));
    }
    let text = std::str::from_utf8(body).map_err(|_| bad("the body is not text in UTF-8"))?;
    Payload::parse(text).map_err(|error| bad(format!("the body is not JSON: {error}")))
}

/// `orders` is a state machine of this server's, `orders:2` its version, `orders:PROD` its alias.
fn arn(api: &Api, machine: &str) -> Result<MachineArn, ApiError> {
    let (name, qualifier) = match machine.split_once(':') {
        Some((name, qualifier)) => (name, Some(Qualifier::named(qualifier))),
        None => (machine, None),
    };
    let machine = api.identity.state_machine(name)?.into();
    Ok(MachineArn { machine, qualifier })
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::with_status(StatusCode::BAD_REQUEST, "BadRequest", message)
}

/// AWS answers 400 to all that is the caller's fault; here the status says more.
fn problem(error: &ApiError) -> Response {
    let (name, message) = error.told();
    let status = match name {
        "MissingAuthenticationTokenException"
        | "UnrecognizedClientException"
        | "IncompleteSignatureException"
        | "InvalidSignatureException" => StatusCode::FORBIDDEN,
        // A name that no state machine can have is one that none has.
        "StateMachineDoesNotExist" | "InvalidName" => StatusCode::NOT_FOUND,
        // "attempt to reuse this idempotency key with a different request payload" (the draft, 2.7).
        "ExecutionAlreadyExists" => StatusCode::UNPROCESSABLE_ENTITY,
        "InvalidExecutionInput" => StatusCode::PAYLOAD_TOO_LARGE,
        "ExecutionLimitExceeded" | "ThrottlingException" => StatusCode::TOO_MANY_REQUESTS,
        _ => error.status(),
    };
    let detail = match status {
        StatusCode::UNPROCESSABLE_ENTITY => {
            "the Idempotency-Key was used before, with another input: use another key"
        }
        _ => message,
    };
    let title = status.canonical_reason().unwrap_or_default();
    let body = json!({
        "type": "about:blank", "title": title, "status": status.as_u16(),
        "detail": detail, "error": name,
    });
    let mut answer = (status, body.to_string()).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn a_key_names_an_execution() {
        let name = |values: &[&str]| key(&headers(IDEMPOTENCY_KEY, values)).unwrap();
        assert_eq!(name(&[]), None);
        for (text, expected) in [
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ("\"order-12345\"", "order-12345"),
            (" order-12345 ", "order-12345"),
            ("\"a.b\"", "a.b"),
        ] {
            assert_eq!(name(&[text]).as_deref(), Some(expected), "{text}");
        }
        for odd in ["a/b", "\"a b\"", r#""a\"b""#, r#""a\\b""#, &"k".repeat(81)] {
            let name = name(&[odd]).unwrap();
            assert_eq!(check_name(&name), Ok(()), "{odd}");
            assert!(name.starts_with("key-") && name.len() == 68, "{odd}: {name}");
        }
        assert_eq!(name(&["a/b"]), name(&["\"a/b\""]), "quotes are not the key's");
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        let long = "k".repeat(KEY_MAX + 1);
        for values in [
            &[""][..],
            &["\"\""],
            &["\"a"],
            &["\"a\"b"],
            &["\"\\x\""],
            &[&long],
            &["a", "b"],
            &["ä"],
        ] {
            let refused = key(&headers(IDEMPOTENCY_KEY, values)).unwrap_err();
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{values:?}");
        }
    }

    #[test]
    fn only_json_is_taken() {
        for json in
            ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json"]
        {
            assert!(is_json(&headers("content-type", &[json])), "{json}");
        }
        // The three that a form may send, and what is not JSON at all.
        for other in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "json",
            "text/json",
            "",
        ] {
            assert!(!is_json(&headers("content-type", &[other])), "{other}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
