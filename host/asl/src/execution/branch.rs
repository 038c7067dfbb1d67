//! A branch: the root, a Parallel's branch or a Map's iteration. It is in one state at a time.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, LazyLock},
};

use serde::{Deserialize, Serialize};

use crate::{
    CommandId, CommandKind, Payload, State, StateKind, StateMachine, StateName, Timestamp,
    execution::{MapRun, fork::Children},
    payload::variables::Variables,
};

/// Where a branch stands: from the root, each Parallel or Map that was entered, as (visit, attempt,
/// slot). A parent sorts right before its descendants.
pub(super) type BranchPath = Arc<[(u32, u32, u32)]>;

/// A branch at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Branch {
    /// Not in a checkpoint: it is that of the branch's place.
    #[serde(skip)]
    pub(super) machine: Machine,
    /// The state it is in, by its place in the machine.
    pub(super) state: usize,
    /// Which visit to a state this is, from 1; 0 before the first.
    pub(super) visit: u32,
    /// Which attempt of the visit, from 0; a redrive is one, too.
    pub(super) attempt: u32,
    /// The state's raw input.
    pub(super) input: Payload,
    /// When the branch itself began.
    pub(super) begun_at: Timestamp,
    /// As the state finds them.
    #[serde(default, skip_serializing_if = "Variables::has_none_of_its_own")]
    pub(super) variables: Variables,
    pub(super) entered_at: Timestamp,
    /// When this attempt's task was asked for, and when somebody began it.
    pub(super) scheduled_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) entered_event: u64,
    /// The last event of its thread of control: what the next one points back to.
    pub(super) last_event: u64,
    /// Retries of this visit so far, by retrier.
    pub(super) retries: Vec<u64>,
    pub(super) waiting: Waiting,
}

/// What a branch waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Waiting {
    /// Nothing: it is on its way.
    Nothing,
    Task(TaskStage),
    Timer(Timestamp),
    Backoff(Timestamp),
    Children(Box<Children>),
    MapRun(Arc<MapRun>),
    /// The next turn, in which it comes to this state with this input.
    Turn(usize, Payload),
}

/// How far a task got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskStage {
    /// It was asked for.
    Scheduled,
    /// A worker took it; of an activity's task only.
    Started,
    /// It was accepted outside, and must not be performed again.
    Submitted,
}

impl Branch {
    /// A branch that is yet to arrive at its first state.
    pub(super) fn new(
        machine: Arc<StateMachine>,
        input: Payload,
        last_event: u64,
        begun_at: Timestamp,
    ) -> Self {
        Self {
            machine: Machine(machine),
            state: 0,
            visit: 0,
            attempt: 0,
            input,
            begun_at,
            variables: Variables::default(),
            entered_at: Timestamp::default(),
            scheduled_at: Timestamp::default(),
            started_at: None,
            entered_event: 0,
            last_event,
            retries: Vec::new(),
            waiting: Waiting::Nothing,
        }
    }

    pub(super) fn state(&self) -> &State {
        self.machine.state_at(self.state)
    }

    /// The place of the state that its machine starts at.
    pub(super) fn first_state(&self) -> usize {
        let first = self.machine.index_of(self.machine.start_at());
        first.expect("a definition that parses has the state that StartAt names")
    }

    /// Whether it has come to its first state.
    pub(super) fn has_arrived(&self) -> bool {
        self.visit > 0
    }

    /// Whether it is in its state, and not between that and another.
    pub(super) fn is_in_state(&self) -> bool {
        self.has_arrived() && !matches!(self.waiting, Waiting::Turn(..))
    }

    /// Whether this attempt of the state it is in may have begun this branch or iteration.
    pub(super) fn may_have_begun(&self, slot: u32) -> bool {
        match &self.waiting {
            Waiting::Children(children) => children.has_begun(slot as usize),
            // The attempt is over; how far it had come is not kept.
            Waiting::Backoff(_) | Waiting::Turn(..) => {
                matches!(self.state().kind(), StateKind::Parallel | StateKind::Map)
            }
            _ => false,
        }
    }

    /// How often this visit was retried since it began, or since the execution was redriven.
    pub(super) fn retry_count(&self) -> u32 {
        self.retries.iter().sum::<u64>().try_into().unwrap_or(u32::MAX)
    }

    pub(super) fn state_name(&self) -> &StateName {
        self.state().name()
    }

    /// The id of this attempt's command of a kind, for the branch at `path`.
    pub(super) fn command(&self, path: &BranchPath, kind: CommandKind) -> CommandId {
        let (visit, attempt) = (self.visit, self.attempt);
        CommandId { branch: path.clone(), visit, attempt, kind }
    }
}

/// The path of a slot of the state that the branch at `path` is in.
pub(super) fn child_path(path: &BranchPath, branch: &Branch, slot: usize) -> BranchPath {
    let slot = u32::try_from(slot).expect("a payload has fewer items than 2^32");
    path.iter().copied().chain([(branch.visit, branch.attempt, slot)]).collect()
}

/// The parent's path and the slot in it; none for the root.
pub(super) fn parent_path(path: &BranchPath) -> Option<(BranchPath, usize)> {
    let ((_, _, slot), parent) = path.split_last()?;
    Some((parent.into(), *slot as usize))
}

/// A machine that is compared by identity: branches of equal executions share their machines.
#[derive(Clone)]
pub(super) struct Machine(pub(super) Arc<StateMachine>);

impl Machine {
    /// Whether a branch can be at this place in it.
    pub(super) fn has_state_at(&self, place: usize) -> bool {
        place < self.states().count()
    }
}

/// That of a branch which has yet to be given its own.
impl Default for Machine {
    fn default() -> Self {
        static NONE: LazyLock<Arc<StateMachine>> = LazyLock::new(|| StateMachine::empty().into());
        Self(NONE.clone())
    }
}

impl Deref for Machine {
    type Target = Arc<StateMachine>;

    fn deref(&self) -> &Arc<StateMachine> {
        &self.0
    }
}

impl PartialEq for Machine {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the machine that starts at {}", self.start_at())
    }
}
