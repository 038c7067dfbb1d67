//! What a definition calls, held against the manifest.

use std::{collections::BTreeSet, path::Path};

use stepyard_asl::{Code, Diagnostic, Location, ResourceKind, Severity, StateMachine, TaskState};
use stepyard_integrations::{Called, connection_name, connection_of};

use crate::manifest::Manifest;

/// The functions that a definition calls.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    named: BTreeSet<String>,
    /// Whether some Task computes the name of its function.
    any: bool,
}

impl Calls {
    /// Those of a machine, if the manifest binds them all and something does every other task; else all
    /// that is missing. Where it is `served`, whoever has a task's token can answer, and workers can take
    /// activities.
    pub(crate) fn of(
        machine: &StateMachine,
        manifest: &Manifest,
        manifest_file: &Path,
        served: bool,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut calls = Self::default();
        let mut problems = Vec::new();
        for task in machine.tasks() {
            if served && *task.resource.kind() == ResourceKind::Activity {
                continue;
            }
            if !stepyard_integrations::claims(task.resource) {
                problems.push(unclaimed(&task));
                continue;
            }
            if task.resource.awaits_token() && !task.resource.is_job() && !served {
                problems.push(unanswerable(&task));
                continue;
            }
            if let Some(arn) = connection_of(task.resource, task.parameters) {
                let name = connection_name(arn);
                if name.is_none_or(|name| !manifest.connections.contains_key(name)) {
                    problems.push(unconnected(&task, arn, manifest_file));
                }
            }
            match Called::by_task(task.resource, task.parameters) {
                Ok(Called::Function(function)) => {
                    if !manifest.binds(&function.name) {
                        problems.push(unbound(&task, &function.name, manifest, manifest_file));
                    }
                    calls.named.insert(function.name);
                }
                Ok(Called::Computed) => calls.any = true,
                Ok(Called::Nothing) => {}
                Err(fault) => problems.push(malformed(&task, fault.to_string())),
            }
        }
        if problems.is_empty() { Ok(calls) } else { Err(problems) }
    }

    /// Whether the function may be called.
    pub(crate) fn calls(&self, function: &str) -> bool {
        self.any || self.named.contains(function)
    }
}

fn unbound(task: &TaskState<'_>, name: &str, manifest: &Manifest, file: &Path) -> Diagnostic {
    let Manifest { functions, aws_functions, .. } = manifest;
    let bound: Vec<_> = functions.keys().chain(aws_functions.keys()).map(String::as_str).collect();
    let bound = match bound.is_empty() {
        true => "it binds none yet".to_owned(),
        false => format!("it binds {}", bound.join(", ")),
    };
    problem(
        place_of_name(task),
        format!("Nothing is bound to the function `{name}`"),
        format!(
            "add [functions.{name}] with step = \"…\" to {}, or with aws = true; {bound}",
            file.display()
        ),
    )
}

fn unconnected(task: &TaskState<'_>, arn: &str, file: &Path) -> Diagnostic {
    let mend = match connection_name(arn) {
        Some(name) => format!("add [connections.{name}] to {}", file.display()),
        None => "name it as in arn:aws:events:us-east-1:123456789012:connection/NAME/ID".to_owned(),
    };
    problem(task.location.field("Parameters"), format!("There is no connection `{arn}`"), mend)
}

fn unclaimed(task: &TaskState<'_>) -> Diagnostic {
    problem(
        task.location.field("Resource"),
        format!("Nothing here does the tasks of `{}`", task.resource),
        "use one that docs/integrations.md lists, such as arn:aws:states:::lambda:invoke"
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

/// An error in a definition, with its mend.
pub(crate) fn problem(location: Location, message: String, mend: String) -> Diagnostic {
    let (severity, code) = (Severity::Error, Code::SchemaValidationFailed);
    Diagnostic { severity, code, message, location, mend }
}
