//! What a component is, before anything is bound to it: for `stepyard step inspect`.

use std::path::{Path, PathBuf};

use wasmtime::{
    Engine,
    component::types::{Component as ComponentType, ComponentItem},
};

use crate::{
    Grants, Problem, StepError,
    capability::{Requirement, requirement},
    component, sandbox,
};

/// A component seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The file.
    pub component: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// Its SHA-256 in hex: the step's version.
    pub sha256: String,
    /// Why it is not a step; none when it is one.
    pub not_a_step: Option<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it imports, sorted.
    pub imports: Vec<Import>,
}

/// An import of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name: `wasi:keyvalue/store@0.2.0-draft2`.
    pub name: String,
    /// Whether it is granted.
    pub standing: ImportStanding,
}

/// How an import stands with the grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportStanding {
    /// It needs no grant.
    Powerless,
    /// It has the grant it needs.
    Granted,
    /// It needs a grant: what to write under the function's grants.
    Missing(&'static str),
    /// No step is given it.
    NotOffered,
}

/// Looks at a component as a function with these grants would be bound to it.
pub fn inspect(file: &Path, grants: &Grants) -> Result<Inspection, StepError> {
    let failed = |problem| StepError { function: None, component: file.to_owned(), problem };
    let engine = Engine::new(&sandbox::config())
        .map_err(|error| failed(Problem::Sandbox(format!("{error:#}"))))?;
    let loaded = component::load(&engine, file).map_err(failed)?;
    let component = loaded.component.component_type();
    Ok(Inspection {
        component: file.to_owned(),
        bytes: loaded.bytes,
        sha256: loaded.sha256,
        not_a_step: component::check_export(&engine, &component).err().map(|p| p.to_string()),
        exports: exports(&engine, &component),
        imports: imports(&engine, &component, grants),
    })
}

/// Its exports, and the functions of those that are interfaces.
fn exports(engine: &Engine, component: &ComponentType) -> Vec<String> {
    component
        .exports(engine)
        .flat_map(|(name, export)| match export.ty {
            ComponentItem::ComponentInstance(interface) => interface
                .exports(engine)
                .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)))
                .map(|(function, _)| format!("{name}#{function}"))
                .collect(),
            _ => vec![name.to_owned()],
        })
        .collect()
}

fn imports(engine: &Engine, component: &ComponentType, grants: &Grants) -> Vec<Import> {
    let mut imports: Vec<_> = component
        .imports(engine)
        .map(|(name, _)| Import { name: name.to_owned(), standing: standing(name, grants) })
        .collect();
    imports.sort_by(|a, b| a.name.cmp(&b.name));
    imports
}

fn standing(import: &str, grants: &Grants) -> ImportStanding {
    match (requirement(import, &Grants::default()), requirement(import, grants)) {
        (Requirement::Nothing, _) => ImportStanding::Powerless,
        (Requirement::NotOffered, _) => ImportStanding::NotOffered,
        (Requirement::Grant(_), Requirement::Grant(grant)) => ImportStanding::Missing(grant),
        (Requirement::Grant(_), _) => ImportStanding::Granted,
    }
}
