//! What is kept of a Map Run: what `DescribeMapRun` shows, and while it is under way how far it has come.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::{MapRun, Status, Timestamp, Tolerance};

use super::progress::Progress;
use crate::ExecutionArn;

/// What is known of a Map Run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapRunRecord {
    /// Its ARN.
    pub arn: Arc<str>,
    /// The execution it is a task of.
    pub execution: ExecutionArn,
    /// The state machine of its children: `…:stateMachine:<name>/<label>`.
    pub machine: Arc<str>,
    /// Whether its children are Express executions.
    pub is_express: bool,
    /// How it stands.
    pub status: MapRunStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; none while it is under way.
    pub stopped_at: Option<Timestamp>,
    /// How many children may run at once, as the state or [`Engine::update_map_run`] says; 0 for no limit
    /// but the engine's own.
    ///
    /// [`Engine::update_map_run`]: crate::Engine::update_map_run
    pub concurrency: usize,
    /// How many items may fail.
    pub tolerance: Tolerance,
    /// How many items a child has at most; 0 when that is not known.
    #[serde(default)]
    pub items_of_child: usize,
    /// Its items.
    pub items: RunCounts,
    /// Its children.
    pub executions: RunCounts,
    /// How often it was redriven.
    pub redrive_count: u32,
    /// When it was last redriven.
    pub redriven_at: Option<Timestamp>,
    /// From where another engine or a redrive goes on; none when Standard children are over.
    #[serde(skip)]
    pub(crate) progress: Option<Progress>,
}

/// How a Map Run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapRunStatus {
    /// It is under way.
    Running,
    /// All items were processed, and no more failed than it tolerates.
    Succeeded,
    /// It failed.
    Failed,
    /// It was stopped with its execution, or its state ran out of time.
    Aborted,
}

impl MapRunStatus {
    /// AWS's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Aborted => "ABORTED",
        }
    }
}

/// How many items, or executions, stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunCounts {
    /// Not begun yet, as far as they are known.
    pub pending: u64,
    /// Under way.
    pub running: u64,
    /// Succeeded.
    pub succeeded: u64,
    /// Failed.
    pub failed: u64,
    /// Out of time.
    pub timed_out: u64,
    /// Stopped.
    pub aborted: u64,
    /// Whose results were exported.
    pub results_written: u64,
    /// Those of the unsuccessful that a redrive could not let go on.
    pub not_redrivable: u64,
}

impl RunCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.pending + self.running + self.failures() + self.succeeded
    }

    /// Those that are over and did not succeed.
    pub fn failures(&self) -> u64 {
        self.failed + self.timed_out + self.aborted
    }

    fn end(&mut self, count: u64, status: &Status) {
        self.running = self.running.saturating_sub(count);
        match status {
            Status::Succeeded { .. } => self.succeeded += count,
            Status::TimedOut => self.timed_out += count,
            Status::Aborted { .. } => self.aborted += count,
            Status::Running | Status::Failed { .. } => self.failed += count,
        }
    }

    /// The same for who goes on with it: what was under way is yet to be begun. Express children are stopped
    /// with their run alone, and so they are, too.
    fn begun_again(self, is_express: bool) -> Self {
        let (stopped, aborted) = if is_express { (self.aborted, 0) } else { (0, self.aborted) };
        Self { pending: self.pending + self.running + stopped, running: 0, aborted, ..self }
    }
}

impl MapRunRecord {
    /// A run that begins.
    pub(super) fn new(run: &MapRun, execution: &ExecutionArn, now: Timestamp) -> Self {
        Self {
            arn: run.arn().into(),
            execution: execution.clone(),
            machine: run.machine_arn().into(),
            is_express: run.is_express(),
            status: MapRunStatus::Running,
            started_at: now,
            stopped_at: None,
            concurrency: run.concurrency(),
            tolerance: run.tolerance(),
            items_of_child: run.items_of_child(),
            items: RunCounts::default(),
            executions: RunCounts::default(),
            redrive_count: run.redrive_count(),
            redriven_at: None,
            progress: Some(Progress::default()),
        }
    }

    /// The same run, under way in another engine or once more.
    pub(super) fn resumed(mut self, run: &MapRun, now: Timestamp) -> Self {
        let is_redriven = self.redrive_count < run.redrive_count();
        if is_redriven {
            (self.redrive_count, self.redriven_at) = (run.redrive_count(), Some(now));
            // Standard children are found again, each as it ended.
            let is_express = self.is_express;
            self.progress = self.progress.filter(|_| is_express).map(Progress::redriven);
        }
        for counts in [&mut self.items, &mut self.executions] {
            *counts = match self.progress {
                // Each child is found again.
                None => RunCounts::default(),
                Some(_) if is_redriven => {
                    RunCounts { succeeded: counts.succeeded, ..RunCounts::default() }
                }
                Some(_) => counts.begun_again(self.is_express),
            };
        }
        (self.status, self.stopped_at) = (MapRunStatus::Running, None);
        self.items_of_child = run.items_of_child();
        self
    }

    /// What is shown of it.
    pub(crate) fn shown(&self) -> Self {
        // How far it has come may be long.
        let Self { arn, execution, machine, .. } = self;
        let (arn, execution, machine) = (arn.clone(), execution.clone(), machine.clone());
        Self { arn, execution, machine, progress: None, ..*self }
    }

    /// Whether it is kept how far it has come. A run that is over may be asked again what it came to, until
    /// its execution knows it, and may be redriven; of Standard children the store tells how they ended.
    pub(super) fn keeps_progress(&self) -> bool {
        self.status == MapRunStatus::Running || self.is_express
    }

    pub(super) fn end(&mut self, status: MapRunStatus, now: Timestamp) {
        for counts in [&mut self.items, &mut self.executions] {
            counts.aborted += std::mem::take(&mut counts.running);
        }
        (self.status, self.stopped_at) = (status, Some(now));
    }

    /// A child of so many items begins.
    pub(super) fn child_begins(&mut self, items: u64) {
        for (counts, count) in [(&mut self.items, items), (&mut self.executions, 1)] {
            counts.pending = counts.pending.saturating_sub(count);
            counts.running += count;
        }
    }

    /// A child of so many items is over, and cannot be redriven if that is final.
    pub(super) fn child_ends(&mut self, items: u64, status: &Status, is_final: bool) {
        for (counts, count) in [(&mut self.items, items), (&mut self.executions, 1)] {
            counts.end(count, status);
            counts.not_redrivable += if is_final { count } else { 0 };
        }
    }
}

/// What of a Map Run is changed while it is under way; what is none stays.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MapRunChange {
    /// How many children may run at once; 0 for no limit but the engine's own.
    pub concurrency: Option<usize>,
    /// How many items may fail.
    pub tolerated_count: Option<u64>,
    /// How many items of a hundred may fail.
    pub tolerated_percentage: Option<f64>,
}

impl MapRunRecord {
    /// Changes it; false when it is over, and nothing of it can be changed.
    pub(super) fn change(&mut self, change: &MapRunChange) -> bool {
        if self.status != MapRunStatus::Running {
            return false;
        }
        self.concurrency = change.concurrency.unwrap_or(self.concurrency);
        self.tolerance.count = change.tolerated_count.or(self.tolerance.count);
        self.tolerance.percentage = change.tolerated_percentage.or(self.tolerance.percentage);
        true
    }
}
