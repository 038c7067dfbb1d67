//! `stepyard lambda`: the custom runtime of a function on AWS Lambda, also when the command is started as
//! `bootstrap`.

use std::{fmt::Display, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, anyhow};
use stepyard_asl::{Diagnostic, StateMachine};
use stepyard_engine::MachineType;
use stepyard_lambda::{Environment, InitError, Log, Work, Workflow};
use tracing_subscriber::{Registry, layer::SubscriberExt};

use crate::{
    calls::Calls,
    manifest::Manifest,
    wiring::{self, Refused, Stepyard},
    workflow_file::{machine_name, named, read_text},
};

/// The manifest's name in a package.
const MANIFEST: &str = "stepyard.toml";

/// Serves the function that the environment tells of, until Lambda ends the process.
pub fn bootstrap() -> ExitCode {
    let environment = match Environment::read() {
        Ok(environment) => environment,
        Err(elsewhere) => {
            eprintln!("error: {elsewhere}");
            return ExitCode::from(2);
        }
    };
    let log = Log::from_environment();
    // Nobody has set one before.
    let _ = tracing::subscriber::set_global_default(Registry::default().with(log.clone()));
    // Invocations come one at a time: further threads would only take time to start.
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(serve(&environment, log)),
        Err(error) => failed(&format!("no runtime for tasks: {error}")),
    }
}

async fn serve(environment: &Environment, log: Log) -> ExitCode {
    let served = match Box::pin(open(environment)).await {
        Ok(work) => stepyard_lambda::serve(work, log).await.map(|()| ExitCode::SUCCESS),
        Err(error) => {
            let InitError { error_type, message } = &error;
            tracing::error!(errorType = error_type, errorMessage = message, "Init Error");
            stepyard_lambda::refuse(&error).await.map(|()| ExitCode::FAILURE)
        }
    };
    served.unwrap_or_else(|error| failed(&error))
}

fn failed(error: &dyn Display) -> ExitCode {
    tracing::error!("{error}");
    ExitCode::FAILURE
}

/// Wires what the environment names.
async fn open(environment: &Environment) -> Result<Work, InitError> {
    let root = &environment.root;
    let file = root.join(MANIFEST);
    match (&environment.step, &environment.workflow) {
        (Some(step), None) => open_step(&file, step).await,
        (None, Some(workflow)) => Box::pin(open_workflow(&file, &root.join(workflow))).await,
        (None, None) => Err(invalid(anyhow!(
            "neither STEPYARD_STEP nor STEPYARD_WORKFLOW is set: set one in the function's environment, to a function of {MANIFEST} or to the file of a workflow"
        ))),
        (Some(_), Some(_)) => Err(invalid(anyhow!(
            "both STEPYARD_STEP and STEPYARD_WORKFLOW are set: leave one of them out of the function's environment"
        ))),
    }
}

async fn open_step(file: &Path, function: &str) -> Result<Work, InitError> {
    let manifest = read_manifest(file)?;
    if !manifest.functions.contains_key(function) {
        let bound: Vec<&str> = manifest.functions.keys().map(String::as_str).collect();
        return Err(no_handler(anyhow!(
            "STEPYARD_STEP is `{function}`, and {} binds no such function; it binds {}",
            file.display(),
            bound.join(", ")
        )));
    }
    let stepyard = wire(&manifest, |name| name == function, None).await?;
    Ok(Work::Step { functions: Arc::new(stepyard.steps), function: function.to_owned() })
}

async fn open_workflow(file: &Path, path: &Path) -> Result<Work, InitError> {
    let manifest = read_manifest(file)?;
    let text = read_text(path).with_context(|| format!("reading {}", path.display()));
    let text = text.map_err(no_handler)?;
    let told = |problems: Vec<Diagnostic>| invalid(told(path, &problems));
    let machine = MachineType::Express.parse(&text).map_err(told)?;
    let calls = Calls::of(&machine, &manifest, file, false).map_err(told)?;
    let name = name(&manifest, path).map_err(invalid)?;
    let stepyard = wire(&manifest, |name| calls.calls(name), Some(&machine)).await?;
    Ok(Work::Workflow(Box::new(Workflow {
        engine: stepyard.engine,
        machine: Arc::new(machine),
        definition: text.into(),
        name,
        role: wiring::role_arn(&manifest),
    })))
}

/// The state machine's name: the one that the manifest gives the file, or else the file's own.
fn name(manifest: &Manifest, path: &Path) -> Result<String> {
    match named(manifest, path) {
        Some((name, _)) => Ok(name.to_owned()),
        None => machine_name(path),
    }
}

async fn wire(
    manifest: &Manifest,
    wanted: impl Fn(&str) -> bool,
    machine: Option<&StateMachine>,
) -> Result<Stepyard, InitError> {
    let steps = wiring::packaged_steps(manifest, wanted).map_err(invalid)?;
    let wired = Stepyard::on_lambda(manifest, steps, machine).await;
    wired.map_err(|error| match error.is::<Refused>() {
        true => no_module(error),
        false => invalid(error),
    })
}

fn read_manifest(file: &Path) -> Result<Manifest, InitError> {
    if !file.is_file() {
        return Err(invalid(anyhow!(
            "there is no {}: a function's package has it at its root (LAMBDA_TASK_ROOT)",
            file.display()
        )));
    }
    Manifest::read(file).map_err(|error| invalid(error.into()))
}

fn told(path: &Path, problems: &[Diagnostic]) -> anyhow::Error {
    let lines = problems.iter().map(|problem| {
        let Diagnostic { code, message, location, mend, .. } = problem;
        format!("{}: {code} at {location}: {message}; {mend}", path.display())
    });
    anyhow::Error::msg(lines.collect::<Vec<_>>().join("\n"))
}

/// What is configured cannot be.
fn invalid(error: anyhow::Error) -> InitError {
    init_error("Runtime.ConfigInvalid", &error)
}

/// What is to be served is not there.
fn no_handler(error: anyhow::Error) -> InitError {
    init_error("Runtime.NoSuchHandler", &error)
}

/// A component is missing, or is not let in: the name is that of Lambda's own runtimes for it.
fn no_module(error: anyhow::Error) -> InitError {
    init_error("Runtime.ImportModuleError", &error)
}

fn init_error(error_type: &'static str, error: &anyhow::Error) -> InitError {
    InitError { error_type, message: format!("{error:#}") }
}
