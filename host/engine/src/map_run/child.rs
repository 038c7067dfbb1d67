//! One child execution of a Map Run, from its start to its end.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future;
use stepyard_asl::{Child, Configuration, MapRun, Parent, StateMachine, StatesError, Status};
use tokio::sync::{MutexGuard as Turn, Notify};

use super::{Halt, ledger::Ledger, results::ToldChild};
use crate::{
    Engine, EngineError, EngineHandle, ExecutionArn, RedriveError, Standing, StartError,
    StartExecution, Task, execution_arn, store::Record,
};

/// How long a child waits to be begun that finds too many executions open.
const RETRY_MILLIS: i64 = 1_000;

/// The children of a run that are at work.
#[derive(Debug, Default)]
pub(super) struct AtWork {
    children: Mutex<HashSet<ExecutionArn>>,
    /// What the run has come to, once it has begun.
    ledger: Mutex<Option<Ledger>>,
    /// Told that it was changed from outside.
    pub(super) changed: Notify,
    turn: tokio::sync::Mutex<()>,
}

impl AtWork {
    /// Nobody else runs or stops the children until this is dropped.
    pub(super) async fn turn(&self) -> Turn<'_, ()> {
        self.turn.lock().await
    }

    /// Stops all that are at work; they are over when this returns.
    pub(super) async fn stop(&self, engine: &EngineHandle) {
        let Some(engine) = engine.upgrade() else { return };
        let children = std::mem::take(&mut *self.children());
        let stop = |child: ExecutionArn| {
            let engine = &engine;
            async move {
                match engine.stop_any(&child).await {
                    // It was yet to begin, and does not any more.
                    Ok(()) | Err(EngineError::ExecutionDoesNotExist { .. }) => {}
                    Err(error) => {
                        tracing::warn!(execution = %child, %error, "a child was not stopped");
                    }
                }
            }
        };
        future::join_all(children.into_iter().map(stop)).await;
    }

    /// What the run has come to, once it has begun. Whoever keeps something of it holds the run's ARN
    /// meanwhile, so that it is kept in the order in which it came to be.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Option<Ledger>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn children(&self) -> MutexGuard<'_, HashSet<ExecutionArn>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the children of a run have in common.
pub(super) struct Children<'a> {
    task: &'a Task,
    run: &'a MapRun,
    machine: Arc<StateMachine>,
    definition: Arc<str>,
    /// Their parent's.
    logging: Option<Arc<str>>,
    /// Their parent's.
    configuration: Option<Arc<Configuration>>,
    /// Whether more is asked of a child that is over than how it ended.
    are_told: bool,
}

/// A child that is over.
pub(super) struct EndedChild {
    pub(super) index: usize,
    pub(super) items: usize,
    pub(super) status: Status,
    /// Whether a redrive of its run would not let it go on.
    pub(super) is_final: bool,
    /// What else is known of it, where that is asked for.
    pub(super) told: Option<ToldChild>,
}

/// What a redrive of its run makes of a child that is over.
enum Redrive {
    /// It goes on.
    GoesOn,
    /// It succeeded, or did go on before.
    Stays,
    /// It cannot go on (`ExecutionNotRedrivable`).
    CannotGoOn,
}

impl<'a> Children<'a> {
    /// Reads what they run out of what their parent does.
    pub(super) fn prepare(task: &'a Task, run: &'a MapRun) -> Result<Self, Halt> {
        let engine = task.engine.engine()?;
        let parent = engine.record(&task.execution)?;
        let definition: Option<Arc<str>> = run.definition(&parent.definition).map(Arc::from);
        let read = definition.and_then(|text| Some((engine.read_definition(&text).ok()?, text)));
        let (machine, definition) = read.ok_or_else(|| {
            StatesError::runtime("The item processor of the state cannot be read by itself.")
        })?;
        let (logging, configuration) = (parent.logging, parent.configuration);
        let are_told = run.destination().is_some();
        Ok(Self { task, run, machine, definition, logging, configuration, are_told })
    }

    /// Runs a child to its end, or finds how it ended before.
    pub(super) async fn run(
        &self,
        index: usize,
        child: Child,
        at_work: &AtWork,
    ) -> Result<EndedChild, Halt> {
        let items = child.items;
        if self.run.is_express() {
            let (status, told) = self.run_express(child, at_work).await?;
            return Ok(EndedChild { index, items, status, is_final: false, told });
        }
        let (arn, status, is_final) = self.standard_end(&child, at_work).await?;
        at_work.children().remove(&arn);
        let told = self.are_told.then(|| self.told_standard(arn, child)).transpose()?;
        Ok(EndedChild { index, items, status, is_final, told })
    }

