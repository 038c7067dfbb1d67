//! From the manifest to functions that can be called: components are read, checked and bound.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use stepyard_engine::{BindError, BindProblem, Binding, Canary, Kept, Registry};

use crate::{
    Grants, Limits, Outside, Policy, Problem, StepError, Steps, breach::Breaches, component,
    gate::Gate,
};

/// A function and the component it is bound to.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSpec {
    /// The function's name.
    pub function: String,
    /// The component's file.
    pub component: PathBuf,
    /// What it may reach.
    pub grants: Grants,
    /// What a task of it may use up.
    pub limits: Limits,
    /// When a version of it that is on trial is given up.
    pub canary: Option<Canary>,
    /// Whether each component that it is bound to is published as a version: pinned executions need it.
    pub publishes: bool,
}

/// Settings of the runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where compiled components are kept; none compiles them anew each time. The directory becomes
    /// private to its user.
    pub cache: Option<PathBuf>,
    /// Instances at once, of all functions together. 256.
    pub instances_max: u32,
    /// Whether memory for all of them is set aside at the start: that takes a millisecond then, and
    /// saves half the time of each call.
    pub pooled: bool,
    /// Whether components are taken that are compiled already. Machine code cannot be checked, so only
    /// where whoever can write their files can write this program as well.
    pub precompiled: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cache: None, instances_max: 256, pooled: true, precompiled: false }
    }
}

/// Compiles, checks and binds every component. All problems are found, not the first only. Takes a
/// fraction of a second for each component that is not in the cache.
pub async fn open(
    specs: Vec<StepSpec>,
    outside: Outside,
    settings: Settings,
    kept: Kept,
) -> Result<Registry<Steps>, Vec<StepError>> {
    let memory_bytes_max = specs.iter().map(|spec| spec.limits.memory_bytes_max).max();
    let memory_bytes_max = memory_bytes_max.unwrap_or(Limits::default().memory_bytes_max);
    let steps = Steps::new(memory_bytes_max, outside, &settings).map_err(|problem| {
        vec![StepError { function: None, component: PathBuf::from("the sandbox"), problem }]
    })?;
    let files = files(&specs);
    let bindings = specs.into_iter().map(|spec| binding(&steps, spec)).collect();
    let opened = Registry::open(steps, kept, bindings).await;
    opened.map_err(|errors| told(errors, &files))
}

/// Binds these functions and no others, all or none: for a manifest or a component that has changed.
pub async fn rebind(
    registry: &Registry<Steps>,
    specs: Vec<StepSpec>,
) -> Result<(), Vec<StepError>> {
    let files = files(&specs);
    let bindings = specs.into_iter().map(|spec| binding(registry.runtime(), spec)).collect();
    registry.rebind(bindings).await.map_err(|errors| told(errors, &files))
}

/// Reads a component's file, which is bounded.
pub fn read(component: &Path) -> Result<Vec<u8>, Problem> {
    component::read(component)
}

fn files(specs: &[StepSpec]) -> BTreeMap<String, PathBuf> {
    specs.iter().map(|spec| (spec.function.clone(), spec.component.clone())).collect()
}

fn binding(steps: &Steps, spec: StepSpec) -> Binding<Steps> {
    let StepSpec { function, component, grants, limits, canary, publishes } = spec;
    let code = component::read(&component).map(Arc::from);
    let gate = Gate::new(limits.concurrency_max, limits.queue_max);
    let outside = steps.outside().clone();
    let name = Arc::from(&*function);
    let breaches = Breaches::default();
    let policy = Arc::new(Policy { function, grants, limits, outside, gate, breaches });
    Binding { function: name, policy, code, canary, publishes }
}

/// Tells problems with functions by their components' files.
fn told(errors: Vec<BindError<Problem>>, files: &BTreeMap<String, PathBuf>) -> Vec<StepError> {
    let told = |BindError { function, problem }: BindError<Problem>| {
        let function = function.map(|function| function.to_string());
        let file = function.as_ref().and_then(|function| files.get(function)).cloned();
        let file = file.unwrap_or_else(|| "what functions there are".into());
        let (component, problem) = match problem {
            BindProblem::Duplicate => (file, Problem::Duplicate),
            BindProblem::Refused(problem) => (file, problem),
            BindProblem::Published { number, sha256, error } => (
                format!("version {number} (sha256:{sha256})").into(),
                Problem::Published(Box::new(error)),
            ),
            BindProblem::Kept(error) => (file, Problem::Kept(Box::new(error))),
        };
        StepError { function, component, problem }
    };
    errors.into_iter().map(told).collect()
}
