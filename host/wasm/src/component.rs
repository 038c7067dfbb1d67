//! From a file to a step: what a component must be before it may run. Nothing else compiles, and
//! nothing else loads machine code.

use std::{fs, io::Read, path::Path};

use sha2::{Digest, Sha256};
use wasmtime::{
    Engine,
    component::{
        Component,
        types::{Component as ComponentType, ComponentItem},
    },
};

use crate::{
    Grants, Limits, MissingGrant, Problem,
    cache::{Cache, hex},
    capability::{
        HANDLER, Requirement,
        bindings::{
            RunnerPre,
            exports::stepyard::step::handler::{Context, Error},
        },
        requirement,
    },
    policy::Policy,
    sandbox::Sandbox,
    state::State,
};

/// The largest file that is read: AWS Lambda's quota for a function's code, 250 MB unzipped.
const COMPONENT_BYTES_MAX: u64 = 262_144_000;

/// A page of WebAssembly's memory.
const PAGE_BYTES: u64 = 64 << 10;

/// A component that has been read and compiled.
pub(crate) struct Loaded {
    pub(crate) component: Component,
    pub(crate) sha256: String,
    pub(crate) bytes: usize,
}

/// Lets a component in as a step: of the right world, importing only what it is granted.
pub(crate) fn admit(
    sandbox: &Sandbox,
    cache: Option<&Cache>,
    bytes: &[u8],
    sha256: &str,
    policy: &Policy,
) -> Result<RunnerPre<State>, Problem> {
    let Policy { function, grants, limits, .. } = policy;
    if let Some(problem) = grants.problems().into_iter().next() {
        return Err(Problem::Grant(problem));
    }
    sandbox.check_memory(limits)?;
    let component = compiled(sandbox.engine(), cache, bytes, sha256)?;
    let component_type = component.component_type();
    check_export(sandbox.engine(), &component_type)?;
    check_imports(sandbox.engine(), &component_type, function, grants)?;
    check_memory(&component, limits)?;
    let step = sandbox.linker().instantiate_pre(&component).and_then(RunnerPre::new);
    step.map_err(|error| Problem::Unlinkable(format!("{error:#}")))
}

/// Reads a component and compiles it.
pub(crate) fn load(engine: &Engine, file: &Path) -> Result<Loaded, Problem> {
    let bytes = read(file)?;
    let sha256 = hex(&Sha256::digest(&bytes));
    let component = compiled(engine, None, &bytes, &sha256)?;
    Ok(Loaded { component, sha256, bytes: bytes.len() })
}

/// Compiles a component, or finds it compiled.
fn compiled(
    engine: &Engine,
    cache: Option<&Cache>,
    bytes: &[u8],
    sha256: &str,
) -> Result<Component, Problem> {
    check_size(bytes.len() as u64)?;
    check_kind(bytes)?;
    match cached(engine, cache, sha256) {
        Some(component) => Ok(component),
        None => compile(engine, cache, sha256, bytes),
    }
}

/// Reads a component's file.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    let opened = fs::File::open(file).map_err(Problem::Unreadable)?;
    check_size(opened.metadata().map_err(Problem::Unreadable)?.len())?;
    let mut content = Vec::new();
    opened.take(COMPONENT_BYTES_MAX).read_to_end(&mut content).map_err(Problem::Unreadable)?;
    Ok(content)
}

fn check_size(bytes: u64) -> Result<(), Problem> {
    match bytes > COMPONENT_BYTES_MAX {
        false => Ok(()),
        true => Err(Problem::TooLarge { bytes, bytes_max: COMPONENT_BYTES_MAX }),
    }
}

