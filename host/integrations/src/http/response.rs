//! What an HTTP task comes to: `{"Headers", "ResponseBody", "StatusCode", "StatusText"}`, or the error that its
//! status is.

use http::{HeaderMap, header};
use serde_json::{Map, Value, json};
use stepyard_asl::StatesError;
use stepyard_engine::Cover;

use super::exchange::Response;

/// The task's result or error; secrets in it are covered.
pub(super) fn answer(response: Response, cover: &Cover) -> Result<Value, StatesError> {
    let kind = response.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if is_binary(&kind) {
        let cause = format!("An answer of the content type {kind} is not supported.");
        return Err(StatesError::runtime(cause));
    }
    let text = String::from_utf8(response.body.to_vec());
    let text = text.map_err(|_| StatesError::runtime("The answer is no text in UTF-8."))?;
    let text = cover.text(text);
    if !(200..300).contains(&response.status) {
        return Err(StatesError::new(format!("States.Http.StatusCode.{}", response.status), text));
    }
    let parsed = is_json(&kind).then(|| serde_json::from_str::<Value>(&text).ok()).flatten();
    Ok(json!({
        "Headers": headers(&response.headers, cover),
        "ResponseBody": parsed.unwrap_or(Value::String(text)),
        "StatusCode": response.status,
        "StatusText": cover.text(response.reason),
    }))
}

/// "The response contains a content-type header of application/octet-stream, image/*, video/*, or audio/*."
fn is_binary(kind: &str) -> bool {
    let families = ["image/", "video/", "audio/"];
    kind == "application/octet-stream" || families.iter().any(|family| kind.starts_with(family))
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || kind.ends_with("+json")
}

/// Every value of every header.
fn headers(headers: &HeaderMap, cover: &Cover) -> Value {
    let mut all = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let values =
            values.map(|value| cover.text(String::from_utf8_lossy(value.as_bytes()).into()));
        all.insert(name.to_string(), values.collect());
    }
    all.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, kind: &str, body: &[u8]) -> Result<Value, StatesError> {
        let mut headers = HeaderMap::new();
        if !kind.is_empty() {
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        headers.insert("x-echo", "Bearer sesame-open".parse().unwrap());
        let (reason, body) = ("OK sesame-open".to_owned(), body.to_vec().into());
        answer(Response { status, reason, headers, body }, &Cover::new(["sesame-open"]))
    }

    #[test]
    fn a_body_is_json_where_it_says_so() {
        for (kind, body, expected) in [
            ("application/json; charset=utf-8", r#"{"a":1}"#, json!({"a": 1})),
            ("application/problem+json", "[]", json!([])),
            ("application/json", "not JSON", json!("not JSON")),
            ("text/plain", r#"{"a":1}"#, json!(r#"{"a":1}"#)),
            ("", "", json!("")),
            ("application/json", r#"{"key":"sesame-open"}"#, json!({"key": "***********"})),
        ] {
            let answer = answered(200, kind, body.as_bytes()).unwrap();
            assert_eq!(answer["ResponseBody"], expected, "{kind} {body}");
            assert_eq!(answer["Headers"]["x-echo"], json!(["Bearer ***********"]));
            assert_eq!(answer["StatusText"], "OK ***********");
        }
    }

    #[test]
    fn what_is_no_success_is_an_error_named_by_its_status() {
        for (status, kind, body, expected) in [
            (404, "application/json", "{}", "States.Http.StatusCode.404"),
            (302, "", "", "States.Http.StatusCode.302"),
            (500, "text/plain", "sesame-open", "States.Http.StatusCode.500"),
            (200, "image/png", "", "States.Runtime"),
            (200, "application/octet-stream", "", "States.Runtime"),
        ] {
            let error = answered(status, kind, body.as_bytes()).unwrap_err();
            assert_eq!(error.name(), expected, "{status} {kind}");
            assert!(!error.cause.unwrap().contains("sesame"));
        }
        assert_eq!(answered(200, "", &[0xff]).unwrap_err().name(), "States.Runtime");
    }
}
