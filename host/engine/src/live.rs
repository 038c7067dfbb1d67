//! An execution at work, and who looks on.

use std::sync::Arc;

use stepyard_asl::{
    Command, Execution, Fact, FactKind, HistoryEvent, Pins, Status, Step, TaskStage, Timestamp,
};
use tokio::sync::{mpsc, oneshot};

use crate::{Checkpoint, Interest, Observer, Subject};

/// How many facts are told again at most, of an execution that is small.
const CHECKPOINT_FACTS: u64 = 500;
/// What a fact takes in the journal, roughly: a checkpoint is not to take more than the facts that it
/// saves.
const FACT_BYTES: usize = 200;

/// An execution at work.
pub(crate) struct Live {
    pub(crate) execution: Execution,
    /// How many facts it was told.
    pub(crate) facts: u64,
    /// When it was told the last.
    pub(crate) told_at: Timestamp,
    /// Whether the store has it that it rests.
    pub(crate) rests: bool,
    /// Whether it stays in memory for a while although it rests.
    pub(crate) lingers: bool,
    /// Whether a job of it is followed from here: it does not rest.
    pub(crate) follows: bool,
    /// How many facts its last checkpoint covers, and how long it is.
    checkpoint: (u64, usize),
    pub(crate) bearings: Bearings,
    /// As what the observer is shown it; none when it wants nothing of it.
    pub(crate) observed: Option<Arc<Subject>>,
    /// Answered when it is over.
    pub(crate) waiters: Vec<oneshot::Sender<Status>>,
    /// Shown what is committed. Not bounded, as a history is: an execution that grows too long fails.
    pub(crate) watchers: Vec<mpsc::UnboundedSender<HistoryEvent>>,
}

/// What an execution's tasks are told of how it was started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bearings {
    /// The X-Ray trace header.
    pub(crate) trace: Option<String>,
    /// The versions that they run, when they are not those that are current.
    pub(crate) pins: Option<Arc<Pins>>,
}

impl Live {
    /// An execution that was told `facts` facts.
    pub(crate) fn new(execution: Execution, facts: u64, bearings: Bearings) -> Self {
        Self {
            told_at: execution.now(),
            execution,
            facts,
            rests: false,
            lingers: false,
            follows: false,
            checkpoint: (facts, 0),
            bearings,
            observed: None,
            waiters: Vec::new(),
            watchers: Vec::new(),
        }
    }

    /// Lets an observer look on from here, if it wants to.
    pub(crate) fn observe(&mut self, observer: &dyn Observer, subject: Subject) {
        let interest = observer.interest(&subject);
        if interest == Interest::EventsAndSpans {
            self.execution.trace();
        }
        self.observed = (interest != Interest::Nothing).then(|| Arc::new(subject));
    }

    /// Tells the execution a fact, at `now` or, should the clock have gone back, at the last fact's
    /// moment: an execution's time never decreases.
    pub(crate) fn tell(
        &mut self,
        now: Timestamp,
        kind: FactKind,
        absent_activities: Vec<Arc<str>>,
    ) -> (Fact, Step) {
        let fact = Fact { at: now.max(self.told_at), kind, absent_activities };
        self.told_at = fact.at;
        self.facts += 1;
        let step = self.execution.step(&fact);
        (fact, step)
    }

    /// Tells the execution a fact of its journal again.
    pub(crate) fn retell(&mut self, fact: &Fact) {
        self.told_at = fact.at;
        self.facts += 1;
        self.execution.step(fact);
    }

    /// A checkpoint, when there is so much to tell since the last that it is worth writing.
    pub(crate) fn checkpoint(&mut self) -> Option<Checkpoint> {
        let (facts, bytes) = self.checkpoint;
        let worth = CHECKPOINT_FACTS.max((bytes / FACT_BYTES) as u64);
        if self.facts - facts < worth || !self.is_running() {
            return None;
        }
        let body = self.execution.checkpoint();
        self.checkpoint = (self.facts, body.len());
        Some(Checkpoint { facts: self.facts, body })
    }

    /// Nobody waits for its end, or looks on.
    pub(crate) fn is_alone(&self) -> bool {
        self.waiters.iter().all(oneshot::Sender::is_closed)
            && self.watchers.iter().all(mpsc::UnboundedSender::is_closed)
    }

    /// What is performed again after a restart: all that is outstanding, but for the tasks that
    /// somebody outside has. Those are only awaited; a job that was submitted is followed.
    pub(crate) fn unperformed(&self) -> Vec<Command> {
        let ours = |command: &&Command| match command {
            Command::ScheduleTask(task) => {
                let stage = self.execution.task_stage(&task.task);
                stage == Some(TaskStage::Scheduled)
                    || stage == Some(TaskStage::Submitted) && task.resource.is_job()
            }
            _ => true,
        };
        self.execution.outstanding().into_iter().filter(ours).cloned().collect()
    }

    pub(crate) fn is_running(&self) -> bool {
        *self.execution.status() == Status::Running
    }

    /// Shows watchers what was committed, and forgets those that have gone.
    pub(crate) fn show(&mut self, history: &[HistoryEvent]) {
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
