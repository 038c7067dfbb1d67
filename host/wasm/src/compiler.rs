//! Compiles components: for this machine as they are needed, or beforehand for one that has no compiler.

use std::path::{Path, PathBuf};

use wasmtime::{Engine, component::Component};

use crate::{
    Problem, Settings, StepError, StepSpec,
    cache::Cache,
    component::{self, hex_sha256},
    sandbox::{self, Sandbox},
};

/// Wasmtime's compiler, and what it compiled before.
#[derive(Debug)]
pub(crate) struct Compiler {
    cache: Option<Cache>,
}

impl Compiler {
    /// One that keeps what it compiles in a directory. A cache that cannot be opened costs time, so
    /// that is no error.
    pub(crate) fn new(cache: Option<&Path>, engine: &Engine) -> Self {
        let opened = cache.map(|directory| {
            Cache::open(directory, engine).inspect_err(|error| {
                let directory = directory.display();
                tracing::warn!(%directory, "compiled components are not kept: {error}");
            })
        });
        Self { cache: opened.and_then(Result::ok) }
    }

    /// Compiles a component for this machine, or finds it compiled.
    pub(crate) fn component(
        &self,
        engine: &Engine,
        bytes: &[u8],
        sha256: &str,
    ) -> Result<Component, Problem> {
        if let Some(compiled) = self.cached(engine, sha256) {
            return Ok(compiled);
        }
        let component = Component::from_binary(engine, bytes).map_err(|it| invalid(&it))?;
        if let Some(cache) = &self.cache {
            cache.put(sha256, &component.serialize().map_err(|it| invalid(&it))?);
        }
        Ok(component)
    }

    fn cached(&self, engine: &Engine, sha256: &str) -> Option<Component> {
        let compiled = self.cache.as_ref()?.get(sha256)?;
        component::deserialize(engine, &compiled)
            .inspect_err(|error| tracing::warn!("a compiled component does not load: {error:#}"))
            .ok()
    }
}

/// Compiles a step's component for the machines of a target, such as `aarch64-unknown-linux-musl`:
/// all of that architecture, for it uses no feature that only some of their processors have. Refuses
/// what [`open`](crate::open) would, as it would.
///
/// What it answers runs where [`Settings::precompiled`] lets it, in a build of the same version.
/// `cache` is [`Settings::cache`]: what was admitted before is compiled for the target alone.
pub fn precompile(
    spec: &StepSpec,
    target: &str,
    cache: Option<PathBuf>,
) -> Result<Vec<u8>, StepError> {
    let failed = |problem| StepError {
        function: Some(spec.function.clone()),
        component: spec.component.clone(),
        problem,
    };
    let bytes = component::read(&spec.component).map_err(failed)?;
    check(spec, &bytes, cache).map_err(failed)?;
    compile_for(target, &bytes).map_err(failed)
}

/// Admits a component on this machine, as a step that may run.
fn check(spec: &StepSpec, bytes: &[u8], cache: Option<PathBuf>) -> Result<(), Problem> {
    let StepSpec { function, grants, limits, .. } = spec;
    let settings = Settings { cache, instances_max: 1, pooled: false, ..Settings::default() };
    let sandbox = Sandbox::new(&settings, limits.memory_bytes_max)?;
    component::admit(&sandbox, bytes, &hex_sha256(bytes), function, grants, limits).map(drop)
}

fn compile_for(target: &str, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut config = sandbox::config();
    let unknown = |error: wasmtime::Error| Problem::Target {
        target: target.to_owned(),
        reason: format!("{error:#}"),
    };
    // A target that is named is compiled for as it is by itself; without a name it would be this
    // very processor.
    config.target(target).map_err(unknown)?;
    let engine = Engine::new(&config).map_err(unknown)?;
    engine.precompile_component(bytes).map_err(|it| invalid(&it))
}

fn invalid(error: &wasmtime::Error) -> Problem {
    Problem::Invalid(format!("{error:#}"))
}
