//! State types. One file each: its fields, their checks, and what entering it means.

mod assign;
mod choice;
mod fail;
mod flow;
mod inspection;
mod map;
mod parallel;
mod pass;
mod succeed;
mod task;
mod wait;

use std::{cell::RefCell, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use assign::Assign;
pub(crate) use choice::Choice;
pub(crate) use fail::Fail;
pub(crate) use flow::ResultPath;
pub use inspection::{ErrorDetails, Inspection};
pub(crate) use map::{
    BatchLimits, Distributed, ExecutionType, Limits, Map, Plan, children_at_once,
};
pub use map::{
    Dataset, ExportPlace, Item, ItemFormat, ItemSource, ManifestType, OutputType,
    ResultDestination, Transformation,
};
pub(crate) use parallel::Parallel;
pub(crate) use pass::Pass;
pub(crate) use succeed::Succeed;
pub(crate) use task::{Order, Task};
pub(crate) use wait::Wait;

use crate::{
    EvaluationError, Payload, StateMachine, StateName, StatesError, Timestamp,
    payload::{
        Random, Scope, States,
        context_object::{ContextObject, ItemContext},
        variables::{Assignments, Variables},
    },
    retry::{Catcher, Retrier},
};

/// What a state type does. The defaults suit a state that neither waits nor fails.
pub(crate) trait StateType {
    /// Starts the state: leaves at once, fails, or says what it waits for. Again for each retry.
    fn enter(&self, cx: &Context<'_>) -> Result<Progress, EvaluationError>;

    /// Makes the state's output of what its work came to.
    fn leave(&self, _cx: &Context<'_>, result: Payload) -> Result<Exit, EvaluationError> {
        Ok(result.into())
    }

    /// The input of one of the machines that the state runs.
    fn child_input(
        &self,
        _cx: &Context<'_>,
        fork: &Fork,
        _slot: usize,
    ) -> Result<Payload, EvaluationError> {
        Ok(fork.input.clone())
    }

    /// What a child gets of one of the Map's items.
    fn item_input(
        &self,
        _cx: &Context<'_>,
        _fork: &Fork,
        item: ItemContext<'_>,
    ) -> Result<Payload, EvaluationError> {
        Ok(item.input().into())
    }

    /// The machines inside the state: a Map's slots all run the only one.
    fn machines(&self) -> &[Arc<StateMachine>] {
        &[]
    }

    /// What a Map whose items are processed by executions of their own has besides.
    fn distributed(&self) -> Option<&Distributed> {
        None
    }

    fn retriers(&self) -> &[Retrier] {
        &[]
    }

    fn catchers(&self) -> &[Catcher] {
        &[]
    }

    /// Whether the context object shows the task's token while the state is evaluated.
    fn shows_token(&self) -> bool {
        false
    }
}

/// How far a state got.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It is done.
    Leave(Exit),
    /// It is done, and says itself where to go.
    Goto(StateName, Exit),
    /// It ends in an error of its own.
    Fail(StatesError),
    /// It waits for a task.
    Task(Box<Order>),
    /// It waits for a moment.
    Timer(Timestamp),
    /// It runs other machines.
    Fork(Fork),
    /// It runs other machines as executions of their own.
    MapRun(Fork),
}

/// What a state is left with.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) output: Payload,
    /// To its variables, all at once.
    pub(crate) assigned: Assignments,
}

impl From<Payload> for Exit {
    fn from(output: Payload) -> Self {
        Self { output, assigned: Assignments::new() }
    }
}

/// What a Parallel or Map state runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fork {
    /// The state's effective input.
    pub(crate) input: Payload,
    /// A Map's items: an array.
    pub(crate) items: Option<Payload>,
    /// Whether they are the members of an object, each as `{"Key": …, "Value": …}`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) are_members: bool,
    /// How many runs there are in all.
    pub(crate) total: usize,
    /// How many may run at once.
    pub(crate) concurrency: usize,
}

