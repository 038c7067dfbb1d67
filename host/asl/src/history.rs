//! What `GetExecutionHistory` shows: one event per thing that happened, derived from facts.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeMap};
use serde_json::{Map, Value};

use crate::{Payload, StateName, StatesError, Timestamp};

/// One event of an execution's history. Serialized in the shape of AWS's `HistoryEvent`.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEvent {
    /// 1 for the first event, then 1 more for each.
    pub id: u64,
    /// What led to this event in its thread of control; 0 at the start, and for an execution that
    /// was aborted or timed out.
    pub previous_event_id: u64,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What happened.
    pub kind: EventType,
    /// The particulars; of its members an event type has those that AWS gives it.
    pub details: Box<Details>,
}

impl HistoryEvent {
    /// The event as `includeExecutionData=false` shows it: names and errors stay, data goes.
    #[must_use]
    pub fn without_data(mut self) -> Self {
        self.details.input = None;
        self.details.output = None;
        self.details.assigned_variables = BTreeMap::new();
        self.details.parameters = None;
        self
    }
}

/// The members of AWS's `*EventDetails` objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// The state's name; of a Map iteration, the Map state's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<StateName>,
    /// Which Map iteration, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// How many items a Map has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// What the execution, state or task was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Payload>,
    /// What it gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Payload>,
    /// What the state assigned to variables when it was left.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub assigned_variables: BTreeMap<Arc<str>, Payload>,
    /// A service integration's service: `lambda`, `sns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<Arc<str>>,
    /// A service integration's action with its suffix; a function's or activity's ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Arc<str>>,
    /// Where a service integration is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Arc<str>>,
    /// What a service integration is called with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Payload>,
    /// The task's `TimeoutSeconds`, when declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_in_seconds: Option<u64>,
    /// The task's `HeartbeatSeconds`, when declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_in_seconds: Option<u64>,
    /// The task's `Credentials`, when declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_credentials: Option<TaskCredentials>,
    /// The error's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The error's cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The field whose JSONata expression failed, as a place within its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The state whose evaluation failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateName>,
    /// The role the execution runs under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The alias the execution was started through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_machine_alias_arn: Option<String>,
    /// The version the execution was started with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_machine_version_arn: Option<String>,
    /// How often the execution was redriven, this time included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redrive_count: Option<u32>,
    /// The Map Run that a Distributed Map started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map_run_arn: Option<String>,
    /// The worker that took an activity's task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_name: Option<String>,
}

/// The role a task runs under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskCredentials {
    /// The role's ARN.
    pub role_arn: String,
}

impl Details {
    pub(crate) fn of_error(error: &StatesError) -> Self {
        Self { error: error.error.clone(), cause: error.cause.clone(), ..Self::default() }
    }

    pub(crate) fn of_output(output: Payload) -> Self {
        Self { output: Some(output), ..Self::default() }
    }

    pub(crate) fn named(name: &StateName) -> Self {
        Self { name: Some(name.clone()), ..Self::default() }
    }

    /// What its payloads come to, in bytes.
    pub(crate) fn payload_bytes(&self) -> usize {
        let payloads = [&self.input, &self.output, &self.parameters].into_iter().flatten();
        payloads.chain(self.assigned_variables.values()).map(Payload::len).sum()
    }
}

/// Declares the event types, each with the field of AWS's that holds its details.
macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident => $field:expr,)*) => {
        /// The types of event there are, by AWS's names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventType {
            $($(#[$doc])* $name,)*
        }

        impl EventType {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name, as AWS spells it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The field that holds the event's details; none when AWS gives it no details.
            pub fn details_field(self) -> Option<&'static str> {
                match self { $(Self::$name => $field,)* }
            }
        }
    };
}

const STATE_ENTERED: Option<&str> = Some("stateEnteredEventDetails");
const STATE_EXITED: Option<&str> = Some("stateExitedEventDetails");

