//! What is under way within one step.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use super::branch::{Branch, BranchPath};
use crate::{Command, Payload, Step, retry::Failure};

/// What is under way within one step; empty between steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Turn {
    /// Branches that can go on. A queue and no recursion: how far a definition leads is up to its
    /// author.
    pub(super) ready: VecDeque<(BranchPath, Advance)>,
    /// Branches whose task was scheduled, and is yet to be shown as started.
    pub(super) starting: Vec<BranchPath>,
    /// Branches that an error stopped: where a redrive goes on, should nobody deal with the error.
    pub(super) stopped: Vec<(BranchPath, Branch)>,
    /// No further event fits into the history.
    pub(super) is_full: bool,
    /// The last event before the fact that led here: of a further turn, the one that led to the first.
    pub(super) first_event: u64,
    /// What the payloads of its events come to.
    pub(super) payload_bytes: usize,
    /// The activities that are not there.
    pub(super) absent_activities: Vec<Arc<str>>,
    pub(super) step: Step,
}

impl Turn {
    /// What came of it. A command that the same step cancels again is never issued.
    pub(super) fn into_step(self) -> Step {
        let Step { mut commands, history, spans } = self.step;
        let cancels = commands.iter().filter(|it| matches!(it, Command::Cancel { .. }));
        let cancelled: BTreeSet<_> = cancels.filter_map(Command::id).cloned().collect();
        if cancelled.is_empty() {
            return Step { commands, history, spans };
        }
        let issued = commands.iter().filter(|it| !matches!(it, Command::Cancel { .. }));
        let issued = issued.filter_map(Command::id).filter(|id| cancelled.contains(id));
        let issued: BTreeSet<_> = issued.cloned().collect();
        commands.retain(|command| command.id().is_none_or(|id| !issued.contains(id)));
        Step { commands, history, spans }
    }
}

/// What a branch does next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Advance {
    /// Comes to a state, with this input.
    Arrive(usize, Payload),
    /// Enters the state it is in once more.
    Retry,
    /// Goes on with the Map Run that it stood at.
    RunAgain,
    /// Leaves the state with what its work came to.
    Leave(Payload),
    /// An error leaves the state.
    Fail(Failure),
}

/// Which branch goes on, and how.
pub(super) type Next = Option<(BranchPath, Advance)>;
