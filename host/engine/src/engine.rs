//! The handle that fronts hold: start, wait, watch, stop, resume, look.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use stepyard_asl::{
    Execution, Fact, HistoryEvent, Payload, Resource, ResourceKind, Seed, StateMachine,
    StatesError, Status, Timestamp,
};
use tokio::sync::{
    mpsc::{self, Sender},
    oneshot,
};

use crate::{
    ExecutionRecord, ExecutionSummary, Integration, ResourceInfo, Selection, Standing, StartError,
    StartExecution, Started, Store, StoreError, Watch,
    arn::{check_name, execution_arn},
    clock::{Clock, Entropy, SystemClock, SystemEntropy},
    driver::{Driver, Message, Start, Waiting},
    live::Live,
    reservation::Reservations,
    start::started_fact,
    store::{Batch, Record},
    tasks::Tasks,
};

/// Messages that may wait for the driver; whoever sends more waits.
const INBOX: usize = 1_024;

/// What an engine is made of.
#[derive(Clone)]
pub struct Config {
    /// Where executions are kept. One engine at a time may write it.
    pub store: Arc<dyn Store>,
    /// What does tasks: the first that claims a resource.
    pub integrations: Vec<Arc<dyn Integration>>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws randomness.
    pub entropy: Arc<dyn Entropy>,
    /// How many Standard executions may be open at once.
    pub standard_max: usize,
    /// How many Express executions may be open at once.
    pub express_max: usize,
}

/// How many Standard executions may be open at once (Quotas: "Maximum open executions").
const STANDARD_MAX: usize = 1_000_000;
/// AWS bounds how many Express executions are started in a second, and each takes five minutes at
/// most; here their memory is what is bounded.
const EXPRESS_MAX: usize = 100_000;

