//! A workflow file: read, checked, and held against the manifest.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use stepyard_asl::{Diagnostic, Severity, StateMachine};
use stepyard_engine::MachineType;

use crate::{
    calls::Calls,
    project::Project,
    report,
    source::Source,
    workflow_file::{machine_name, read_text},
};

/// A definition that is valid by itself.
#[derive(Debug)]
pub(crate) struct Definition {
    source: Source,
    path: PathBuf,
    name: String,
    /// Whether it is run by the server: then whoever has a task's token can answer, and workers can
    /// take activities.
    served: bool,
    /// What it says.
    pub(crate) machine: Arc<StateMachine>,
}

impl Definition {
    /// Reads a definition that `run` runs. Its problems are reported on stderr; then there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let Some(read) = Self::read_as(path, MachineType::Standard)? else { return Ok(None) };
        Ok(Some(Self { name: machine_name(path)?, ..read }))
    }

    /// Reads a definition that is run in one invocation on AWS Lambda, as [`Self::read`] does.
    pub(crate) fn read_express(path: &Path) -> Result<Option<Self>> {
        let Some(read) = Self::read_as(path, MachineType::Express)? else { return Ok(None) };
        Ok(Some(Self { name: machine_name(path)?, ..read }))
    }

    /// Reads a definition that `serve` registers under this name, as [`Self::read`] does.
    pub(crate) fn read_served(path: &Path, name: &str, kind: MachineType) -> Result<Option<Self>> {
        let Some(read) = Self::read_as(path, kind)? else { return Ok(None) };
        Ok(Some(Self { name: name.to_owned(), served: true, ..read }))
    }

    fn read_as(path: &Path, kind: MachineType) -> Result<Option<Self>> {
        let text = read_text(path).with_context(|| format!("reading {}", path.display()))?;
        let source = Source::new(path, text);
        let parsed = kind.parse(source.text()).and_then(|machine| {
            let lost = refused(source.duplicates());
            if lost.is_empty() { Ok(machine) } else { Err(lost) }
        });
        match parsed {
            Ok(machine) => {
                let (path, name, machine) = (path.to_owned(), String::new(), Arc::new(machine));
                Ok(Some(Self { source, path, name, served: false, machine }))
            }
            Err(problems) => {
                report::diagnostics(&source, &problems);
                Ok(None)
            }
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The state machine's name: the file's, without its endings.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The folder of the file.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The definition as it was written.
    pub(crate) fn text(&self) -> Arc<str> {
        self.source.text().into()
    }

    /// Says on stderr what is wrong with it.
    pub(crate) fn report(&self, problems: &[Diagnostic]) {
        report::diagnostics(&self.source, problems);
    }

    /// The functions it calls, if the manifest binds them all and something does every other task.
    /// What is missing is reported on stderr.
    pub(crate) fn functions(&self, project: &Project) -> Result<Option<Calls>> {
        let Project { manifest, manifest_file, .. } = project;
        match Calls::of(&self.machine, manifest, manifest_file, self.served) {
            Ok(calls) => Ok(Some(calls)),
            Err(problems) => {
                report::diagnostics(&self.source, &problems);
                Ok(None)
            }
        }
    }
}

/// The problems that a definition is refused for.
fn refused(problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect()
}
