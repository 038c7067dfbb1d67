//! Step Functions' own log records: a history event as CloudWatch Logs gets it.

use std::borrow::Cow;

use serde::Serialize;
use stepyard_asl::{Details, HistoryEvent, Payload, TaskCredentials};
use stepyard_engine::Subject;

/// "If the escaped input or escaped output sent to CloudWatch Logs exceeds 248 KiB, it will be truncated"
/// (Developer Guide, "CloudWatch Logs payloads").
const ESCAPED_BYTES_MAX: usize = 248 * 1_024;

/// In AWS's order. Ids, numbers and the time are strings, what is within `details` is as the API has it.
#[derive(Serialize)]
struct Record<'a> {
    id: String,
    r#type: &'static str,
    details: Shown<'a>,
    previous_event_id: String,
    event_timestamp: String,
    execution_arn: &'a str,
    redrive_count: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    map_run_arn: Option<&'a str>,
}

/// The event's details without the name of their type, in the order of the alphabet; none where AWS gives
/// the event none.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_in_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_details: Option<Truncation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    map_run_arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_details: Option<Truncation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_alias_arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_version_arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_credentials: Option<&'a TaskCredentials>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_in_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker_name: Option<&'a str>,
}

#[derive(Serialize)]
struct Truncation {
    truncated: bool,
}

/// The record of an event. Its data has been taken out of it where it is not to be logged.
pub(crate) fn record(subject: &Subject, redrive_count: u32, event: &HistoryEvent) -> String {
    let details = match event.kind.details_field() {
        Some(_) => shown(&event.details),
        None => Shown::default(),
    };
    let record = Record {
        id: event.id.to_string(),
        r#type: event.kind.name(),
        details,
        previous_event_id: event.previous_event_id.to_string(),
        event_timestamp: event.timestamp.as_millis().to_string(),
        execution_arn: &subject.arn,
        redrive_count: redrive_count.to_string(),
        map_run_arn: subject.map_run.as_deref(),
    };
    serde_json::to_string(&record).expect("a record has nothing that JSON cannot hold")
}

fn shown(details: &Details) -> Shown<'_> {
    let (input, input_details) = fitted(details.input.as_ref());
    let (output, output_details) = fitted(details.output.as_ref());
    let (parameters, _) = fitted(details.parameters.as_ref());
    Shown {
        cause: details.cause.as_deref(),
        error: details.error.as_deref(),
        heartbeat_in_seconds: details.heartbeat_in_seconds,
        index: details.index,
        input,
        input_details,
        length: details.length,
        location: details.location.as_deref(),
        map_run_arn: details.map_run_arn.as_deref(),
        name: details.name.as_deref(),
        output,
        output_details,
        parameters,
        redrive_count: details.redrive_count,
        region: details.region.as_deref(),
        resource: details.resource.as_deref(),
        resource_type: details.resource_type.as_deref(),
        role_arn: details.role_arn.as_deref(),
        state: details.state.as_deref(),
        state_machine_alias_arn: details.state_machine_alias_arn.as_deref(),
        state_machine_version_arn: details.state_machine_version_arn.as_deref(),
        task_credentials: details.task_credentials.as_ref(),
        timeout_in_seconds: details.timeout_in_seconds,
        worker_name: details.worker_name.as_deref(),
    }
}

/// A payload as far as it fits, and whether it was cut.
fn fitted(payload: Option<&Payload>) -> (Option<Cow<'_, str>>, Option<Truncation>) {
    let Some(payload) = payload else { return (None, None) };
    let text = payload.text();
    let end = cut(text);
    let truncated = end < text.len();
    (Some(Cow::Borrowed(&text[..end])), Some(Truncation { truncated }))
}

/// Where a text has to end so that it fits once it is escaped.
fn cut(text: &str) -> usize {
    // In a JSON text nothing takes more than a second byte but what stands as an escape already.
    if text.len() <= ESCAPED_BYTES_MAX / 2 {
        return text.len();
    }
    let mut escaped = 0;
    for (place, character) in text.char_indices() {
        escaped += match character {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            _ => character.len_utf8(),
        };
        if escaped > ESCAPED_BYTES_MAX {
            return place;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use stepyard_asl::{EventType, Timestamp};

    use super::*;

    const ARN: &str = "arn:aws:states:us-east-1:123456789012:execution:orders:one";

    fn subject(map_run: Option<&str>) -> Subject {
        Subject {
            arn: ARN.into(),
            machine: "arn:aws:states:us-east-1:123456789012:stateMachine:orders".into(),
            version: None,
            alias: None,
            started_at: Timestamp::default(),
            trace: None,
            map_run: map_run.map(str::to_owned),
            logging: None,
        }
    }

    fn event(kind: EventType, details: Details) -> HistoryEvent {
        HistoryEvent {
            id: 12,
            previous_event_id: 11,
            timestamp: Timestamp::from_millis(1_713_959_670_672),
            kind,
            details: Box::new(details),
        }
    }

    #[test]
    fn a_record_has_the_form_of_aws() {
        let details = Details {
            name: Some("Look".into()),
            input: Some(Payload::parse("{ \"a\":  1 }").unwrap()),
            ..Details::default()
        };
        let record = record(&subject(None), 2, &event(EventType::PassStateEntered, details));
        let expected = format!(
            r#"{{"id":"12","type":"PassStateEntered","details":{{"input":"{{ \"a\":  1 }}","inputDetails":{{"truncated":false}},"name":"Look"}},"previous_event_id":"11","event_timestamp":"1713959670672","execution_arn":"{ARN}","redrive_count":"2"}}"#
        );
        assert_eq!(record, expected);
    }

    #[test]
    fn an_event_without_details_has_empty_ones_and_a_child_names_its_map_run() {
        let started = event(EventType::LambdaFunctionStarted, Details::default());
        let record: Value =
            serde_json::from_str(&record(&subject(Some("arn:run")), 0, &started)).unwrap();
        assert_eq!(record["details"], json!({}));
        assert_eq!(record["map_run_arn"], "arn:run");
    }

    #[test]
    fn data_that_is_too_long_once_it_is_escaped_is_cut_and_said_to_be() {
        for (inner, truncated) in [("x", false), ("\\\"", true), ("ü", true)] {
            let text = format!("\"{}\"", inner.repeat(130_000));
            let details =
                Details { output: Some(Payload::parse(text).unwrap()), ..Details::default() };
            let record = record(&subject(None), 0, &event(EventType::PassStateExited, details));
            let read: Value = serde_json::from_str(&record).unwrap();
            assert_eq!(read["details"]["outputDetails"]["truncated"], truncated, "{inner}");
            let escaped = serde_json::to_string(&read["details"]["output"]).unwrap();
            assert!(escaped.len() <= ESCAPED_BYTES_MAX + 2, "{} of {inner}", escaped.len());
        }
    }
}
