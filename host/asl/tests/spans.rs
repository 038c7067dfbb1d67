//! What an execution tells of the time that its parts took.

use std::sync::Arc;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use stepyard_asl::{
    Execution, Fact, FactKind, Payload, Span, SpanEnd, SpanOf, StateMachine, StatesError, Timestamp,
};

/// Tells facts, each with the second in which it becomes known, and holds the spans to a text.
#[track_caller]
fn check(machine: &Value, facts: &[(i64, FactKind)], expected: &Expect) {
    let machine = Arc::new(StateMachine::parse(&machine.to_string()).unwrap());
    let mut execution = Execution::new(machine.clone());
    execution.trace();
    let (mut spans, mut untraced) = (Vec::new(), Execution::new(machine));
    for (second, kind) in facts {
        let fact = Fact::new(Timestamp::from_millis(second * 1_000), kind.clone());
        spans.extend(execution.step(&fact).spans);
        assert!(untraced.step(&fact).spans.is_empty(), "nobody asked for spans");
    }
    expected.assert_eq(&spans.iter().map(shown).collect::<String>());
}

fn shown(span: &Span) -> String {
    let of = match &span.of {
        SpanOf::Execution => "execution".to_owned(),
        SpanOf::Branch { state, index, is_iteration } => {
            format!("{} {index} of {state}", if *is_iteration { "iteration" } else { "branch" })
        }
        SpanOf::State { name, kind, retries } => format!("{kind} {name}, {retries} retries"),
        SpanOf::Task(task) => format!(
            "attempt {} of {} by {}, begun {:?}, {}",
            task.attempt,
            task.state,
            task.resource,
            task.started.map(|at| at.as_millis() / 1_000),
            task.version.as_deref().unwrap_or("no version"),
        ),
    };
    let end = match &span.end {
        SpanEnd::Succeeded => "succeeded".to_owned(),
        SpanEnd::Failed(error) => format!("failed: {}", error.name()),
        SpanEnd::TimedOut { is_heartbeat } => format!("timed out, heartbeat {is_heartbeat}"),
        SpanEnd::Aborted => "aborted".to_owned(),
    };
    let [began, ended] = [span.began, span.ended].map(|at| at.as_millis() / 1_000);
    let parent = span.place.parent().map(|parent| parent.to_string()).unwrap_or_default();
    format!("{:<14} in {parent:<12} {began:>2}-{ended:<2} {of}: {end}\n", span.place.to_string())
}

fn start() -> FactKind {
    FactKind::ExecutionStarted {
        id: "arn:aws:states:us-east-1:123456789012:execution:traced:one".to_owned(),
        name: "one".to_owned(),
        role: "arn:aws:iam::123456789012:role/traced".to_owned(),
        machine: "arn:aws:states:us-east-1:123456789012:stateMachine:traced".to_owned(),
        alias: None,
        version: None,
        trace: None,
        parent: None,
        input: Payload::from(json!([1, 2])),
        seed: [7; 32],
        pins: None,
        logging: None,
        configuration: None,
        edition: stepyard_asl::EDITION,
    }
}

fn done(task: &str) -> FactKind {
    let version = Some("3@sha256:abc".into());
    FactKind::TaskSucceeded { task: task.parse().unwrap(), output: json!(1).into(), version }
}

fn failed(task: &str) -> FactKind {
    let (task, error) = (task.parse().unwrap(), StatesError::new("Boom", "no"));
    FactKind::TaskFailed { task, error, version: None }
}

fn fired(timer: &str) -> FactKind {
    FactKind::timer_fired(timer.parse().unwrap())
}

