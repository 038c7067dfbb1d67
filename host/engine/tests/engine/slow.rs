//! A store that takes its time, and fails.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use futures::future::BoxFuture;
use stepyard_asl::{Fact, Timestamp};
use stepyard_engine::{
    ActivityRecord, AliasRecord, Batch, Checkpoint, ChildResult, ExecutionArn, ExecutionRecord,
    ExecutionSummary, FunctionRecord, MapRunRecord, MemoryStore, Selection, StateMachineRecord,
    Store, StoreError, Tags, VersionRecord, VersionSummary, WaitingTask,
};
use tokio::sync::Semaphore;

/// A store whose appends take until they are let through, and fail from a number on, or once it is
/// broken.
#[derive(Debug, Clone)]
pub(crate) struct Slow {
    pub(crate) inner: MemoryStore,
    pub(crate) through: Arc<Semaphore>,
    pub(crate) facts_read: Arc<AtomicUsize>,
    /// How often it was asked for what rests.
    pub(crate) looks: Arc<AtomicUsize>,
    appends: Arc<AtomicUsize>,
    fails_from: usize,
    broken: Arc<AtomicBool>,
}

impl Slow {
    pub(crate) fn new(let_through: usize, fails_from: usize) -> Self {
        let through = Arc::new(Semaphore::new(let_through));
        let (inner, facts_read, looks, appends, broken) = Default::default();
        Self { inner, through, facts_read, looks, appends, fails_from, broken }
    }

    /// The same on what another store has kept.
    pub(crate) fn on(inner: MemoryStore, let_through: usize) -> Self {
        Self { inner, ..Self::new(let_through, usize::MAX) }
    }

    /// Waits until so many appends were asked for.
    pub(crate) async fn until_asked(&self, appends: usize) {
        while self.appends.load(Ordering::SeqCst) < appends {
            tokio::task::yield_now().await;
        }
    }

    /// From here on it fails.
    pub(crate) fn break_down(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }
}

impl Store for Slow {
    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<(), StoreError>> {
        let number = self.appends.fetch_add(1, Ordering::SeqCst) + 1;
        let fails = number >= self.fails_from || self.broken.load(Ordering::SeqCst);
        let this = self.clone();
        Box::pin(async move {
            this.through.acquire().await.unwrap().forget();
            match fails {
                true => Err(StoreError::Closed { reason: "the disk is full".to_owned() }),
                false => this.inner.append(batch).await,
            }
        })
    }

    fn facts_after(
        &self,
        execution: &str,
        told: u64,
        limit: usize,
    ) -> Result<Vec<Fact>, StoreError> {
        let facts = self.inner.facts_after(execution, told, limit)?;
        self.facts_read.fetch_add(facts.len(), Ordering::SeqCst);
        Ok(facts)
    }

    fn checkpoint(&self, execution: &str) -> Result<Option<Checkpoint>, StoreError> {
        self.inner.checkpoint(execution)
    }

    fn resting(
        &self,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(ExecutionArn, Timestamp)>, StoreError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.inner.resting(until, limit)
    }

    fn oldest_open(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, ExecutionArn, Timestamp)>, StoreError> {
        self.inner.oldest_open(after, limit)
    }

    fn waiting(
        &self,
        awaited: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<WaitingTask>, StoreError> {
        self.inner.waiting(awaited, after, limit)
    }

    fn waiting_for_ended(&self, after: u64, limit: usize) -> Result<Vec<WaitingTask>, StoreError> {
        self.inner.waiting_for_ended(after, limit)
    }

    fn are_executions_awaited(&self) -> Result<bool, StoreError> {
        self.inner.are_executions_awaited()
    }

    fn map_run(&self, arn: &str) -> Result<Option<MapRunRecord>, StoreError> {
        self.inner.map_run(arn)
    }

    fn map_runs(
        &self,
        execution: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<MapRunRecord>, StoreError> {
        self.inner.map_runs(execution, after, limit)
    }

    fn activity_count(&self) -> Result<usize, StoreError> {
        self.inner.activity_count()
    }

    fn state_machine_count(&self) -> Result<usize, StoreError> {
        self.inner.state_machine_count()
    }

    fn open_map_runs(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<MapRunRecord>, StoreError> {
        self.inner.open_map_runs(after, limit)
    }

    fn map_run_results(
        &self,
        run: &str,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, ChildResult)>, StoreError> {
        self.inner.map_run_results(run, after, limit)
    }

    fn open_count(&self) -> Result<usize, StoreError> {
        self.inner.open_count()
    }

    fn purge(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'static, Result<usize, StoreError>> {
        self.inner.purge(before, limit)
    }

    fn bytes(&self) -> Result<u64, StoreError> {
        self.inner.bytes()
    }

    fn execution(&self, arn: &str) -> Result<Option<ExecutionRecord>, StoreError> {
        self.inner.execution(arn)
    }

    fn executions(&self, selection: &Selection) -> Result<Vec<ExecutionSummary>, StoreError> {
        self.inner.executions(selection)
    }

    fn state_machine(&self, arn: &str) -> Result<Option<StateMachineRecord>, StoreError> {
        self.inner.state_machine(arn)
    }

    fn state_machines(&self) -> Result<Vec<StateMachineRecord>, StoreError> {
        self.inner.state_machines()
    }

    fn functions(&self) -> Result<Vec<FunctionRecord>, StoreError> {
        self.inner.functions()
    }

    fn activity(&self, arn: &str) -> Result<Option<ActivityRecord>, StoreError> {
        self.inner.activity(arn)
    }

    fn activities(&self) -> Result<Vec<ActivityRecord>, StoreError> {
        self.inner.activities()
    }

    fn version(&self, machine: &str, number: u64) -> Result<Option<VersionRecord>, StoreError> {
        self.inner.version(machine, number)
    }

    fn versions(&self, machine: &str) -> Result<Vec<VersionSummary>, StoreError> {
        self.inner.versions(machine)
    }

    fn alias(&self, machine: &str, name: &str) -> Result<Option<AliasRecord>, StoreError> {
        self.inner.alias(machine, name)
    }

    fn aliases(&self, machine: &str) -> Result<Vec<AliasRecord>, StoreError> {
        self.inner.aliases(machine)
    }

    fn tags(&self, resource: &str) -> Result<Tags, StoreError> {
        self.inner.tags(resource)
    }
}
