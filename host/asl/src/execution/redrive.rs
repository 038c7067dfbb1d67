//! Redrive: an execution that failed, was stopped or ran out of time goes on where it stood.
//!
//! What stood is kept when such an execution ends: the branches at work, and those that the failure
//! stopped within its own step. A redriven state is not entered again, it is attempted again: the
//! visit, and so the idempotency key of its task, stays.

use std::{collections::BTreeMap, mem};

use serde::{Deserialize, Serialize};

use super::{
    Execution, Status,
    branch::{Branch, BranchPath, Waiting},
    checkpoint::{read_pairs, write_pairs},
    turn::Advance,
};
use crate::{CommandKind, Details, EventType, Timestamp};

/// How often and when an execution was redriven, and what a further redrive goes on with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Redrives {
    pub(super) count: u32,
    pub(super) last: Option<Timestamp>,
    /// The branches as they stood when the execution ended without success.
    #[serde(serialize_with = "write_pairs", deserialize_with = "read_pairs")]
    pub(super) stood: BTreeMap<BranchPath, Branch>,
}

impl Execution {
    /// How often the execution was redriven.
    pub fn redrive_count(&self) -> u32 {
        self.redrives.count
    }

    /// Notes where an execution stands that ends without success.
    pub(super) fn keep_for_redrive(&mut self, status: &Status) {
        let mut stood = mem::take(&mut self.branches);
        stood.extend(mem::take(&mut self.turn.stopped));
        self.redrives.stood = match status {
            Status::Succeeded { .. } => BTreeMap::new(),
            _ => stood,
        };
    }

    /// An error inside the state was dealt with: what it stopped is not gone on with.
    pub(super) fn forget_stopped(&mut self, path: &BranchPath) {
        self.turn.stopped.retain(|(stopped, _)| !stopped.starts_with(path));
    }

    /// `RedriveExecution`. One that goes on or succeeded is left as it is.
    pub(super) fn redrive(&mut self) {
        if self.started.is_none()
            || matches!(self.status, Status::Running | Status::Succeeded { .. })
        {
            return;
        }
        self.status = Status::Running;
        self.redrives.count += 1;
        self.redrives.last = Some(self.now);
        let details = Details { redrive_count: Some(self.redrives.count), ..Details::default() };
        let event = self.emit(EventType::ExecutionRedriven, self.last_event, details);
        self.start_deadline();

        self.branches = mem::take(&mut self.redrives.stood);
        let paths: Vec<BranchPath> = self.branches.keys().cloned().collect();
        for path in &paths {
            self.go_on(path, event);
        }
        // Then those of a Map that had yet to begin.
        for path in &paths {
            let next = self.begin_children(path, event);
            self.turn.ready.extend(next);
        }
    }

    /// Lets a branch go on from where it stood.
    fn go_on(&mut self, path: &BranchPath, event: u64) {
        let branch = self.branch_mut(path);
        branch.retries.clear();
        branch.last_event = event;
        let advance = match &branch.waiting {
            Waiting::Children(children) if !children.is_done() => return,
            Waiting::Timer(at) => {
                let (at, timer) = (*at, branch.command(path, CommandKind::Wait));
                return self.start_timer(timer, at);
            }
            Waiting::MapRun(_) => Advance::RunAgain,
            Waiting::Turn(state, input) => Advance::Arrive(*state, input.clone()),
            _ if branch.has_arrived() => Advance::Retry,
            _ => Advance::Arrive(branch.first_state(), branch.input.clone()),
        };
        self.turn.ready.push_back((path.clone(), advance));
    }
}
