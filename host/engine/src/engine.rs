//! The handle that fronts hold: start, wait, watch, stop, resume, look.

mod config;
mod error;

use std::{fmt, sync::Arc};

use futures::future::BoxFuture;
use stepyard_asl::{Payload, Resource, ResourceKind, Seed, Status, Timestamp};
use tokio::sync::{
    SetOnce,
    mpsc::{self, Sender, WeakSender, error::TrySendError},
    oneshot,
};

use crate::{
    ExecutionRecord, Integration, ResourceInfo, Standing, StartError, StartExecution, Started,
    Store, StoreError,
    arn::{check_name, execution_arn},
    custody::{Custodian, NextWake},
    driver::{Driver, Kept, Message, Resumption, Start},
    handle::EngineHandle,
    histories::Histories,
    map_run::MapRuns,
    measures::{Measures, StoreMeasures},
    pressure::{Burden, Pressure},
    recall::Machines,
    reservation::{Reservation, Reservations},
    start::started_fact,
    store::{Batch, Record},
    tasks::Tasks,
};

pub use config::Config;
pub use error::EngineError;

/// Messages that may wait for the driver. Past them what is about work that is there waits for its turn,
/// and no more work is begun.
const INBOX: usize = 1_024;

/// Runs executions. Clones are handles of one engine; when the last is dropped, it stops where it
/// is, and what is unfinished can be resumed by the next engine on the same store.
#[derive(Clone)]
pub struct Engine {
    inbox: Sender<Message>,
    express: Sender<Message>,
    pub(crate) shared: Arc<Shared>,
    _custodian: Option<Arc<Custodian>>,
}

/// What all handles of an engine share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    integrations: Arc<[Arc<dyn Integration>]>,
    reservations: Arc<Reservations>,
    pub(crate) machines: Machines,
    pub(crate) histories: Histories,
    pub(crate) map_runs: Arc<MapRuns>,
    failure: Arc<SetOnce<EngineError>>,
    measures: Arc<Measures>,
    pressure: Arc<Pressure>,
}

/// A handle that keeps no engine alive.
#[derive(Clone)]
pub(crate) struct WeakEngine {
    inbox: WeakSender<Message>,
    express: WeakSender<Message>,
    shared: Arc<Shared>,
}

impl WeakEngine {
    /// The engine, while it is there.
    pub(crate) fn upgrade(&self) -> Option<Engine> {
        let (inbox, express) = (self.inbox.upgrade()?, self.express.upgrade()?);
        Some(Engine { inbox, express, shared: self.shared.clone(), _custodian: None })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Says what broke; the engine takes no work from then on.
    pub(crate) fn fail(&self, error: EngineError) {
        // What broke first is why.
        let _ = self.shared.failure.set(error);
    }
}

impl Engine {
    /// Starts an engine. Call it within a tokio runtime, which the engine's work then runs on.
    pub fn new(config: Config) -> Self {
        let map_runs = Arc::<MapRuns>::default();
        let own: Arc<dyn Integration> = map_runs.clone();
        let integrations: Arc<[_]> = config.integrations.iter().cloned().chain([own]).collect();
        let handle = EngineHandle::default();
        let failure = Arc::new(SetOnce::new());
        let measures = Arc::<Measures>::default();
        let pressure = Pressure::new(config.tasks_max, config.task_bytes_max);
        let next_wake = config.custody.is_some().then(NextWake::default);
        let begin = |kept: Option<Kept>, live_max| {
            let (inbox, arrivals) = mpsc::channel(INBOX);
            let effects = kept.is_none().then(|| config.store.clone());
            let tasks = Tasks::new(
                integrations.clone(),
                inbox.downgrade(),
                effects,
                handle.clone(),
                &measures,
                &pressure,
                config.observer.clone(),
            );
            let (clock, failure, measures) =
                (config.clock.clone(), failure.clone(), measures.clone());
            let observer = config.observer.clone();
            let driver = Driver::new(arrivals, kept, clock, tasks, live_max, failure, measures)
                .observed(observer);
            tokio::spawn(driver.run());
            inbox
        };
        let kept = Kept { store: config.store.clone(), next_wake: next_wake.clone() };
        let inbox = begin(Some(kept), config.standard_max);
        let express = begin(None, config.express_max);
        let (reservations, machines) = (Arc::default(), Machines::default());
        let histories = Histories::default();
        let shared = Arc::new(Shared {
            config,
            integrations,
            reservations,
            machines,
            histories,
            map_runs,
            failure,
            measures,
            pressure,
        });
        let engine = Self { inbox, express, shared, _custodian: None };
        let weak = engine.downgrade();
        handle.set(weak.clone());
        let custody = engine.shared.config.custody.clone().zip(next_wake);
        let custodian = custody.map(|(custody, next)| Custodian::start(weak, custody, next));
        Self { _custodian: custodian.map(Arc::new), ..engine }
    }

