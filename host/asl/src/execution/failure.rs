//! What follows an error: another attempt, a catcher, or the failure of what contains the state.

use std::ops::Bound;

use super::{
    Execution, Status,
    branch::{Branch, BranchPath, Waiting, child_path, parent_path},
    journal::iteration,
    randomness::{Purpose, jitter},
    turn::{Advance, Next},
};
use crate::{
    CommandKind, Details, EventType, Payload, SpanEnd, StateKind, StateName,
    retry::{Catcher, Failure, Retrier},
    state::Exit,
};

impl Execution {
    /// An error leaves a state.
    pub(super) fn fail(&mut self, path: &BranchPath, failure: Failure) -> Next {
        let branch = &self.branches[path];
        let retriers = branch.state().retriers();
        if let Some(index) = Retrier::find(retriers, &failure, &branch.retries) {
            self.forget_stopped(path);
            self.back_off(path, index);
            return None;
        }
        // An expression that keeps a Map from having items, AWS tells so too.
        if Self::is_forked(branch) || (failure.is_early && failure.is_of_query()) {
            let kind = match branch.state().kind() {
                StateKind::Map => Some(EventType::MapStateFailed),
                StateKind::Parallel => Some(EventType::ParallelStateFailed),
                _ => None,
            };
            if let Some(kind) = kind {
                self.emit_next(path, kind, Details::default());
            }
        }
        match self.catch(path, &failure) {
            Some(Ok((next, exit))) => {
                self.forget_stopped(path);
                self.exit(path, Some(next), exit)
            }
            // Not offered to the catchers again: what they make of it would fail the same way.
            Some(Err(failure)) => {
                self.show_evaluation_failed(path, &failure, self.branches[path].last_event);
                self.give_up(path, failure)
            }
            None => self.give_up(path, failure),
        }
    }

    fn back_off(&mut self, path: &BranchPath, index: usize) {
        let seed = self.started().seed;
        let now = self.now;
        let branch = self.branch_mut(path);
        branch.retries.resize(branch.state().retriers().len(), 0);
        branch.retries[index] += 1;
        let timer = branch.command(path, CommandKind::Backoff);
        let retrier = &branch.machine.state_at(branch.state).retriers()[index];
        let delay = retrier.delay_millis(branch.retries[index], || jitter(&seed, &timer));
        let at = now.plus_millis(delay);
        branch.waiting = Waiting::Backoff(at);
        self.start_timer(timer, at);
    }

    /// Where a catcher leads, and with what; an error when it cannot make its output.
    fn catch(
        &self,
        path: &BranchPath,
        failure: &Failure,
    ) -> Option<Result<(StateName, Exit), Failure>> {
        let branch = &self.branches[path];
        let catcher = Catcher::find(branch.state().catchers(), failure)?;
        let error_output = Payload::from(failure.error.output());
        let exit = self.evaluate(path, Purpose::Catching, |_, cx| {
            catcher.exit(cx.input, &error_output, &cx.scope_of_error(error_output.value()))
        });
        // Its limits are those of any exit, but its own error is offered to no catcher again.
        let exit = exit.and_then(|exit| self.bounded_exit(path, exit));
        Some(exit.map(|exit| (catcher.next.clone(), exit)))
    }

    /// Nothing in the state helps: what contains it fails with the same error.
    fn give_up(&mut self, path: &BranchPath, failure: Failure) -> Next {
        let last_event = self.branches[path].last_event;
        let Some((parent, slot)) = parent_path(path) else {
            let error = failure.error.shown();
            self.finish(Status::Failed { error }, last_event);
            return None;
        };
        if self.is_traced
            && let Some(branch) = self.branches.get(path).cloned()
        {
            self.end_state(path, SpanEnd::Failed(failure.error.clone()));
            self.end_branch(path, &branch, SpanEnd::Failed(failure.error.clone()));
        }
        let branch = &self.branches[&parent];
        if branch.state().kind() == StateKind::Map {
            let details = iteration(branch.state_name(), slot);
            self.emit(EventType::MapIterationFailed, last_event, details);
        }
        self.abort_children(&parent, last_event, Some(slot));
        Some((parent, Advance::Fail(failure)))
    }

    /// Stops all branches or iterations of a state. The failed one, whose error `failing_event`
    /// shows, comes first in the history.
    pub(super) fn abort_children(
        &mut self,
        parent: &BranchPath,
        failing_event: u64,
        failed: Option<usize>,
    ) {
        let failed = failed.map(|slot| child_path(parent, &self.branches[parent], slot));
        let after = (Bound::Excluded(parent.clone()), Bound::Unbounded);
        let paths = self.branches.range::<BranchPath, _>(after).map(|(path, _)| path);
        let inside = paths.take_while(|path| path.starts_with(parent)).cloned();
        let is_failed = |path: &BranchPath| failed.as_ref().is_some_and(|it| path.starts_with(it));
        let (first, others): (Vec<_>, Vec<_>) = inside.partition(is_failed);
        let aborted: Vec<_> = first.into_iter().chain(others).collect();
        for path in &aborted {
            self.show_iteration_aborted(path, failed.as_ref(), failing_event);
            let branch = self.branches[path].clone();
            self.show_aborted(path, &branch, failing_event);
            // That of the failed one has ended with its error.
            if failed.as_ref() != Some(path) {
                self.abort_spans(path, &branch);
            }
            self.cancel_commands(path, &branch);
        }
        for path in aborted {
            if let Some(branch) = self.branches.remove(&path) {
                self.turn.stopped.push((path, branch));
            }
        }
        self.branch_mut(parent).last_event = failing_event;
    }

    fn show_iteration_aborted(
        &mut self,
        path: &BranchPath,
        failed: Option<&BranchPath>,
        failing_event: u64,
    ) {
        let Some((parent, slot)) = parent_path(path) else { return };
        let branch = &self.branches[&parent];
        if branch.state().kind() == StateKind::Map && failed != Some(path) {
            let details = iteration(branch.state_name(), slot);
            self.emit(EventType::MapIterationAborted, failing_event, details);
        }
    }

    fn cancel_commands(&mut self, path: &BranchPath, branch: &Branch) {
        let kinds: &[_] = match branch.waiting {
            Waiting::Nothing | Waiting::Turn(..) | Waiting::Children(_) => &[],
            Waiting::Task(_) => &[CommandKind::Task, CommandKind::Timeout, CommandKind::Heartbeat],
            Waiting::MapRun(_) => &[CommandKind::Task],
            Waiting::Timer(_) => &[CommandKind::Wait],
            Waiting::Backoff(_) => &[CommandKind::Backoff],
        };
        for &kind in kinds {
            self.cancel(branch.command(path, kind));
        }
    }
}
