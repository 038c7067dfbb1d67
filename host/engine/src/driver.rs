//! inbox → step → commit → dispatch: one loop for many executions.
//!
//! Whatever waits in the inbox is taken at once; each execution is stepped; the facts of all go to
//! the store as one batch. *Commit, then act*: what a batch asks for is done once it is durable, in
//! the order of batches. The next batch is gathered while the last one is on its way to the disk.

mod act;
mod begin;
mod door;
mod jobs;
mod lines;
mod message;
mod rest;

use std::{
    collections::{HashMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::Arc,
};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, OptionFuture},
    stream::FuturesOrdered,
};
use stepyard_asl::{Command, CommandId, CommandKind, FactKind, Timestamp};
use tokio::sync::{SetOnce, mpsc, oneshot};

use act::Act;
use door::absent;
use lines::answered;
pub(crate) use message::{Message, Reply, Resumption, Start, Stopping};
use rest::Lingering;

use crate::{
    Answer, EngineError, ExecutionArn, FactPlace, Observer, Outcome, Shown, Store, StoreError,
    activities::Activities,
    clock::Clock,
    crash,
    custody::NextWake,
    live::Live,
    measures::{Executions, Measures},
    observer::taken,
    store::{Batch, Record},
    tasks::{Tasks, said},
    timers::{Due, Timers},
};

/// The most messages and timers of one batch.
const BATCH_MAX: usize = 512;

/// How many batches may be on their way to the disk.
const COMMITS_MAX: usize = 2;

/// Where executions are kept.
pub(crate) struct Kept {
    pub(crate) store: Arc<dyn Store>,
    /// Told of executions that rest; none when they are to stay in memory.
    pub(crate) next_wake: Option<NextWake>,
}

/// The loop's state.
pub(crate) struct Driver {
    inbox: mpsc::Receiver<Message>,
    /// None: nothing is kept, and so nothing waits for a commit.
    store: Option<Arc<dyn Store>>,
    next_wake: Option<NextWake>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    activities: Activities,
    timers: Timers,
    live: HashMap<ExecutionArn, Live>,
    /// The first to leave memory first.
    lingering: VecDeque<Lingering>,
    /// How many are unfinished and not live: they rest, or are yet to be resumed.
    elsewhere: usize,
    /// How many may be unfinished.
    open_max: usize,
    /// What is gathered for the next commit, and what is to be done after it.
    batch: Batch,
    acts: Vec<Act>,
    commits: FuturesOrdered<BoxFuture<'static, Commit>>,
    draining: bool,
    /// Whether any execution's end may be waited for by another's task.
    are_executions_awaited: bool,
    /// Set when something broke, before anybody learns that there is no answer.
    failure: Arc<SetOnce<EngineError>>,
    measures: Arc<Measures>,
    observer: Option<Arc<dyn Observer>>,
}

/// A commit that has come to its end, and what waits for it.
type Commit = (Result<(), StoreError>, Vec<Act>);

impl Driver {
    pub(crate) fn new(
        inbox: mpsc::Receiver<Message>,
        kept: Option<Kept>,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
        open_max: usize,
        failure: Arc<SetOnce<EngineError>>,
        measures: Arc<Measures>,
    ) -> Self {
        let (store, next_wake) = kept.map_or((None, None), |it| (Some(it.store), it.next_wake));
        Self {
            inbox,
            store,
            next_wake,
            clock,
            tasks,
            activities: Activities::default(),
            timers: Timers::default(),
            live: HashMap::new(),
            lingering: VecDeque::new(),
            elsewhere: 0,
            open_max,
            batch: Batch::default(),
            acts: Vec::new(),
            commits: FuturesOrdered::new(),
            draining: false,
            are_executions_awaited: false,
            failure,
            measures,
            observer: None,
        }
    }

    /// The same, that shows this one what is durable.
    pub(crate) fn observed(self, observer: Option<Arc<dyn Observer>>) -> Self {
        Self { observer, ..self }
    }

