//! AWS JSON 1.0: which operation is called, its body, its answer.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};

use crate::{Api, action, body::Held, error::ApiError};

const TARGET: &str = "x-amz-target";
const SERVICE: &str = "AWSStepFunctions.";
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// Answers one call.
pub(crate) async fn call(State(api): State<Api>, request: Request) -> Response {
    let request_id = api.engine.fresh_uuid();
    let (head, body) = request.into_parts();
    let mut response = match answer(&api, &head, body).await {
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

async fn answer(api: &Api, head: &Parts, body: Body) -> Result<String, ApiError> {
    let body = admitted(api, head, body).await?;
    let target = head.headers.get(TARGET).and_then(|value| value.to_str().ok());
    let operation = target.and_then(|target| target.strip_prefix(SERVICE)).ok_or_else(|| {
        let message = format!("{TARGET} has to name an operation, as {SERVICE}StartExecution");
        ApiError::new("UnknownOperationException", message)
    })?;
    action::perform(api, operation, &body).await
}

/// The body of a request whose sender may call.
pub(crate) async fn admitted(api: &Api, head: &Parts, body: Body) -> Result<Held, ApiError> {
    let claim = match api.access.as_deref().map(|it| it.claim(head, api.engine.now())).transpose() {
        Ok(claim) => claim,
        Err(refusal) => {
            api.bodies.discard(body).await;
            return Err(refusal);
        }
    };
    let body = api.bodies.read(body).await?;
    if let Some(claim) = claim {
        claim.verify(&body)?;
    }
    Ok(body)
}

/// Whether work is taken.
pub(crate) async fn ready(State(api): State<Api>) -> Response {
    match api.engine.is_running() {
        true => "ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the engine has stopped\n").into_response(),
    }
}
