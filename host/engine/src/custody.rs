//! Custody of a whole store: nothing unfinished is left lying, nothing long past is kept.
//!
//! At its start the engine goes on with what no engine is at work on, and stops what outlived its Map
//! Run; then it goes on with each execution that rests, when its moment has come; and now and then it
//! ends what took too long and forgets what ended long ago.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, stream};
use stepyard_asl::{FactKind, Timestamp};
use tokio::{sync::Notify, task::AbortHandle};

use crate::{
    Engine, EngineError, ExecutionArn, ExecutionRecord, Selection, Store, StoreError, clock::Clock,
    engine::WeakEngine, recall::blocking, redrive::EXECUTION_MILLIS_MAX, store::Record,
};

/// What an engine does with a store that it alone takes care of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custody {
    /// How long an execution is kept after its end, and a notification in the topic log.
    pub retention: Duration,
    /// How much the store may take: past it, what ended first goes first.
    pub store_bytes_max: Option<u64>,
}

impl Default for Custody {
    /// "Execution history is kept for 90 days after an execution is closed" (Quotas), and no bound.
    fn default() -> Self {
        Self { retention: Duration::from_secs(90 * 24 * 60 * 60), store_bytes_max: None }
    }
}

/// How many executions are read back at a time.
const AT_ONCE: usize = 128;
/// How many are found at a time.
const PAGE: usize = 1_024;
/// An execution that cannot go on is tried again after so long: what is wrong may have been mended.
const TRIED_AGAIN_MILLIS: i64 = 60 * 60 * 1_000;
/// How often is looked for what is past.
const PURGE_MILLIS: i64 = 10 * 60 * 1_000;
/// How many executions are forgotten in one act, which others wait for.
const PURGED_AT_ONCE: usize = 200;

/// When the next execution that rests goes on, as far as is known.
#[derive(Clone, Debug)]
pub(crate) struct NextWake(Arc<(AtomicI64, Notify)>);

impl Default for NextWake {
    fn default() -> Self {
        Self(Arc::new((AtomicI64::new(i64::MAX), Notify::new())))
    }
}

impl NextWake {
    /// An execution rests until `at`.
    pub(crate) fn tell(&self, at: Timestamp) {
        let (next, told) = &*self.0;
        if at.as_millis() < next.fetch_min(at.as_millis(), Ordering::SeqCst) {
            told.notify_one();
        }
    }

    /// An execution was found that rests until `at`. Who found it waits for that, and is not to be woken.
    fn find(&self, at: Timestamp) {
        self.0.0.fetch_min(at.as_millis(), Ordering::SeqCst);
    }

    /// Nothing is known until it is looked for, or told.
    fn forget(&self) {
        self.0.0.store(i64::MAX, Ordering::SeqCst);
    }

    /// Waits for the moment of the next, or until it is told of an earlier one.
    async fn wait(&self, clock: &dyn Clock) {
        let (next, told) = &*self.0;
        let next = Timestamp::from_millis(next.load(Ordering::SeqCst));
        tokio::select! {
            () = told.notified() => {}
            () = clock.sleep_until(next) => {}
        }
    }
}

/// The work of custody; dropped, it ends.
#[derive(Debug)]
pub(crate) struct Custodian(AbortHandle);

impl Drop for Custodian {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Custodian {
    pub(crate) fn start(engine: WeakEngine, custody: Custody, next: NextWake) -> Self {
        let work = async move {
            let (wakes, purges) = (wake_all(&engine, &next), purge_all(&engine, &custody));
            // Each ends with the engine.
            let _ = tokio::join!(wakes, end_overdue(&engine), purges);
        };
        Self(tokio::spawn(work).abort_handle())
    }
}

/// Why custody ends: the engine has.
struct Ended;

async fn wake_all(engine: &WeakEngine, next: &NextWake) -> Result<(), Ended> {
    let mut before = None;
    loop {
        let selection =
            Selection { awake: true, before, limit: Some(PAGE), ..Selection::default() };
        let page = read(engine, move |store| store.executions(&selection)).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.number);
        // One that has begun to rest since it was found is left to rest.
        go_on(engine, page.into_iter().map(|it| it.arn), |found| !found.rests).await?;
    }
    let ((), (), woken) =
        tokio::join!(stop_orphans(engine), tell_ended(engine), wake_due(engine, next));
    woken
}

