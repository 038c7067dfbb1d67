//! `stepyard package`: zips for AWS Lambda.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use super::step::find;
use crate::{
    definition::Definition,
    package::{Architecture, Bootstrap, PROFILE, Package, Packer},
    project::{Options, Project},
    report,
};

/// Package functions for AWS Lambda, each as a zip of its own.
///
/// A package has the lean binary as `bootstrap`, the function's component compiled for the
/// architecture, and so much of the manifest as the function needs. It is the code of a function with
/// the runtime `provided.al2023` and the variable STEPYARD_STEP set to its name. With --workflow one
/// package has the whole workflow: one invocation is one execution, where STEPYARD_WORKFLOW is
/// `workflow.asl.json`. The same files give the same zip.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The functions to package [default: all that the manifest binds to steps]
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    /// Package this workflow with the functions it calls, instead of single functions
    #[arg(long, value_name = "FILE", conflicts_with = "functions")]
    workflow: Option<PathBuf>,

    /// The processors it runs on
    #[arg(long, value_enum, default_value_t = Architecture::X86_64)]
    arch: Architecture,

    /// Where the zips are written
    #[arg(long, value_name = "DIR", default_value = "packages")]
    out: PathBuf,

    /// The lean binary, built before [default: bootstrap-<ARCH> beside this program; else it is built
    /// from Stepyard's source, with cargo-zigbuild]
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,

    /// The cargo profile that the lean binary is built with
    #[arg(long, value_name = "NAME", default_value = PROFILE, conflicts_with = "bootstrap")]
    profile: String,

    /// Print what was written as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    place: Options,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let folder = arguments.workflow.as_deref().and_then(|it| it.parent()).unwrap_or("".as_ref());
    let project = Project::open(&arguments.place, folder)?;
    let Some(contents) = Contents::chosen(&arguments, &project)? else {
        return Ok(ExitCode::from(2));
    };
    let bootstrap = match &arguments.bootstrap {
        Some(file) => Bootstrap::File(file),
        None => Bootstrap::Found(&arguments.profile),
    };
    let mut packer = Packer::new(&project, arguments.arch, &bootstrap)?;
    packer.compile(&contents.functions, contents.workflow.as_ref())?;
    let out = &arguments.out;
    fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    let written = match &contents.workflow {
        Some(definition) => {
            let (steps, others) = (&contents.functions, &contents.aws_functions);
            vec![packer.workflow_package(definition, steps, others, out)?]
        }
        None => {
            let each = contents.functions.iter().map(|name| packer.function_package(name, out));
            each.collect::<Result<_>>()?
        }
    };
    match arguments.json {
        true => report::output(&serde_json::to_string_pretty(&as_json(&written, arguments.arch))?),
        false => written.iter().for_each(show),
    }
    Ok(ExitCode::SUCCESS)
}

/// What is packaged.
struct Contents<'a> {
    functions: Vec<&'a str>,
    /// Functions of AWS Lambda that the workflow calls.
    aws_functions: Vec<&'a str>,
    workflow: Option<Definition>,
}

impl<'a> Contents<'a> {
    /// What the arguments choose; none where a workflow has faults, which are reported.
    fn chosen(arguments: &Arguments, project: &'a Project) -> Result<Option<Self>> {
        let all = project.manifest.functions.keys().map(String::as_str);
        let Some(file) = &arguments.workflow else {
            let named = arguments.functions.iter().map(|name| Ok(find(project, name)?.0.as_str()));
            let named: Vec<&str> = named.collect::<Result<_>>()?;
            let functions = if named.is_empty() { all.collect() } else { named };
            return Ok(Some(Self { functions, aws_functions: Vec::new(), workflow: None }));
        };
        let Some(definition) = Definition::read_express(file)? else { return Ok(None) };
        let Some(calls) = definition.functions(project)? else { return Ok(None) };
        let functions = all.filter(|name| calls.calls(name)).collect();
        let others = project.manifest.aws_functions.keys().map(String::as_str);
        let aws_functions = others.filter(|name| calls.calls(name)).collect();
        Ok(Some(Self { functions, aws_functions, workflow: Some(definition) }))
    }
}

fn as_json(written: &[Package], architecture: Architecture) -> serde_json::Value {
    let each = written.iter().map(|package| {
        json!({
            "name": package.name,
            "file": package.file,
            "bytes": package.bytes,
            "architecture": architecture.to_string(),
        })
    });
    each.collect()
}

fn show(package: &Package) {
    let mebibytes = package.bytes as f64 / 1_048_576.0;
    report::output(&format!(
        "{:<24} {mebibytes:>6.1} MiB  {}",
        package.name,
        package.file.display()
    ));
}
