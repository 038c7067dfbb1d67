//! The functions there are: which code a call gets, and what is published while calls run.
//!
//! ```text
//!   manifest ──► open, rebind ─┐
//!   Publishing ──► change ─────┴─► admit ─► archive ─► store ─► Bound, swapped as one
//!   Functions::invoke ──► a place ─► Bound: route ─► version ─► Runtime::run
//! ```
//!
//! A change is durable before calls see it, and comes to its end though whoever asked for it goes.

mod changes;
mod checks;
mod opening;

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use tokio::{sync::Mutex, task::JoinError};

use super::{
    CodeArchive, CodeRecord, FunctionCall, FunctionError, FunctionMeasures, FunctionRecord,
    FunctionReply, FunctionVersion, Functions, PublishingError, Runtime,
    bound::{Bound, Loaded},
};
use crate::{
    Batch, Record, Store,
    clock::{Clock, Entropy},
};

pub use opening::{BindError, BindProblem};

/// Functions with their versions and aliases. Clones are of one registry.
pub struct Registry<R: Runtime>(Arc<Shared<R>>);

struct Shared<R: Runtime> {
    runtime: R,
    kept: Kept,
    functions: ArcSwap<BTreeMap<Arc<str>, Function<R>>>,
    /// One change at a time.
    changes: Mutex<()>,
}

/// A function through all its changes.
type Function<R> = Arc<ArcSwap<Bound<R>>>;

/// Where functions are kept, and what their changes are made with.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Keeps the records.
    pub store: Arc<dyn Store>,
    /// Keeps the code.
    pub archive: Arc<CodeArchive>,
    /// Dates changes.
    pub clock: Arc<dyn Clock>,
    /// Draws routes and revisions.
    pub entropy: Arc<dyn Entropy>,
}

impl<R: Runtime> Registry<R> {
    /// What runs the functions.
    pub fn runtime(&self) -> &R {
        &self.0.runtime
    }
}

impl<R: Runtime> Shared<R> {
    fn find(&self, name: &str) -> Option<Function<R>> {
        self.functions.load().get(name).cloned()
    }

    fn bound(&self, name: &str) -> Result<Arc<Bound<R>>, PublishingError> {
        let found = self.find(name).map(|function| function.load_full());
        found.ok_or_else(|| PublishingError::NoFunction { function: name.to_owned() })
    }

    fn draw(&self) -> u64 {
        let seed = self.kept.entropy.seed();
        u64::from_le_bytes(*seed.first_chunk().expect("a seed has 32 bytes"))
    }

    fn revision(&self) -> Arc<str> {
        let seed = self.kept.entropy.seed();
        let bytes = *seed.first_chunk().expect("a seed has 32 bytes");
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().into()
    }

    async fn keep(&self, records: Vec<FunctionRecord>) -> Result<(), PublishingError> {
        let records = records.into_iter().map(|it| Record::Function(Box::new(it))).collect();
        Ok(self.kept.store.append(Batch { records }).await?)
    }

    /// Reads code and admits it. Blocks the thread.
    fn load(&self, policy: &R::Policy, sha256: &str) -> Result<Arc<R::Program>, PublishingError> {
        let code = self.kept.archive.get(sha256).map_err(|error| reading(sha256, &error))?;
        self.admit(policy, &code, sha256)
    }

    fn admit(
        &self,
        policy: &R::Policy,
        code: &[u8],
        sha256: &str,
    ) -> Result<Arc<R::Program>, PublishingError> {
        let admitted = self.runtime.admit(policy, code, sha256);
        let refused =
            |refusal: R::Refusal| PublishingError::Refused { reason: refusal.to_string() };
        admitted.map(Arc::new).map_err(refused)
    }

    async fn call(self: &Arc<Self>, call: FunctionCall) -> Result<FunctionReply, FunctionError> {
        let function = self.find(&call.name).ok_or(FunctionError::NotFound)?;
        let asked = function.load_full();
        if !asked.record.names(call.qualifier.as_deref()) {
            return Err(FunctionError::NotFound);
        }
        let place = self.runtime.place(&asked.policy).await?;
        // What is current as it begins, however long it waited for its place.
        let bound = function.load_full();
        let route = bound.record.route(call.qualifier.as_deref(), || self.draw());
        let route = route.ok_or(FunctionError::NotFound)?;
        let loaded = self.loaded(&bound, route.number).await?;
        let begun = Instant::now();
        let Loaded { version, program, tally } = &*loaded;
        let ended = self.runtime.run(place, &bound.policy, program, version, call).await;
        let (took, failed) =
            (begun.elapsed(), matches!(ended, Err(FunctionError::Function { .. })));
        tally.count(failed, took);
        if let Some(alias) = route.trial {
            self.judge(&bound, alias, failed, took).await;
        }
        let version = version.clone();
        ended.map(|payload| FunctionReply { payload, version })
    }

