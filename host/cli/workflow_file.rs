//! The file of a definition: its text, its name, and what the manifest says of it.

use std::{fs, path::Path};

use anyhow::{Result, bail};

use crate::manifest::{Manifest, Workflow};

/// The most bytes of a definition (Step Functions quota "Maximum request size", 1 MB).
const DEFINITION_BYTES_MAX: u64 = 1_048_576;

/// A file's text, if it may be a definition's.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let length = fs::metadata(path)?.len();
    if length > DEFINITION_BYTES_MAX {
        bail!("it has {length} bytes; a definition has at most {DEFINITION_BYTES_MAX} (1 MiB)");
    }
    Ok(fs::read_to_string(path)?)
}

/// `orders/workflow.asl.json` is the state machine `workflow`.
pub(crate) fn machine_name(path: &Path) -> Result<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = [".json", ".asl"].iter().fold(&*name, |it, end| it.strip_suffix(end).unwrap_or(it));
    if let Err(error) = stepyard_engine::check_name(name) {
        bail!("{}: the file's name is the state machine's, and {error}", path.display());
    }
    Ok(name.to_owned())
}

/// The workflow whose file this is: the name that the manifest has for it, and what it says of it.
pub(crate) fn named<'a>(manifest: &'a Manifest, file: &Path) -> Option<(&'a str, &'a Workflow)> {
    let file = fs::canonicalize(file).ok()?;
    let is_its = |workflow: &Workflow| {
        fs::canonicalize(manifest.resolve(&workflow.definition)).is_ok_and(|it| it == file)
    };
    let named = manifest.workflows.iter().find(|(_, workflow)| is_its(workflow));
    named.map(|(name, workflow)| (name.get_ref().as_str(), workflow))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_machine_has_the_name_of_its_file() {
        let name = |path: &str| machine_name(Path::new(path)).ok();
        assert_eq!(name("a/workflow.asl.json").as_deref(), Some("workflow"));
        assert_eq!(name("order.json").as_deref(), Some("order"));
        assert_eq!(name("order").as_deref(), Some("order"));
        assert_eq!(name("my order.json"), None);
        assert_eq!(name(".json"), None);
    }
}
