//! Amazon EventBridge: `events:putEvents`.

use aws_sdk_eventbridge::{
    Client,
    operation::put_events::PutEventsOutput,
    primitives::{DateTime, DateTimeFormat},
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use stepyard_asl::{Resource, ResourceKind, StatesError};
use stepyard_engine::{Integration, Outcome, Task};

use crate::{
    arguments::Arguments,
    aws::{Aws, AwsService},
    client::ServiceClient,
    is_called,
    sdk::{self, Dialect, Errors, Service},
};

/// The errors that EventBridge's model declares.
const EVENTS: Errors = Errors {
    service: Service { prefix: "EventBridge", name: "AmazonEventBridge" },
    dialect: Dialect::Optimized,
    modelled: &[
        "ConcurrentModificationException",
        "InternalException",
        "LimitExceededException",
        "ManagedRuleException",
        "OperationDisabledException",
        "PolicyLengthExceededException",
        "ResourceNotFoundException",
    ],
    renamed: &[],
    other: "AmazonEventBridgeException",
};

/// The members of an entry.
const MEMBERS: [&str; 7] =
    ["Detail", "DetailType", "EventBusName", "Resources", "Source", "Time", "TraceHeader"];

/// Puts events on buses, and answers as EventBridge does.
#[derive(Debug)]
pub(crate) struct Events {
    client: ServiceClient<Client>,
}

impl Events {
    pub(crate) fn new(aws: Aws) -> Self {
        Self { client: ServiceClient::new(aws, AwsService::Events, Client::new) }
    }

    async fn put(&self, task: &Task) -> Result<Value, StatesError> {
        let entries = entries(task)?;
        let client = self.client.get(&EVENTS).await?;
        let put = client.put_events().set_entries(Some(entries)).send().await;
        let put = put.map_err(|error| EVENTS.told(&error))?;
        let (failed, shown) = (put.failed_entry_count > 0, shown(put));
        // One entry that failed is the task's failure, though the others are on their bus.
        match failed {
            true => Err(StatesError::new("EventBridge.FailedEntry", shown.to_string())),
            false => Ok(shown),
        }
    }
}

/// Whether these are EventBridge's tasks.
pub(crate) fn claims(resource: &Resource) -> bool {
    let ResourceKind::Service { service, action, pattern } = resource.kind() else {
        return false;
    };
    service == "events" && action == "putEvents" && is_called(*pattern)
}

impl Integration for Events {
    fn claims(&self, resource: &Resource) -> bool {
        claims(resource)
    }

    fn run(&self, task: Task) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            match self.put(&task).await {
                Ok(answer) => task.answered(answer),
                Err(error) => Outcome::failed(error),
            }
        })
    }
}

/// Reads the entries. What EventBridge itself checks, such as that each has a source, is left to it.
fn entries(task: &Task) -> Result<Vec<PutEventsRequestEntry>, StatesError> {
    const NAME: &str = "Entries";
    let mut arguments = Arguments::of(task);
    arguments.not_null(NAME);
    let written = match arguments.value(NAME) {
        Some(Value::Array(entries)) => entries.as_slice(),
        Some(_) => {
            arguments.malformed(NAME);
            &[]
        }
        None => &[],
    };
    let from = origin(&task.execution);
    let mut entries = Vec::with_capacity(written.len());
    for (index, value) in written.iter().enumerate() {
        match entry(value, &from) {
            Ok(entry) => entries.push(entry),
            Err(None) => arguments.malformed(&format!("{NAME}[{index}]")),
            Err(Some(member)) => arguments.malformed(&format!("{NAME}[{index}].{member}")),
        }
    }
    arguments.finish()?;
    Ok(entries)
}

