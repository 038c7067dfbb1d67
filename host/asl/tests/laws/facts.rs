//! The facts that the world tells an execution.

use std::sync::Arc;

use serde_json::Value;
use stepyard_asl::{CommandId, Fact, FactKind, Payload, StateMachine, Timestamp};

/// 2026-11-22T21:04:17Z.
pub(crate) const BEGIN: i64 = 1_795_381_457_000;

/// A fact, this long after the execution's begin.
pub(crate) fn fact(millis: i64, kind: FactKind) -> Fact {
    Fact::new(Timestamp::from_millis(BEGIN + millis), kind)
}

/// The first fact; `kind` is `execution`, or `express`.
pub(crate) fn started(kind: &str, input: &Value, seed: u8) -> FactKind {
    FactKind::ExecutionStarted {
        id: format!("arn:aws:states:us-east-1:123456789012:{kind}:generated:one"),
        name: "one".to_owned(),
        role: "arn:aws:iam::123456789012:role/generated".to_owned(),
        machine: "arn:aws:states:us-east-1:123456789012:stateMachine:generated".to_owned(),
        alias: None,
        version: None,
        trace: None,
        parent: None,
        input: Payload::from(input.clone()),
        seed: [seed; 32],
        pins: None,
        logging: None,
        configuration: None,
        edition: stepyard_asl::EDITION,
    }
}

pub(crate) fn succeeded(task: &CommandId, output: Value) -> FactKind {
    FactKind::TaskSucceeded { task: task.clone(), output: output.into(), version: None }
}

#[track_caller]
pub(crate) fn parse(machine: &Value) -> Arc<StateMachine> {
    match StateMachine::parse(&machine.to_string()) {
        Ok(machine) => Arc::new(machine),
        Err(found) => panic!("{found:#?}\n{machine:#}"),
    }
}
