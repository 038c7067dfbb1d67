//! What is asked for: whether its parts go together, and which state it is about.

use std::sync::Arc;

use serde_json::Value;

use super::{TestRefusal, TestRequest};
use crate::{
    Location, Pattern, Payload, ResourceKind, State, StateKind, StateMachine,
    payload::variables::{Variables, check_name},
};

/// The name of a state whose definition is given without its state machine's.
const STATE_NAME: &str = "StateName";

/// Checks what goes with no mock, and what with a mock alone.
pub(super) fn check_combination(request: &TestRequest) -> Result<(), TestRefusal> {
    if request.mock.is_some() {
        let reveals = request.reveal_secrets;
        return if reveals { Err(TestRefusal::NotWithMock("RevealSecrets")) } else { Ok(()) };
    }
    let configuration = &request.configuration;
    let members = [
        ("Context", request.context.is_some()),
        ("RetrierRetryCount", configuration.retrier_retry_count.is_some()),
        ("ErrorCausedByState", configuration.error_caused_by_state.is_some()),
        ("MapIterationFailureCount", configuration.map_iteration_failure_count.is_some()),
        ("MapItemReaderData", configuration.map_item_reader_data.is_some()),
    ];
    match members.into_iter().find(|(_, given)| *given) {
        Some((member, _)) => Err(TestRefusal::OnlyWithMock(member)),
        None => Ok(()),
    }
}

/// The state that is to be tested, by its place in its machine.
pub(super) fn find(request: &TestRequest) -> Result<(Arc<StateMachine>, usize), TestRefusal> {
    let definition = &request.definition;
    let Some(name) = &request.state_name else {
        let machine = StateMachine::parse_state(STATE_NAME, definition);
        return Ok((machine.map_err(TestRefusal::InvalidDefinition)?.into(), 0));
    };
    let machine = StateMachine::parse(definition).map_err(TestRefusal::InvalidDefinition)?;
    find_within(vec![machine.into()], name).ok_or(TestRefusal::StateNotFound)
}

/// Checks that the state which an error is said to come from is within this one.
pub(super) fn check_cause(state: &State, name: &str) -> Result<(), TestRefusal> {
    let machines: Vec<_> = state.machines().iter().map(|it| it.machine.clone()).collect();
    if machines.is_empty() || find_within(machines, name).is_some() {
        Ok(())
    } else {
        Err(TestRefusal::StateNotFound)
    }
}

fn find_within(
    mut machines: Vec<Arc<StateMachine>>,
    name: &str,
) -> Option<(Arc<StateMachine>, usize)> {
    while let Some(machine) = machines.pop() {
        if let Some(index) = machine.index_of(name) {
            return Some((machine, index));
        }
        let inner = machine.states().flat_map(State::machines);
        machines.extend(inner.map(|it| it.machine.clone()));
    }
    None
}

/// Checks that a state can be tested with, or without, the mock that there is.
pub(super) fn check_supported(state: &State, request: &TestRequest) -> Result<(), TestRefusal> {
    match (state.kind(), &request.mock) {
        (StateKind::Task | StateKind::Map | StateKind::Parallel, Some(_)) => Ok(()),
        (kind, Some(_)) => Err(TestRefusal::NotMockable(kind)),
        (StateKind::Map | StateKind::Parallel, None) => Err(TestRefusal::NeedsMock),
        (StateKind::Task, None) if is_completed_outside(state) => Err(TestRefusal::TaskNeedsMock),
        (StateKind::Task, None) if request.role_arn.is_none() => Err(TestRefusal::NoRole),
        (_, None) => Ok(()),
    }
}

/// Whether a task is over when a worker, a job or somebody with its token says so.
fn is_completed_outside(state: &State) -> bool {
    state.task(Location::default()).is_some_and(|task| match task.resource.kind() {
        ResourceKind::Activity => true,
        ResourceKind::Service { pattern, .. } => *pattern != Pattern::RequestResponse,
        ResourceKind::Function { .. } | ResourceKind::MapRun => false,
    })
}

/// Reads a JSON object of variables.
pub(super) fn read_variables(text: &str) -> Result<Variables, TestRefusal> {
    let Ok(Value::Object(object)) = serde_json::from_str(text) else {
        return Err(TestRefusal::Variables("they must be a JSON object".to_owned()));
    };
    if let Some((name, error)) =
        object.keys().find_map(|name| Some((name, check_name(name).err()?)))
    {
        return Err(TestRefusal::Variables(format!("'{name}': {error}")));
    }
    let mut variables = Variables::default();
    let values = object.into_iter().map(|(name, value)| (name.into(), Payload::from(value)));
    variables.assign(values.collect());
    Ok(variables)
}
