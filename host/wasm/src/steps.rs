//! Functions by name: each bound to a component, called in the sandbox, swapped while it runs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use stepyard_asl::Payload;
use stepyard_engine::{FunctionCall, FunctionError, FunctionReply, FunctionVersion, Functions};

use crate::{
    Breach, Grants, Limits, Outside, Problem, StepError,
    breach::function_error,
    cache::Cache,
    capability::bindings::{RunnerPre, exports::stepyard::step::handler::Context},
    component,
    ending::Ending,
    gate::Gate,
    invocation::{Invocation, Policy},
    sandbox::Sandbox,
    state::State,
};

/// The version that every call runs.
const LATEST: &str = "$LATEST";

/// A function and the component it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepSpec {
    /// The function's name.
    pub function: String,
    /// The component's file.
    pub component: PathBuf,
    /// What it may reach.
    pub grants: Grants,
    /// What a task of it may use up.
    pub limits: Limits,
}

/// Settings of the runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where compiled components are kept; none compiles them anew each time. The directory becomes
    /// private to its user.
    pub cache: Option<PathBuf>,
    /// Instances at once, of all functions together. 256.
    pub instances_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cache: None, instances_max: 256 }
    }
}

/// The functions that steps are bound to.
#[derive(Debug)]
pub struct Steps {
    sandbox: Sandbox,
    cache: Option<Cache>,
    functions: BTreeMap<String, Function>,
}

#[derive(Debug)]
struct Function {
    policy: Arc<Policy>,
    gate: Gate,
    current: ArcSwap<Version>,
}

struct Version {
    step: RunnerPre<State>,
    name: FunctionVersion,
    /// As it stands in logs.
    label: Arc<str>,
}

impl Steps {
    /// Compiles and checks every component. All problems are found, not the first only. Takes a
    /// fraction of a second for each component that is not in the cache, and blocks the thread.
    pub fn load(
        specs: Vec<StepSpec>,
        outside: Outside,
        settings: Settings,
    ) -> Result<Self, Vec<StepError>> {
        let memory_bytes_max = specs.iter().map(|spec| spec.limits.memory_bytes_max).max();
        let memory_bytes_max = memory_bytes_max.unwrap_or(Limits::default().memory_bytes_max);
        let sandbox = Sandbox::new(settings.instances_max, memory_bytes_max).map_err(|error| {
            let problem = Problem::Sandbox(format!("{error:#}"));
            vec![StepError { function: None, component: PathBuf::from("the sandbox"), problem }]
        })?;
        let cache = settings.cache.and_then(|directory| open_cache(&directory, &sandbox));
        let mut steps = Self { sandbox, cache, functions: BTreeMap::new() };
        let problems: Vec<_> =
            specs.into_iter().filter_map(|spec| steps.bind(spec, &outside).err()).collect();
        if problems.is_empty() { Ok(steps) } else { Err(problems) }
    }

    /// Puts another component in the place of a function's. A task that runs ends on the version it
    /// began with; the next one gets this. When the component is refused, nothing changes.
    pub fn swap(&self, function: &str, component: &Path) -> Result<FunctionVersion, StepError> {
        let failed = |problem| {
            let (function, component) = (Some(function.to_owned()), component.to_owned());
            StepError { function, component, problem }
        };
        let bound = self.functions.get(function).ok_or_else(|| failed(Problem::UnknownFunction))?;
        let version = self.version(component, &bound.policy).map_err(failed)?;
        let name = version.name.clone();
        bound.current.store(Arc::new(version));
        Ok(name)
    }

    /// Instances that are alive.
    pub fn instances(&self) -> u64 {
        self.sandbox.instances()
    }

    fn bind(&mut self, spec: StepSpec, outside: &Outside) -> Result<(), StepError> {
        let StepSpec { function, component, grants, limits } = spec;
        let failed = |problem| {
            let (function, component) = (Some(function.clone()), component.clone());
            StepError { function, component, problem }
        };
        if self.functions.contains_key(&function) {
            return Err(failed(Problem::Duplicate));
        }
        let gate = Gate::new(limits.concurrency_max, limits.queue_max);
        let outside = outside.clone();
        let policy = Arc::new(Policy { function: function.clone(), grants, limits, outside });
        let version = self.version(&component, &policy).map_err(failed)?;
        let current = ArcSwap::from_pointee(version);
        self.functions.insert(function, Function { policy, gate, current });
        Ok(())
    }

