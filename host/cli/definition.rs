//! A workflow file: read, checked, and held against the manifest.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use stepyard_asl::{Code, Diagnostic, Location, ResourceKind, Severity, StateMachine, TaskState};
use stepyard_engine::MachineType;
use stepyard_integrations::Called;

use crate::{project::Project, report, source::Source};

/// The most bytes of a definition (Step Functions quota "Maximum request size", 1 MB).
const DEFINITION_BYTES_MAX: u64 = 1_048_576;

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

/// The functions that a definition calls.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    named: BTreeSet<String>,
    /// Whether some Task computes the name of its function.
    any: bool,
}

impl Calls {
    /// Whether the function may be called.
    pub(crate) fn calls(&self, function: &str) -> bool {
        self.any || self.named.contains(function)
    }
}

impl Definition {
    /// Reads a definition that `run` runs. Its problems are reported on stderr; then there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let Some(read) = Self::read_as(path, MachineType::Standard)? else { return Ok(None) };
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

    /// The functions it calls, if the manifest binds them all and something does every other task.
    /// What is missing is reported on stderr.
    pub(crate) fn functions(&self, project: &Project) -> Result<Option<Calls>> {
        let mut calls = Calls::default();
        let mut problems = Vec::new();
        for task in self.machine.tasks() {
            if self.served && *task.resource.kind() == ResourceKind::Activity {
                continue;
            }
            if !stepyard_integrations::claims(task.resource) {
                problems.push(unclaimed(&task));
                continue;
            }
            if task.resource.awaits_token() && !task.resource.is_job() && !self.served {
                problems.push(unanswerable(&task));
                continue;
            }
            match Called::by_task(task.resource, task.parameters) {
                Ok(Called::Function(function)) => {
                    if !project.manifest.functions.contains_key(&function.name) {
                        problems.push(unbound(&task, &function.name, project));
                    }
                    calls.named.insert(function.name);
                }
                Ok(Called::Computed) => calls.any = true,
                Ok(Called::Nothing) => {}
                Err(fault) => problems.push(malformed(&task, fault.to_string())),
            }
        }
        if problems.is_empty() {
            return Ok(Some(calls));
        }
        report::diagnostics(&self.source, &problems);
        Ok(None)
    }
}

/// A file's text, if it may be a definition's.
fn read_text(path: &Path) -> Result<String> {
    let length = fs::metadata(path)?.len();
    if length > DEFINITION_BYTES_MAX {
        bail!("it has {length} bytes; a definition has at most {DEFINITION_BYTES_MAX} (1 MiB)");
    }
    Ok(fs::read_to_string(path)?)
}

/// The problems that a definition is refused for.
fn refused(problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect()
}

/// `orders/workflow.asl.json` is the state machine `workflow`.
fn machine_name(path: &Path) -> Result<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = [".json", ".asl"].iter().fold(&*name, |it, end| it.strip_suffix(end).unwrap_or(it));
    if let Err(error) = stepyard_engine::check_name(name) {
        bail!("{}: the file's name is the state machine's, and {error}", path.display());
    }
    Ok(name.to_owned())
}

fn unbound(task: &TaskState<'_>, name: &str, project: &Project) -> Diagnostic {
    let manifest = project.manifest_file.display();
    let bound: Vec<&str> = project.manifest.functions.keys().map(String::as_str).collect();
    let bound = match bound.is_empty() {
        true => "it binds none yet".to_owned(),
        false => format!("it binds {}", bound.join(", ")),
    };
    problem(
        place_of_name(task),
        format!("Nothing is bound to the function `{name}`"),
        format!("add [functions.{name}] with step = \"…\" to {manifest}; {bound}"),
    )
}

fn unclaimed(task: &TaskState<'_>) -> Diagnostic {
    problem(
        task.location.field("Resource"),
        format!("Nothing here does the tasks of `{}`", task.resource),
        "use arn:aws:states:::lambda:invoke, a Lambda function's ARN, arn:aws:states:::sns:publish or \
         arn:aws:states:::states:startExecution"
            .to_owned(),
    )
}

/// A task token cannot be answered where there is no server to answer to.
fn unanswerable(task: &TaskState<'_>) -> Diagnostic {
    problem(
        task.location.field("Resource"),
        format!("`{}` waits for a task token, and `run` takes none", task.resource),
        "run it on `stepyard serve`, where SendTaskSuccess and SendTaskFailure complete it".into(),
    )
}

fn malformed(task: &TaskState<'_>, fault: String) -> Diagnostic {
    let mend = "write the function's name, its ARN, or either with :qualifier".to_owned();
    problem(place_of_name(task), fault, mend)
}

fn place_of_name(task: &TaskState<'_>) -> Location {
    match task.resource.kind() {
        ResourceKind::Function { .. } => task.location.field("Resource"),
        _ => task.location.field("Parameters").field("FunctionName"),
    }
}

fn problem(location: Location, message: String, mend: String) -> Diagnostic {
    let (severity, code) = (Severity::Error, Code::SchemaValidationFailed);
    Diagnostic { severity, code, message, location, mend }
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
