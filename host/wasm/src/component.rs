//! From a file to a step: what a component must be before it may run. Nothing else loads machine code.

use std::{fs, io::Read, path::Path};

use sha2::{Digest, Sha256};
use wasmtime::{
    Engine, Precompiled,
    component::{
        Component,
        types::{Component as ComponentType, ComponentItem},
    },
};

use crate::{
    Grants, Limits, MissingGrant, Problem,
    capability::{
        HANDLER, Requirement,
        bindings::{
            RunnerPre,
            exports::stepyard::step::handler::{Context, Error},
        },
        requirement,
    },
    compiler::Compiler,
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
    bytes: &[u8],
    sha256: &str,
    function: &str,
    grants: &Grants,
    limits: &Limits,
) -> Result<RunnerPre<State>, Problem> {
    if let Some(problem) = grants.problems().into_iter().next() {
        return Err(Problem::Grant(problem));
    }
    sandbox.check_memory(limits)?;
    check_size(bytes.len() as u64)?;
    let component = match kind(bytes)? {
        Kind::Component => sandbox.compiler().component(sandbox.engine(), bytes, sha256)?,
        Kind::Precompiled if sandbox.takes_precompiled() => precompiled(sandbox.engine(), bytes)?,
        Kind::Precompiled => return Err(Problem::Precompiled),
    };
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
    let sha256 = hex_sha256(&bytes);
    let Kind::Component = kind(&bytes)? else { return Err(Problem::Precompiled) };
    let component = Compiler::new(None, engine).component(engine, &bytes, &sha256)?;
    Ok(Loaded { component, sha256, bytes: bytes.len() })
}

/// The SHA-256 in lower-case hexadecimal digits.
pub(crate) fn hex_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

/// What a file may hold.
enum Kind {
    Component,
    Precompiled,
}

/// Tells the kinds of file apart by their first bytes: WebAssembly's magic number, then 1 for a
/// module's version or 13 and a layer of 1 for a component's; or what wasmtime compiled.
fn kind(bytes: &[u8]) -> Result<Kind, Problem> {
    match (Engine::detect_precompiled(bytes), bytes) {
        (Some(Precompiled::Component), _) => Ok(Kind::Precompiled),
        (Some(Precompiled::Module), _) => Err(Problem::Precompiled),
        (None, [0, b'a', b's', b'm', _, 0, 1, 0, ..]) => Ok(Kind::Component),
        (None, [0, b'a', b's', b'm', _, 0, 0, 0, ..]) => Err(Problem::CoreModule),
        (None, _) => Err(Problem::NotWasm),
    }
}

fn precompiled(engine: &Engine, bytes: &[u8]) -> Result<Component, Problem> {
    deserialize(engine, bytes).map_err(|error| Problem::CompiledElsewhere(format!("{error:#}")))
}

/// Loads what wasmtime compiled, which it then runs as it is.
#[allow(unsafe_code, reason = "wasmtime offers no safe way to load compiled components")]
pub(crate) fn deserialize(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: The bytes must be those that wasmtime compiled. They come from one of two places. One is
    // `Cache`, into whose directory only this user can write, whose entries only `Compiler` makes, and
    // which has compared their SHA-256 with the one written along with them. The other is a file that
    // `Settings::precompiled` vouches for: whoever can write it can write the program that reads it.
    // They are in memory, so they cannot change after that. That they are for this engine, wasmtime
    // checks itself.
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
