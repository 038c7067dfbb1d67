//! TestState: one state run alone, its data shown on their way.
//!
//! ```text
//!   TestState::new ──► begin ──► Tested
//!                        │          ▲
//!                        └► Asked ──┴─ answer: what the task came to
//! ```
//!
//! A state with a mock is over at once. Of one without, the host does what is asked, once, and answers.

mod context;
mod items;
mod mock;
mod outcome;
mod refusal;
mod request;
mod shape;
#[cfg(test)]
mod tests;

pub use mock::{FieldValidationMode, Mock};
pub use refusal::TestRefusal;

use crate::{
    Inspection, Payload, ScheduleTask, Seed, StateName, StatesError, Timestamp, error_name,
    execution::Alone,
    retry::{Failure, Origin},
    state::Progress,
};
use mock::Mocked;

/// What is to be tested, and on what (API reference, `TestState`).
#[derive(Clone, Debug)]
pub struct TestRequest {
    /// Of the state; of the whole state machine where `state_name` is given.
    pub definition: String,
    /// The state of the machine, which may be within others.
    pub state_name: Option<String>,
    /// What the context object shows as the role; a task without a mock needs one.
    pub role_arn: Option<String>,
    /// The state's raw input.
    pub input: Payload,
    /// A JSON object of variables to read.
    pub variables: Option<String>,
    /// Whether the secrets of an HTTP task are to be shown.
    pub reveal_secrets: bool,
    /// What the state's work comes to; without it, the work is done.
    pub mock: Option<Mock>,
    /// A JSON object in the context object's place.
    pub context: Option<String>,
    /// What went before, and what happens within the state.
    pub configuration: TestConfiguration,
}

/// What goes before a test, and what happens within a state under test (API reference,
/// `TestStateConfiguration`).
#[derive(Clone, Debug, Default)]
pub struct TestConfiguration {
    /// How often the retrier that names the mocked error has retried.
    pub retrier_retry_count: Option<u64>,
    /// The state within a Map or Parallel that the mocked error is of.
    pub error_caused_by_state: Option<String>,
    /// How many iterations of a Map failed.
    pub map_iteration_failure_count: Option<u64>,
    /// What a Map's `ItemReader` read, as it stands in its source.
    pub map_item_reader_data: Option<String>,
}

/// Where a test takes place: what the context object shows of an execution that is not.
#[derive(Clone, Debug)]
pub struct TestPlace {
    /// The ARN of the execution, whose name comes last.
    pub execution: String,
    /// The ARN of its state machine.
    pub machine: String,
    /// When the state is entered.
    pub now: Timestamp,
    /// What randomness is derived from.
    pub seed: Seed,
}

/// A state under test.
#[derive(Debug)]
pub struct TestState {
    alone: Alone,
    mock: Option<Mocked>,
    configuration: TestConfiguration,
}

/// What a test came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// How the state ended.
    pub status: TestStatus,
    /// The state's output, also where a catcher made it.
    pub output: Option<Payload>,
    /// The error that the state met, also where a catcher or retrier deals with it.
    pub error: Option<StatesError>,
    /// The state that comes next.
    pub next_state: Option<StateName>,
    /// The state's data on its way.
    pub inspection: Inspection,
}

/// How a state under test ended (API reference, `TestExecutionStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestStatus {
    /// It succeeded.
    Succeeded,
    /// It failed, and nothing in it helped.
    Failed,
    /// It failed, and would be tried again.
    Retriable,
    /// It failed, and a catcher leads on.
    CaughtError,
}

impl TestStatus {
    /// AWS's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Retriable => "RETRIABLE",
            Self::CaughtError => "CAUGHT_ERROR",
        }
    }
}

/// How far a test got by itself.
#[derive(Debug)]
pub enum Asked {
    /// The state is over.
    Nothing(Box<Tested>),
    /// A task is to be done, and [`TestState::answer`] told what it came to.
    Task(Box<ScheduleTask>),
    /// [`TestState::wake`] is to be called at this moment.
    Wait(Timestamp),
}

impl TestState {
    /// Reads and checks all of a request. Nothing is evaluated yet.
    pub fn new(request: TestRequest, place: TestPlace) -> Result<Self, TestRefusal> {
        request::check_combination(&request)?;
        let (machine, index) = request::find(&request)?;
        let state = machine.state_at(index);
        request::check_supported(state, &request)?;
        let mock = request.mock.map(|mock| mock.read(state)).transpose()?;
        let context = request.context.map(|text| context::read(&text, state)).transpose()?;
        let variables = request.variables.as_deref().map(request::read_variables).transpose()?;
        let configuration = request.configuration;
        if let Some(name) = &configuration.error_caused_by_state {
            request::check_cause(state, name)?;
        }
        let role = request.role_arn.unwrap_or_default();
        let alone = Alone::new((machine, index), place, role, request.input)
            .with_variables(variables.unwrap_or_default())
            .in_context(context)
            .retried(configuration.retrier_retry_count.unwrap_or(0));
        Ok(Self { alone, mock, configuration })
    }

    /// Enters the state. Once.
    pub fn begin(&mut self) -> Result<Asked, TestRefusal> {
        let tested = match self.alone.enter() {
            Err(failure) => self.failed(failure),
            Ok(Progress::Fail(error)) => self.failed(Failure::of_work(error)),
            Ok(Progress::Leave(exit)) => self.left(self.next(), exit),
            Ok(Progress::Goto(next, exit)) => self.left(Some(next), exit),
            Ok(Progress::Timer(at)) => return Ok(Asked::Wait(at)),
            Ok(Progress::Task(order)) => {
                let resource = order.resource.clone();
                match (self.alone.task(*order), self.mock.take()) {
                    (Err(failure), _) => self.failed(failure),
                    (Ok(task), None) => return Ok(Asked::Task(Box::new(task))),
                    (Ok(_), Some(result)) => self.worked(&resource, result),
                }
            }
            Ok(Progress::Fork(fork) | Progress::MapRun(fork)) => self.forked(&fork)?,
        };
        Ok(Asked::Nothing(Box::new(tested)))
    }

    /// A task that was asked for came to this.
    pub fn answer(
        mut self,
        now: Timestamp,
        task: &ScheduleTask,
        result: Result<Payload, StatesError>,
    ) -> Tested {
        self.alone.resume(now);
        self.worked(&task.resource, result)
    }

    /// A task that was asked for took longer than its `TimeoutSeconds`, or than all of a test may; or
    /// was silent for longer than its `HeartbeatSeconds`.
    pub fn time_out(mut self, now: Timestamp, is_heartbeat: bool) -> Tested {
        self.alone.resume(now);
        let origin = if is_heartbeat { Origin::Heartbeat } else { Origin::Work };
        // A catcher sees an empty cause.
        self.failed(Failure::new(StatesError::new(error_name::TIMEOUT, ""), origin))
    }

    /// The moment has come that was waited for.
    pub fn wake(mut self, now: Timestamp) -> Tested {
        self.alone.resume(now);
        let input = self.alone.input().clone();
        self.leave(input)
    }
}
