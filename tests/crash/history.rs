//! What holds for every history.

use std::collections::BTreeSet;

use serde_json::Value;

/// Ids without a gap, each event after the one that led to it, no transition twice, every state left
/// once that was entered, and as many ends as beginnings.
#[track_caller]
pub(super) fn check(events: &[Value], execution: &str) {
    let shown = || format!("{execution} has {}", Value::from(events.to_vec()));
    let mut transitions = BTreeSet::new();
    for (event, id) in events.iter().zip(1..) {
        assert_eq!(event["id"], id, "ids run on: {}", shown());
        let previous = previous(event);
        assert!(previous < id, "an event comes after its cause: {}", shown());
        // But for these two, nothing tells an event from its repetition.
        let mut transition = event.clone();
        transition.as_object_mut().unwrap().retain(|key, _| key != "id" && key != "timestamp");
        assert!(transitions.insert(transition.to_string()), "{transition} twice: {}", shown());
    }
    let count = |types: &[&str]| events.iter().filter(|it| types.contains(&kind(it))).count();
    assert_eq!(count(&["ExecutionStarted"]), 1, "{}", shown());
    let ends = ["ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"];
    assert_eq!(count(&ends), 1 + count(&["ExecutionRedriven"]), "{}", shown());
    let last = events.last().map(kind).unwrap_or_default();
    assert!(ends.contains(&last), "{}", shown());
    check_visits(events, last == "ExecutionSucceeded", &shown);
}

/// Each state that was entered is left once; one that ended its execution, never.
#[track_caller]
fn check_visits(events: &[Value], succeeded: bool, shown: &dyn Fn() -> String) {
    let mut open = BTreeSet::new();
    for event in events {
        if kind(event).ends_with("StateEntered") {
            open.insert(event["id"].as_u64().unwrap());
        } else if kind(event).ends_with("StateExited") {
            let visit = visit(events, event);
            assert!(open.remove(&visit), "{visit} is left twice, or not entered: {}", shown());
        }
    }
    let last = events.iter().rev().find(|event| kind(event).ends_with("StateEntered"));
    let last = last.and_then(|event| event["id"].as_u64());
    let expected = if succeeded { BTreeSet::new() } else { BTreeSet::from_iter(last) };
    assert_eq!(open, expected, "{}", shown());
}

/// The id of the event that entered the state which this event leaves.
fn visit(events: &[Value], exit: &Value) -> u64 {
    let name = &exit["stateExitedEventDetails"]["name"];
    let mut event = exit;
    while previous(event) > 0 {
        event = &events[previous(event) as usize - 1];
        if event["stateEnteredEventDetails"]["name"] == *name {
            return event["id"].as_u64().unwrap();
        }
    }
    0
}

fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap_or_default()
}

fn previous(event: &Value) -> u64 {
    event["previousEventId"].as_u64().unwrap_or_default()
}
