//! A mock: what the work of a state under test comes to, without being done.

use serde_json::Value;

use super::{TestRefusal, shape};
use crate::{Location, Payload, State, StateKind, StatesError};

/// A mock (API reference, `MockInput`): a result or an error.
#[derive(Clone, Debug, Default)]
pub struct Mock {
    /// The JSON text of a result.
    pub result: Option<String>,
    /// An error, which has a name.
    pub error: Option<StatesError>,
    /// How far a task's result is held to what the service's API answers.
    pub validation: FieldValidationMode,
}

/// How far a mocked result of a task is held to its API's model (API reference, `MockInput`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidationMode {
    /// "All required fields must be present, and all present fields must conform to the API's schema."
    #[default]
    Strict,
    /// "All present fields must conform to the API's schema."
    Present,
    /// "No validation is performed."
    None,
}

impl FieldValidationMode {
    /// AWS's words, in AWS's order.
    pub const NAMES: [(&'static str, Self); 3] =
        [("STRICT", Self::Strict), ("PRESENT", Self::Present), ("NONE", Self::None)];
}

/// What the work of a state comes to.
pub(super) type Mocked = Result<Payload, StatesError>;

impl Mock {
    /// What the work of `state` comes to by this mock.
    pub(super) fn read(self, state: &State) -> Result<Mocked, TestRefusal> {
        match (self.result, self.error) {
            (Some(_), Some(_)) => Err(TestRefusal::BothMocked),
            (None, None) => Err(TestRefusal::NothingMocked),
            (None, Some(StatesError { error: None, .. })) => Err(TestRefusal::NoErrorName),
            (None, Some(error)) => Ok(Err(error)),
            (Some(text), None) => {
                let result = Payload::parse(text);
                let result = result.map_err(|_| TestRefusal::MockedResult("be valid JSON"))?;
                check(state, result.value(), self.validation)?;
                Ok(Ok(result))
            }
        }
    }
}

fn check(state: &State, result: &Value, mode: FieldValidationMode) -> Result<(), TestRefusal> {
    const ARRAY: TestRefusal = TestRefusal::MockedResult("be an array.");
    const OBJECT: TestRefusal = TestRefusal::MockedResult("be a JSON object.");
    const COUNT: TestRefusal = TestRefusal::MockedResult(
        "contain the same number of items as number of Parallel branches.",
    );
    match state.kind() {
        StateKind::Map if state.map().is_some_and(|map| map.exports_results()) => {
            if result.is_object() { Ok(()) } else { Err(OBJECT) }
        }
        StateKind::Map => {
            if result.is_array() {
                Ok(())
            } else {
                Err(ARRAY)
            }
        }
        StateKind::Parallel => match result.as_array() {
            None => Err(ARRAY),
            Some(results) if results.len() != state.machines().len() => Err(COUNT),
            Some(_) => Ok(()),
        },
        _ => match state.task(Location::default()) {
            Some(task) => shape::check(task.resource, result, mode),
            None => Ok(()),
        },
    }
}