/// One entry; or which of its members is of the wrong kind, when not the entry itself.
fn entry(value: &Value, from: &[String]) -> Result<PutEventsRequestEntry, Option<String>> {
    let members = value.as_object().ok_or(None)?;
    if let Some(unknown) = members.keys().find(|it| !MEMBERS.contains(&it.as_str())) {
        return Err(Some(unknown.clone()));
    }
    let given = |name: &str| members.get(name).filter(|value| !value.is_null());
    let text = |name: &str| match given(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Some(name.to_owned())),
    };
    let malformed = |name: &str| Some(name.to_owned());
    let time = text("Time")?.map(|time| {
        DateTime::from_str(&time, DateTimeFormat::DateTimeWithOffset).map_err(|_| malformed("Time"))
    });
    let mut resources =
        given("Resources").map_or(Some(Vec::new()), texts).ok_or(malformed("Resources"))?;
    resources.extend_from_slice(from);
    Ok(PutEventsRequestEntry::builder()
        .set_detail(given("Detail").map(sdk::text))
        .set_detail_type(text("DetailType")?)
        .set_event_bus_name(text("EventBusName")?)
        .set_resources(Some(resources))
        .set_source(text("Source")?)
        .set_time(time.transpose()?)
        .set_trace_header(text("TraceHeader")?)
        .build())
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| Some(text.as_str()?.to_owned())).collect()
}

/// Where an event is from: Step Functions adds the state machine and the execution to its resources.
fn origin(execution: &str) -> Vec<String> {
    let parts: Vec<&str> = execution.split(':').collect();
    let machine = match parts.as_slice() {
        [arn, partition, states, region, account, _, machine, ..] => Some(
            [arn, partition, states, region, account, &"stateMachine", machine]
                .map(|it| *it)
                .join(":"),
        ),
        _ => None,
    };
    machine.into_iter().chain([execution.to_owned()]).collect()
}

/// What PutEvents answers.
fn shown(output: PutEventsOutput) -> Value {
    let entries: Vec<Value> = output.entries.unwrap_or_default().into_iter().map(result).collect();
    json!({ "Entries": entries, "FailedEntryCount": output.failed_entry_count })
}

fn result(entry: PutEventsResultEntry) -> Value {
    let members = [
        ("ErrorCode", entry.error_code),
        ("ErrorMessage", entry.error_message),
        ("EventId", entry.event_id),
    ];
    let members =
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
    Value::from(members.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task;

    fn read(input: &Value) -> Result<Vec<PutEventsRequestEntry>, String> {
        let task = task("arn:aws:states:::events:putEvents", &input.to_string());
        entries(&task).map_err(|error| error.cause.unwrap_or_default())
    }

    #[test]
    fn an_entry_names_the_state_machine_and_the_execution_it_is_from() {
        let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:order";
        let execution = "arn:aws:states:us-east-1:123456789012:execution:order:1";
        let entry = json!({"Detail": {"a": 1}, "DetailType": "t", "Source": "s", "Resources": ["r"],
            "Time": "2026-11-25T12:00:00Z", "EventBusName": null});
        let read = read(&json!({ "Entries": [entry] })).unwrap();
        assert_eq!(read[0].resources(), ["r", machine, execution]);
        assert_eq!(read[0].detail(), Some(r#"{"a":1}"#));
        assert_eq!(read[0].time().map(DateTime::secs), Some(1_795_608_000));
        assert_eq!(read[0].event_bus_name(), None);
        let express = "arn:aws:states:us-east-1:123456789012:express:order:1:uuid";
        assert_eq!(origin(express), [machine, express]);
    }

    #[test]
    fn what_is_of_the_wrong_kind_is_named() {
        for (input, expected) in [
            (json!({"Entries": {}}), "'Entries'"),
            (json!({"Entries": [1]}), "'Entries[0]'"),
            (json!({"Entries": [{}, {"Source": 1}]}), "'Entries[1].Source'"),
            (json!({"Entries": [{"Time": "noon"}]}), "'Entries[0].Time'"),
            (json!({"Entries": [{"Resources": [1]}]}), "'Entries[0].Resources'"),
            (json!({"Entries": [{"Sauce": "s"}]}), "'Entries[0].Sauce'"),
        ] {
            let cause = read(&input).unwrap_err();
            assert!(cause.contains(expected), "{input}: {cause}");
        }
    }
}
