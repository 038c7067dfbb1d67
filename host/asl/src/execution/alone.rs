//! One visit to a state outside of any execution, as TestState makes it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    Started, assigned,
    branch::{Branch, BranchPath, child_path},
    randomness::{Purpose, jitter},
    task::limited_name,
    visit::{self, Test, Visit},
};
use crate::{
    CommandId, CommandKind, EDITION, EvaluationError, Payload, Resource, ScheduleTask, State,
    StateMachine, StatesError, TestPlace, Timestamp,
    payload::{context_object::ItemContext, variables::Variables},
    retry::{Catcher, Failure, Retrier},
    state::{Context, Exit, Fork, Inspection, Order, Plan, Progress},
};

/// In an execution the first state is entered by its second event: causes say so.
const ENTERED_EVENT: u64 = 2;

/// A visit to a state by itself.
#[derive(Debug)]
pub(crate) struct Alone {
    started: Started,
    path: BranchPath,
    branch: Branch,
    now: Timestamp,
    test: Test,
}

impl Alone {
    /// A visit to the state at `state` of its machine, in an Express execution that is there in its
    /// context object alone.
    pub(crate) fn new(
        (machine, state): (Arc<StateMachine>, usize),
        place: TestPlace,
        role: String,
        input: Payload,
    ) -> Self {
        let TestPlace { execution, machine: machine_arn, now, seed } = place;
        let started = Started {
            name: execution.rsplit(':').next().unwrap_or_default().to_owned(),
            region: execution.split(':').nth(3).unwrap_or_default().into(),
            id: execution,
            role,
            machine: machine_arn,
            is_express: true,
            input: input.clone(),
            seed,
            at: now,
            edition: EDITION,
        };
        let branch = Branch {
            state,
            visit: 1,
            entered_at: now,
            entered_event: ENTERED_EVENT,
            ..Branch::new(machine, input, ENTERED_EVENT, now)
        };
        Self { started, path: BranchPath::default(), branch, now, test: Test::default() }
    }

    /// The same, with these variables to read.
    pub(crate) fn with_variables(mut self, variables: Variables) -> Self {
        self.branch.variables = variables;
        self
    }

    /// The same, with this context object in place of its own.
    pub(crate) fn in_context(mut self, object: Option<Map<String, Value>>) -> Self {
        self.test.context = object;
        self
    }

    /// The same, after so many retries.
    pub(crate) fn retried(mut self, count: u64) -> Self {
        self.branch.retries = vec![count];
        self
    }

    pub(crate) fn state(&self) -> &State {
        self.branch.state()
    }

    /// What the state's data was on its way so far.
    pub(crate) fn inspection(&self) -> Inspection {
        self.test.inspection.borrow().clone()
    }

    /// Takes note of something that no evaluation shows.
    pub(crate) fn inspect(&self, note: impl FnOnce(&mut Inspection)) {
        note(&mut self.test.inspection.borrow_mut());
    }

    pub(crate) fn enter(&self) -> Result<Progress, Failure> {
        self.evaluate(Purpose::Entering, |state, cx| state.behavior().enter(cx))
    }

    /// Goes on at this moment, after the state has waited.
    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.now = now;
    }

    pub(crate) fn leave(&self, result: Payload) -> Result<Exit, Failure> {
        self.evaluate(Purpose::Leaving, |state, cx| state.behavior().leave(cx, result))
    }

    /// What a catcher makes of an error.
    pub(crate) fn catch(&self, catcher: &Catcher, error: &StatesError) -> Result<Exit, Failure> {
        let error_output = Payload::from(error.output());
        self.evaluate(Purpose::Catching, |_, cx| {
            catcher.exit(cx.input, &error_output, &cx.scope_of_error(error_output.value()))
        })
    }

    /// An exit, held to the limits; and all variables after it.
    pub(crate) fn bounded(&self, exit: Exit) -> Result<(Payload, Variables), Failure> {
        let Exit { output, assigned } = exit;
        self.check(visit::check(&output, self.branch.state_name()))?;
        assigned::check(&self.branch, &assigned, 0)?;
        let mut variables = self.branch.variables.clone();
        variables.assign(assigned);
        Ok((output, variables))
    }

    /// The task that the state asks for.
    pub(crate) fn task(&self, order: Order) -> Result<ScheduleTask, Failure> {
        self.check(visit::check(&order.input, self.branch.state_name()))?;
        Ok(self.visit().task(order))
    }

    /// What a Distributed Map would have a Map Run do; none of any other state.
    pub(crate) fn plan(&self, fork: &Fork) -> Option<Result<Plan, Failure>> {
        let distributed = self.state().behavior().distributed()?;
        Some(self.evaluate(Purpose::Entering, |_, cx| distributed.plan(cx, fork)))
    }

    /// The input of an iteration of a Map.
    pub(crate) fn item(&self, fork: &Fork, item: ItemContext<'_>) -> Result<Payload, Failure> {
        let branch = child_path(&self.path, &self.branch, item.index);
        let place = CommandId { branch, visit: 0, attempt: 0, kind: CommandKind::Task };
        self.visit().evaluate(&place, Purpose::Item, |state, cx| {
            state.behavior().item_input(cx, fork, item)
        })
    }

    /// What a child of a Distributed Map with batches is given besides its items.
    pub(crate) fn envelope(&self, fork: &Fork) -> Result<Map<String, Value>, Failure> {
        self.evaluate(Purpose::Batch, |state, cx| {
            let batcher = state.behavior().distributed().and_then(|it| it.batcher.as_ref());
            batcher.map_or_else(|| Ok(Map::new()), |batcher| batcher.envelope(cx, &fork.input))
        })
    }

    /// How long a retrier waits before retry number `retry`, from 1, in milliseconds.
    pub(crate) fn delay_millis(&self, retrier: &Retrier, retry: u64) -> i64 {
        let backoff = self.branch.command(&self.path, CommandKind::Backoff);
        retrier.delay_millis(retry, || jitter(&self.started.seed, &backoff))
    }

    /// The state's raw input.
    pub(crate) fn input(&self) -> &Payload {
        &self.branch.input
    }

    /// The variables before the state assigns any.
    pub(crate) fn variables(&self) -> &Variables {
        &self.branch.variables
    }

    fn evaluate<T>(
        &self,
        purpose: Purpose,
        work: impl FnOnce(&State, &Context<'_>) -> Result<T, EvaluationError>,
    ) -> Result<T, Failure> {
        let place = self.branch.command(&self.path, CommandKind::Task);
        self.visit().evaluate(&place, purpose, work)
    }

    fn check(&self, checked: Result<(), StatesError>) -> Result<(), Failure> {
        checked.map_err(|error| visit::failure_of(&self.branch, error))
    }

    fn visit(&self) -> Visit<'_> {
        Visit {
            started: &self.started,
            redrives: (0, None),
            path: &self.path,
            branch: &self.branch,
            now: self.now,
            test: Some(&self.test),
        }
    }
}

/// Holds what a task came to to the limits.
pub(crate) fn check_result(resource: &Resource, result: &Payload) -> Result<(), StatesError> {
    visit::check(result, limited_name(resource))
}
