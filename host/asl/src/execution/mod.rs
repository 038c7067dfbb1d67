//! One execution: a deterministic fold over facts.

mod alone;
mod assigned;
mod branch;
mod checkpoint;
mod children;
mod failure;
mod fork;
mod journal;
mod late;
mod map_run;
mod outputs;
mod outstanding;
mod pending;
mod position;
mod randomness;
mod redrive;
mod spans;
mod status;
mod task;
mod token;
mod turn;
mod visit;
mod walk;

use std::{collections::BTreeMap, iter, mem, sync::Arc};

use serde::{Deserialize, Serialize};

pub use branch::TaskStage;
pub use children::{Child, Filling, MapRun, Tolerance};
pub use outputs::Outputs;
pub use position::{Position, WaitsFor};
pub use status::Status;

pub(crate) use alone::{Alone, check_result};
use branch::{Branch, BranchPath, Machine, Waiting};
use outstanding::Outstanding;
use pending::Pending;
use redrive::Redrives;
use turn::{Advance, Next, Turn};

use crate::{
    Command, CommandId, CommandKind, Details, EventType, Fact, FactKind, Payload, ScheduleTask,
    Seed, StateMachine, Step, Timestamp,
};

/// The most bytes of an input or output of a task, a state or an execution (Quotas).
pub const PAYLOAD_BYTES_MAX: usize = 262_144;

/// The longest an Express execution may take (Quotas: "Maximum execution time").
const EXPRESS_SECONDS_MAX: u64 = 300;

/// What an execution that only waits is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// The moment of its first timer. None: it waits for somebody outside alone.
    pub until: Option<Timestamp>,
}

/// A state machine at work. Executions of the same machine, given equal facts, are equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    machine: Machine,
    status: Status,
    /// What the first fact said; none before it.
    started: Option<Arc<Started>>,
    now: Timestamp,
    /// The id of the last history event.
    last_event: u64,
    branches: BTreeMap<BranchPath, Branch>,
    outstanding: Outstanding,
    redrives: Redrives,
    /// What waits for the next turn.
    pending: Pending,
    turn: Turn,
    /// Whether somebody asked for spans.
    is_traced: bool,
}

/// What the first fact said.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Started {
    id: String,
    name: String,
    role: String,
    machine: String,
    region: Arc<str>,
    is_express: bool,
    input: Payload,
    seed: Seed,
    at: Timestamp,
    edition: u32,
}

impl Execution {
    /// An execution that waits for its first fact, `ExecutionStarted`.
    pub fn new(machine: Arc<StateMachine>) -> Self {
        Self {
            machine: Machine(machine),
            status: Status::Running,
            started: None,
            now: Timestamp::default(),
            last_event: 0,
            branches: BTreeMap::new(),
            outstanding: Outstanding::default(),
            redrives: Redrives::default(),
            pending: Pending::default(),
            turn: Turn::default(),
            is_traced: false,
        }
    }

