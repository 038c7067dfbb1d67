//! The functions of a manifest with their components, built where they are crates that are stale.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use stepyard_wasm::StepSpec;

use crate::{
    crates,
    manifest::{Function, Manifest},
};

/// What the step runtime is told of the functions that `wanted` picks. Crates that are stale are
/// built; `stamps` is where the traces of builds are kept.
pub fn step_specs(
    manifest: &Manifest,
    wanted: impl Fn(&str) -> bool,
    stamps: &Path,
) -> Result<Vec<StepSpec>> {
    let functions: Vec<(&String, &Function)> =
        manifest.functions.iter().filter(|(name, _)| wanted(name)).collect();
    let components = component_files(manifest, &functions, stamps, false)?;
    let publishes = manifest.workflows.values().any(|workflow| workflow.pin_steps);
    let spec = |((name, function), component): ((&String, &Function), PathBuf)| {
        Ok(StepSpec { publishes, ..super::step_spec(name, function, component)? })
    };
    functions.into_iter().zip(components).map(spec).collect()
}

/// The component of each function, built where its step is a crate folder.
pub fn component_files(
    manifest: &Manifest,
    functions: &[(&String, &Function)],
    stamps: &Path,
    force: bool,
) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for (name, function) in functions {
        let path = manifest.resolve(function.step.get_ref());
        if path.is_dir() {
            folders.push(path);
        } else if !path.is_file() {
            bail!(
                "function `{name}`: there is no {}; `step` in the manifest names a crate folder or a component's .wasm file",
                path.display()
            );
        }
    }
    let built = crates::components(&folders, stamps, force)?;
    let built: BTreeMap<PathBuf, PathBuf> = folders.into_iter().zip(built).collect();
    let component = |(_, function): &(&String, &Function)| {
        let path = manifest.resolve(function.step.get_ref());
        built.get(&path).cloned().unwrap_or(path)
    };
    Ok(functions.iter().map(component).collect())
}
