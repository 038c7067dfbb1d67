//! AWS JSON 1.0: which operation is called, its body, its answer.

use axum::{
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{Api, action, error::ApiError};

const TARGET: &str = "x-amz-target";
const SERVICE: &str = "AWSStepFunctions.";
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// Answers one call.
pub(crate) async fn call(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let request_id = api.engine.fresh_uuid();
    let mut response = match answer(&api, &headers, &body).await {
        Ok(body) => body.into_response(),
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

async fn answer(api: &Api, headers: &HeaderMap, body: &[u8]) -> Result<String, ApiError> {
    let target = headers.get(TARGET).and_then(|value| value.to_str().ok());
    let operation = target.and_then(|target| target.strip_prefix(SERVICE)).ok_or_else(|| {
        let message = format!("{TARGET} has to name an operation, as {SERVICE}StartExecution");
        ApiError::new("UnknownOperationException", message)
    })?;
    action::perform(api, operation, body).await
}

/// Whether work is taken.
pub(crate) async fn ready(State(api): State<Api>) -> Response {
    match api.engine.is_running() {
        true => "ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the engine has stopped\n").into_response(),
    }
}

/// Refuses a request to another host than this one. SDKs put `sync-` before the host in two calls.
pub(crate) async fn local_host_only(request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    match named.is_none_or(is_local) {
        true => next.run(request).await,
        false => {
            let message = "this server answers on the loopback interface only: call 127.0.0.1\n";
            (StatusCode::MISDIRECTED_REQUEST, message).into_response()
        }
    }
}

fn is_local(authority: &str) -> bool {
    let authority = authority.strip_prefix("sync-").unwrap_or(authority);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |address: std::net::IpAddr| address.is_loopback();
    host == "localhost" || host.ends_with(".localhost") || address.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopback_interface_is_this_host() {
        for local in [
            "127.0.0.1:8083",
            "127.0.0.1",
            "localhost:80",
            "[::1]:8083",
            "[::1]",
            "sync-127.0.0.1:8083",
            "sync-localhost",
            "states.localhost:1",
        ] {
            assert!(is_local(local), "{local}");
        }
        for other in ["example.com", "example.com:8083", "10.0.0.1:80", "127.0.0.1.example.com", ""]
        {
            assert!(!is_local(other), "{other}");
        }
    }
}
