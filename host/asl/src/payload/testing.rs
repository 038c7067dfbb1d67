//! What the tests of payloads and Choice rules share: a scope to evaluate in.

use std::cell::Cell;

use serde_json::Value;

use super::{
    Payload, Random, Scope, States,
    context_object::{ContextObject, ExecutionContext, StateContext},
    variables::Variables,
};
use crate::{EDITION, Timestamp};

/// Draws 16 times 1, then 16 times 2, and so on.
#[derive(Debug, Default)]
pub(crate) struct Counting(Cell<u8>);

impl Random for Counting {
    fn draw(&self) -> [u8; 16] {
        self.0.set(self.0.get() + 1);
        [self.0.get(); 16]
    }
}

/// Evaluates in the state `Pay` of an execution whose input is `{"order":{"id":7}}`, where the
/// variable `$box` is `{"size":[3,4]}`.
pub(crate) fn in_scope<T>(input: &Value, evaluate: impl FnOnce(&Scope<'_>) -> T) -> T {
    let execution_input = Payload::parse(r#"{"order":{"id":7}}"#).unwrap();
    let execution = execution(&execution_input);
    let context = ContextObject::new(execution, state());
    let mut variables = Variables::default();
    let value = Payload::parse(r#"{"size":[3,4]}"#).unwrap();
    variables.assign([("box".into(), value)].into());
    evaluate(&scope(input, &context, &variables, &Counting::default()))
}

/// A scope at 2026-11-22T21:04:17.000Z.
pub(crate) fn scope<'a>(
    input: &'a Value,
    context: &'a ContextObject<'a>,
    variables: &'a Variables,
    random: &'a dyn Random,
) -> Scope<'a> {
    let states = States { input, result: None, error_output: None };
    let now = Timestamp::from_millis(1_795_381_457_000);
    Scope { input, states, context, variables, now, random }
}

pub(crate) fn execution(input: &Payload) -> ExecutionContext<'_> {
    ExecutionContext {
        id: "arn:aws:states:us-east-1:123456789012:execution:shop-orders:first",
        input,
        name: "first",
        role_arn: Some("arn:aws:iam::123456789012:role/shop"),
        start_time: Timestamp::from_millis(0),
        redrive_count: Some(0),
        redrive_time: None,
        state_machine_id: "arn:aws:states:us-east-1:123456789012:stateMachine:shop-orders",
        state_machine_name: "shop-orders",
        edition: EDITION,
    }
}

pub(crate) fn state() -> StateContext<'static> {
    StateContext {
        name: "Pay",
        entered_time: Timestamp::from_millis(1_500),
        retry_count: None,
        task_token: None,
    }
}
