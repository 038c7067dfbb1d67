//! Where an execution is: the view that people get.

use super::{
    TaskStage,
    branch::{Branch, BranchPath, Waiting},
};
use crate::{StateName, Timestamp};

/// A state the execution is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position<'a> {
    /// The state.
    pub state: &'a StateName,
    /// How many Parallel and Map states it stands inside.
    pub depth: usize,
    /// When it was entered.
    pub entered_at: Timestamp,
    /// 0 at first, then 1 more for each retry.
    pub attempt: u32,
    /// What it waits for.
    pub waits_for: WaitsFor,
}

/// What a state waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// A task's end.
    Task {
        /// How far the task got.
        stage: TaskStage,
    },
    /// A moment: a Wait state's.
    Timer {
        /// The moment.
        until: Timestamp,
    },
    /// A moment: its next attempt's.
    Retry {
        /// The moment.
        until: Timestamp,
    },
    /// Its branches or iterations.
    Children {
        /// How many succeeded.
        done: usize,
        /// How many there are.
        total: usize,
    },
}

impl<'a> Position<'a> {
    /// None for a branch on its way from state to state.
    pub(super) fn of(path: &BranchPath, branch: &'a Branch) -> Option<Self> {
        let waits_for = match &branch.waiting {
            Waiting::Nothing | Waiting::Turn(..) => return None,
            Waiting::Task(stage) => WaitsFor::Task { stage: *stage },
            Waiting::MapRun(_) => WaitsFor::Task { stage: TaskStage::Scheduled },
            Waiting::Timer(until) => WaitsFor::Timer { until: *until },
            Waiting::Backoff(until) => WaitsFor::Retry { until: *until },
            Waiting::Children(children) => children.progress(),
        };
        let (state, depth) = (branch.state_name(), path.len());
        let (entered_at, attempt) = (branch.entered_at, branch.attempt);
        Some(Self { state, depth, entered_at, attempt, waits_for })
    }
}
