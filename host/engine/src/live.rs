//! An execution at work, and who looks on.

use stepyard_asl::{
    Command, Execution, Fact, FactKind, HistoryEvent, Status, Step, TaskStage, Timestamp,
};
use tokio::sync::{mpsc, oneshot};

/// An execution at work.
pub(crate) struct Live {
    pub(crate) execution: Execution,
    /// How many facts it was told.
    pub(crate) facts: u64,
    /// When it was told the last.
    pub(crate) told_at: Timestamp,
    pub(crate) trace: Option<String>,
    /// Answered when it is over.
    pub(crate) waiters: Vec<oneshot::Sender<Status>>,
    /// Shown what is committed. Not bounded, as a history is: an execution that grows too long fails.
    pub(crate) watchers: Vec<mpsc::UnboundedSender<HistoryEvent>>,
}

impl Live {
    /// An execution that was told `facts` facts, the last at `told_at`.
    pub(crate) fn new(
        execution: Execution,
        facts: u64,
        told_at: Timestamp,
        trace: Option<String>,
    ) -> Self {
        Self { execution, facts, told_at, trace, waiters: Vec::new(), watchers: Vec::new() }
    }

    /// Tells the execution a fact, at `now` or, should the clock have gone back, at the last fact's
    /// moment: an execution's time never decreases.
    pub(crate) fn tell(&mut self, now: Timestamp, kind: FactKind) -> (Fact, Step) {
        let fact = Fact { at: now.max(self.told_at), kind };
        self.told_at = fact.at;
        self.facts += 1;
        let step = self.execution.step(&fact);
        (fact, step)
    }

    /// What is performed again after a restart: all that is outstanding, but for the tasks that
    /// somebody outside has. Those are only awaited.
    pub(crate) fn unperformed(&self) -> Vec<Command> {
        let ours = |command: &&Command| match command {
            Command::ScheduleTask(task) => {
                self.execution.task_stage(&task.task) == Some(TaskStage::Scheduled)
            }
            _ => true,
        };
        self.execution.outstanding().into_iter().filter(ours).cloned().collect()
    }

    pub(crate) fn is_running(&self) -> bool {
        *self.execution.status() == Status::Running
    }

    /// Shows watchers what was committed, and forgets those that have gone.
    pub(crate) fn show(&mut self, history: Vec<HistoryEvent>) {
        if self.watchers.is_empty() {
            return;
        }
        for event in history {
            self.watchers.retain(|watcher| watcher.send(event.clone()).is_ok());
        }
    }

    /// It is over, and that is durable.
    pub(crate) fn finish(self, status: &Status) {
        for waiter in self.waiters {
            // Who waited may have gone.
            let _ = waiter.send(status.clone());
        }
    }
}