/// Goes on with what rests, each when its moment has come.
async fn wake_due(engine: &WeakEngine, next: &NextWake) -> Result<(), Ended> {
    let clock = engine.config().clock.clone();
    loop {
        next.forget();
        let now = clock.now();
        let due = read(engine, move |store| store.resting(now, PAGE)).await?;
        if !due.is_empty() {
            go_on(engine, due.into_iter().map(|(arn, _)| arn), |found| found.rests).await?;
            continue;
        }
        let last = Timestamp::from_millis(i64::MAX);
        let soonest = read(engine, move |store| store.resting(last, 1)).await?;
        soonest.first().inspect(|(_, at)| next.find(*at));
        next.wait(&*clock).await;
    }
}

/// Goes on with these executions. One that cannot go on keeps no other from going on.
async fn go_on(
    engine: &WeakEngine,
    executions: impl Iterator<Item = ExecutionArn>,
    is_wanted: impl Fn(&ExecutionRecord) -> bool,
) -> Result<(), Ended> {
    let resumed = stream::iter(executions).for_each_concurrent(AT_ONCE, async |execution| {
        let Some(engine) = engine.upgrade() else { return };
        if let Err(error) = engine.resume_if(&execution, &is_wanted, None).await
            && engine.is_running()
        {
            engine.try_again_later(execution, &error).await;
        }
    });
    resumed.await;
    engine.upgrade().filter(Engine::is_running).map(drop).ok_or(Ended)
}

impl Engine {
    /// An execution cannot go on.
    pub(crate) async fn try_again_later(&self, execution: ExecutionArn, error: &EngineError) {
        tracing::error!(%execution, %error, "an execution cannot go on");
        let until = self.now().plus_millis(TRIED_AGAIN_MILLIS);
        // A store that cannot keep this stops the engine.
        let _ = self.keep(vec![Record::Rests { execution, until: Some(until) }]).await;
    }
}

/// Tells of what ended while nobody was there to tell it.
async fn tell_ended(engine: &WeakEngine) {
    let Some(engine) = engine.upgrade() else { return };
    if let Err(error) = engine.tell_all_ended().await
        && engine.is_running()
    {
        tracing::error!(%error, "executions may wait for one that is over");
    }
}

/// Stops what was under way for a Map Run that is over.
async fn stop_orphans(engine: &WeakEngine) {
    let Some(engine) = engine.upgrade() else { return };
    if let Err(error) = engine.stop_orphans().await
        && engine.is_running()
    {
        tracing::error!(%error, "children of map runs that are over may still be at work");
    }
}

/// Ends what took as long as any execution may.
async fn end_overdue(engine: &WeakEngine) -> Result<(), Ended> {
    let clock = engine.config().clock.clone();
    loop {
        let last = clock.now().plus_millis(-EXECUTION_MILLIS_MAX);
        let mut after = 0;
        loop {
            let oldest = read(engine, move |store| store.oldest_open(after, PAGE)).await?;
            for (_, execution, _) in oldest.iter().filter(|(.., began)| *began <= last) {
                let engine = engine.upgrade().filter(Engine::is_running).ok_or(Ended)?;
                if let Err(error) = engine.end(execution, &FactKind::ExecutionOverdue).await {
                    tracing::error!(%execution, %error, "it takes too long, and cannot be ended");
                }
            }
            match oldest.last() {
                Some((number, _, began)) if *began <= last => after = *number,
                _ => break,
            }
        }
        clock.sleep_until(clock.now().plus_millis(PURGE_MILLIS)).await;
    }
}

async fn purge_all(engine: &WeakEngine, custody: &Custody) -> Result<(), Ended> {
    let clock = engine.config().clock.clone();
    let retention = i64::try_from(custody.retention.as_millis()).unwrap_or(i64::MAX);
    loop {
        let before = clock.now().as_millis().saturating_sub(retention);
        while purge(engine, Timestamp::from_millis(before)).await? == PURGED_AT_ONCE {}
        while let Some(bytes_max) = custody.store_bytes_max
            && read(engine, |store| store.bytes()).await? > bytes_max
            && purge(engine, clock.now()).await? > 0
        {}
        clock.sleep_until(clock.now().plus_millis(PURGE_MILLIS)).await;
    }
}

async fn purge(engine: &WeakEngine, before: Timestamp) -> Result<usize, Ended> {
    engine.upgrade().ok_or(Ended)?;
    told(engine, engine.config().store.purge(before, PURGED_AT_ONCE).await)
}

async fn read<T: Send + 'static>(
    engine: &WeakEngine,
    read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Ended> {
    let store = engine.config().store.clone();
    told(engine, blocking(move || Ok(read(&*store)?)).await)
}

/// What the store cannot do for custody it cannot do for the engine either.
fn told<T>(engine: &WeakEngine, result: Result<T, impl Into<EngineError>>) -> Result<T, Ended> {
    result.map_err(|error| {
        let error = error.into();
        tracing::error!(%error, "unfinished executions are no longer looked for");
        engine.fail(error);
        Ended
    })
}