    /// Runs until every handle has gone, a shutdown is through, or something breaks. Whoever waits
    /// for an answer learns from its channel's end that there is none.
    pub(crate) async fn run(mut self) {
        let ended = AssertUnwindSafe(self.turn()).catch_unwind().await;
        let failure = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => EngineError::Store(error),
            Err(panic) => EngineError::Broken { reason: said(&*panic).to_owned() },
        };
        // What is in memory is ahead of what is durable, so nobody may see or act upon it.
        tracing::error!(%failure, executions = self.live.len(), "the engine stops");
        // What broke first is why.
        let _ = self.failure.set(failure);
    }

    async fn turn(&mut self) -> Result<(), StoreError> {
        if let Some(store) = &self.store {
            self.elsewhere = store.open_count()?;
            self.are_executions_awaited = store.are_executions_awaited()?;
        }
        let mut arrived = Vec::with_capacity(BATCH_MAX);
        let mut alarm: Option<(Timestamp, BoxFuture<'static, ()>)> = None;
        loop {
            self.set(&mut alarm);
            self.rest();
            self.executions().show_open(self.open());
            let may_gather = self.commits.len() < COMMITS_MAX;
            let ring = OptionFuture::from(alarm.as_mut().map(|(_, sleep)| sleep));
            tokio::select! {
                biased;
                Some((result, acts)) = self.commits.next() => {
                    result?;
                    self.act(acts)?;
                }
                count = self.inbox.recv_many(&mut arrived, BATCH_MAX), if may_gather => {
                    if count == 0 {
                        return Ok(());
                    }
                    arrived.drain(..).try_for_each(|message| self.take(message))?;
                    // An inbox that is never empty keeps no timer waiting.
                    self.fire();
                }
                Some(()) = ring, if may_gather => {
                    alarm = None;
                    self.fire();
                }
            }
            self.commit()?;
            if self.draining && self.is_at_rest() {
                return Ok(());
            }
        }
    }

    /// Keeps the alarm at the next timer, or when the next execution may leave memory.
    fn set(&self, alarm: &mut Option<(Timestamp, BoxFuture<'static, ()>)>) {
        let leaves = self.lingering.front().map(|lingering| lingering.until);
        let next = [self.timers.next(), leaves].into_iter().flatten().min();
        if alarm.as_ref().map(|(at, _)| *at) != next {
            *alarm = next.map(|at| (at, self.clock.sleep_until(at)));
        }
    }

    fn rest(&self) {
        if self.is_at_rest() && self.timers.next().is_some() {
            self.clock.idle();
        }
    }

    fn is_at_rest(&self) -> bool {
        self.inbox.is_empty() && self.commits.is_empty() && self.tasks.is_empty()
    }

    fn take(&mut self, message: Message) -> Result<(), StoreError> {
        match message {
            Message::Start(start) => self.start(*start),
            Message::Resume(resumption) => self.resume(resumption)?,
            Message::Redrive { execution, live, client_token, held, done } => {
                self.redrive(&execution, *live, client_token, held, done);
            }
            Message::Complete { execution, token, completion, done } => {
                self.complete(&execution, &token, completion, done);
            }
            Message::Ask { activity, worker, done } => {
                let asked = !self.draining && self.activities.ask(&activity, worker).is_ok();
                // Who asked may have gone; so below.
                let _ = done.send(asked || self.draining);
                self.hand_out(&activity)?;
            }
            Message::Assigned { activity, found, done } => {
                self.assigned(&activity, found, done)?;
            }
            Message::Unassigned { activity, found } => self.unassigned(&activity, &found)?,
            Message::JobEnded { execution, task, done } => self.job_ended(execution, task, done),
            Message::DismissWorkers => self.activities.dismiss(),
            Message::TaskDone { execution, task, outcome } => {
                // A task that was cancelled meanwhile has no say.
                if self.tasks.end(&execution, &task) {
                    self.tell(&execution, fact_of(task, outcome));
                }
            }
            Message::Stop { arn, why, done } => {
                let is_live = self.live.contains_key(&arn);
                match self.tell(&arn, why) {
                    Some(at) => self.acts.push(Act::Stopped { at, done }),
                    None => drop(done.send(is_live.then_some(Stopping::Ending))),
                }
            }
            Message::Wait { arn, done } => {
                let _ = done.send(self.live.get_mut(&arn).map(|live| {
                    let (waiter, ended) = oneshot::channel();
                    live.waiters.push(waiter);
                    ended
                }));
            }
            Message::Watch { arn, done } => {
                let _ = done.send(self.live.get_mut(&arn).map(|live| {
                    let (watcher, events) = mpsc::unbounded_channel();
                    live.watchers.push(watcher);
                    events
                }));
            }
            Message::Shutdown => {
                self.draining = true;
                self.activities.dismiss();
            }
        }
        Ok(())
    }

    /// Tells timers whose moment has come.
    fn fire(&mut self) {
        self.lay_down_lingering();
        let now = self.clock.now();
        for _ in 0..BATCH_MAX {
            let Some(due) = self.timers.take_due(now) else { return };
            let Due { at, execution, timer, also } = due;
            // An execution's own limit ends it at its moment, however late it is looked at, as on AWS.
            let at = if timer.kind() == CommandKind::Execution { at } else { now };
            self.tell_at(at, &execution, FactKind::TimerFired { timer, also });
        }
    }

    fn tell(&mut self, execution: &ExecutionArn, kind: FactKind) -> Option<Timestamp> {
        self.tell_at(self.clock.now(), execution, kind)
    }

    /// Tells an execution a fact, and notes what is to be kept of it and done after that. None when
    /// the execution is not at work.
    fn tell_at(
        &mut self,
        now: Timestamp,
        execution: &ExecutionArn,
        kind: FactKind,
    ) -> Option<Timestamp> {
        let is_redrive = matches!(kind, FactKind::ExecutionRedriven { .. });
        let live = self.live.get_mut(execution).filter(|it| is_redrive || it.is_running())?;
        let machine = live.execution.machine();
        let absent_activities = absent(self.store.as_deref(), machine.activities());
        let has_lines = machine.has_jobs() || !machine.activities().is_empty();
        let (answered, submitted) = (answered(&kind), submitted(&kind));
        let observed =
            live.observed.clone().map(|subject| (subject, taken(&live.execution, &kind)));
        let (fact, step) = live.tell(now, kind, absent_activities);
        let (at, number) = (fact.at, live.facts);
        let observed = observed.map(|(subject, taken)| {
            let redrive_count = live.execution.redrive_count();
            let (events, spans) = (Vec::new(), step.spans);
            Box::new(Shown { subject, fact: number, redrive_count, events, spans, taken })
        });
        let execution = execution.clone();
        self.keep(Record::Fact { execution: execution.clone(), number, fact });
        for command in &step.commands {
            if let Command::Finish { status } = command {
                let (execution, status) = (execution.clone(), status.clone());
                self.keep(Record::Finished { execution, status, stopped_at: at });
            }
        }
        if has_lines {
            self.list(&execution, answered, &step.commands);
        }
        // Shown first: watchers have the last event before the execution is over.
        let place = FactPlace { execution: execution.clone(), number };
        self.acts.push(Act::Show { place, history: step.history, observed });
        self.acts.push(Act::Perform { execution: execution.clone(), commands: step.commands, at });
        if let Some(task) = submitted {
            self.submitted(&execution, &task);
        }
        if self.store.is_some() {
            self.note(execution);
        }
        Some(at)
    }

    fn keep(&mut self, record: Record) {
        if self.store.is_some() {
            self.batch.records.push(record);
        }
    }

    /// Sends what was gathered to the store.
    fn commit(&mut self) -> Result<(), StoreError> {
        let batch = std::mem::take(&mut self.batch);
        let acts = std::mem::take(&mut self.acts);
        let Some(store) = &self.store else { return self.act(acts) };
        if !batch.records.is_empty() {
            crash::point("before-commit");
            let appended = store.append(batch);
            self.commits.push_back(Box::pin(async move {
                let result = appended.await;
                crash::point("after-commit");
                (result, acts)
            }));
        } else if !acts.is_empty() {
            // Nothing to keep, yet it has its turn.
            self.commits.push_back(Box::pin(async move { (Ok(()), acts) }));
        }
        Ok(())
    }

    /// How many are unfinished.
    fn open(&self) -> usize {
        self.live.len() + self.elsewhere
    }

    fn executions(&self) -> &Executions {
        if self.store.is_some() { &self.measures.standard } else { &self.measures.express }
    }
}

fn submitted(fact: &FactKind) -> Option<CommandId> {
    let FactKind::TaskSubmitted { task, .. } = fact else { return None };
    Some(task.clone())
}

fn fact_of(task: CommandId, outcome: Outcome) -> FactKind {
    let version = outcome.version;
    match outcome.result {
        Ok(Answer::Done(output)) => FactKind::TaskSucceeded { task, output, version },
        Ok(Answer::Submitted(details)) => FactKind::TaskSubmitted { task, details },
        Err(error) => FactKind::TaskFailed { task, error, version },
    }
}