    /// The version of a number, read again where it is not loaded.
    async fn loaded(
        self: &Arc<Self>,
        bound: &Arc<Bound<R>>,
        number: &Arc<str>,
    ) -> Result<Arc<Loaded<R::Program>>, FunctionError> {
        if let Some(loaded) = bound.loaded(number) {
            return Ok(loaded);
        }
        let CodeRecord { sha256, .. } =
            bound.record.numbered(number).ok_or(FunctionError::NotFound)?;
        let program = match bound.program(sha256) {
            Some(program) => program,
            None => {
                let (shared, bound, sha256) = (self.clone(), bound.clone(), sha256.clone());
                let loading = blocking(move || shared.load(&bound.policy, &sha256));
                loading.await.map_err(|error| FunctionError::Service(error.to_string()))?
            }
        };
        let version = FunctionVersion::new(number.clone(), sha256.clone());
        Ok(bound.keep_loaded(version, program))
    }

    /// Counts a call of the version on trial, and gives the version up when that is due.
    async fn judge(
        self: &Arc<Self>,
        bound: &Bound<R>,
        alias: &Arc<str>,
        failed: bool,
        took: Duration,
    ) {
        let Some(tally) = bound.trials.get(alias) else { return };
        tally.count(failed, took);
        let Some(reason) = bound.canary.and_then(|canary| canary.verdict(tally)) else { return };
        self.give_up(&bound.record, alias, &reason).await;
    }
}

impl<R: Runtime> Functions for Registry<R> {
    fn resolve(&self, name: &str, qualifier: Option<&str>) -> Option<FunctionVersion> {
        let bound = self.0.find(name)?.load_full();
        let route = bound.record.route(qualifier, || self.0.draw())?;
        let code = bound.record.numbered(route.number)?;
        Some(FunctionVersion::new(code.number.clone(), code.sha256.clone()))
    }

    fn names(&self) -> Vec<String> {
        self.0.functions.load().keys().map(ToString::to_string).collect()
    }

    fn invoke(&self, call: FunctionCall) -> BoxFuture<'_, Result<FunctionReply, FunctionError>> {
        Box::pin(self.0.call(call))
    }

    fn breaches(&self) -> Vec<(Arc<str>, &'static str, u64)> {
        let functions = self.0.functions.load();
        let breaches = functions.iter().flat_map(|(name, function)| {
            let breaches = self.0.runtime.breaches(&function.load().policy).into_iter();
            breaches.map(|(error, count)| (name.clone(), error, count))
        });
        breaches.collect()
    }

    fn measures(&self) -> Vec<FunctionMeasures> {
        let functions = self.0.functions.load();
        let measures = functions.iter().flat_map(|(name, function)| {
            let loaded = function.load().all_loaded();
            loaded.into_iter().map(|loaded| FunctionMeasures {
                function: name.clone(),
                version: loaded.version.clone(),
                calls: loaded.tally.calls(),
                errors: loaded.tally.errors(),
                duration: loaded.tally.duration(),
            })
        });
        measures.collect()
    }
}

impl<R: Runtime> Clone for Registry<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R: Runtime> fmt::Debug for Registry<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("functions", &self.names()).finish_non_exhaustive()
    }
}

fn reading(sha256: &str, error: &io::Error) -> PublishingError {
    let file = format!("the component with the SHA-256 {sha256}");
    PublishingError::Code { action: "reading", file, detail: error.to_string() }
}

/// Does what blocks the thread elsewhere.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    joined(tokio::task::spawn_blocking(work).await).await
}

/// Goes on though whoever waits for it goes.
async fn to_its_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    joined(tokio::spawn(work).await).await
}

async fn joined<T>(joined: Result<T, JoinError>) -> T {
    match joined {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The process ends: nobody waits.
        Err(_) => std::future::pending().await,
    }
}
