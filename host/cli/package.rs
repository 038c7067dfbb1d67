//! What goes to AWS Lambda: for each function, or for a whole workflow, a zip with the lean binary, the
//! components compiled for its processors, and so much of the manifest as they need. Nothing else is in it.
//!
//! ```text
//!   bootstrap                    what Lambda starts
//!   components/<Function>.cwasm  compiled for every processor of the architecture
//!   stepyard.toml                the functions, their grants and limits, what these lead to
//!   workflow.asl.json            of a workflow
//! ```

mod architecture;
mod archive;
mod bootstrap;
mod reduced;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use stepyard_asl::ResourceKind;

use crate::{
    definition::Definition,
    manifest::{Function, Manifest},
    project::Project,
    wiring, workflow_file,
};
use archive::{PackedFile, zip};
use reduced::{Uses, WORKFLOW, component_path};

pub(crate) use architecture::Architecture;
pub(crate) use bootstrap::PROFILE;

/// The most bytes of a package, unpacked (Lambda quotas: "250 MB … unzipped").
const UNPACKED_BYTES_MAX: u64 = 262_144_000;

/// What packages of a project are made from.
#[derive(Debug)]
pub(crate) struct Packer<'a> {
    project: &'a Project,
    /// The manifest's text.
    text: String,
    architecture: Architecture,
    bootstrap: PackedFile,
    /// The components that were compiled.
    components: BTreeMap<&'a str, PackedFile>,
}

/// A package that was written.
#[derive(Debug)]
pub(crate) struct Package {
    /// The function, or the workflow.
    pub(crate) name: String,
    /// Its zip.
    pub(crate) file: PathBuf,
    /// How large that is.
    pub(crate) bytes: u64,
}

/// Where the lean binary comes from.
#[derive(Debug)]
pub(crate) enum Bootstrap<'a> {
    /// It is there.
    File(&'a Path),
    /// It is looked for, and built with this profile of cargo where it is not there.
    Found(&'a str),
}

impl<'a> Packer<'a> {
    /// Finds or builds what all packages have.
    pub(crate) fn new(
        project: &'a Project,
        architecture: Architecture,
        bootstrap: &Bootstrap<'_>,
    ) -> Result<Self> {
        let file = &project.manifest_file;
        let text =
            fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let program = match bootstrap {
            Bootstrap::File(file) => file.to_path_buf(),
            Bootstrap::Found(profile) => {
                bootstrap::find(&project.manifest.folder, architecture, profile)?
            }
        };
        eprintln!("  bootstrap: {}", program.display());
        let program = bootstrap::read(&program, architecture)?;
        let bootstrap = PackedFile::executable("bootstrap", &program);
        Ok(Self { project, text, architecture, bootstrap, components: BTreeMap::new() })
    }

    /// Compiles the components of these functions; crates that are stale are built before. Refused where
    /// they, or the workflow that calls them, would keep something where nothing stays.
    pub(crate) fn compile(
        &mut self,
        functions: &[&'a str],
        workflow: Option<&Definition>,
    ) -> Result<()> {
        let (manifest, stamps) = (&self.project.manifest, &self.project.stamps);
        let specs = wiring::step_specs(manifest, |name| functions.contains(&name), stamps)?;
        let machine = workflow.map(|definition| &*definition.machine);
        let problems = wiring::kept_on_disk(manifest, &specs, machine);
        if !problems.is_empty() {
            bail!("{}: {}", self.project.manifest_file.display(), problems.join("\n"));
        }
        let cache = Some(wiring::compiled(&self.project.data));
        for spec in specs {
            let target = self.architecture.rust_target();
            let compiled = stepyard_wasm::precompile(&spec, target, cache.clone())?;
            let (name, _) = self.function(&spec.function)?;
            self.components.insert(name, PackedFile::data(component_path(name), &compiled));
        }
        Ok(())
    }

    /// The package of one function.
    pub(crate) fn function_package(&self, function: &str, folder: &Path) -> Result<Package> {
        let (name, function) = self.function(function)?;
        let uses = Uses::of(&self.project.manifest, &[(name, function)]);
        self.write(name, &uses, &[name], None, folder)
    }

    /// The package of a workflow and all that it calls: steps, and functions of AWS Lambda.
    pub(crate) fn workflow_package(
        &self,
        definition: &Definition,
        functions: &[&'a str],
        aws_functions: &[&str],
        folder: &Path,
    ) -> Result<Package> {
        let bound = functions.iter().map(|name| self.function(name)).collect::<Result<Vec<_>>>()?;
        let tasks = definition.machine.tasks();
        let services = tasks.iter().filter_map(|task| match task.resource.kind() {
            ResourceKind::Service { service, .. } => Some(service.as_str()),
            _ => None,
        });
        let name = self.workflow_name(definition);
        let uses = Uses::of(&self.project.manifest, &bound);
        let uses = uses.with_workflow(name, services, aws_functions.iter().copied());
        let workflow = PackedFile::data(WORKFLOW, definition.text().as_bytes());
        self.write(name, &uses, functions, Some(workflow), folder)
    }

    /// The name that the manifest has for a workflow, or else its file's.
    fn workflow_name<'b>(&'b self, definition: &'b Definition) -> &'b str {
        let named = workflow_file::named(&self.project.manifest, definition.path());
        named.map_or(definition.name(), |(name, _)| name)
    }

    fn function(&self, name: &str) -> Result<(&'a str, &'a Function)> {
        let found = self.project.manifest.functions.get_key_value(name);
        let (name, function) = found.with_context(|| format!("no function `{name}` is bound"))?;
        Ok((name, function))
    }

    fn write(
        &self,
        name: &str,
        uses: &Uses<'_>,
        functions: &[&str],
        workflow: Option<PackedFile>,
        folder: &Path,
    ) -> Result<Package> {
        let packed =
            self.files(uses, functions, workflow).with_context(|| format!("packaging {name}"))?;
        let unpacked: u64 = packed.iter().map(PackedFile::size).sum();
        if unpacked > UNPACKED_BYTES_MAX {
            bail!(
                "{name} has {unpacked} bytes unpacked, and Lambda takes at most {UNPACKED_BYTES_MAX} (250 MB)"
            );
        }
        let (zipped, file) = (zip(&packed)?, folder.join(format!("{name}.zip")));
        fs::write(&file, &zipped).with_context(|| format!("writing {}", file.display()))?;
        Ok(Package { name: name.to_owned(), file, bytes: zipped.len() as u64 })
    }

    fn files(
        &self,
        uses: &Uses<'_>,
        functions: &[&str],
        workflow: Option<PackedFile>,
    ) -> Result<Vec<PackedFile>> {
        let reduced = uses.reduce(&self.text, &self.project.manifest)?;
        // It is read where nobody can mend it: so it is read here first.
        Manifest::parse(Path::new("the manifest of the package"), &reduced)?;
        let mut files = vec![self.bootstrap.clone()];
        files.push(PackedFile::data("stepyard.toml", reduced.as_bytes()));
        let component = |name: &&str| self.components.get(name).cloned();
        files.extend(functions.iter().filter_map(component));
        files.extend(workflow);
        Ok(files)
    }
}
