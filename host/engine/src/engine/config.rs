//! What an engine is made of, and how much it takes at once.

use std::{fmt, sync::Arc};

use crate::{
    Custody, Integration, Observer, Pinning, Store,
    clock::{Clock, Entropy, SystemClock, SystemEntropy},
    outside::{NoObjects, Objects},
};

/// What an engine is made of.
#[derive(Clone)]
pub struct Config {
    /// Where executions are kept. One engine at a time may write it.
    pub store: Arc<dyn Store>,
    /// What does tasks: the first that claims a resource.
    pub integrations: Vec<Arc<dyn Integration>>,
    /// Where Map Runs read items and export results.
    pub objects: Arc<dyn Objects>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws randomness.
    pub entropy: Arc<dyn Entropy>,
    /// How many Standard executions may be open at once.
    pub standard_max: usize,
    /// How many Express executions may be open at once.
    pub express_max: usize,
    /// How many state machines may be registered.
    pub machines_max: usize,
    /// How many activities may be.
    pub activities_max: usize,
    /// What the engine does with the store as a whole. None: it leaves executions alone that it was
    /// not told to start or to resume, and keeps those at work in memory.
    pub custody: Option<Custody>,
    /// Which executions keep to the versions that were current when they began. None: not any.
    pub pinning: Option<Arc<dyn Pinning>>,
    /// How many tasks may be at work when an execution begins.
    pub tasks_max: usize,
    /// How many bytes of input those tasks may hold.
    pub task_bytes_max: usize,
    /// Who is shown what executions come to. None: nobody, which costs nothing.
    pub observer: Option<Arc<dyn Observer>>,
}

/// How many Standard executions may be open at once (Quotas: "Maximum open executions").
const STANDARD_MAX: usize = 1_000_000;
/// AWS bounds how many Express executions are started in a second, and each takes five minutes at
/// most; here their memory is what is bounded.
const EXPRESS_MAX: usize = 100_000;
/// How many state machines and activities may be registered (Quotas: "Maximum number of registered state
/// machines", "Maximum number of registered activities").
const MACHINES_MAX: usize = 100_000;
const ACTIVITIES_MAX: usize = 100_000;
/// Fewer than may wait for one function, so that a flood of executions is throttled before its tasks
/// are refused.
const TASKS_MAX: usize = 4_096;
const TASK_BYTES_MAX: usize = 256 << 20;

impl Config {
    /// With the operating system's clock and randomness, and nothing that does tasks.
    pub fn new(store: impl Store + 'static) -> Self {
        Self {
            store: Arc::new(store),
            integrations: Vec::new(),
            objects: Arc::new(NoObjects),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            standard_max: STANDARD_MAX,
            express_max: EXPRESS_MAX,
            machines_max: MACHINES_MAX,
            activities_max: ACTIVITIES_MAX,
            custody: None,
            pinning: None,
            tasks_max: TASKS_MAX,
            task_bytes_max: TASK_BYTES_MAX,
            observer: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("store", &self.store).finish_non_exhaustive()
    }
}