impl Config {
    /// With the operating system's clock and randomness, and nothing that does tasks.
    pub fn new(store: impl Store + 'static) -> Self {
        Self {
            store: Arc::new(store),
            integrations: Vec::new(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            standard_max: STANDARD_MAX,
            express_max: EXPRESS_MAX,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Runs executions. Clones are handles of one engine; when the last is dropped, it stops where it
/// is, and what is unfinished can be resumed by the next engine on the same store.
#[derive(Clone)]
pub struct Engine {
    inbox: Sender<Message>,
    express: Sender<Message>,
    config: Arc<Config>,
    integrations: Arc<[Arc<dyn Integration>]>,
    pub(crate) reservations: Arc<Reservations>,
    failure: Arc<OnceLock<EngineError>>,
}

/// Why the engine did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// There is no such execution.
    #[error("execution `{arn}` does not exist")]
    ExecutionDoesNotExist {
        /// What was given.
        arn: String,
    },
    /// Nothing is at work on the execution, though it is unfinished.
    #[error("execution `{arn}` was interrupted: resume it first")]
    Interrupted {
        /// The execution.
        arn: String,
    },
    /// The definition it was started with is not valid here.
    #[error("execution `{arn}` has a definition that cannot be read: {reason}")]
    InvalidDefinition {
        /// The execution.
        arn: String,
        /// The first diagnostic.
        reason: String,
    },
    /// The store failed; after a failed write the engine has stopped.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine met an error of its own, and has stopped.
    #[error("the engine broke down: {reason}; its executions can be resumed by another")]
    Broken {
        /// What its panic said.
        reason: String,
    },
    /// The engine was shut down.
    #[error("the engine was shut down")]
    ShutDown,
}

/// What is known of an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// What the store has.
    pub execution: ExecutionRecord,
    /// Whether it is at work in this engine. Unfinished and not at work, it was interrupted.
    pub live: bool,
}

impl Engine {
    /// Starts an engine. Call it within a tokio runtime, which the engine's work then runs on.
    pub fn new(config: Config) -> Self {
        let integrations: Arc<[_]> = config.integrations.clone().into();
        let failure = Arc::new(OnceLock::new());
        let begin = |store: Option<Arc<dyn Store>>, live_max| {
            let (inbox, arrivals) = mpsc::channel(INBOX);
            let tasks = Tasks::new(integrations.clone(), inbox.downgrade());
            let clock = config.clock.clone();
            tokio::spawn(
                Driver::new(arrivals, store, clock, tasks, live_max, failure.clone()).run(),
            );
            inbox
        };
        let inbox = begin(Some(config.store.clone()), config.standard_max);
        let express = begin(None, config.express_max);
        let (config, reservations) = (Arc::new(config), Arc::default());
        Self { inbox, express, config, integrations, reservations, failure }
    }

    /// Begins an execution; it is durable when this returns. The same name with the same input is
    /// the same execution, and is told how it stands.
    pub async fn start(&self, start: StartExecution) -> Result<Started, StartError> {
        check_name(&start.name)?;
        let arn = execution_arn(&start.machine_arn, &start.name)
            .ok_or_else(|| StartError::InvalidArn { arn: start.machine_arn.clone() })?;
        start.check_input()?;
        let held = self.reservations.take(&arn).await;
        if let Some(found) = self.config.store.execution(&arn).map_err(EngineError::from)? {
            return self.found(found, &start.input).await;
        }
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
        self.send(Message::Start(Box::new(message))).await?;
        let started_at = started.await.map_err(|_| self.gone())?.ok_or(StartError::AtCapacity)?;
        Ok(Started { arn, started_at, standing: Standing::New })
    }

    async fn found(&self, found: ExecutionRecord, input: &Payload) -> Result<Started, StartError> {
        let arn = found.summary.arn.clone();
        if found.input != *input {
            return Err(StartError::ExecutionAlreadyExists { arn });
        }
        let standing = match found.status {
            Status::Running if self.is_live(&arn).await? => Standing::Running,
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
        let held = self.reservations.take(&arn.into()).await;
        if self.is_live(arn).await? {
            return Ok(());
        }
        let record = self.record(arn)?;
        if record.status != Status::Running {
            return Ok(());
        }
        let live = self.replayed(&record).await?;
        let (done, resumed) = oneshot::channel();
        let arn = record.summary.arn;
        self.send(Message::Resume { arn, live, held, done }).await?;
        resumed.await.map_err(|_| self.gone())
    }

    /// Waits until an execution is over, and says how it ended.
    pub async fn wait(&self, arn: &str) -> Result<Status, EngineError> {
        let (done, waiting) = oneshot::channel();
        self.send(Message::Wait { arn: arn.into(), done }).await?;
        match waiting.await.map_err(|_| self.gone())? {
            Waiting::For(ended) => ended.await.map_err(|_| self.gone()),
            Waiting::NotLive => match self.record(arn)?.status {
                Status::Running => Err(EngineError::Interrupted { arn: arn.to_owned() }),
                finished => Ok(finished),
            },
        }
    }

    /// All events of an execution: those there are, then each as it is committed, to the last.
    pub async fn watch(&self, arn: &str) -> Result<Watch, EngineError> {
        // Subscribed before the journal is read, so that nothing falls between.
        let live = self.subscribe(arn).await?;
        Ok(Watch::new(self.history(arn).await?, live))
    }

    /// Stops an execution, and says when it was stopped, or when it had ended before.
    pub async fn stop(&self, arn: &str, error: StatesError) -> Result<Timestamp, EngineError> {
        let (done, stopped) = oneshot::channel();
        self.send(Message::Stop { arn: arn.into(), error, done }).await?;
        if let Some(at) = stopped.await.map_err(|_| self.gone())? {
            return Ok(at);
        }
        // It may be about to end: then that is waited for.
        self.wait(arn).await?;
        let ended = self.record(arn)?.summary.stopped_at;
        ended.ok_or_else(|| EngineError::Interrupted { arn: arn.to_owned() })
    }

    /// What is known of an execution.
    pub async fn describe(&self, arn: &str) -> Result<Description, EngineError> {
        // Asked in this order, one that ends meanwhile is not taken for interrupted.
        let live = self.is_live(arn).await?;
        Ok(Description { execution: self.record(arn)?, live })
    }

    /// The events of an execution so far, from the first, as `GetExecutionHistory` has them.
    pub async fn history(&self, arn: &str) -> Result<Vec<HistoryEvent>, EngineError> {
        let mut execution = Execution::new(machine(&self.record(arn)?)?);
        let (store, arn) = (self.config.store.clone(), arn.to_owned());
        blocking(move || {
            let facts = store.facts(&arn)?;
            Ok(facts.iter().flat_map(|fact| execution.step(fact).history).collect())
        })
        .await
    }

    /// The execution of a record, told its journal again.
    pub(crate) async fn replayed(
        &self,
        record: &ExecutionRecord,
    ) -> Result<Box<Live>, EngineError> {
        let machine = machine(record)?;
        let facts = self.journal(&record.summary.arn).await?;
        let (began, trace) = (record.summary.started_at, record.trace.clone());
        blocking(move || {
            let told_at = facts.last().map_or(began, |fact| fact.at);
            let execution = Execution::replay(machine, &facts);
            Ok(Box::new(Live::new(execution, facts.len() as u64, told_at, trace)))
        })
        .await
    }

    /// The facts of an execution, from its first.
    pub(crate) async fn journal(&self, arn: &str) -> Result<Vec<Fact>, EngineError> {
        let (store, arn) = (self.config.store.clone(), arn.to_owned());
        blocking(move || Ok(store.facts(&arn)?)).await
    }

    /// The executions that `selection` asks for, those created last first.
    pub async fn list(&self, selection: Selection) -> Result<Vec<ExecutionSummary>, EngineError> {
        let store = self.config.store.clone();
        blocking(move || Ok(store.executions(&selection)?)).await
    }

    /// Whether something here does the tasks of `resource`. Those of activities wait for workers.
    pub fn claims(&self, resource: &Resource) -> bool {
        *resource.kind() == ResourceKind::Activity
            || self.integrations.iter().any(|integration| integration.claims(resource))
    }

    /// What can be run here, as it is at this moment.
    pub fn resources(&self) -> Vec<ResourceInfo> {
        self.integrations.iter().flat_map(|integration| integration.resources()).collect()
    }

    /// Whether the engine takes work: neither shut down nor broken.
    pub fn is_running(&self) -> bool {
        !self.inbox.is_closed() && !self.express.is_closed()
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

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.config.store
    }

    /// Makes these records durable, all or none.
    pub(crate) async fn keep(&self, records: Vec<Record>) -> Result<(), EngineError> {
        self.check_running()?;
        if records.is_empty() {
            return Ok(());
        }
        Ok(self.store().append(Batch { records }).await?)
    }

    /// The time of day, by the clock that executions go by.
    pub fn now(&self) -> Timestamp {
        self.config.clock.now()
    }

    pub(crate) fn seed(&self) -> Seed {
        self.config.entropy.seed()
    }

    /// A UUID that nobody has.
    pub fn fresh_uuid(&self) -> String {
        let seed = self.seed();
        let bytes = *seed.first_chunk().expect("a seed has 32 bytes");
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// A number below `limit`, drawn evenly. The bias of the remainder is 1 in 2⁵⁷ for a hundred.
    pub(crate) fn draw(&self, limit: u64) -> u64 {
        let seed = self.config.entropy.seed();
        let bytes = *seed.first_chunk().expect("a seed has 32 bytes");
        u64::from_be_bytes(bytes) % limit
    }

    async fn is_live(&self, arn: &str) -> Result<bool, EngineError> {
        Ok(self.subscribe(arn).await?.is_some())
    }

    async fn subscribe(
        &self,
        arn: &str,
    ) -> Result<Option<mpsc::UnboundedReceiver<HistoryEvent>>, EngineError> {
        let (done, events) = oneshot::channel();
        self.send(Message::Watch { arn: arn.into(), done }).await?;
        events.await.map_err(|_| self.gone())
    }

    pub(crate) fn record(&self, arn: &str) -> Result<ExecutionRecord, EngineError> {
        let found = self.config.store.execution(arn)?;
        found.ok_or_else(|| EngineError::ExecutionDoesNotExist { arn: arn.to_owned() })
    }

    pub(crate) async fn send(&self, message: Message) -> Result<(), EngineError> {
        self.inbox.send(message).await.map_err(|_| self.gone())
    }

    pub(crate) async fn send_express(&self, message: Message) -> Result<(), EngineError> {
        self.express.send(message).await.map_err(|_| self.gone())
    }

    /// Why the engine gives no answer.
    pub(crate) fn gone(&self) -> EngineError {
        self.failure.get().cloned().unwrap_or(EngineError::ShutDown)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.config).finish_non_exhaustive()
    }
}

fn machine(record: &ExecutionRecord) -> Result<Arc<StateMachine>, EngineError> {
    StateMachine::parse(&record.definition).map(Arc::new).map_err(|diagnostics| {
        let first = diagnostics.first();
        EngineError::InvalidDefinition {
            arn: record.summary.arn.to_string(),
            reason: first
                .map(|it| format!("{} at {}", it.message, it.location))
                .unwrap_or_default(),
        }
    })
}

/// Reads a journal off the runtime's threads: it may be long.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    match tokio::task::spawn_blocking(read).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(EngineError::ShutDown),
    }
}