/// Tells the kinds of file apart by their first bytes: WebAssembly's magic number, then 1 for a
/// module's version or 13 and a layer of 1 for a component's.
fn check_kind(bytes: &[u8]) -> Result<(), Problem> {
    if Engine::detect_precompiled(bytes).is_some() {
        return Err(Problem::Precompiled);
    }
    match bytes {
        [0, b'a', b's', b'm', _, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', _, 0, 0, 0, ..] => Err(Problem::CoreModule),
        _ => Err(Problem::NotWasm),
    }
}

fn compile(
    engine: &Engine,
    cache: Option<&Cache>,
    sha256: &str,
    bytes: &[u8],
) -> Result<Component, Problem> {
    let invalid = |error: wasmtime::Error| Problem::Invalid(format!("{error:#}"));
    let component = Component::from_binary(engine, bytes).map_err(invalid)?;
    if let Some(cache) = cache {
        cache.put(sha256, &component.serialize().map_err(invalid)?);
    }
    Ok(component)
}

fn cached(engine: &Engine, cache: Option<&Cache>, sha256: &str) -> Option<Component> {
    let compiled = cache?.get(sha256)?;
    deserialize(engine, &compiled)
        .inspect_err(|error| tracing::warn!("a compiled component does not load: {error:#}"))
        .ok()
}

/// Loads what [`compile`] made, which wasmtime then runs as it is.
#[allow(unsafe_code, reason = "wasmtime offers no safe way to load compiled components")]
fn deserialize(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: The bytes must be those that `Component::serialize` returned. They come from `Cache`,
    // into whose directory only this user can write, whose entries only `compile` above makes, and
    // which has compared their SHA-256 with the one written along with them. They are in memory, so
    // they cannot change after that. That they are for this engine, wasmtime checks itself.
    unsafe { Component::deserialize(engine, compiled) }
}

pub(crate) fn check_export(engine: &Engine, component: &ComponentType) -> Result<(), Problem> {
    let Some(export) = component.get_export(engine, HANDLER) else {
        let found = component.exports(engine).map(|(name, _)| name.to_owned()).collect();
        return Err(Problem::MissingExport { wanted: HANDLER, found });
    };
    let wrong = |reason: String| Problem::WrongType { export: HANDLER, reason };
    let ComponentItem::ComponentInstance(handler) = export.ty else {
        return Err(wrong("it is not an interface".to_owned()));
    };
    let Some(invoke) = handler.get_export(engine, "invoke") else {
        return Err(wrong("it has no function `invoke`".to_owned()));
    };
    let ComponentItem::ComponentFunc(invoke) = invoke.ty else {
        return Err(wrong("`invoke` is not a function".to_owned()));
    };
    invoke
        .typecheck::<(&str, &Context), (Result<String, Error>,)>(&component.instance_type())
        .map_err(|error| wrong(format!("`invoke`: {error:#}")))
}

fn check_imports(
    engine: &Engine,
    component: &ComponentType,
    function: &str,
    grants: &Grants,
) -> Result<(), Problem> {
    let (mut missing, mut not_offered) = (Vec::new(), Vec::new());
    for (import, _) in component.imports(engine) {
        match requirement(import, grants) {
            Requirement::Nothing => {}
            Requirement::Grant(grant) => {
                missing.push(MissingGrant { import: import.to_owned(), grant });
            }
            Requirement::NotOffered => not_offered.push(import.to_owned()),
        }
    }
    if !not_offered.is_empty() {
        return Err(Problem::NotOffered(not_offered));
    }
    if !missing.is_empty() {
        return Err(Problem::Ungranted { function: function.to_owned(), missing });
    }
    Ok(())
}

fn check_memory(component: &Component, limits: &Limits) -> Result<(), Problem> {
    let required = component.resources_required();
    let pages = required.and_then(|required| required.max_initial_memory_size).unwrap_or(0);
    let bytes = pages.saturating_mul(PAGE_BYTES);
    let bytes_max = limits.memory_bytes_max;
    if usize::try_from(bytes).is_ok_and(|bytes| bytes <= bytes_max) {
        return Ok(());
    }
    Err(Problem::Memory { bytes, bytes_max })
}