event_types! {
    /// A worker failed an activity's task.
    ActivityFailed => Some("activityFailedEventDetails"),
    /// An activity's task waits for a worker.
    ActivityScheduled => Some("activityScheduledEventDetails"),
    /// A worker took an activity's task.
    ActivityStarted => Some("activityStartedEventDetails"),
    /// A worker completed an activity's task.
    ActivitySucceeded => Some("activitySucceededEventDetails"),
    /// An activity's task ran out of time or heartbeats.
    ActivityTimedOut => Some("activityTimedOutEventDetails"),
    /// A Choice state was entered.
    ChoiceStateEntered => STATE_ENTERED,
    /// A Choice state was left.
    ChoiceStateExited => STATE_EXITED,
    /// A JSONata expression failed.
    EvaluationFailed => Some("evaluationFailedEventDetails"),
    /// The execution was stopped.
    ExecutionAborted => Some("executionAbortedEventDetails"),
    /// The execution failed.
    ExecutionFailed => Some("executionFailedEventDetails"),
    /// The execution was redriven.
    ExecutionRedriven => Some("executionRedrivenEventDetails"),
    /// The execution began.
    ExecutionStarted => Some("executionStartedEventDetails"),
    /// The execution ended with an output.
    ExecutionSucceeded => Some("executionSucceededEventDetails"),
    /// The execution ran longer than the state machine allows.
    ExecutionTimedOut => Some("executionTimedOutEventDetails"),
    /// A Fail state was entered.
    FailStateEntered => STATE_ENTERED,
    /// A function failed.
    LambdaFunctionFailed => Some("lambdaFunctionFailedEventDetails"),
    /// A function is to be called.
    LambdaFunctionScheduled => Some("lambdaFunctionScheduledEventDetails"),
    /// A function was called.
    LambdaFunctionStarted => None,
    /// A function answered.
    LambdaFunctionSucceeded => Some("lambdaFunctionSucceededEventDetails"),
    /// A function ran out of time.
    LambdaFunctionTimedOut => Some("lambdaFunctionTimedOutEventDetails"),
    /// A Map iteration was stopped because another failed.
    MapIterationAborted => Some("mapIterationAbortedEventDetails"),
    /// A Map iteration failed.
    MapIterationFailed => Some("mapIterationFailedEventDetails"),
    /// A Map iteration began.
    MapIterationStarted => Some("mapIterationStartedEventDetails"),
    /// A Map iteration ended with an output.
    MapIterationSucceeded => Some("mapIterationSucceededEventDetails"),
    /// A Map Run was stopped with its state.
    MapRunAborted => None,
    /// A Map Run failed.
    MapRunFailed => Some("mapRunFailedEventDetails"),
    /// A Map Run goes on after a redrive.
    MapRunRedriven => Some("mapRunRedrivenEventDetails"),
    /// A Map Run began.
    MapRunStarted => Some("mapRunStartedEventDetails"),
    /// A Map Run ended with a result.
    MapRunSucceeded => None,
    /// A Map state was stopped from outside.
    MapStateAborted => None,
    /// A Map state was entered.
    MapStateEntered => STATE_ENTERED,
    /// A Map state was left.
    MapStateExited => STATE_EXITED,
    /// A Map state failed.
    MapStateFailed => None,
    /// A Map state begins its iterations.
    MapStateStarted => Some("mapStateStartedEventDetails"),
    /// All of a Map state's iterations succeeded.
    MapStateSucceeded => None,
    /// A Parallel state was stopped from outside.
    ParallelStateAborted => None,
    /// A Parallel state was entered.
    ParallelStateEntered => STATE_ENTERED,
    /// A Parallel state was left.
    ParallelStateExited => STATE_EXITED,
    /// A Parallel state failed.
    ParallelStateFailed => None,
    /// A Parallel state begins its branches.
    ParallelStateStarted => None,
    /// All of a Parallel state's branches succeeded.
    ParallelStateSucceeded => None,
    /// A Pass state was entered.
    PassStateEntered => STATE_ENTERED,
    /// A Pass state was left.
    PassStateExited => STATE_EXITED,
    /// A Succeed state was entered.
    SucceedStateEntered => STATE_ENTERED,
    /// A Succeed state was left.
    SucceedStateExited => STATE_EXITED,
    /// A service integration failed.
    TaskFailed => Some("taskFailedEventDetails"),
    /// A service integration is to be called.
    TaskScheduled => Some("taskScheduledEventDetails"),
    /// A service integration was called.
    TaskStarted => Some("taskStartedEventDetails"),
    /// A Task state was stopped because its branch ended.
    TaskStateAborted => None,
    /// A Task state was entered.
    TaskStateEntered => STATE_ENTERED,
    /// A Task state was left.
    TaskStateExited => STATE_EXITED,
    /// A service accepted a job, or delivered a task token.
    TaskSubmitted => Some("taskSubmittedEventDetails"),
    /// A service integration answered, or its job or callback completed.
    TaskSucceeded => Some("taskSucceededEventDetails"),
    /// A service integration ran out of time or heartbeats.
    TaskTimedOut => Some("taskTimedOutEventDetails"),
    /// A Wait state was stopped because its branch ended.
    WaitStateAborted => None,
    /// A Wait state was entered.
    WaitStateEntered => STATE_ENTERED,
    /// A Wait state was left.
    WaitStateExited => STATE_EXITED,
}

impl Serialize for HistoryEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_map(None)?;
        event.serialize_entry("timestamp", &seconds(self.timestamp))?;
        event.serialize_entry("type", &self.kind)?;
        event.serialize_entry("id", &self.id)?;
        event.serialize_entry("previousEventId", &self.previous_event_id)?;
        if let Some(field) = self.kind.details_field() {
            event.serialize_entry(field, &Shown(&self.details))?;
        }
        event.end()
    }
}