    /// The same engine, by a handle that keeps it not alive.
    pub(crate) fn downgrade(&self) -> WeakEngine {
        WeakEngine {
            inbox: self.inbox.downgrade(),
            express: self.express.downgrade(),
            shared: self.shared.clone(),
        }
    }

    /// What does tasks, in the order in which it is asked.
    pub(crate) fn integrations(&self) -> &[Arc<dyn Integration>] {
        &self.shared.integrations
    }

    /// Begins an execution; it is durable when this returns. The same name with the same input is
    /// the same execution, and is told how it stands.
    pub async fn start(&self, start: StartExecution) -> Result<Started, StartError> {
        let machine = self.observer().map(|_| start.machine_arn.clone());
        self.begin_standard(start).await.inspect_err(|error| self.tell_throttled(machine, error))
    }

    async fn begin_standard(&self, start: StartExecution) -> Result<Started, StartError> {
        check_name(&start.name)?;
        let arn = execution_arn(&start.machine_arn, &start.name)
            .ok_or_else(|| StartError::InvalidArn { arn: start.machine_arn.clone() })?;
        start.check_input()?;
        self.check_pressure()?;
        let held = self.hold(&arn).await;
        if let Some(found) = self.shared.config.store.execution(&arn).map_err(EngineError::from)? {
            return self.found(found, &start.input).await;
        }
        let start = self.pinned(start);
        let (done, started) = oneshot::channel();
        let message = Start {
            arn: arn.clone(),
            name: start.name.as_str().into(),
            machine_arn: start.machine_arn.as_str().into(),
            definition: start.definition.clone(),
            live: start.live(),
            fact: started_fact(&arn, start, self.seed()),
            held: Some(held),
            done,
        };
        self.give(Message::Start(Box::new(message)))?;
        let started_at = started.await.map_err(|_| self.gone())?.ok_or(StartError::AtCapacity)?;
        Ok(Started { arn, started_at, standing: Standing::New })
    }

    /// With the versions that its tasks are to run.
    pub(crate) fn pinned(&self, start: StartExecution) -> StartExecution {
        let pins = || {
            let pinning = self.shared.config.pinning.as_ref()?;
            pinning.pins(&start.machine_arn, &start.machine)
        };
        StartExecution { pins: start.pins.clone().or_else(pins), ..start }
    }

    async fn found(&self, found: ExecutionRecord, input: &Payload) -> Result<Started, StartError> {
        let arn = found.summary.arn.clone();
        if found.input != *input {
            return Err(StartError::ExecutionAlreadyExists { arn });
        }
        let standing = match found.status {
            Status::Running if self.is_at_work(&arn).await? => Standing::Running,
            // It may have finished between the two looks.
            Status::Running => match self.record(&arn)?.status {
                Status::Running => Standing::Interrupted,
                finished => Standing::Finished(finished),
            },
            finished => Standing::Finished(finished),
        };
        Ok(Started { arn, started_at: found.summary.started_at, standing })
    }

    /// Goes on with an execution that was interrupted: its facts are told again, and what they left
    /// outstanding is performed again. One that is at work or over is left alone.
    pub async fn resume(&self, arn: &str) -> Result<(), EngineError> {
        self.resume_if(arn, |_| true, None).await
    }

    /// Goes on with an execution if what the store knows of it says that it is to be: with what it is
    /// read back for, or by itself. One that is at work is left alone.
    pub(crate) async fn resume_if(
        &self,
        arn: &str,
        is_wanted: impl FnOnce(&ExecutionRecord) -> bool,
        first: Option<Message>,
    ) -> Result<(), EngineError> {
        let held = self.hold(&arn.into()).await;
        if self.is_live(arn).await? {
            return Ok(());
        }
        let record = self.record(arn)?;
        if record.status != Status::Running || !is_wanted(&record) {
            return Ok(());
        }
        let live = self.replayed(&record).await?;
        let (done, resumed) = oneshot::channel();
        let (arn, first) = (record.summary.arn, first.map(Box::new));
        self.send(Message::Resume(Resumption { arn, live, first, held, done })).await?;
        resumed.await.map_err(|_| self.gone())
    }

    /// Whether something here does the tasks of `resource`. Those of activities wait for workers.
    pub fn claims(&self, resource: &Resource) -> bool {
        *resource.kind() == ResourceKind::Activity
            || self.shared.integrations.iter().any(|integration| integration.claims(resource))
    }

    /// What can be run here, as it is at this moment.
    pub fn resources(&self) -> Vec<ResourceInfo> {
        self.shared.integrations.iter().flat_map(|integration| integration.resources()).collect()
    }

    /// Whether the engine takes work: neither shut down nor broken.
    pub fn is_running(&self) -> bool {
        !self.shared.failure.initialized() && !self.inbox.is_closed() && !self.express.is_closed()
    }

