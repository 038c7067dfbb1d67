//! What each thing that happens looks like in the history.

use super::{
    Execution, Status,
    branch::{Branch, BranchPath, Waiting},
};
use crate::{
    Details, EventType, HistoryEvent, Payload, ResourceKind, StateKind, StateName, StatesError,
    error_name, payload::variables::Assignments, retry::Failure,
};

/// The most events that a history holds; the last says so (Quotas: "Maximum execution history size").
const EVENTS_MAX: u64 = 25_000;

/// AWS does not bound the history of an Express execution but its time, to five minutes; turns take so little
/// of it that this many events that one fact leads to are taken for a loop without end.
const EXPRESS_FACT_EVENTS_MAX: u64 = 250_000;

impl Execution {
    /// Adds an event and gives its id. Once the history is full it adds nothing.
    pub(super) fn emit(&mut self, kind: EventType, previous: u64, details: Details) -> u64 {
        let room = match self.started.as_ref().is_some_and(|started| started.is_express) {
            true => self.last_event - self.turn.first_event < EXPRESS_FACT_EVENTS_MAX,
            false => self.last_event + 1 < EVENTS_MAX,
        };
        if self.turn.is_full || !room {
            self.turn.is_full = true;
            return self.last_event;
        }
        self.append(kind, previous, details)
    }

    /// Adds an event, whether or not the history is full.
    fn append(&mut self, kind: EventType, previous_event_id: u64, details: Details) -> u64 {
        self.last_event += 1;
        self.turn.payload_bytes += details.payload_bytes();
        self.turn.step.history.push(HistoryEvent {
            id: self.last_event,
            previous_event_id,
            timestamp: self.now,
            kind,
            details: Box::new(details),
        });
        self.last_event
    }

    /// Adds an event of a branch's own, which points back to the branch's last.
    pub(super) fn emit_next(&mut self, path: &BranchPath, kind: EventType, details: Details) {
        let previous = self.branches[path].last_event;
        let event = self.emit(kind, previous, details);
        self.branch_mut(path).last_event = event;
    }

    /// "The execution reached the maximum number of history events" ends it, as AWS does.
    pub(super) fn stop_when_full(&mut self) {
        if !self.turn.is_full || self.status != Status::Running {
            return;
        }
        if self.started().is_express {
            return self.finish(Status::TimedOut, 0);
        }
        let cause =
            format!("The execution reached the maximum number of history events ({EVENTS_MAX}).");
        let status = Status::Failed { error: StatesError::runtime(cause) };
        self.finish(status, self.last_event);
    }

    /// Shows that a JSONata expression failed, if that is what failed; gives the event's id.
    pub(super) fn show_evaluation_failed(
        &mut self,
        path: &BranchPath,
        failure: &Failure,
        previous: u64,
    ) -> Option<u64> {
        if !failure.is_of_query() {
            return None;
        }
        let details = Details {
            location: failure.place.as_deref().map(str::to_owned),
            state: Some(self.branches[path].state_name().clone()),
            ..Details::of_error(&failure.error)
        };
        let event = self.emit(EventType::EvaluationFailed, previous, details);
        self.branch_mut(path).last_event = event;
        Some(event)
    }

    pub(super) fn show_exited(
        &mut self,
        path: &BranchPath,
        output: Payload,
        assigned_variables: Assignments,
    ) {
        let state = self.branches[path].state();
        let output = Some(output);
        let details = Details { output, assigned_variables, ..Details::named(state.name()) };
        if let Some(kind) = exited(state.kind()) {
            self.emit_next(path, kind, details);
        }
    }

    /// Shows the tasks that this step scheduled as started; of those that it also cancelled,
    /// nothing. A worker, not the schedule, starts an activity's.
    pub(super) fn show_started(&mut self) {
        for path in std::mem::take(&mut self.turn.starting) {
            let Some(branch) = self.branches.get(&path) else { continue };
            let Some(task) = self.task_of(&path, branch) else { continue };
            let (kind, details) = match task.resource.kind() {
                ResourceKind::Activity | ResourceKind::MapRun => continue,
                ResourceKind::Function { .. } => {
                    (EventType::LambdaFunctionStarted, Details::default())
                }
                ResourceKind::Service { .. } => {
                    (EventType::TaskStarted, super::task::service_details(&task.resource))
                }
            };
            self.emit_next(&path, kind, details);
        }
    }

    pub(super) fn show_finished(&mut self, status: &Status, last_event: u64) {
        let (kind, details) = match status {
            Status::Running => return,
            Status::Succeeded { output } => {
                (EventType::ExecutionSucceeded, Details::of_output(output.clone()))
            }
            Status::Failed { error } => (EventType::ExecutionFailed, Details::of_error(error)),
            Status::TimedOut => (EventType::ExecutionTimedOut, timed_out()),
            Status::Aborted { error } => (EventType::ExecutionAborted, Details::of_error(error)),
        };
        self.append(kind, last_event, details);
    }

    /// Shows that the state a branch is in will never be left.
    pub(super) fn show_aborted(&mut self, path: &BranchPath, branch: &Branch, previous: u64) {
        let is_at_work = self.task_of(path, branch).is_some();
        if matches!(branch.waiting, Waiting::MapRun(_)) && is_at_work {
            self.emit(EventType::MapRunAborted, previous, Details::default());
        }
        if branch.is_in_state()
            && let Some(kind) = aborted(branch.state().kind())
        {
            self.emit(kind, previous, Details::default());
        }
    }

    pub(super) fn is_forked(branch: &Branch) -> bool {
        matches!(branch.waiting, Waiting::Children(_) | Waiting::MapRun(_))
    }
}

/// "Timed out" has no cause in the history.
pub(super) fn timed_out() -> Details {
    Details { error: Some(error_name::TIMEOUT.to_owned()), ..Details::default() }
}

/// Which iteration of which Map.
pub(super) fn iteration(map: &StateName, index: usize) -> Details {
    Details { index: Some(index as u64), ..Details::named(map) }
}

pub(super) fn entered(kind: StateKind) -> EventType {
    match kind {
        StateKind::Task => EventType::TaskStateEntered,
        StateKind::Wait => EventType::WaitStateEntered,
        StateKind::Pass => EventType::PassStateEntered,
        StateKind::Succeed => EventType::SucceedStateEntered,
        StateKind::Fail => EventType::FailStateEntered,
        StateKind::Choice => EventType::ChoiceStateEntered,
        StateKind::Parallel => EventType::ParallelStateEntered,
        StateKind::Map => EventType::MapStateEntered,
    }
}

fn exited(kind: StateKind) -> Option<EventType> {
    Some(match kind {
        StateKind::Task => EventType::TaskStateExited,
        StateKind::Wait => EventType::WaitStateExited,
        StateKind::Pass => EventType::PassStateExited,
        StateKind::Succeed => EventType::SucceedStateExited,
        StateKind::Choice => EventType::ChoiceStateExited,
        StateKind::Parallel => EventType::ParallelStateExited,
        StateKind::Map => EventType::MapStateExited,
        StateKind::Fail => return None,
    })
}

fn aborted(kind: StateKind) -> Option<EventType> {
    match kind {
        StateKind::Task => Some(EventType::TaskStateAborted),
        StateKind::Wait => Some(EventType::WaitStateAborted),
        StateKind::Parallel => Some(EventType::ParallelStateAborted),
        StateKind::Map => Some(EventType::MapStateAborted),
        StateKind::Pass | StateKind::Succeed | StateKind::Fail | StateKind::Choice => None,
    }
}
