//! `stepyard step`: make, build, inspect and list steps, and swap them on a server that runs.

mod inspect;
mod new;
mod publish;

use std::{path::Path, process::ExitCode};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    manifest::Function,
    project::{Options, Project},
    report, wiring,
};

/// What to do with steps.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(new::Arguments),
    /// Build the step crates of the manifest
    Build(Build),
    Inspect(inspect::Arguments),
    /// List the functions of the manifest and the steps they are bound to
    List(List),
    Publish(publish::Publish),
    Versions(publish::Versions),
    Route(publish::Route),
    Rollback(publish::Rollback),
}

/// Build the step crates of the manifest: all, or those of the functions named.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The functions whose steps to build [default: all]
    functions: Vec<String>,

    /// Print what was built as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    place: Options,
}

/// List the functions of the manifest and the steps they are bound to.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print it as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    place: Options,
}

/// Runs the command.
pub(crate) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::New(arguments) => new::run(&arguments)?,
        Command::Build(arguments) => build(arguments)?,
        Command::Inspect(arguments) => inspect::run(&arguments)?,
        Command::List(arguments) => list(arguments)?,
        Command::Publish(arguments) => wait_for(publish::publish(arguments))?,
        Command::Versions(arguments) => wait_for(publish::versions(arguments))?,
        Command::Route(arguments) => wait_for(publish::route(arguments))?,
        Command::Rollback(arguments) => wait_for(publish::rollback(arguments))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn wait_for(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

fn build(arguments: Build) -> Result<()> {
    let project = Project::open(&arguments.place, Path::new(""))?;
    let functions: Vec<_> = match arguments.functions.is_empty() {
        true => project.manifest.functions.iter().collect(),
        false => arguments.functions.iter().map(|it| find(&project, it)).collect::<Result<_>>()?,
    };
    let components = wiring::component_files(&project.manifest, &functions, &project.stamps, true)?;
    let built = functions.iter().zip(&components);
    if arguments.json {
        let built: Vec<_> = built
            .map(|((name, function), component)| {
                json!({ "function": name, "step": function.step.get_ref(), "component": component })
            })
            .collect();
        report::output(&serde_json::to_string_pretty(&built)?);
        return Ok(());
    }
    for ((name, _), component) in built {
        let bytes = std::fs::metadata(component)?.len();
        report::output(&format!("{name:<24} {:>6} KiB  {}", bytes / 1024, component.display()));
    }
    Ok(())
}

/// The function of this name.
pub(super) fn find<'a>(project: &'a Project, name: &str) -> Result<(&'a String, &'a Function)> {
    let Some(found) = project.manifest.functions.get_key_value(name) else {
        if project.manifest.aws_functions.contains_key(name) {
            bail!("function `{name}` is AWS Lambda's: it has no step here");
        }
        let known: Vec<&str> = project.manifest.functions.keys().map(String::as_str).collect();
        bail!(
            "{} binds no function `{name}`; it has {}",
            project.manifest_file.display(),
            known.join(", ")
        );
    };
    Ok(found)
}

fn list(arguments: List) -> Result<()> {
    let project = Project::open(&arguments.place, Path::new(""))?;
    let functions = project.manifest.functions.iter();
    if arguments.json {
        let listed: Vec<_> = functions
            .map(|(name, it)| json!({ "function": name, "step": it.step.get_ref() }))
            .collect();
        report::output(&serde_json::to_string_pretty(&listed)?);
        return Ok(());
    }
    for (name, function) in functions {
        report::output(&format!("{name:<24} {}", function.step.get_ref().display()));
    }
    Ok(())
}