    /// Waits until something breaks, and says what. The engine takes no work from then on; what it
    /// made durable can be resumed by the next engine on the store.
    pub async fn failed(&self) -> EngineError {
        self.shared.failure.wait().await.clone()
    }

    /// Shuts the engine down: nothing more begins, tasks at work come to their end and their facts
    /// are committed. What is then unfinished can be resumed by the next engine on the store.
    pub async fn shutdown(&self) {
        for inbox in [&self.express, &self.inbox] {
            // An engine that has gone is shut down.
            let _ = inbox.send(Message::Shutdown).await;
        }
        self.express.closed().await;
        self.inbox.closed().await;
    }

    /// Why no work is taken, when none is.
    pub(crate) fn check_running(&self) -> Result<(), EngineError> {
        if self.is_running() { Ok(()) } else { Err(self.gone()) }
    }

    /// Nobody else starts, resumes or changes what has this ARN until what this yields is dropped.
    pub(crate) async fn hold(&self, arn: &Arc<str>) -> Reservation {
        self.shared.reservations.take(arn).await
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.shared.config.store
    }

    /// Makes these records durable, all or none.
    pub(crate) async fn keep(&self, records: Vec<Record>) -> Result<(), EngineError> {
        self.check_running()?;
        if records.is_empty() {
            return Ok(());
        }
        let kept = self.store().append(Batch { records }).await;
        if let Err(error @ StoreError::Closed { .. }) = &kept {
            // Nobody's records are kept any more. What broke first is why.
            let _ = self.shared.failure.set(error.clone().into());
        }
        Ok(kept?)
    }

    /// What it counts.
    pub fn measures(&self) -> &Measures {
        &self.shared.measures
    }

    /// What its store counts.
    pub fn store_measures(&self) -> StoreMeasures {
        self.store().measures()
    }

    /// The messages that wait for the drivers, of Standard and of Express executions.
    pub fn waiting(&self) -> [usize; 2] {
        [&self.inbox, &self.express].map(|inbox| inbox.max_capacity() - inbox.capacity())
    }

    /// The tasks that are at work.
    pub fn tasks_at_work(&self) -> usize {
        self.shared.pressure.tasks()
    }

    /// A task's share of what is taken, until it is dropped.
    pub(crate) fn burden(&self, bytes: usize) -> Burden {
        self.shared.pressure.take(bytes)
    }

    pub(crate) fn check_pressure(&self) -> Result<(), EngineError> {
        self.shared.pressure.check()
    }

    /// The time of day, by the clock that executions go by.
    pub fn now(&self) -> Timestamp {
        self.shared.config.clock.now()
    }

    /// Comes at this moment, by the same clock.
    pub fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        self.shared.config.clock.sleep_until(at)
    }

    /// Bytes that nobody can guess.
    pub fn seed(&self) -> Seed {
        self.shared.config.entropy.seed()
    }

    /// A UUID that nobody has.
    pub fn fresh_uuid(&self) -> String {
        let seed = self.seed();
        let bytes = *seed.first_chunk().expect("a seed has 32 bytes");
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// A number below `limit`, drawn evenly. The bias of the remainder is 1 in 2⁵⁷ for a hundred.
    pub(crate) fn draw(&self, limit: u64) -> u64 {
        let seed = self.shared.config.entropy.seed();
        let bytes = *seed.first_chunk().expect("a seed has 32 bytes");
        u64::from_be_bytes(bytes) % limit
    }

    /// Tells the driver of work that is there, once it is this message's turn.
    pub(crate) async fn send(&self, message: Message) -> Result<(), EngineError> {
        self.inbox.send(message).await.map_err(|_| self.gone())
    }

    pub(crate) async fn send_express(&self, message: Message) -> Result<(), EngineError> {
        self.express.send(message).await.map_err(|_| self.gone())
    }

    /// Gives the driver more work, or nothing while too much waits already: what is there is done
    /// first.
    pub(crate) fn give(&self, message: Message) -> Result<(), EngineError> {
        self.inbox.try_send(message).map_err(|refusal| self.refused(&refusal))
    }

    pub(crate) fn give_express(&self, message: Message) -> Result<(), EngineError> {
        self.express.try_send(message).map_err(|refusal| self.refused(&refusal))
    }

    fn refused(&self, refusal: &TrySendError<Message>) -> EngineError {
        match refusal {
            TrySendError::Full(_) => EngineError::Throttled,
            TrySendError::Closed(_) => self.gone(),
        }
    }

    /// Why the engine gives no answer.
    pub(crate) fn gone(&self) -> EngineError {
        self.shared.failure.get().cloned().unwrap_or(EngineError::ShutDown)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.shared.config).finish_non_exhaustive()
    }
}
