//! How far one fact leads at once. States that wait for nothing can follow upon each other without end: past
//! a measure they go on in turns, each a fact of its own. So what one step holds is bounded, whatever else
//! is at work has its say in between, and a long way is durable piece by piece.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{
    Execution, Status,
    branch::{BranchPath, Waiting},
    turn::{Advance, Next},
};
use crate::{CommandId, CommandKind, Payload};

/// The events of one turn, and the bytes of their payloads, past which no branch comes to another state in
/// it.
const TURN_EVENTS_MAX: usize = 500;
const TURN_BYTES_MAX: usize = 4 << 20;

/// Branches that go on in the next turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// The first to go on first. A branch that has been stopped meanwhile is among them still.
    branches: VecDeque<BranchPath>,
    /// How many turns were asked for.
    turns: u32,
    /// Whether the last of them is yet to come.
    is_asked_for: bool,
    /// The last event before the fact that led so far.
    first_event: u64,
}

impl Pending {
    /// Nothing goes on.
    pub(super) fn forget(&mut self) {
        *self = Self { turns: self.turns, ..Self::default() };
    }

    /// Whether a turn of this id was asked for.
    pub(super) fn has_been_turn(&self, id: &CommandId) -> bool {
        let (CommandId { visit, .. }, turns) = (id, self.turns);
        *id == turn(*visit) && (1..=turns).contains(visit)
    }
}

impl Execution {
    /// How a branch goes on; none when it is to come to another state, and is put off to the next turn.
    pub(super) fn unless_put_off(&mut self, (path, advance): (BranchPath, Advance)) -> Next {
        match advance {
            Advance::Arrive(state, input) if self.is_turn_full() => {
                if self.stands_between(&path, state, input) {
                    self.pending.branches.push_back(path);
                }
                None
            }
            advance => Some((path, advance)),
        }
    }

    /// In a turn that is full, a branch that would come to another state goes behind those that have yet to go
    /// on in it.
    pub(super) fn unless_behind(&mut self, next: Next) -> Next {
        match next {
            Some((path, Advance::Arrive(state, input))) if self.is_turn_full() => {
                if self.stands_between(&path, state, input.clone()) {
                    self.turn.ready.push_back((path, Advance::Arrive(state, input)));
                }
                None
            }
            next => next,
        }
    }

    /// Has a branch stand between two states, should another end the execution; false when it is over.
    fn stands_between(&mut self, path: &BranchPath, next: usize, input: Payload) -> bool {
        let branch = self.branches.get_mut(path);
        branch.map(|branch| branch.waiting = Waiting::Turn(next, input)).is_some()
    }

    pub(super) fn is_turn_full(&self) -> bool {
        let is_long = self.turn.step.history.len() >= TURN_EVENTS_MAX;
        let is_full = is_long || self.turn.payload_bytes >= TURN_BYTES_MAX;
        is_full && self.started.as_ref().is_some_and(|started| started.edition >= 1)
    }

    /// Asks for another turn when there is something left to do.
    pub(super) fn ask_for_turn(&mut self) {
        let is_running = self.status == Status::Running;
        if !is_running || self.pending.is_asked_for || self.pending.branches.is_empty() {
            return;
        }
        self.pending.turns += 1;
        self.pending.is_asked_for = true;
        self.pending.first_event = self.turn.first_event;
        self.start_timer(turn(self.pending.turns), self.now);
    }

    /// What was put off goes on, as far as this turn has room for it.
    pub(super) fn take_turn(&mut self) {
        self.pending.is_asked_for = false;
        self.turn.first_event = self.pending.first_event;
    }

    /// The next of what was put off, in its turn.
    pub(super) fn next_pending(&mut self) -> Next {
        while !self.pending.is_asked_for && !self.is_turn_full() {
            let path = self.pending.branches.pop_front()?;
            if let Some(Waiting::Turn(state, input)) =
                self.branches.get(&path).map(|it| &it.waiting)
            {
                let advance = Advance::Arrive(*state, input.clone());
                return Some((path, advance));
            }
        }
        None
    }
}

/// The timer of a turn, which are counted from 1.
fn turn(number: u32) -> CommandId {
    let branch = BranchPath::default();
    CommandId { branch, visit: number, attempt: 0, kind: CommandKind::Turn }
}