#[test]
fn a_task_that_is_retried_has_an_attempt_each_and_one_visit() {
    let machine = json!({"StartAt": "Look", "States": {
        "Look": {"Type": "Pass", "Next": "Do"},
        "Do": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2}]}}});
    check(
        &machine,
        &[(0, start()), (5, failed("2.0:task")), (7, fired("2.0:backoff")), (9, done("2.1:task"))],
        &expect![[r#"
            0:1            in 0:0           0-0  Pass Look, 0 retries: succeeded
            0:2.0          in 0:2           0-5  attempt 0 of Do by arn:aws:states:::lambda:invoke, begun Some(0), no version: failed: Boom
            0:2.1          in 0:2           7-9  attempt 1 of Do by arn:aws:states:::lambda:invoke, begun Some(7), 3@sha256:abc: succeeded
            0:2            in 0:0           0-9  Task Do, 1 retries: succeeded
            0:0            in               0-9  execution: succeeded
        "#]],
    );
}

#[test]
fn a_failing_branch_ends_the_others_and_each_is_within_its_state() {
    let wait = json!({"StartAt": "Wait", "States": {
        "Wait": {"Type": "Wait", "Seconds": 90, "End": true}}});
    let work = json!({"StartAt": "Do", "States": {
        "Do": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": true}}});
    let machine = json!({"StartAt": "Split", "States": {
        "Split": {"Type": "Parallel", "Branches": [wait, work], "End": true,
            "Catch": [{"ErrorEquals": ["Boom"], "Next": "Mend"}]},
        "Mend": {"Type": "Pass", "End": true}}});
    check(
        &machine,
        &[(0, start()), (4, failed("1.0.1/1.0:task"))],
        &expect![[r#"
        0:1.0.1/1.0    in 0:1.0.1/1     0-4  attempt 0 of Do by arn:aws:states:::sns:publish, begun Some(0), no version: failed: Boom
        0:1.0.1/1      in 0:1.0.1/0     0-4  Task Do, 0 retries: failed: Boom
        0:1.0.1/0      in 0:1           0-4  branch 1 of Split: failed: Boom
        0:1.0.0/1      in 0:1.0.0/0     0-4  Wait Wait, 0 retries: aborted
        0:1.0.0/0      in 0:1           0-4  branch 0 of Split: aborted
        0:1            in 0:0           0-4  Parallel Split, 0 retries: succeeded
        0:2            in 0:0           4-4  Pass Mend, 0 retries: succeeded
        0:0            in               0-4  execution: succeeded
    "#]],
    );
}

#[test]
fn iterations_begin_as_there_is_room_and_end_with_the_execution() {
    let machine = json!({"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true,
        "MaxConcurrency": 1,
        "ItemProcessor": {"StartAt": "Do", "States": {"Do": {"Type": "Task", "End": true,
            "Resource": "arn:aws:states:us-east-1:123456789012:activity:Pack"}}}}}});
    let taken = FactKind::TaskStarted { task: "1.0.0/1.0:task".parse().unwrap(), worker: None };
    let stopped = FactKind::ExecutionAborted { error: StatesError::default() };
    let facts = [(0, start()), (1, taken), (3, done("1.0.0/1.0:task")), (8, stopped)];
    check(
        &machine,
        &facts,
        &expect![[r#"
        0:1.0.0/1.0    in 0:1.0.0/1     0-3  attempt 0 of Do by arn:aws:states:us-east-1:123456789012:activity:Pack, begun Some(1), 3@sha256:abc: succeeded
        0:1.0.0/1      in 0:1.0.0/0     0-3  Task Do, 0 retries: succeeded
        0:1.0.0/0      in 0:1           0-3  iteration 0 of Each: succeeded
        0:1.0.1/1.0    in 0:1.0.1/1     3-8  attempt 0 of Do by arn:aws:states:us-east-1:123456789012:activity:Pack, begun None, no version: aborted
        0:1.0.1/1      in 0:1.0.1/0     3-8  Task Do, 0 retries: aborted
        0:1.0.1/0      in 0:1           3-8  iteration 1 of Each: aborted
        0:1            in 0:0           0-8  Map Each, 0 retries: aborted
        0:0            in               0-8  execution: aborted
    "#]],
    );
}

#[test]
fn a_redrive_begins_the_spans_of_what_it_goes_on_with_anew() {
    let machine = json!({"StartAt": "Do", "States": {"Do": {"Type": "Task", "End": true,
        "TimeoutSeconds": 9, "HeartbeatSeconds": 2,
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken"}}});
    let redriven = FactKind::ExecutionRedriven { client_token: None };
    let facts = [(0, start()), (2, fired("1.0:heartbeat")), (60, redriven), (61, done("1.1:task"))];
    check(
        &machine,
        &facts,
        &expect![[r#"
        0:1.0          in 0:1           0-2  attempt 0 of Do by arn:aws:states:::sqs:sendMessage.waitForTaskToken, begun Some(0), no version: timed out, heartbeat true
        0:1            in 0:0           0-2  Task Do, 0 retries: failed: States.Timeout
        0:0            in               0-2  execution: failed: States.Timeout
        1:1.1          in 1:1          60-61 attempt 1 of Do by arn:aws:states:::sqs:sendMessage.waitForTaskToken, begun Some(60), 3@sha256:abc: succeeded
        1:1            in 1:0          60-61 Task Do, 0 retries: succeeded
        1:0            in              60-61 execution: succeeded
    "#]],
    );
}
