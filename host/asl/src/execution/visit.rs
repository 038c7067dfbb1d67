//! A state at work: what it is evaluated against, and what its payloads are held to.

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::{
    Execution, PAYLOAD_BYTES_MAX, Started,
    branch::{Branch, BranchPath},
    randomness::{Draws, Purpose},
};
use crate::{
    CommandId, CommandKind, EvaluationError, Payload, State, StateKind, StatesError, TaskToken,
    Timestamp, error_name,
    payload::{
        context_object::{ContextObject, ExecutionContext, StateContext},
        measure::check_depth,
    },
    retry::Failure,
    state::{Context, Exit, Inspection},
};

/// The longest cause, in bytes; AWS's is as many characters (`SensitiveCause`).
const CAUSE_BYTES_MAX: usize = 32_768;

impl Execution {
    /// Evaluates something of the state that a branch is in.
    pub(super) fn evaluate<T>(
        &self,
        path: &BranchPath,
        purpose: Purpose,
        work: impl FnOnce(&State, &Context<'_>) -> Result<T, EvaluationError>,
    ) -> Result<T, Failure> {
        let place = self.branches[path].command(path, CommandKind::Task);
        self.evaluate_at(path, &place, purpose, work)
    }

    /// As `evaluate`; `place` tells this evaluation's randomness from another's.
    pub(super) fn evaluate_at<T>(
        &self,
        path: &BranchPath,
        place: &CommandId,
        purpose: Purpose,
        work: impl FnOnce(&State, &Context<'_>) -> Result<T, EvaluationError>,
    ) -> Result<T, Failure> {
        self.visit(path).evaluate(place, purpose, work)
    }

    /// The visit that a branch is at.
    pub(super) fn visit<'a>(&'a self, path: &'a BranchPath) -> Visit<'a> {
        Visit {
            started: self.started(),
            redrives: (self.redrives.count, self.redrives.last),
            path,
            branch: &self.branches[path],
            now: self.now,
            test: None,
        }
    }

    /// A payload that a state made, held to the limits.
    pub(super) fn bounded(&self, path: &BranchPath, payload: Payload) -> Result<Payload, Failure> {
        let branch = &self.branches[path];
        // The same text in memory is the input passed on: it has been held to them before.
        if std::ptr::eq(payload.text(), branch.input.text()) {
            return Ok(payload);
        }
        match check(&payload, branch.state_name()) {
            Ok(()) => Ok(payload),
            Err(error) => Err(failure_of(branch, error)),
        }
    }

    /// What a state is left with, held to the limits.
    pub(super) fn bounded_exit(&self, path: &BranchPath, exit: Exit) -> Result<Exit, Failure> {
        let Exit { output, assigned } = exit;
        let output = self.bounded(path, output)?;
        self.check_assigned(path, &assigned)?;
        Ok(Exit { output, assigned })
    }
}

/// A branch's visit to a state, as the state is evaluated.
pub(super) struct Visit<'a> {
    pub(super) started: &'a Started,
    /// How often the execution was redriven, and when last.
    pub(super) redrives: (u32, Option<Timestamp>),
    pub(super) path: &'a BranchPath,
    pub(super) branch: &'a Branch,
    pub(super) now: Timestamp,
    /// Set when the state is tested.
    pub(super) test: Option<&'a Test>,
}

/// What is different where a state is tested.
#[derive(Debug, Default)]
pub(super) struct Test {
    /// The context object that whoever tests has written.
    pub(super) context: Option<Map<String, Value>>,
    pub(super) inspection: RefCell<Inspection>,
}

impl Visit<'_> {
    /// Evaluates something of the state; `place` tells this evaluation's randomness from another's.
    pub(super) fn evaluate<T>(
        &self,
        place: &CommandId,
        purpose: Purpose,
        work: impl FnOnce(&State, &Context<'_>) -> Result<T, EvaluationError>,
    ) -> Result<T, Failure> {
        let Self { started, branch, .. } = *self;
        let state = branch.state();
        let task = || branch.command(self.path, CommandKind::Task);
        let token = state
            .behavior()
            .shows_token()
            .then(|| TaskToken::new(&started.seed, &started.id, &task()));
        let has_role = self.test.is_none() || !started.role.is_empty();
        let execution = ExecutionContext {
            id: &started.id,
            input: &started.input,
            name: &started.name,
            role_arn: has_role.then_some(&*started.role),
            start_time: started.at,
            redrive_count: (!started.is_express).then_some(self.redrives.0),
            redrive_time: self.redrives.1,
            state_machine_id: &started.machine,
            state_machine_name: started.machine.split(':').nth(6).unwrap_or_default(),
            edition: started.edition,
        };
        let shown = StateContext {
            name: state.name(),
            entered_time: branch.entered_at,
            retry_count: counts_retries(state.kind()).then(|| branch.retry_count()),
            task_token: token.as_ref().map(|token| token.0.as_str()),
        };
        let random = Draws::new(&started.seed, purpose, place);
        let object = match self.test.and_then(|test| test.context.as_ref()) {
            Some(object) => ContextObject::given(object),
            None => ContextObject::new(execution, shown),
        };
        let (now, input, variables) = (self.now, &branch.input, &branch.variables);
        let inspection = self.test.map(|test| &test.inspection);
        let cx = Context { now, input, object, variables, random: &random, inspection };
        work(state, &cx).map_err(|EvaluationError { error, place }| Failure {
            place,
            ..failure_of(branch, error)
        })
    }
}

/// Holds a payload that `source`, a state or a task, made to the limits.
pub(super) fn check(payload: &Payload, source: &str) -> Result<(), StatesError> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(too_long(source));
    }
    check_depth(payload.value()).map_err(|_| too_deep(source))
}

pub(super) fn too_deep(source: &str) -> StatesError {
    StatesError::runtime(format!(
        "The state/task '{source}' returned JSON that is nested too deep."
    ))
}

pub(super) fn too_long(source: &str) -> StatesError {
    StatesError::new(
        error_name::DATA_LIMIT_EXCEEDED,
        format!(
            "The state/task '{source}' returned a result with a size exceeding the maximum number \
             of bytes service limit."
        ),
    )
}

/// An error of evaluating the state that a branch is in; its cause says where.
pub(super) fn failure_of(branch: &Branch, mut error: StatesError) -> Failure {
    if error.name() != error_name::DATA_LIMIT_EXCEEDED {
        let (state, event) = (branch.state_name(), branch.entered_event);
        let cause = error.cause.unwrap_or_default();
        let cause = format!(
            "An error occurred while executing the state '{state}' (entered at the event id \
             #{event}). {cause}"
        );
        error.cause = Some(cut(cause));
    }
    Failure::of_state(error)
}

fn cut(mut cause: String) -> String {
    cause.truncate(cause.floor_char_boundary(CAUSE_BYTES_MAX));
    cause
}

/// `$$.State.RetryCount` is there for the states that can be retried.
fn counts_retries(kind: StateKind) -> bool {
    matches!(kind, StateKind::Task | StateKind::Parallel | StateKind::Map)
}
