//! What a task on trial shows of its request and response: TestState's `TRACE`.

use bytes::Bytes;
use http::{HeaderMap, Request, Uri};
use stepyard_engine::{Cover, ReceivedResponse, SentRequest, Trial};

use super::{
    connection::Credentials,
    exchange::Response,
    request::{self, Call},
};

/// Shows the request. What the connection adds to it is secret ("a secret includes the data that an
/// EventBridge connection adds to modify the HTTP request headers, query parameters, and body").
pub(super) fn show_request(
    trial: &Trial,
    request: &Request<Bytes>,
    call: Call,
    credentials: &Credentials,
    region: &str,
) {
    if trial.reveal_secrets {
        trial.sent(shown(request));
    } else if let Ok(bare) = request::bare(call, credentials, region) {
        trial.sent(shown(&bare));
    }
}

/// Shows the response; secrets that the API sends back are covered, unless they are to be seen.
pub(super) fn show_response(trial: &Trial, uri: &Uri, response: &Response, cover: &Cover) {
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if trial.reveal_secrets { text } else { cover.text(text) }
    };
    trial.received(ReceivedResponse {
        protocol: uri.scheme_str().unwrap_or_default().to_owned(),
        status_code: response.status,
        status_message: text(response.reason.as_bytes()),
        headers: named(&response.headers, text),
        body: text(&response.body),
    });
}

fn shown(request: &Request<Bytes>) -> SentRequest {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    SentRequest {
        protocol: request.uri().scheme_str().unwrap_or_default().to_owned(),
        method: request.method().to_string(),
        url: request.uri().to_string(),
        headers: named(request.headers(), text),
        body: text(request.body()),
    }
}

fn named(headers: &HeaderMap, text: impl Fn(&[u8]) -> String) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}
