//! What `.sync` tells of an execution: DescribeExecution's answer, with its members as Step Functions
//! spells them and in their order.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use stepyard_asl::{Payload, Status, Timestamp};
use stepyard_engine::ExecutionRecord;

/// The execution, its input and output as JSON texts or, where `is_parsed`, as what they stand for.
pub(super) fn described(execution: &ExecutionRecord, is_parsed: bool, now: Timestamp) -> Value {
    let summary = &execution.summary;
    let data = |data: &Payload| if is_parsed { data.value().clone() } else { json!(data.text()) };
    let included = || json!({ "Included": true });
    let mut shown = BTreeMap::from([
        ("ExecutionArn", json!(&*summary.arn)),
        ("Input", data(&execution.input)),
        ("InputDetails", included()),
        ("Name", json!(&*summary.name)),
        ("RedriveCount", json!(summary.redrive_count)),
        ("StartDate", json!(summary.started_at.to_string())),
        ("StateMachineArn", json!(&*summary.machine)),
        ("Status", json!(summary.status)),
    ]);
    match &execution.status {
        Status::Succeeded { output } => {
            shown.insert("Output", data(output));
            shown.insert("OutputDetails", included());
        }
        Status::Failed { error } | Status::Aborted { error } => {
            shown.extend(error.error.as_ref().map(|error| ("Error", json!(error))));
            shown.extend(error.cause.as_ref().map(|cause| ("Cause", json!(cause))));
        }
        Status::Running | Status::TimedOut => {}
    }
    let not_redrivable = execution.not_redrivable(now);
    let is_redrivable = not_redrivable.is_none();
    let word = if is_redrivable { "REDRIVABLE" } else { "NOT_REDRIVABLE" };
    shown.insert("RedriveStatus", json!(word));
    let moment = |moment: Timestamp| json!(moment.to_string());
    let optional = [
        ("RedriveStatusReason", not_redrivable.map(|reason| json!(reason))),
        ("RedriveDate", summary.redriven_at.map(moment)),
        ("StopDate", summary.stopped_at.map(moment)),
        ("StateMachineAliasArn", summary.alias.as_ref().map(|arn| json!(&**arn))),
        ("StateMachineVersionArn", summary.version.as_ref().map(|arn| json!(&**arn))),
        ("TraceHeader", execution.trace.as_ref().map(|trace| json!(trace))),
    ];
    shown.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    shown.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}
