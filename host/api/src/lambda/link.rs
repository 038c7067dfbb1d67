//! Links that yield a component for a while, to whoever has one: what GetFunction calls `Code.Location`.

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use stepyard_engine::{FunctionConfiguration, PublishingError};

use super::{LINK, Service, error::access_denied};
use crate::{
    access::LAMBDA,
    error::ApiError,
    wire::{Door, Places},
};

/// How long a link is good for (Lambda's API Reference, GetFunction: "a link … that's valid for 10
/// minutes").
const VALID_MILLIS: i64 = 10 * 60 * 1_000;
/// What the signatures of links are for.
const LIST: &str = "lambda/code";

/// What a link yields.
struct Linked {
    until_millis: i64,
    version: String,
    sha256: String,
    function: String,
}

impl Service {
    /// A link to a version's component, on the host that it is asked for on.
    pub(super) fn link(&self, host: &str, version: &FunctionConfiguration) -> String {
        let until = self.api.engine.now().plus_millis(VALID_MILLIS).as_millis();
        let FunctionConfiguration { function, version, sha256, .. } = version;
        let signed = self.api.pages.token(LIST, &format!("{until}/{version}/{sha256}/{function}"));
        format!("{}://{host}/code/{signed}", self.scheme)
    }

    /// What a link that was given here yields, while it is good.
    fn linked(&self, link: &str) -> Result<Linked, ApiError> {
        let told = self.api.pages.place(LIST, Some(link)).ok().flatten();
        let linked = told.as_deref().and_then(read);
        let linked =
            linked.ok_or_else(|| access_denied("no link of this server's: ask GetFunction"))?;
        match self.api.engine.now().as_millis() <= linked.until_millis {
            true => Ok(linked),
            false => Err(access_denied("the link was good for ten minutes: ask GetFunction again")),
        }
    }

    async fn follow(&self, link: &str) -> Result<Response, ApiError> {
        let linked = self.linked(link)?;
        let call = self.api.calls.begin(LINK);
        let transfers = Some(self.transfers.clone());
        let door = Door { service: LAMBDA, body: self.api.bodies.usual(), transfers };
        let places = door.places(&call)?;
        let answered = self.code(&linked).await.map(|code| file(&linked, code, places));
        call.end(&answered);
        answered
    }

    async fn code(&self, linked: &Linked) -> Result<Vec<u8>, ApiError> {
        let gone = || {
            let message = "the component is no longer what the link was given for: ask GetFunction";
            ApiError::with_status(StatusCode::NOT_FOUND, "NoSuchKey", message)
        };
        let (function, version) = (&linked.function, Some(linked.version.as_str()));
        let current = self.functions.configuration(function, version).map_err(|_| gone())?;
        if *current.sha256 != *linked.sha256 {
            return Err(gone());
        }
        self.functions.code(function, version).await.map_err(|error| match error {
            PublishingError::Code { .. } | PublishingError::Store(_) => ApiError::internal(&error),
            _ => gone(),
        })
    }
}

/// Answers with the component that a link is for.
pub(super) async fn follow(State(service): State<Service>, Path(link): Path<String>) -> Response {
    service
        .follow(&link)
        .await
        .unwrap_or_else(|error| (error.status(), format!("{}\n", error.told().1)).into_response())
}

/// Bytes that keep their places until they are sent.
struct Sent {
    bytes: Vec<u8>,
    _places: Places,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn file(linked: &Linked, bytes: Vec<u8>, places: Places) -> Response {
    let name = format!("attachment; filename=\"{}.wasm\"", linked.function);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/wasm")),
        (
            header::CONTENT_DISPOSITION,
            // A function's name has only letters, digits, `-` and `_`.
            HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment")),
        ),
    ];
    let body = Bytes::from_owner(Sent { bytes, _places: places });
    (headers, Body::from(body)).into_response()
}

fn read(text: &str) -> Option<Linked> {
    let mut parts = text.splitn(4, '/');
    let until_millis = parts.next()?.parse().ok()?;
    let [version, sha256, function] = [parts.next()?, parts.next()?, parts.next()?];
    let [version, sha256, function] = [version, sha256, function].map(str::to_owned);
    Some(Linked { until_millis, version, sha256, function })
}
