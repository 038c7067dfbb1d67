//! How a branch goes from state to state.

use super::{
    Execution, Status,
    branch::{self, Branch, BranchPath, Waiting},
    journal,
    randomness::Purpose,
    turn::{Advance, Next},
};
use crate::{
    CommandKind, Details, Payload, SpanEnd, StateKind, StateName,
    retry::Failure,
    state::{Exit, Progress},
};

impl Execution {
    /// Adds a branch, which will arrive at its machine's first state.
    pub(super) fn begin(&mut self, path: BranchPath, branch: Branch) {
        let (first, input) = (branch.first_state(), branch.input.clone());
        self.branches.insert(path.clone(), branch);
        self.turn.ready.push_back((path, Advance::Arrive(first, input)));
    }

    /// Lets every branch go on until it waits, or until this turn is full. One branch goes as far as it
    /// can before the next.
    pub(super) fn run(&mut self) {
        while let Some(next) = self.turn.ready.pop_front().or_else(|| self.next_pending()) {
            let mut next = self.unless_put_off(next);
            while let Some((path, advance)) = next {
                if self.status != Status::Running || !self.branches.contains_key(&path) {
                    break;
                }
                let then = self.advance(&path, advance);
                self.stop_when_full();
                next = self.unless_behind(then);
            }
        }
        self.show_started();
        self.stop_when_full();
        self.ask_for_turn();
    }

    fn advance(&mut self, path: &BranchPath, advance: Advance) -> Next {
        match advance {
            Advance::Arrive(state, input) => {
                let previous = self.branches[path].last_event;
                self.arrive(path, state, input);
                self.enter(path, previous)
            }
            Advance::Retry => {
                self.branch_mut(path).attempt += 1;
                self.enter(path, self.branches[path].last_event)
            }
            Advance::RunAgain => self.redrive_map_run(path),
            Advance::Leave(result) => self.leave(path, result),
            Advance::Fail(failure) => self.fail(path, failure),
        }
    }

    /// Comes to a state for the first time, as opposed to by a retry.
    fn arrive(&mut self, path: &BranchPath, state: usize, input: Payload) {
        let now = self.now;
        let branch = self.branch_mut(path);
        let (last_event, begun_at) = (branch.last_event, branch.begun_at);
        *branch = Branch {
            machine: branch.machine.clone(),
            state,
            visit: branch.visit + 1,
            variables: branch.variables.clone(),
            entered_at: now,
            ..Branch::new(branch.machine.0.clone(), input.clone(), last_event, begun_at)
        };
        let kind = journal::entered(branch.state().kind());
        let details = Details { input: Some(input), ..Details::named(branch.state_name()) };
        let event = self.emit(kind, last_event, details);
        let branch = self.branch_mut(path);
        (branch.entered_event, branch.last_event) = (event, event);
    }

    /// Enters the state; `previous` is the last event before it came to the state.
    fn enter(&mut self, path: &BranchPath, previous: u64) -> Next {
        self.branch_mut(path).waiting = Waiting::Nothing;
        let entered =
            self.evaluate(path, Purpose::Entering, |state, cx| state.behavior().enter(cx));
        match entered {
            Err(failure) => {
                // What AWS's histories show: but for a Wait, it points back past the state's entering.
                let branch = &self.branches[path];
                let is_wait = branch.state().kind() == StateKind::Wait;
                let previous = if is_wait { branch.last_event } else { previous };
                self.show_evaluation_failed(path, &failure, previous);
                Some((path.clone(), Advance::Fail(Failure { is_early: true, ..failure })))
            }
            Ok(Progress::Fail(error)) => {
                Some((path.clone(), Advance::Fail(Failure::of_work(error))))
            }
            Ok(Progress::Leave(exit)) => {
                let next = self.branches[path].state().next().cloned();
                self.exit(path, next, exit)
            }
            Ok(Progress::Goto(next, exit)) => self.exit(path, Some(next), exit),
            Ok(Progress::Timer(at)) => {
                let timer = self.branches[path].command(path, CommandKind::Wait);
                self.start_timer(timer, at);
                self.branch_mut(path).waiting = Waiting::Timer(at);
                None
            }
            Ok(Progress::Task(order)) => self.schedule(path, *order),
            Ok(Progress::Fork(fork)) => self.fork(path, fork),
            Ok(Progress::MapRun(fork)) => self.start_map_run(path, fork),
        }
    }

    fn leave(&mut self, path: &BranchPath, result: Payload) -> Next {
        self.branch_mut(path).waiting = Waiting::Nothing;
        let left =
            self.evaluate(path, Purpose::Leaving, |state, cx| state.behavior().leave(cx, result));
        match left {
            Err(failure) => {
                self.show_evaluation_failed(path, &failure, self.branches[path].last_event);
                Some((path.clone(), Advance::Fail(failure)))
            }
            Ok(exit) => {
                let next = self.branches[path].state().next().cloned();
                self.exit(path, next, exit)
            }
        }
    }

    /// Leaves the state: for another state, or for the end of the machine.
    pub(super) fn exit(&mut self, path: &BranchPath, next: Option<StateName>, exit: Exit) -> Next {
        let Exit { output, assigned } = match self.bounded_exit(path, exit) {
            Ok(exit) => exit,
            Err(failure) => return Some((path.clone(), Advance::Fail(failure))),
        };
        self.show_exited(path, output.clone(), assigned.clone());
        self.branch_mut(path).variables.assign(assigned);
        self.end_state(path, SpanEnd::Succeeded);
        match next {
            Some(next) => {
                let next = self.branches[path].machine.index_of(&next);
                let next = next.expect("a definition that parses has the states it leads to");
                Some((path.clone(), Advance::Arrive(next, output)))
            }
            None => self.end(path, output),
        }
    }

    /// The branch is over: its output goes to the state that holds it, or is the execution's.
    fn end(&mut self, path: &BranchPath, output: Payload) -> Next {
        let branch = self.branches.remove(path).expect("a branch that ends is at work");
        self.end_branch(path, &branch, SpanEnd::Succeeded);
        match branch::parent_path(path) {
            Some((parent, slot)) => self.child_succeeded(&parent, slot, branch.last_event, output),
            None => {
                self.finish(Status::Succeeded { output }, branch.last_event);
                None
            }
        }
    }
}
