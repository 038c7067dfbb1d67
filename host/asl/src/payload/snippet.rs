//! A path, an intrinsic call, a payload template or a JSONata expression with no state around it: what
//! benches measure and fuzz targets try.

use std::{borrow::Cow, cell::Cell};

use serde_json::Value;

use super::{
    Payload, Random, Scope, States,
    context_object::{ContextObject, ExecutionContext, StateContext},
    expression::{Expression, refusal},
    query::{Moment, Query},
    template::{Reader, Template},
    variables::Variables,
};
use crate::{
    Diagnostic, EDITION, Location, StatesError, Timestamp, fields::Dialect, findings::Findings,
};

/// What a field of a state holds, taken out of it.
#[derive(Clone, Debug)]
pub struct Snippet(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Expression(Expression),
    Template(Template),
    Query(Query),
}

impl Snippet {
    /// A path or an intrinsic call: what stands in a field whose name ends in `.$`.
    pub fn expression(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let expression = Expression::read(&text.into());
        let report = |error| vec![refusal("Value.$", &error, &Location::default())];
        expression.map(Kind::Expression).map(Self).map_err(report)
    }

    /// A payload template, in JSONPath.
    pub fn template(value: &Value) -> Result<Self, Vec<Diagnostic>> {
        let mut found = Findings::default();
        let reader = Reader { dialect: Dialect::default(), moment: Moment::Entering };
        let template = Template::read(value, &Location::default(), reader, &mut found);
        if found.is_empty() { Ok(Self(Kind::Template(template))) } else { Err(found.into()) }
    }

    /// A JSONata expression, without the `{%` and `%}` around it.
    pub fn jsonata(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut found = Findings::default();
        let at = (&Location::default(), String::new());
        let query = Query::read(text, at, Moment::Entering, &mut found);
        query.filter(|_| found.is_empty()).map(Kind::Query).map(Self).ok_or(found.into())
    }

    /// What a state with this input makes of it. There is no variable, and it is the Unix epoch; the
    /// same input gives the same value.
    pub fn evaluate(&self, input: &Value) -> Result<Value, StatesError> {
        let execution_input = Payload::from(Value::Null);
        let context = ContextObject::new(execution(&execution_input), state());
        let (variables, random) = (Variables::default(), Counting::default());
        let scope = Scope {
            input,
            states: States { input, result: None, error_output: None },
            context: &context,
            variables: &variables,
            now: Timestamp::default(),
            random: &random,
        };
        match &self.0 {
            Kind::Expression(expression) => {
                expression.evaluate("Value.$", &scope).map(Cow::into_owned)
            }
            Kind::Template(template) => template.evaluate(&scope).map_err(|failed| failed.error),
            Kind::Query(query) => query.evaluate(&scope).map_err(|failed| failed.error),
        }
    }
}

/// Draws 16 times 1, then 16 times 2, and so on.
#[derive(Default)]
struct Counting(Cell<u8>);

impl Random for Counting {
    fn draw(&self) -> [u8; 16] {
        self.0.set(self.0.get().wrapping_add(1));
        [self.0.get(); 16]
    }
}

fn execution(input: &Payload) -> ExecutionContext<'_> {
    ExecutionContext {
        id: "arn:aws:states:us-east-1:123456789012:execution:snippet:one",
        input,
        name: "one",
        role_arn: Some("arn:aws:iam::123456789012:role/snippet"),
        start_time: Timestamp::default(),
        redrive_count: Some(0),
        redrive_time: None,
        state_machine_id: "arn:aws:states:us-east-1:123456789012:stateMachine:snippet",
        state_machine_name: "snippet",
        edition: EDITION,
    }
}

fn state() -> StateContext<'static> {
    let entered_time = Timestamp::default();
    StateContext { name: "Snippet", entered_time, retry_count: None, task_token: None }
}
