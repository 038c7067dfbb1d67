//! What the workflows of a manifest are on AWS, as a template of SAM's or of Terraform's: functions, state
//! machines, topics, tables, and for each that works a role with no more than it needs.
//!
//! ```text
//!   workflow ─► policy::states ─┐ what each state asks for
//!                               ├─► stack ─► sam, terraform
//!   manifest ─► policy::grants ─┘ what each grant asks for
//! ```
//!
//! Nothing here asks AWS, or knows which account it will be: in texts there are marks for that.

mod hcl;
mod names;
mod policy;
mod sam;
mod stack;
mod terraform;
mod text;
mod yaml;

use std::path::{Component, Path, PathBuf, absolute};

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::{definition::Definition, manifest::Manifest, package::Architecture, project::Project};
use stack::{Stack, Workflow};

/// The language of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// A template of the AWS Serverless Application Model
    Sam,
    /// A Terraform configuration
    Terraform,
}

/// What an export is made from, besides the workflows.
#[derive(Debug)]
pub(crate) struct Export<'a> {
    pub(crate) project: &'a Project,
    pub(crate) language: Language,
    /// Where the zips of `stepyard package` are.
    pub(crate) packages: &'a Path,
    pub(crate) architecture: Architecture,
    /// Whether the workflow is one function, and not a state machine and a function for each step.
    pub(crate) is_one_function: bool,
    /// The folder that the template will be in.
    pub(crate) folder: &'a Path,
}

impl Export<'_> {
    /// The template; none where a workflow does not tell what it needs, which is reported on stderr.
    pub(crate) fn template(&self, definitions: &[Definition]) -> Result<Option<String>> {
        let manifest = &self.project.manifest;
        let mut workflows = Vec::new();
        let mut is_whole = true;
        for definition in definitions {
            let workflow = Workflow {
                name: definition.name(),
                definition: definition.path().to_owned(),
                machine: &definition.machine,
                manifest: manifest.workflow(definition.name()),
            };
            check_targets(&workflow, manifest, &self.project.manifest_file)?;
            match workflow.asked() {
                Ok(asked) => workflows.push((workflow, asked)),
                Err(problems) => {
                    definition.report(&problems);
                    is_whole = false;
                }
            }
        }
        if !is_whole {
            return Ok(None);
        }
        let stack = match (&*workflows, self.is_one_function) {
            ([(workflow, asked)], true) => {
                stack::of_one_function(manifest, self.packages, workflow, asked)?
            }
            (_, true) => bail!("one function has one workflow: name its file"),
            (_, false) => stack::of_machines(manifest, self.packages, &workflows)?,
        };
        Ok(Some(self.written(&stack, definitions)?))
    }

    fn written(&self, stack: &Stack, definitions: &[Definition]) -> Result<String> {
        let origin = Origin {
            architecture: self.architecture,
            folder: place(self.folder),
            command: match self.language {
                Language::Sam => "stepyard export sam",
                Language::Terraform => "stepyard export terraform",
            },
            workflows: definitions.iter().map(Definition::name).collect(),
            manifest: &self.project.manifest_file,
        };
        Ok(match self.language {
            Language::Sam => sam::template(stack, &origin),
            Language::Terraform => terraform::configuration(stack, &origin),
        })
    }
}

/// Whether the states that the manifest tells of are there.
fn check_targets(workflow: &Workflow<'_>, manifest: &Manifest, file: &Path) -> Result<()> {
    let targets = manifest.workflow(workflow.name).map(|it| &it.targets);
    let tasks = workflow.machine.tasks();
    for state in targets.into_iter().flat_map(|targets| targets.keys()) {
        if !tasks.iter().any(|task| **task.state == **state) {
            let (name, file) = (workflow.name, file.display());
            bail!(
                "{file}: targets of workflow `{name}` names `{state}`, which is none of its Task states"
            );
        }
    }
    Ok(())
}

/// Where a template is from, and where it will be.
struct Origin<'a> {
    architecture: Architecture,
    folder: PathBuf,
    command: &'static str,
    workflows: Vec<&'a str>,
    manifest: &'a Path,
}

impl Origin<'_> {
    fn description(&self) -> String {
        match &*self.workflows {
            [one] => format!("The workflow {one}, its functions, and what they may do."),
            many => {
                format!("The workflows {}, their functions, and what they may do.", many.join(", "))
            }
        }
    }

    fn notice(&self) -> String {
        format!(
            "Written by `{}` from {}. Change that and export again.",
            self.command,
            self.path(self.manifest)
        )
    }

    /// A file as it is found from the template's folder, written the same on every system.
    fn path(&self, file: &Path) -> String {
        let file = place(file);
        let mut there = file.components().peekable();
        let mut here = self.folder.components().peekable();
        while there.peek().is_some() && there.peek() == here.peek() {
            there.next();
            here.next();
        }
        let up = here.map(|_| "..".to_owned());
        let down = there.map(|part| part.as_os_str().to_string_lossy().into_owned());
        up.chain(down).collect::<Vec<_>>().join("/")
    }
}

/// Where a path leads from here, without `..`.
fn place(path: &Path) -> PathBuf {
    let mut place = PathBuf::new();
    for part in absolute(Path::new(".").join(path)).as_deref().unwrap_or(path).components() {
        match part {
            Component::ParentDir => drop(place.pop()),
            part => place.push(part),
        }
    }
    place
}

/// A comment in lines of at most so many columns.
fn wrapped(comment: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in comment.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let length = line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && length > columns {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_as_it_is_found_from_the_template() {
        let origin = |folder: &str| Origin {
            architecture: Architecture::Arm64,
            folder: place(Path::new(folder)),
            command: "stepyard export sam",
            workflows: vec!["order"],
            manifest: Path::new("stepyard.toml"),
        };
        assert_eq!(origin("").path(Path::new("a/b.json")), "a/b.json");
        assert_eq!(origin("deploy/aws").path(Path::new("a/../b.json")), "../../b.json");
        assert_eq!(origin("deploy/aws").path(Path::new("deploy/aws/../x")), "../x");
        assert_eq!(origin("deploy").path(Path::new("deploy/packages/A.zip")), "packages/A.zip");
    }

    #[test]
    fn a_comment_is_wrapped_between_words() {
        assert_eq!(wrapped("a bc d\ne", 4), ["a bc", "d", "e"]);
        assert_eq!(wrapped("longer than that", 3), ["longer", "than", "that"]);
    }
}
