//! Branches and iterations: begun as concurrency allows, joined when all have succeeded.

use serde::{Deserialize, Serialize};

use super::{
    Execution, Outputs, WaitsFor,
    branch::{Branch, BranchPath, Waiting, child_path},
    journal::iteration,
    randomness::Purpose,
    turn::{Advance, Next},
    visit::failure_of,
};
use crate::{
    CommandId, CommandKind, Details, EventType, Payload, StateKind, retry::Failure, state::Fork,
};

/// The branches of a Parallel, or the iterations of a Map, at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Children {
    fork: Fork,
    begun: usize,
    /// Of those that are done.
    outputs: Outputs,
}

impl Children {
    fn new(fork: Fork) -> Self {
        Self { fork, begun: 0, outputs: Outputs::default() }
    }

    pub(super) fn has_begun(&self, slot: usize) -> bool {
        slot < self.begun
    }

    pub(super) fn progress(&self) -> WaitsFor {
        WaitsFor::Children { done: self.outputs.count(), total: self.fork.total }
    }

    /// Whether another may begin.
    fn has_room(&self) -> bool {
        let at_work = self.begun - self.outputs.count();
        self.begun < self.fork.total && at_work < self.fork.concurrency
    }

    pub(super) fn is_done(&self) -> bool {
        self.outputs.count() == self.fork.total
    }
}

impl Execution {
    /// Begins what a Parallel or Map state runs.
    pub(super) fn fork(&mut self, path: &BranchPath, fork: Fork) -> Next {
        let (kind, details) = match self.branches[path].state().kind() {
            StateKind::Map => {
                let length = Some(fork.total as u64);
                (EventType::MapStateStarted, Details { length, ..Details::default() })
            }
            _ => (EventType::ParallelStateStarted, Details::default()),
        };
        self.emit_next(path, kind, details);
        let children = Children::new(fork);
        let is_done = children.is_done();
        self.branch_mut(path).waiting = Waiting::Children(Box::new(children));
        if is_done {
            return self.join(path);
        }
        let previous = self.branches[path].last_event;
        self.begin_children(path, previous)
    }

    /// Begins as many children as there is room for.
    pub(super) fn begin_children(&mut self, path: &BranchPath, previous: u64) -> Next {
        while let Some(children) = self.children(path)
            && children.has_room()
            && !self.turn.is_full
        {
            let slot = children.begun;
            if let Err(failure) = self.begin_child(path, slot, previous) {
                let failed = self.show_evaluation_failed(path, &failure, previous);
                let previous = failed.unwrap_or(previous);
                self.abort_children(path, previous, None);
                return Some((path.clone(), Advance::Fail(failure)));
            }
        }
        None
    }

    fn begin_child(
        &mut self,
        path: &BranchPath,
        slot: usize,
        previous: u64,
    ) -> Result<(), Failure> {
        let branch = &self.branches[path];
        let (state, child) = (branch.state(), child_path(path, branch, slot));
        let machines = state.behavior().machines();
        let is_map = state.kind() == StateKind::Map;
        let machine = machines[if is_map { 0 } else { slot }].clone();
        let (name, variables) = (state.name().clone(), branch.variables.inner());

        let input = self.child_input(path, &child, slot)?;
        if let Some(children) = self.children_mut(path) {
            children.begun += 1;
        }
        let first_event = match is_map {
            true => self.emit(EventType::MapIterationStarted, previous, iteration(&name, slot)),
            false => previous,
        };
        self.begin(
            child,
            Branch { variables, ..Branch::new(machine, input, first_event, self.now) },
        );
        Ok(())
    }

    fn child_input(
        &self,
        path: &BranchPath,
        child: &BranchPath,
        slot: usize,
    ) -> Result<Payload, Failure> {
        let children = self.children(path).expect("only a state that forked begins a child");
        let place =
            CommandId { branch: child.clone(), visit: 0, attempt: 0, kind: CommandKind::Task };
        let input = self.evaluate_at(path, &place, Purpose::Item, |state, cx| {
            state.behavior().child_input(cx, &children.fork, slot)
        })?;
        self.bounded(path, input)
    }

    /// A branch or iteration is over: another takes its place, or the state is left.
    pub(super) fn child_succeeded(
        &mut self,
        path: &BranchPath,
        slot: usize,
        last_event: u64,
        output: Payload,
    ) -> Next {
        let state = self.branches[path].state();
        let (is_map, name) = (state.kind() == StateKind::Map, state.name().clone());
        let event = match is_map {
            true => self.emit(EventType::MapIterationSucceeded, last_event, iteration(&name, slot)),
            false => last_event,
        };
        self.branch_mut(path).last_event = event;
        let children = self.children_mut(path).expect("a child's parent waits for its children");
        children.outputs.keep(slot, output);
        if children.is_done() {
            return self.join(path);
        }
        self.begin_children(path, last_event)
    }

    /// All branches or iterations have succeeded. What follows points back to the last of them, not
    /// to the event that says so.
    fn join(&mut self, path: &BranchPath) -> Next {
        let branch = &self.branches[path];
        let (previous, state) = (branch.last_event, branch.state());
        let kind = match state.kind() {
            StateKind::Map => EventType::MapStateSucceeded,
            _ => EventType::ParallelStateSucceeded,
        };
        let children = self.children(path).expect("a state that joins waited for its children");
        let advance = match children.outputs.result(state.name()) {
            Ok(result) => {
                self.emit(kind, previous, Details::default());
                self.branch_mut(path).waiting = Waiting::Nothing;
                Advance::Leave(result)
            }
            Err(error) => Advance::Fail(failure_of(branch, error)),
        };
        Some((path.clone(), advance))
    }

    fn children(&self, path: &BranchPath) -> Option<&Children> {
        match &self.branches.get(path)?.waiting {
            Waiting::Children(children) => Some(children),
            _ => None,
        }
    }

    fn children_mut(&mut self, path: &BranchPath) -> Option<&mut Children> {
        match &mut self.branches.get_mut(path)?.waiting {
            Waiting::Children(children) => Some(children),
            _ => None,
        }
    }
}
