//! Binding functions to what the manifest says: when a process starts, and when the manifest changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::{Kept, Registry, Shared, blocking, to_its_end};
use crate::functions::{
    Binding, CodeRecord, FunctionRecord, LATEST, PublishingError, Runtime, VersionPublish,
    bound::Bound, sha256,
};

/// Why a function was not bound.
#[derive(Debug)]
pub struct BindError<E> {
    /// The function; none where it is about all.
    pub function: Option<Arc<str>>,
    /// What is wrong.
    pub problem: BindProblem<E>,
}

/// What is wrong with a function's binding.
#[derive(Debug, thiserror::Error)]
pub enum BindProblem<E> {
    /// Two functions have one name.
    #[error("is bound to a function that is bound already")]
    Duplicate,
    /// Its component is not admitted.
    #[error("{0}")]
    Refused(E),
    /// Code that was published under its name cannot run as it is bound now.
    #[error(
        "version {number} (sha256:{sha256}), which was published and which calls get, cannot run: {error}"
    )]
    Published {
        /// `$LATEST` or a number.
        number: Arc<str>,
        /// Its SHA-256 in hex.
        sha256: Arc<str>,
        /// Why not.
        error: PublishingError,
    },
    /// It could not be kept.
    #[error(transparent)]
    Kept(PublishingError),
}

/// A function that may be bound, and what is to be kept of it.
struct Prepared<R: Runtime> {
    bound: Bound<R>,
    is_new: bool,
}

type Problems<R> = Vec<BindError<<R as Runtime>::Refusal>>;

impl<R: Runtime> Registry<R> {
    /// Binds functions as the manifest says. One whose component is another than the manifest bound it to
    /// before runs that; one whose component is the same runs what was published last. All problems are
    /// found, not the first only.
    pub async fn open(
        runtime: R,
        kept: Kept,
        bindings: Vec<Binding<R>>,
    ) -> Result<Self, Problems<R>> {
        let (functions, changes) = (ArcSwap::default(), Mutex::default());
        let registry = Self(Arc::new(Shared { runtime, kept, functions, changes }));
        registry.rebind(bindings).await?;
        Ok(registry)
    }

    /// Binds these functions, and no others, as [`Self::open`] does: all or none. Calls that began go on
    /// as they began.
    pub async fn rebind(&self, bindings: Vec<Binding<R>>) -> Result<(), Problems<R>> {
        let shared = self.0.clone();
        let binding = async move {
            let _one = shared.changes.lock().await;
            shared.bind(bindings).await
        };
        to_its_end(binding).await
    }
}

impl<R: Runtime> Shared<R> {
    async fn bind(self: &Arc<Self>, bindings: Vec<Binding<R>>) -> Result<(), Problems<R>> {
        let shared = self.clone();
        let prepared = blocking(move || shared.prepare(bindings)).await?;
        let new = prepared.iter().filter(|it| it.is_new);
        let records: Vec<_> = new.map(|it| it.bound.record.clone()).collect();
        if !records.is_empty() {
            let kept = self.keep(records).await;
            kept.map_err(|error| {
                vec![BindError { function: None, problem: BindProblem::Kept(error) }]
            })?;
        }
        let before = self.functions.load_full();
        let bound = prepared.into_iter().map(|Prepared { bound, .. }| {
            let (name, bound) = (bound.record.name.clone(), Arc::new(bound));
            // Who waits for a place finds the function again as it is then.
            let function = before.get(&name).cloned();
            let function = function.inspect(|function| function.store(bound.clone()));
            (name, function.unwrap_or_else(|| Arc::new(ArcSwap::new(bound))))
        });
        self.functions.store(Arc::new(bound.collect()));
        self.discard().await;
        Ok(())
    }

    fn prepare(&self, bindings: Vec<Binding<R>>) -> Result<Vec<Prepared<R>>, Problems<R>> {
        let recorded = self.kept.store.functions().map_err(|error| {
            vec![BindError { function: None, problem: BindProblem::Kept(error.into()) }]
        })?;
        let recorded: BTreeMap<_, _> =
            recorded.into_iter().map(|it| (it.name.clone(), it)).collect();
        let mut names = BTreeSet::new();
        let (mut prepared, mut problems) = (Vec::new(), Vec::new());
        for binding in bindings {
            let function = binding.function.clone();
            let one = match names.insert(function.clone()) {
                true => self.prepare_one(binding, recorded.get(&function)),
                false => Err(BindProblem::Duplicate),
            };
            match one {
                Ok(one) => prepared.push(one),
                Err(problem) => problems.push(BindError { function: Some(function), problem }),
            }
        }
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }

    fn prepare_one(
        &self,
        binding: Binding<R>,
        recorded: Option<&FunctionRecord>,
    ) -> Result<Prepared<R>, BindProblem<R::Refusal>> {
        let Binding { function, policy, code, canary, publishes } = binding;
        let code = code.map_err(BindProblem::Refused)?;
        let sha256 = sha256(&code);
        let program = self.runtime.admit(&policy, &code, &sha256);
        let program = Arc::new(program.map_err(BindProblem::Refused)?);
        self.put(&code).map_err(BindProblem::Kept)?;
        let mut record = match recorded {
            Some(recorded) if recorded.bound == sha256 => recorded.clone(),
            _ => self.rebound(function, recorded, sha256.clone(), code.len() as u64),
        };
        if publishes {
            let published = self.publish(&mut record, VersionPublish::default());
            published.map_err(BindProblem::Kept)?;
        }
        let load = |wanted: &str| match *wanted == *sha256 {
            true => Ok(program.clone()),
            false => self.load(&policy, wanted).map_err(|error| (Arc::<str>::from(wanted), error)),
        };
        let bound =
            Bound::new(policy.clone(), canary, publishes, record.clone()).changed(record, load);
        let bound = bound.map_err(|(wanted, error)| {
            let number = recorded.and_then(|it| it.routed().find(|code| code.sha256 == wanted));
            let number = number.map_or_else(|| LATEST.into(), |code| code.number.clone());
            BindProblem::Published { number, sha256: wanted, error }
        })?;
        let is_new = recorded != Some(&bound.record);
        Ok(Prepared { bound, is_new })
    }

    /// What is kept of a function that the manifest binds to other code than before.
    fn rebound(
        &self,
        name: Arc<str>,
        recorded: Option<&FunctionRecord>,
        sha256: Arc<str>,
        bytes: u64,
    ) -> FunctionRecord {
        let latest = CodeRecord {
            number: LATEST.into(),
            sha256: sha256.clone(),
            bytes,
            description: recorded.and_then(|it| it.latest.description.clone()),
            modified: self.kept.clock.now(),
            revision: self.revision(),
        };
        match recorded {
            Some(recorded) => FunctionRecord { latest, bound: sha256, ..recorded.clone() },
            None => FunctionRecord {
                name,
                latest,
                bound: sha256,
                versions: Vec::new(),
                published: 0,
                aliases: Vec::new(),
            },
        }
    }

    /// Removes code that no record names. What cannot be removed takes room and does no harm.
    pub(super) async fn discard(self: &Arc<Self>) {
        let shared = self.clone();
        let discarded = blocking(move || {
            let records = shared.kept.store.functions().map_err(io::Error::other)?;
            let shas = records
                .iter()
                .flat_map(|it| it.all().map(|code| code.sha256.clone()).chain([it.bound.clone()]));
            let wanted = shas.collect();
            shared.kept.archive.retain(&wanted)
        });
        if let Err(error) = discarded.await {
            tracing::warn!("code that nothing wants stays: {error}");
        }
    }
}