    async fn run_express(
        &self,
        child: Child,
        at_work: &AtWork,
    ) -> Result<(Status, Option<ToldChild>), Halt> {
        let start = self.start(child);
        let arn = self.task.engine.engine()?.fresh_express_arn(&start).map_err(refused)?;
        // Noted before it is begun: dropped in between, it would be at work and nobody knew.
        at_work.children().insert(arn.clone());
        let (started_at, ended) = loop {
            let engine = self.task.engine.engine()?;
            match engine.start_express_as(arn.clone(), start.clone()).await {
                Ok((started, ended)) => break (started.started_at, ended),
                Err(error) => self.wait_for_room(error, engine).await?,
            }
        };
        let status = ended.await.map_err(|_| EngineError::ShutDown)?;
        at_work.children().remove(&arn);
        if !self.are_told {
            return Ok((status, None));
        }
        let stopped_at = self.task.engine.engine()?.now();
        let StartExecution { name, input, .. } = start;
        let told = ToldChild { arn, name, input, started_at, stopped_at, redrive_count: 0 };
        Ok((status, Some(told)))
    }

    fn told_standard(&self, arn: ExecutionArn, child: Child) -> Result<ToldChild, EngineError> {
        let summary = self.task.engine.engine()?.record(&arn)?.summary;
        Ok(ToldChild {
            arn,
            name: child.name,
            input: child.input,
            started_at: summary.started_at,
            stopped_at: summary.stopped_at.unwrap_or(summary.started_at),
            redrive_count: summary.redrive_count,
        })
    }

    /// How a Standard child ends, and whether that is final.
    async fn standard_end(
        &self,
        child: &Child,
        at_work: &AtWork,
    ) -> Result<(ExecutionArn, Status, bool), Halt> {
        let start = self.start(child.clone());
        // Noted before it is begun, as an Express one is.
        let arn = execution_arn(&start.machine_arn, &start.name);
        at_work.children().extend(arn);
        let started = loop {
            let engine = self.task.engine.engine()?;
            match engine.start(start.clone()).await {
                Ok(started) => break started,
                Err(error) => self.wait_for_room(error, engine).await?,
            }
        };
        let arn = started.arn;
        self.count_items(&arn, child.items).await?;
        match started.standing {
            Standing::New | Standing::Running => {}
            Standing::Interrupted => self.task.engine.engine()?.resume(&arn).await?,
            Standing::Finished(status) => match self.redrive(&arn, &status).await? {
                Redrive::GoesOn => {}
                Redrive::Stays => return Ok((arn, status, false)),
                Redrive::CannotGoOn => return Ok((arn, status, true)),
            },
        }
        let status = self.task.engine.wait(&arn).await?;
        Ok((arn, status, false))
    }

    /// Has it on record how many items a child with a batch of them processes.
    async fn count_items(&self, arn: &ExecutionArn, items: usize) -> Result<(), EngineError> {
        let engine = self.task.engine.engine()?;
        if self.run.items_of_child() == 1 || engine.record(arn)?.summary.items.is_some() {
            return Ok(());
        }
        engine.keep(vec![Record::Items { execution: arn.clone(), items: items as u64 }]).await
    }

    /// Lets a child that did not succeed go on, if its run does so and it has not yet.
    async fn redrive(&self, arn: &ExecutionArn, status: &Status) -> Result<Redrive, Halt> {
        let redriven = self.task.engine.engine()?.record(arn)?.summary.redrive_count;
        if matches!(status, Status::Succeeded { .. }) || redriven >= self.run.redrive_count() {
            return Ok(Redrive::Stays);
        }
        loop {
            let engine = self.task.engine.engine()?;
            match engine.redrive(arn, None).await {
                Ok(_) => return Ok(Redrive::GoesOn),
                Err(RedriveError::NotRedrivable { .. }) => return Ok(Redrive::CannotGoOn),
                Err(RedriveError::Engine(error)) => {
                    self.wait_for_room(error.into(), engine).await?;
                }
            }
        }
    }

    async fn wait_for_room(&self, error: StartError, engine: Engine) -> Result<(), Halt> {
        match error {
            StartError::AtCapacity | StartError::Engine(EngineError::Throttled) => {
                let clock = engine.shared.config.clock.clone();
                drop(engine);
                clock.sleep_until(clock.now().plus_millis(RETRY_MILLIS)).await;
                Ok(())
            }
            error => Err(refused(error)),
        }
    }

    fn start(&self, child: Child) -> StartExecution {
        StartExecution {
            machine: self.machine.clone(),
            definition: self.definition.clone(),
            machine_arn: self.run.machine_arn().to_owned(),
            name: child.name,
            input: child.input,
            role: self.run.role().to_owned(),
            alias: None,
            version: None,
            trace: self.task.trace.clone(),
            pins: self.task.pins.clone(),
            logging: self.logging.clone(),
            configuration: self.configuration.clone(),
            parent: Some(Parent {
                execution: self.task.execution.clone(),
                task: self.task.id.clone(),
                map_run: Some(self.run.arn().to_owned()),
            }),
        }
    }
}

/// What a child that cannot be begun makes of its run.
fn refused(error: StartError) -> Halt {
    match error {
        StartError::Engine(error) => error.into(),
        error => StatesError::runtime(error.to_string()).into(),
    }
}
