//! A function at one moment: its record, and the programs of the versions that calls get.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Canary, FunctionRecord, FunctionVersion, Runtime, canary::Tally};

/// Versions that no route leads to and that are kept loaded, each function.
const OTHERS_MAX: usize = 8;

/// A function as it is until something about it changes.
pub(super) struct Bound<R: Runtime> {
    pub(super) policy: Arc<R::Policy>,
    pub(super) canary: Option<Canary>,
    pub(super) publishes: bool,
    pub(super) record: FunctionRecord,
    /// By number: what calls get that name none.
    pub(super) routed: BTreeMap<Arc<str>, Arc<Loaded<R::Program>>>,
    /// What the calls of each alias's additional version came to, by the alias.
    pub(super) trials: BTreeMap<Arc<str>, Arc<Tally>>,
    others: Arc<Others<R::Program>>,
}

/// A version that can run. It is freed with the last call of it.
pub(super) struct Loaded<P> {
    pub(super) version: FunctionVersion,
    pub(super) program: Arc<P>,
    pub(super) tally: Tally,
}

/// Versions that were called by their numbers, the latest last.
struct Others<P>(Mutex<Vec<Arc<Loaded<P>>>>);

impl<R: Runtime> Bound<R> {
    /// One of which nothing is loaded yet.
    pub(super) fn new(
        policy: Arc<R::Policy>,
        canary: Option<Canary>,
        publishes: bool,
        record: FunctionRecord,
    ) -> Self {
        Self {
            policy,
            canary,
            publishes,
            trials: trials::<R>(&record, None),
            record,
            routed: BTreeMap::new(),
            others: Arc::new(Others(Mutex::default())),
        }
    }

    /// The function with another record. `load` gives the program of a hash that is not loaded yet.
    pub(super) fn changed<E>(
        &self,
        record: FunctionRecord,
        mut load: impl FnMut(&str) -> Result<Arc<R::Program>, E>,
    ) -> Result<Self, E> {
        let mut routed = BTreeMap::new();
        for code in record.routed() {
            let loaded = match self.routed.get(&code.number) {
                Some(loaded) if loaded.version.sha256 == code.sha256 => loaded.clone(),
                _ => {
                    let version = FunctionVersion::new(code.number.clone(), code.sha256.clone());
                    let program = match self.program(&code.sha256) {
                        Some(program) => program,
                        None => load(&code.sha256)?,
                    };
                    Arc::new(Loaded { version, program, tally: Tally::default() })
                }
            };
            routed.insert(code.number.clone(), loaded);
        }
        self.others.retain(|version| record.numbered(&version.number).is_some());
        let trials = trials(&record, Some(self));
        let (policy, others) = (self.policy.clone(), self.others.clone());
        let (canary, publishes) = (self.canary, self.publishes);
        Ok(Self { policy, canary, publishes, record, routed, trials, others })
    }

    /// A version that is loaded.
    pub(super) fn loaded(&self, number: &str) -> Option<Arc<Loaded<R::Program>>> {
        self.routed.get(number).cloned().or_else(|| self.others.get(number))
    }

    /// Keeps a version loaded that was called by its number.
    pub(super) fn keep_loaded(
        &self,
        version: FunctionVersion,
        program: Arc<R::Program>,
    ) -> Arc<Loaded<R::Program>> {
        let loaded = Arc::new(Loaded { version, program, tally: Tally::default() });
        self.others.add(loaded.clone());
        loaded
    }

    /// A program that is loaded for whichever version.
    pub(super) fn program(&self, sha256: &str) -> Option<Arc<R::Program>> {
        let mut routed = self.routed.values();
        let routed = routed.find(|loaded| *loaded.version.sha256 == *sha256).cloned();
        routed.or_else(|| self.others.of(sha256)).map(|loaded| loaded.program.clone())
    }

    /// Every version that is loaded.
    pub(super) fn all_loaded(&self) -> Vec<Arc<Loaded<R::Program>>> {
        let mut all: Vec<_> = self.routed.values().cloned().collect();
        all.extend(self.others.all());
        all
    }
}

impl<P> Others<P> {
    fn get(&self, number: &str) -> Option<Arc<Loaded<P>>> {
        self.find(|version| *version.number == *number)
    }

    fn of(&self, sha256: &str) -> Option<Arc<Loaded<P>>> {
        self.find(|version| *version.sha256 == *sha256)
    }

    fn find(&self, wanted: impl Fn(&FunctionVersion) -> bool) -> Option<Arc<Loaded<P>>> {
        let mut all = self.locked();
        let found = all.iter().position(|loaded| wanted(&loaded.version))?;
        let found = all.remove(found);
        all.push(found.clone());
        Some(found)
    }

    fn add(&self, loaded: Arc<Loaded<P>>) {
        let mut all = self.locked();
        all.retain(|other| other.version.number != loaded.version.number);
        all.push(loaded);
        let surplus = all.len().saturating_sub(OTHERS_MAX);
        all.drain(..surplus);
    }

    fn retain(&self, wanted: impl Fn(&FunctionVersion) -> bool) {
        self.locked().retain(|loaded| wanted(&loaded.version));
    }

    fn all(&self) -> Vec<Arc<Loaded<P>>> {
        self.locked().clone()
    }

    /// A panic elsewhere leaves the list whole.
    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Loaded<P>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A trial begins with the route, and goes on for as long as it leads to the same version.
fn trials<R: Runtime>(
    record: &FunctionRecord,
    before: Option<&Bound<R>>,
) -> BTreeMap<Arc<str>, Arc<Tally>> {
    let on_trial = record.aliases.iter().filter(|alias| alias.additional.is_some());
    let trial = on_trial.map(|alias| {
        let same = |before: &&Bound<R>| {
            let additional =
                |it: &super::FunctionAlias| it.additional.as_ref().map(|it| it.version.clone());
            before.record.alias(&alias.name).is_some_and(|it| additional(it) == additional(alias))
        };
        let tally = before.filter(same).and_then(|before| before.trials.get(&alias.name).cloned());
        (alias.name.clone(), tally.unwrap_or_default())
    });
    trial.collect()
}
