//! AWS JSON 1.0: which operation is called, its body, its answer.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    Api,
    access::STATES,
    action,
    body::{Allowance, Held},
    calls::Call,
    error::ApiError,
};

const TARGET: &str = "x-amz-target";
const SERVICE: &str = "AWSStepFunctions.";
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// Answers one call.
pub(crate) async fn call(State(api): State<Api>, request: Request) -> Response {
    let request_id = api.engine.fresh_uuid();
    let (head, body) = request.into_parts();
    let target = head.headers.get(TARGET).and_then(|value| value.to_str().ok());
    let operation = target.and_then(|target| target.strip_prefix(SERVICE));
    let call = api.calls.begin(operation.unwrap_or_default());
    let answered = answer(&api, &call, operation, &head, body).await;
    call.end(&answered);
    let mut response = match answered {
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

async fn answer(
    api: &Api,
    call: &Call<'_>,
    operation: Option<&str>,
    head: &Parts,
    body: Body,
) -> Result<String, ApiError> {
    let (body, _places) = admitted(api, call, &Door::states(api), head, body).await?;
    let operation = operation.ok_or_else(|| {
        let message = format!("{TARGET} has to name an operation, as {SERVICE}StartExecution");
        ApiError::new("UnknownOperationException", message)
    })?;
    action::perform(api, operation, &body).await
}

/// What a request has to be to come in.
pub(crate) struct Door {
    /// The service that it is signed for.
    pub(crate) service: &'static str,
    /// How large its body may be.
    pub(crate) body: Allowance,
    /// Where it also needs a place.
    pub(crate) transfers: Option<Arc<Semaphore>>,
}

/// A request's places among those that are at work.
#[derive(Debug)]
pub(crate) struct Places {
    _call: Option<OwnedSemaphorePermit>,
    _transfer: Option<OwnedSemaphorePermit>,
}

impl Door {
    /// That of AWS Step Functions.
    pub(crate) fn states(api: &Api) -> Self {
        Self { service: STATES, body: api.bodies.usual(), transfers: None }
    }

    /// The places of a call. Who finds none is throttled at once.
    pub(crate) fn places(&self, call: &Call<'_>) -> Result<Places, ApiError> {
        let transfer = self.transfers.clone().map(Semaphore::try_acquire_owned).transpose();
        let transfer = transfer.map_err(|_| ApiError::throttled())?;
        Ok(Places { _call: call.place()?, _transfer: transfer })
    }
}

/// The body of a request whose sender may call, and its places among those that are at work.
pub(crate) async fn admitted(
    api: &Api,
    call: &Call<'_>,
    door: &Door,
    head: &Parts,
    body: Body,
) -> Result<(Held, Places), ApiError> {
    let access = api.access.as_deref();
    let claim = access.map(|it| it.claim(door.service, head, api.engine.now())).transpose();
    // Strangers take no place.
    let (claim, places) = match claim.and_then(|claim| Ok((claim, door.places(call)?))) {
        Ok(taken) => taken,
        Err(refusal) => {
            api.bodies.discard(body, door.body).await;
            return Err(refusal);
        }
    };
    let body = api.bodies.read(body, door.body).await?;
    if let Some(claim) = claim {
        claim.verify(&body)?;
    }
    Ok((body, places))
}

/// Whether work is taken.
pub(crate) async fn ready(State(api): State<Api>) -> Response {
    match api.engine.is_running() {
        true => "ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the engine has stopped\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use stepyard_engine::{Config, Engine, Identity, MemoryStore, Quotas};

    use super::*;

    #[tokio::test]
    async fn it_is_ready_until_the_engine_stops() {
        let engine = Engine::new(Config::new(MemoryStore::new(Quotas::default())));
        let api = Api::new(engine.clone(), Identity::default(), [7; 32]);
        let router = TowerToHyperService::new(api.router("http"));
        let status = async |path: &str| {
            let request = Request::builder().method(Method::GET).uri(path);
            router.call(request.body(Body::empty()).unwrap()).await.unwrap().status()
        };
        assert_eq!(status("/readyz").await, StatusCode::OK);
        engine.shutdown().await;
        assert_eq!(status("/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status("/healthz").await, StatusCode::OK);
    }
}
