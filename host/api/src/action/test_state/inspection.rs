//! `inspectionData`: what a test shows besides its output.

use serde_json::{Map, Value, json};
use stepyard_asl::{ErrorDetails, Inspection, Payload};
use stepyard_engine::{Exchange, ReceivedResponse, SentRequest};

/// How much a test shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// What the state comes to.
    Info,
    /// Its data on their way, too.
    Debug,
    /// The request and the response of an HTTP task, too.
    Trace,
}

impl Level {
    /// In AWS's order.
    pub(super) const NAMES: [&str; 3] = ["INFO", "DEBUG", "TRACE"];

    /// The level of this name, which has been checked to be one; INFO without one.
    pub(super) fn named(name: Option<&str>) -> Self {
        match name {
            Some("TRACE") => Self::Trace,
            Some("DEBUG") => Self::Debug,
            _ => Self::Info,
        }
    }
}

/// What is shown at a level; nothing at INFO.
pub(super) fn inspected(
    level: Level,
    input: &Payload,
    inspection: &Inspection,
    exchange: &Exchange,
) -> Option<Value> {
    if level == Level::Info {
        return None;
    }
    let mut shown = Map::new();
    let mut show = |member: &str, value: Option<Value>| {
        shown.extend(value.map(|value| (member.to_owned(), value)));
    };
    let text = |payload: &Option<Payload>| payload.as_ref().map(|it| json!(it.text()));
    let it = inspection;
    show("input", Some(json!(input.text())));
    show("afterInputPath", text(&it.after_input_path));
    show("afterParameters", text(&it.after_parameters));
    show("afterArguments", text(&it.after_arguments));
    show("result", text(&it.result));
    show("afterResultSelector", text(&it.after_result_selector));
    show("afterResultPath", text(&it.after_result_path));
    show("variables", text(&it.variables));
    show("afterItemsPath", text(&it.after_items_path));
    show("afterItemsPointer", text(&it.after_items_pointer));
    show("afterItemSelector", text(&it.after_item_selector));
    show("afterItemBatcher", text(&it.after_item_batcher));
    show("maxConcurrency", it.max_concurrency.map(Value::from));
    show("toleratedFailureCount", it.tolerated_failure_count.map(Value::from));
    show("toleratedFailurePercentage", it.tolerated_failure_percentage.map(Value::from));
    show("errorDetails", it.error_details.as_ref().map(details));
    if level == Level::Trace {
        show("request", exchange.request.as_ref().map(request));
        show("response", exchange.response.as_ref().map(response));
    }
    Some(shown.into())
}

fn details(details: &ErrorDetails) -> Value {
    let members = [
        ("catchIndex", details.catch_index.map(Value::from)),
        ("retryIndex", details.retry_index.map(Value::from)),
        ("retryBackoffIntervalSeconds", details.retry_backoff_interval_seconds.map(Value::from)),
    ];
    members.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?))).collect()
}

fn request(request: &SentRequest) -> Value {
    let mut shown = json!({
        "protocol": request.protocol,
        "method": request.method,
        "url": request.url,
        "headers": headers(&request.headers),
    });
    if !request.body.is_empty() {
        shown["body"] = json!(request.body);
    }
    shown
}

fn response(response: &ReceivedResponse) -> Value {
    json!({
        "protocol": response.protocol,
        "statusCode": response.status_code.to_string(),
        "statusMessage": response.status_message,
        "headers": headers(&response.headers),
        "body": response.body,
    })
}

/// As AWS shows them: `[name: value, name: value]`.
fn headers(headers: &[(String, String)]) -> String {
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("[{}]", headers.join(", "))
}