impl Fork {
    /// A Map's item; none of a Parallel, and of a Map whose items are read from outside.
    pub(crate) fn item(&self, index: usize) -> Option<ItemContext<'_>> {
        let item = self.items.as_ref()?.value().get(index)?;
        let (key, value) = match self.are_members {
            true => (Some(item["Key"].as_str()?), &item["Value"]),
            false => (None, item),
        };
        Some(ItemContext { index, key, value, source: None })
    }
}

/// What a state may use: its input, the time, the context object and randomness. The same for the
/// same visit and attempt, whenever it is replayed.
pub(crate) struct Context<'a> {
    pub(crate) now: Timestamp,
    /// The state's raw input.
    pub(crate) input: &'a Payload,
    pub(crate) object: ContextObject<'a>,
    /// As they were when the state was entered.
    pub(crate) variables: &'a Variables,
    pub(crate) random: &'a dyn Random,
    /// Where a test of the state notes its data on their way; none in an execution.
    pub(crate) inspection: Option<&'a RefCell<Inspection>>,
}

impl Context<'_> {
    /// Has a test of the state take note of its data.
    pub(crate) fn inspect(&self, note: impl FnOnce(&mut Inspection)) {
        if let Some(inspection) = self.inspection {
            note(&mut inspection.borrow_mut());
        }
    }

    /// To evaluate against `input`.
    pub(crate) fn scope<'s>(&'s self, input: &'s Value) -> Scope<'s> {
        let states = States { input: self.input.value(), result: None, error_output: None };
        let Self { object: context, variables, now, random, .. } = self;
        Scope { input, states, context, variables, now: *now, random: *random }
    }

    /// To evaluate against what the state's work came to.
    pub(crate) fn scope_of_result<'s>(&'s self, result: &'s Value) -> Scope<'s> {
        let scope = self.scope(result);
        Scope { states: States { result: Some(result), ..scope.states }, ..scope }
    }

    /// To evaluate against the error that a catcher deals with.
    pub(crate) fn scope_of_error<'s>(&'s self, error_output: &'s Value) -> Scope<'s> {
        let scope = self.scope(error_output);
        Scope { states: States { error_output: Some(error_output), ..scope.states }, ..scope }
    }

    /// The context object while a Map looks at one of its items.
    pub(crate) fn object_of_item<'s>(&'s self, item: ItemContext<'s>) -> ContextObject<'s> {
        self.object.for_item(item)
    }
}

/// For the tests of each state type.
#[cfg(test)]
pub(crate) mod testing {
    use serde_json::{Value, json};

    use crate::StateMachine;

    /// What is reported of a machine whose only state is this one, `A`.
    pub(crate) fn problems(state: &Value) -> Vec<String> {
        let machine = json!({ "StartAt": "A", "States": { "A": state } });
        problems_of(&machine.to_string())
    }

    pub(crate) fn problems_of(definition: &str) -> Vec<String> {
        let found = StateMachine::parse(definition).err().unwrap_or_default();
        assert!(found.iter().all(|problem| !problem.mend.is_empty()), "{found:#?}");
        found.iter().map(|it| format!("{}: {} at {}", it.code, it.message, it.location)).collect()
    }

    /// Checks `fields` on top of a valid state: each case's fields, and what is reported of them, with its
    /// code where that is not `SCHEMA_VALIDATION_FAILED`.
    #[track_caller]
    pub(crate) fn check(valid: &Value, cases: &[(Value, &[&str])]) {
        assert_eq!(problems(valid), [""; 0]);
        for (fields, expected) in cases {
            let mut state = valid.clone();
            let members = state.as_object_mut().expect("a state is an object");
            for (name, value) in fields.as_object().expect("fields are an object") {
                match value {
                    Value::String(text) if text == "REMOVED" => members.remove(name),
                    value => members.insert(name.clone(), value.clone()),
                };
            }
            let with_code = |it: &&str| match it.starts_with("INVALID_") {
                true => (*it).to_owned(),
                false => format!("SCHEMA_VALIDATION_FAILED: {it}"),
            };
            let expected = expected.iter().map(with_code);
            assert_eq!(problems(&state), expected.collect::<Vec<_>>(), "{state:#}");
        }
    }
}
