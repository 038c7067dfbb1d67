//! HTTP by `wasi:http/outgoing-handler`, through `wstd`.

use wstd::{
    http::{
        Body, BodyExt, Client, ErrorCode, Request as WasiRequest,
        body::{Bytes, util::Limited},
    },
    runtime::block_on,
};

use crate::http::{Error, RESPONSE_BYTES_MAX, Request, Response};

pub(crate) fn send_http(request: Request) -> Result<Response, Error> {
    let mut client = Client::new();
    client.set_connect_timeout(request.timeout);
    client.set_first_byte_timeout(request.timeout);
    client.set_between_bytes_timeout(request.timeout);
    let url = request.url.clone();
    let request = prepare(request)?;
    block_on(async {
        let response = client.send(request).await.map_err(|error| explain(&url, &error))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body().into_boxed_body(), RESPONSE_BYTES_MAX);
        let body = body.collect().await.map_err(|error| {
            Error::Unavailable(format!("the response of {url} broke off: {error}"))
        })?;
        Ok(Response { status, body: body.to_bytes().to_vec() })
    })
}

fn prepare(request: Request) -> Result<WasiRequest<Body>, Error> {
    let length = request.body.len();
    let mut builder = WasiRequest::builder().method(request.method).uri(&request.url);
    for (name, value) in request.headers {
        builder = builder.header(name, value);
    }
    if length > 0 {
        builder = builder.header("content-length", length);
    }
    builder.body(Body::from(Bytes::from(request.body))).map_err(|error| {
        Error::Invalid(format!("no request can be made to {}: {error}", request.url))
    })
}

fn explain(url: &str, error: &wstd::http::Error) -> Error {
    match error.downcast_ref::<ErrorCode>() {
        Some(ErrorCode::HttpRequestDenied) => Error::AccessDenied(format!(
            "no grant for {url}: add its host to the function's grants.http"
        )),
        Some(ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestMethodInvalid) => {
            Error::Invalid(format!("no request can be made to {url}: {error}"))
        }
        Some(_) | None => Error::Unavailable(format!("{url} gave no answer: {error}")),
    }
}