    fn version(&self, component: &Path, policy: &Policy) -> Result<Version, Problem> {
        let Policy { grants, limits, .. } = policy;
        let admitted =
            component::admit(&self.sandbox, self.cache.as_ref(), component, grants, limits)?;
        let name = FunctionVersion { number: LATEST.into(), sha256: admitted.sha256.into() };
        let label = name.to_string().into();
        Ok(Version { step: admitted.step, name, label })
    }

    async fn call(&self, call: FunctionCall) -> Result<FunctionReply, FunctionError> {
        let Some(function) = self.find(&call.name, call.qualifier.as_deref()) else {
            return Err(FunctionError::NotFound);
        };
        let Some(_place) = function.gate.enter().await else {
            let Limits { concurrency_max, queue_max, .. } = function.policy.limits;
            return Err(FunctionError::TooManyRequests(format!(
                "function `{}` runs {concurrency_max} tasks and {queue_max} wait \
                 (limits.concurrency, limits.queue)",
                call.name
            )));
        };
        let _instance = self.sandbox.place().await;
        self.run(function, call).await
    }

    async fn run(
        &self,
        function: &Function,
        call: FunctionCall,
    ) -> Result<FunctionReply, FunctionError> {
        let version = function.current.load_full();
        let context = context(&call, &function.policy.limits);
        let invocation = Arc::new(Invocation::new(
            Arc::clone(&function.policy),
            Arc::clone(&version.label),
            call.execution,
            call.state,
        ));
        let input = call.payload.text();
        let ended = self.sandbox.call(&version.step, &invocation, input, &context).await;
        let stderr = invocation.end_of_console();
        let failed = |error| FunctionError::Function { error, version: version.name.clone() };
        match ended {
            Ok(Ok(output)) => match payload(output, &function.policy.limits) {
                Ok(payload) => Ok(FunctionReply { payload, version: version.name.clone() }),
                Err(breach) => Err(failed(breach.into_error(&stderr))),
            },
            Ok(Err(error)) => Err(failed(function_error(&error.error_type, &error.error_message))),
            Err(Ending::Breach(breach)) => Err(failed(breach.into_error(&stderr))),
            Err(Ending::NoPlace(reason)) => Err(FunctionError::TooManyRequests(reason)),
        }
    }

    fn find(&self, name: &str, qualifier: Option<&str>) -> Option<&Function> {
        qualifier.is_none_or(|qualifier| qualifier == LATEST).then(|| self.functions.get(name))?
    }
}

impl Functions for Steps {
    fn resolve(&self, name: &str, qualifier: Option<&str>) -> Option<FunctionVersion> {
        Some(self.find(name, qualifier)?.current.load().name.clone())
    }

    fn names(&self) -> Vec<String> {
        self.functions.keys().cloned().collect()
    }

    fn invoke(&self, call: FunctionCall) -> BoxFuture<'_, Result<FunctionReply, FunctionError>> {
        Box::pin(self.call(call))
    }
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Version").field(&self.label).finish()
    }
}

/// A cache that cannot be opened costs time, so that is no error.
fn open_cache(directory: &Path, sandbox: &Sandbox) -> Option<Cache> {
    Cache::open(directory, sandbox.engine())
        .inspect_err(|error| {
            let directory = directory.display();
            tracing::warn!(%directory, "compiled components are not kept: {error}");
        })
        .ok()
}

/// What a step is told about its task. Its deadline is the earlier of its caller's and its own, on
/// the clock that it sees itself through `wasi:clocks`.
fn context(call: &FunctionCall, limits: &Limits) -> Context {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let own = u64::try_from((now + limits.wall_time).as_millis()).unwrap_or(u64::MAX);
    let callers = call.deadline.and_then(|deadline| u64::try_from(deadline.as_millis()).ok());
    Context {
        deadline_ms: callers.map_or(own, |callers| callers.min(own)),
        trace: call.trace.clone().unwrap_or_default(),
        execution_arn: call.execution.clone(),
        state_name: call.state.as_deref().map(str::to_owned),
        attempt: call.attempt,
        idempotency_key: call.idempotency_key.clone(),
        task_token: call.token.clone(),
    }
}

/// What a step returned, if it is JSON of fair size.
fn payload(output: String, limits: &Limits) -> Result<Payload, Breach> {
    let bytes_max = limits.output_bytes_max;
    if output.len() > bytes_max {
        return Err(Breach::Output { bytes: output.len(), bytes_max });
    }
    Payload::parse(output).map_err(|error| Breach::NotJson(error.to_string()))
}