/// Details with what AWS says of each data field: that none of it was cut.
struct Shown<'a>(&'a Details);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Whole<'a> {
            #[serde(flatten)]
            details: &'a Details,
            #[serde(skip_serializing_if = "Option::is_none")]
            input_details: Option<Truncation>,
            #[serde(skip_serializing_if = "Option::is_none")]
            output_details: Option<Truncation>,
            #[serde(skip_serializing_if = "Option::is_none")]
            assigned_variables_details: Option<Truncation>,
        }
        #[derive(Serialize)]
        struct Truncation {
            truncated: bool,
        }
        let details = self.0;
        let whole = |is_there: bool| is_there.then_some(Truncation { truncated: false });
        let whole = Whole {
            details,
            input_details: whole(details.input.is_some()),
            output_details: whole(details.output.is_some()),
            assigned_variables_details: whole(!details.assigned_variables.is_empty()),
        };
        whole.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for HistoryEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Event {
            timestamp: f64,
            #[serde(rename = "type")]
            kind: EventType,
            id: u64,
            previous_event_id: u64,
            #[serde(flatten)]
            rest: Map<String, Value>,
        }
        let mut event = Event::deserialize(deserializer)?;
        let field = event.kind.details_field();
        let details = field.and_then(|field| event.rest.remove(field));
        let details = details.map_or(Ok(Details::default()), serde_json::from_value);
        Ok(Self {
            id: event.id,
            previous_event_id: event.previous_event_id,
            timestamp: Timestamp::from_millis((event.timestamp * 1000.0).round() as i64),
            kind: event.kind,
            details: Box::new(details.map_err(D::Error::custom)?),
        })
    }
}

/// Seconds since the Unix epoch, as AWS's JSON protocol writes a timestamp.
fn seconds(timestamp: Timestamp) -> f64 {
    timestamp.as_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_has_the_shape_of_aws_and_is_read_as_it_is_written() {
        let entered = HistoryEvent {
            id: 2,
            previous_event_id: 0,
            timestamp: Timestamp::from_millis(1_763_845_457_123),
            kind: EventType::PassStateEntered,
            details: Box::new(Details {
                input: Some(Payload::parse("{\"a\": 1}").unwrap()),
                ..Details::named(&"Look".into())
            }),
        };
        let shown = json!({
            "timestamp": 1_763_845_457.123, "type": "PassStateEntered", "id": 2, "previousEventId": 0,
            "stateEnteredEventDetails": {
                "name": "Look", "input": "{\"a\": 1}", "inputDetails": {"truncated": false},
            },
        });
        assert_eq!(serde_json::to_value(&entered).unwrap(), shown);
        assert_eq!(serde_json::from_value::<HistoryEvent>(shown).unwrap(), entered);
    }

    #[test]
    fn assigned_variables_are_shown_as_json_in_strings() {
        let exited = HistoryEvent {
            id: 3,
            previous_event_id: 2,
            timestamp: Timestamp::from_millis(0),
            kind: EventType::PassStateExited,
            details: Box::new(Details {
                assigned_variables: [
                    ("b".into(), json!("text").into()),
                    ("a".into(), json!({"n": 1}).into()),
                ]
                .into(),
                ..Details::named(&"Look".into())
            }),
        };
        let shown = json!({
            "timestamp": 0.0, "type": "PassStateExited", "id": 3, "previousEventId": 2,
            "stateExitedEventDetails": {
                "name": "Look",
                "assignedVariables": {"a": r#"{"n":1}"#, "b": r#""text""#},
                "assignedVariablesDetails": {"truncated": false},
            },
        });
        assert_eq!(serde_json::to_value(&exited).unwrap(), shown);
        assert_eq!(serde_json::from_value::<HistoryEvent>(shown).unwrap(), exited);
        assert!(exited.without_data().details.assigned_variables.is_empty());
    }

    #[test]
    fn details_are_shown_where_aws_has_them_even_when_empty() {
        let cases = [
            (EventType::ExecutionFailed, json!({"executionFailedEventDetails": {}})),
            (EventType::ActivityStarted, json!({"activityStartedEventDetails": {}})),
            (EventType::LambdaFunctionStarted, json!({})),
            (EventType::TaskStateAborted, json!({})),
        ];
        for (kind, details) in cases {
            let event = HistoryEvent {
                id: 7,
                previous_event_id: 6,
                timestamp: Timestamp::from_millis(0),
                kind,
                details: Box::default(),
            };
            let mut shown =
                json!({"timestamp": 0.0, "type": kind.name(), "id": 7, "previousEventId": 6});
            shown.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
            assert_eq!(serde_json::to_value(&event).unwrap(), shown);
            assert_eq!(serde_json::from_value::<HistoryEvent>(shown).unwrap(), event);
        }
    }
}
