//! `stepyard step`: build, inspect and list steps.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use stepyard_wasm::{Grants, ImportStanding, Inspection};

use crate::{
    granted::granted,
    grants::grants,
    manifest::Function,
    project::{Options, Project},
    report, wiring,
};

/// What to do with steps.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the step crates of the manifest
    Build(Build),
    /// Show what a component exports, imports, and would need to be granted
    Inspect(Inspect),
    /// List the functions of the manifest and the steps they are bound to
    List(List),
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

/// Show what a component exports, imports, and would need to be granted.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A function of the manifest, or a component's .wasm file
    #[arg(value_name = "FUNCTION|FILE")]
    step: String,

    /// Print it as JSON
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
        Command::Build(arguments) => build(arguments)?,
        Command::Inspect(arguments) => inspect(arguments)?,
        Command::List(arguments) => list(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
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

fn find<'a>(project: &'a Project, name: &str) -> Result<(&'a String, &'a Function)> {
    let Some(found) = project.manifest.functions.get_key_value(name) else {
        let known: Vec<&str> = project.manifest.functions.keys().map(String::as_str).collect();
        bail!(
            "{} binds no function `{name}`; it has {}",
            project.manifest_file.display(),
            known.join(", ")
        );
    };
    Ok(found)
}

fn inspect(arguments: Inspect) -> Result<()> {
    let (component, grants) = inspected(&arguments)?;
    let inspection = stepyard_wasm::inspect(&component, &grants)?;
    let shown = match arguments.json {
        true => serde_json::to_string_pretty(&as_json(&inspection, &granted(&grants)))?,
        false => as_text(&inspection, &granted(&grants)),
    };
    report::output(shown.trim_end());
    Ok(())
}

/// The component to look at, and what is granted to it: nothing, when it is only a file.
fn inspected(arguments: &Inspect) -> Result<(PathBuf, Grants)> {
    let file = PathBuf::from(&arguments.step);
    if file.is_file() {
        return Ok((file, Grants::default()));
    }
    let project = Project::open(&arguments.place, Path::new(""))?;
    let function = find(&project, &arguments.step)?;
    let files = wiring::component_files(&project.manifest, &[function], &project.stamps, false)?;
    let file = files.into_iter().next().expect("one function has one component");
    let granted = grants(&function.1.grants).map_err(anyhow::Error::msg)?;
    Ok((file, granted))
}

fn standing(standing: ImportStanding) -> String {
    match standing {
        ImportStanding::Powerless => "needs no grant".to_owned(),
        ImportStanding::Granted => "granted".to_owned(),
        ImportStanding::Missing(grant) => format!("needs the grant {grant}"),
        ImportStanding::NotOffered => "is given to no step".to_owned(),
    }
}

fn as_text(inspection: &Inspection, granted: &[String]) -> String {
    let Inspection { component, bytes, sha256, not_a_step, exports, imports } = inspection;
    let mut text = format!(
        "component  {}\nsize       {} KiB\nsha256     {sha256}\n",
        component.display(),
        bytes / 1024
    );
    text += &match not_a_step {
        Some(why) => format!("step       no: it {why}\n"),
        None => "step       yes\n".to_owned(),
    };
    text += "exports\n";
    exports.iter().for_each(|export| text += &format!("  {export}\n"));
    text += "imports\n";
    for import in imports {
        text += &format!("  {:<44} {}\n", import.name, standing(import.standing));
    }
    text += "grants\n";
    granted.iter().for_each(|grant| text += &format!("  {grant}\n"));
    text
}

fn as_json(inspection: &Inspection, granted: &[String]) -> serde_json::Value {
    let imports: Vec<_> = inspection
        .imports
        .iter()
        .map(|import| json!({ "name": import.name, "standing": standing(import.standing) }))
        .collect();
    json!({
        "component": inspection.component,
        "bytes": inspection.bytes,
        "sha256": inspection.sha256,
        "step": inspection.not_a_step.is_none(),
        "exports": inspection.exports,
        "imports": imports,
        "grants": granted,
    })
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
