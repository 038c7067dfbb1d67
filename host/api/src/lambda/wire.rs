//! REST-JSON: one call of an operation. Its members are in the path, the query, the headers and the body.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Service, alias, error, function, invoke,
    route::{Operation, Route},
    version,
};
use crate::{
    access::LAMBDA,
    body::{Allowance, Held},
    calls::Call,
    error::ApiError,
    members::{self, Unreadable},
    wire::{Door, admitted},
};

/// A request, as operations read it.
pub(super) struct Asked {
    /// `FunctionName`; empty where the operation has none.
    pub(super) function: String,
    /// `Name` of an alias; empty where the operation has none.
    pub(super) alias: String,
    /// What is answered with it, and logged by it.
    pub(super) request_id: String,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
    body: Held,
}

impl Asked {
    fn new(route: &Route, request_id: &str, head: &Parts, body: Held) -> Self {
        let query = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
        Self {
            function: route.function.clone(),
            alias: route.alias.clone(),
            request_id: request_id.to_owned(),
            query: query.into_owned().collect(),
            headers: head.headers.clone(),
            body,
        }
    }

    /// A member of the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A whole number of the query.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.query(name) else { return Ok(None) };
        let number = text.parse();
        number.map(Some).map_err(|_| Unreadable::no_integer(text).into())
    }

    /// A member of the headers; what is no text is not there.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body's bytes.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The members of the body. An empty one has none.
    pub(super) fn members<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let body = if self.body.is_empty() { b"{}" } else { self.body() };
        Ok(members::read(body)?)
    }

    /// The body's bytes, to be read elsewhere.
    pub(super) fn into_body(self) -> Held {
        self.body
    }
}

/// Answers one call.
pub(super) async fn call(State(service): State<Service>, request: Request) -> Response {
    let request_id = service.api.engine.fresh_uuid();
    let (head, body) = request.into_parts();
    let route = Route::of(&head.method, head.uri.path());
    let operation = route.as_ref().map_or("", |it| it.operation.name());
    let call = service.api.calls.begin(operation);
    let answered = answer(&service, &call, route.as_ref(), &request_id, &head, body).await;
    call.end(&answered);
    let mut response = answered.unwrap_or_else(|error| error::answer(&error));
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

async fn answer(
    service: &Service,
    call: &Call<'_>,
    route: Option<&Route>,
    request_id: &str,
    head: &Parts,
    body: Body,
) -> Result<Response, ApiError> {
    let operation = route.map(|it| it.operation);
    let door = service.door(operation);
    let name = operation.map_or("", Operation::name);
    let in_our_words = |error| error::shared(error, name, door.body.bytes);
    let admitted = admitted(&service.api, call, &door, head, body).await;
    let (body, _places) = admitted.map_err(in_our_words)?;
    // A web page can have a browser send a POST here unasked, and the browser says so. A signature
    // is none that a page could have.
    if service.api.access.is_none() && head.headers.contains_key(header::ORIGIN) {
        return Err(error::access_denied("a web page may not call this server"));
    }
    let Some(route) = route else {
        let message = "this server has no such operation of AWS Lambda";
        let status = StatusCode::NOT_FOUND;
        return Err(ApiError::with_status(status, "UnknownOperationException", message));
    };
    let asked = Asked::new(route, request_id, head, body);
    service.perform(route.operation, asked).await.map_err(in_our_words)
}

impl Service {
    /// What a request for an operation has to be to come in.
    fn door(&self, operation: Option<Operation>) -> Door {
        let limits = &self.api.limits;
        let usual = self.api.bodies.usual();
        let (body, transfers) = match operation {
            Some(Operation::UpdateFunctionCode) => {
                let body = Allowance { bytes: limits.upload_bytes, time: limits.upload_time };
                (body, Some(self.transfers.clone()))
            }
            Some(Operation::Invoke) => {
                (Allowance { bytes: invoke::PAYLOAD_BYTES_MAX, ..usual }, None)
            }
            _ => (usual, None),
        };
        Door { service: LAMBDA, body, transfers }
    }

    async fn perform(&self, operation: Operation, asked: Asked) -> Result<Response, ApiError> {
        match operation {
            Operation::CreateAlias => alias::create(self, &asked).await,
            Operation::DeleteAlias => alias::delete(self, &asked).await,
            Operation::DeleteFunction => version::delete(self, &asked).await,
            Operation::GetAlias => alias::get(self, &asked),
            Operation::GetFunction => function::get(self, &asked),
            Operation::GetFunctionConfiguration => function::configuration(self, &asked),
            Operation::Invoke => invoke::invoke(self, &asked).await,
            Operation::ListAliases => alias::list(self, &asked),
            Operation::ListFunctions => function::list(self, &asked),
            Operation::ListVersionsByFunction => version::list(self, &asked),
            Operation::PublishVersion => version::publish(self, &asked).await,
            Operation::UpdateAlias => alias::update(self, &asked).await,
            Operation::UpdateFunctionCode => function::update_code(self, asked).await,
            Operation::Absent(name) => Err(error::absent(name)),
        }
    }
}

/// An answer of this status and body.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}

/// An answer without a body.
pub(super) fn empty() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