    /// Rebuilds an execution from its journal.
    pub fn replay<'a>(
        machine: Arc<StateMachine>,
        facts: impl IntoIterator<Item = &'a Fact>,
    ) -> Self {
        let mut execution = Self::new(machine);
        for fact in facts {
            execution.step(fact);
        }
        execution
    }

    /// Moves the execution on by one fact. A fact that comes too late (its task or timer is over,
    /// or the execution is) changes nothing, but for a redrive of one that did not succeed; one about a task or timer that never was is a broken
    /// journal, and fails the execution.
    pub fn step(&mut self, fact: &Fact) -> Step {
        self.now = self.now.max(fact.at);
        self.turn.first_event = self.last_event;
        self.turn.absent_activities.clone_from(&fact.absent_activities);
        if let FactKind::ExecutionRedriven { .. } = fact.kind {
            self.redrive();
            self.run();
        } else if self.status == Status::Running {
            self.absorb(&fact.kind);
            self.run();
        }
        mem::take(&mut self.turn).into_step()
    }

    /// Where it stands.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// When it began; none before its first fact.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.started.as_ref().map(|started| started.at)
    }

    /// When it was told the last fact.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The state machine it runs.
    pub fn machine(&self) -> &Arc<StateMachine> {
        &self.machine
    }

    /// How many events its history has so far.
    pub fn event_count(&self) -> u64 {
        self.last_event
    }

    /// The commands not yet answered, in the order in which they were issued: what a host performs
    /// again after a restart. A task whose [`Execution::task_stage`] is `Started` or `Submitted` is
    /// only awaited: somebody outside has it.
    pub fn outstanding(&self) -> Vec<&Command> {
        self.outstanding.in_order().into_iter().map(|(_, command)| command).collect()
    }

    /// When it goes on by itself, if it only waits: for timers, and for tasks that somebody outside
    /// has or is to ask for. None while something is to be done for it.
    pub fn rest(&self) -> Option<Rest> {
        let rests = self.status == Status::Running && self.outstanding.at_work() == 0;
        rests.then(|| Rest { until: self.outstanding.first_moment() })
    }

    /// How many tasks and timers it waits for.
    pub fn waits_for(&self) -> usize {
        self.outstanding.len()
    }

    /// A task that is not over.
    pub fn task(&self, task: &CommandId) -> Option<&ScheduleTask> {
        match self.outstanding.get(task)? {
            Command::ScheduleTask(task) => Some(task),
            _ => None,
        }
    }

    /// How far a task got; none when it is over, or never was.
    pub fn task_stage(&self, task: &CommandId) -> Option<TaskStage> {
        self.outstanding.get(task)?;
        match &self.branches.get(&task.branch)?.waiting {
            Waiting::Task(stage) if task.kind == CommandKind::Task => Some(*stage),
            Waiting::MapRun(_) if task.kind == CommandKind::Task => Some(TaskStage::Scheduled),
            _ => None,
        }
    }

    /// Where it is: the states it is in, outer before inner.
    pub fn positions(&self) -> impl Iterator<Item = Position<'_>> {
        self.branches.iter().filter_map(|(path, branch)| Position::of(path, branch))
    }

    fn absorb(&mut self, fact: &FactKind) {
        if let FactKind::ExecutionStarted { .. } = fact {
            return self.start(fact);
        }
        if self.started.is_none() {
            return self.refuse("came before ExecutionStarted");
        }
        let next = match fact {
            FactKind::ExecutionStarted { .. } | FactKind::ExecutionRedriven { .. } => None,
            FactKind::ExecutionAborted { error } => {
                self.finish(Status::Aborted { error: error.clone() }, 0);
                None
            }
            FactKind::ExecutionOverdue => {
                self.finish(Status::TimedOut, 0);
                None
            }
            FactKind::TaskStarted { task, worker } => self.task_started(task, worker.clone()),
            FactKind::TaskSubmitted { task, details } => self.task_submitted(task, details),
            FactKind::TaskBeat { task } => self.task_beat(task),
            FactKind::TaskSucceeded { task, output, version } => {
                self.task_ended(task, Ok(output.clone()), version.as_ref())
            }
            FactKind::TaskFailed { task, error, version } => {
                self.task_ended(task, Err(error.clone()), version.as_ref())
            }
            FactKind::TimerFired { timer, also } => return self.fire_all(timer, also),
        };
        self.turn.ready.extend(next);
    }

    fn start(&mut self, fact: &FactKind) {
        let FactKind::ExecutionStarted {
            id,
            name,
            role,
            machine,
            alias,
            version,
            input,
            seed,
            edition,
            ..
        } = fact
        else {
            return;
        };
        if self.started.is_some() {
            return self.refuse("came a second time: ExecutionStarted");
        }
        // arn:<partition>:states:<region>:<account>:<execution or express>:…
        let part = |index| id.split(':').nth(index).unwrap_or_default();
        self.started = Some(Arc::new(Started {
            id: id.clone(),
            name: name.clone(),
            role: role.clone(),
            machine: machine.clone(),
            region: part(3).into(),
            is_express: part(5) == "express",
            input: input.clone(),
            seed: *seed,
            at: self.now,
            edition: *edition,
        }));
        let details = Details {
            input: Some(input.clone()),
            role_arn: Some(role.clone()),
            state_machine_alias_arn: alias.clone(),
            state_machine_version_arn: version.clone(),
            ..Details::default()
        };
        self.emit(EventType::ExecutionStarted, 0, details);
        self.start_deadline();
        let machine = self.machine.0.clone();
        let root = Branch::new(machine, input.clone(), 0, self.now);
        self.begin(BranchPath::default(), root);
    }

    fn start_deadline(&mut self) {
        let limit = self.started().is_express.then_some(EXPRESS_SECONDS_MAX);
        let seconds = [self.machine.timeout_seconds(), limit].into_iter().flatten().min();
        let Some(seconds) = seconds else { return };
        let at = self.now.plus_millis(millis(seconds));
        self.start_timer(deadline(), at);
    }

    fn fire_all(&mut self, timer: &CommandId, also: &[CommandId]) {
        for timer in iter::once(timer).chain(also) {
            if self.status == Status::Running {
                let next = self.fire(timer);
                self.turn.ready.extend(next);
            }
        }
    }

    fn fire(&mut self, timer: &CommandId) -> Next {
        if timer.kind == CommandKind::Task {
            self.refuse_id(timer, "is no timer");
            return None;
        }
        if self.outstanding.take(timer).is_none() {
            self.refuse_unless_known(timer);
            return None;
        }
        let path = timer.branch.clone();
        match timer.kind {
            CommandKind::Execution => {
                self.finish(Status::TimedOut, 0);
                None
            }
            CommandKind::Wait => {
                let input = self.branches[&path].input.clone();
                Some((path, Advance::Leave(input)))
            }
            CommandKind::Backoff => Some((path, Advance::Retry)),
            CommandKind::Timeout | CommandKind::Heartbeat => self.task_timed_out(timer),
            CommandKind::Turn => {
                self.take_turn();
                None
            }
            CommandKind::Task => None,
        }
    }

    fn start_timer(&mut self, timer: CommandId, at: Timestamp) {
        let command = Command::StartTimer { timer: timer.clone(), at };
        self.turn.step.commands.push(command.clone());
        self.outstanding.issue(timer, command);
    }

    /// Nobody waits for a task or timer any more, if somebody did.
    fn cancel(&mut self, command: CommandId) {
        if self.outstanding.take(&command).is_some() {
            self.turn.step.commands.push(Command::Cancel { command });
        }
    }

    /// Ends the execution: whatever is under way is cancelled.
    fn finish(&mut self, status: Status, last_event: u64) {
        self.show_finished(&status, last_event);
        self.end_spans(&status);
        for command in self.outstanding.clear() {
            self.turn.step.commands.push(Command::Cancel { command });
        }
        self.keep_for_redrive(&status);
        self.turn.ready.clear();
        self.turn.starting.clear();
        self.pending.forget();
        self.status = status.clone();
        self.turn.step.commands.push(Command::Finish { status });
    }

    fn branch_mut(&mut self, path: &BranchPath) -> &mut Branch {
        self.branches.get_mut(path).expect("a branch that goes on is at work")
    }

    fn started(&self) -> &Started {
        self.started.as_deref().expect("an execution at work was started")
    }

    fn shared_start(&self) -> Arc<Started> {
        self.started.clone().expect("an execution at work was started")
    }
}

/// The timer of the state machine's own `TimeoutSeconds`.
fn deadline() -> CommandId {
    let branch = BranchPath::default();
    CommandId { branch, visit: 0, attempt: 0, kind: CommandKind::Execution }
}

/// `seconds`, bounded by the language, in milliseconds.
fn millis(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}
