//! `stepyard export`: a workflow as a template for AWS.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use stepyard_engine::MachineType;

use crate::{
    definition::Definition,
    export::{Export, Language},
    manifest::Workflow,
    package::Architecture,
    project::{Options, Project},
    report,
    workflow_file::{machine_name, named},
};

/// Write a template for AWS: the state machine as it is, its functions, and roles that allow what the
/// workflow and the grants need and nothing else.
///
/// The functions' code is what `stepyard package` writes. Each statement of a policy says which state
/// or grant needs it. A name that a state computes when it runs has to be told in the manifest, for no
/// policy has `*` where AWS has something narrower.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The template's language
    #[arg(value_enum, value_name = "LANGUAGE")]
    language: Language,

    /// The definition, in the Amazon States Language [default: all that the manifest names]
    #[arg(value_name = "WORKFLOW")]
    workflow: Option<PathBuf>,

    /// Write the template here and not on stdout; files are named as they are found from here
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,

    /// The folder with the zips of `stepyard package`
    #[arg(long, value_name = "DIR", default_value = "packages")]
    packages: PathBuf,

    /// The processors that the functions run on, and that they were packaged for
    #[arg(long, value_enum, default_value_t = Architecture::X86_64)]
    arch: Architecture,

    /// One function that runs the whole workflow, an EXPRESS execution for each invocation, instead of
    /// a state machine and a function for each step
    #[arg(long)]
    one_function: bool,

    #[command(flatten)]
    place: Options,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let folder = arguments.workflow.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let project = Project::open(&arguments.place, folder)?;
    let Some(definitions) = arguments.definitions(&project)? else { return Ok(ExitCode::from(2)) };
    let out = arguments.out.as_deref();
    let export = Export {
        project: &project,
        language: arguments.language,
        packages: &arguments.packages,
        architecture: arguments.arch,
        is_one_function: arguments.one_function,
        folder: out.and_then(Path::parent).unwrap_or(Path::new("")),
    };
    let Some(template) = export.template(&definitions)? else { return Ok(ExitCode::from(2)) };
    match out {
        Some(file) => {
            fs::write(file, template).with_context(|| format!("writing {}", file.display()))?;
        }
        None => report::output(template.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    /// The workflows, each held against the manifest. Problems are reported on stderr, those of all files;
    /// then there are none.
    fn definitions(&self, project: &Project) -> Result<Option<Vec<Definition>>> {
        let mut all = Some(Vec::new());
        for (name, path, kind) in self.workflows(project)? {
            let kind = if self.one_function { MachineType::Express } else { kind };
            let read = Definition::read_served(&path, &name, kind)?;
            let bound = read.map(|it| Ok(it.functions(project)?.map(|_| it)));
            match (bound.transpose(), &mut all) {
                (Err(error), _) => return Err(error),
                (Ok(Some(Some(definition))), Some(all)) => all.push(definition),
                _ => all = None,
            }
        }
        Ok(all)
    }

    /// Name, file and type of the workflows.
    fn workflows(&self, project: &Project) -> Result<Vec<(String, PathBuf, MachineType)>> {
        let manifest = &project.manifest;
        let of = |name: &str, workflow: &Workflow| {
            let path = manifest.resolve(&workflow.definition);
            (name.to_owned(), path, MachineType::from(workflow.kind))
        };
        if let Some(file) = &self.workflow {
            return Ok(vec![match named(manifest, file) {
                Some((name, workflow)) => of(name, workflow),
                None => (machine_name(file)?, file.clone(), MachineType::Standard),
            }]);
        }
        if manifest.workflows.is_empty() {
            let manifest = project.manifest_file.display();
            bail!("{manifest} names no workflow: name a definition, or add [workflows.NAME]");
        }
        let all = manifest.workflows.iter();
        Ok(all.map(|(name, workflow)| of(name.get_ref(), workflow)).collect())
    }
}
