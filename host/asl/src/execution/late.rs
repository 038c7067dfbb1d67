//! Facts that come late, and facts that cannot be.

use std::cmp::Ordering;

use super::{Execution, Status, deadline};
use crate::{CommandId, CommandKind, StateKind, StatesError};

impl Execution {
    pub(super) fn refuse_id(&mut self, id: &CommandId, why: &str) {
        self.refuse(&format!("names `{id}`, which {why}"));
    }

    /// Fails the execution for a fact that cannot be.
    pub(super) fn refuse(&mut self, why: &str) {
        let last_event = self.branches.get([].as_slice()).map_or(0, |root| root.last_event);
        let error = StatesError::runtime(format!("The journal is broken: a fact {why}."));
        self.finish(Status::Failed { error }, last_event);
    }

    /// A fact about a command that is not outstanding comes late, or cannot be. What a branch that
    /// is over issued is not kept, so of its commands any is believed.
    pub(super) fn refuse_unless_known(&mut self, id: &CommandId) {
        if !self.was_issued(id) {
            self.refuse_id(id, "was never issued");
        }
    }

    /// Whether a command of this id can have been issued.
    fn was_issued(&self, id: &CommandId) -> bool {
        match id.kind {
            CommandKind::Execution => {
                let is_express = self.started.as_ref().is_some_and(|started| started.is_express);
                let is_limited = is_express || self.machine.timeout_seconds().is_some();
                return *id == deadline() && is_limited;
            }
            CommandKind::Turn => return self.pending.has_been_turn(id),
            _ => {}
        }
        for (depth, &(visit, attempt, slot)) in id.branch.iter().enumerate() {
            let Some(branch) = self.branches.get(&id.branch[..depth]) else { return true };
            match (visit, attempt).cmp(&(branch.visit, branch.attempt)) {
                Ordering::Less => return true,
                Ordering::Equal if branch.may_have_begun(slot) => {}
                Ordering::Equal | Ordering::Greater => return false,
            }
        }
        let Some(branch) = self.branches.get(&id.branch) else { return true };
        match (id.visit, id.attempt).cmp(&(branch.visit, branch.attempt)) {
            Ordering::Less => true,
            Ordering::Greater => false,
            // Of the present attempt only a task's commands can be over: the others, once answered,
            // lead to another attempt or visit.
            Ordering::Equal if !branch.is_in_state() => branch.has_arrived(),
            Ordering::Equal => match branch.state().kind() {
                StateKind::Task => !matches!(id.kind, CommandKind::Wait | CommandKind::Backoff),
                StateKind::Map => {
                    branch.state().behavior().distributed().is_some()
                        && id.kind == CommandKind::Task
                }
                _ => false,
            },
        }
    }
}
