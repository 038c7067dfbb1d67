//! The workflows that the manifest names: registered when the server starts, and again when their files
//! change.
//!
//! Files are looked at several times a second rather than watched by the operating system: that sees a
//! change on every filesystem, of mounted folders too, however an editor writes it; and the crate that
//! would watch (`notify`) has a licence that deny.toml does not list.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, bail};
use stepyard_engine::{
    Engine, MachineError, NewStateMachine, StateMachineChange, StateMachineRecord, Tags,
};

use crate::{
    definition::Definition,
    manifest::{Manifest, Workflow},
    project::Project,
    report, wiring,
};

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Reads every workflow of the manifest, and holds it against the manifest. Problems are reported on
/// stderr, those of all files; then there are none.
pub(crate) fn read(project: &Project) -> Result<Option<Vec<Definition>>> {
    let mut all = Some(Vec::new());
    for (name, workflow) in &project.manifest.workflows {
        let read = read_one(project, name.get_ref(), workflow).with_context(|| {
            format!("workflow `{}` in {}", name.get_ref(), project.manifest_file.display())
        })?;
        match (read, &mut all) {
            (Some(definition), Some(all)) => all.push(definition),
            _ => all = None,
        }
    }
    Ok(all)
}

fn read_one(project: &Project, name: &str, workflow: &Workflow) -> Result<Option<Definition>> {
    let path = project.manifest.resolve(&workflow.definition);
    let Some(definition) = Definition::read_served(&path, name, workflow.kind.into())? else {
        return Ok(None);
    };
    Ok(definition.functions(project)?.map(|_| definition))
}

/// Registers what the manifest names. What is registered already and differs is changed, and what does
/// not differ stays as it is, its revision and dates included.
pub(crate) async fn register(
    engine: &Engine,
    project: &Project,
    definitions: &[Definition],
) -> Result<()> {
    for definition in definitions {
        let machine = register_one(engine, &project.manifest, definition).await?;
        eprintln!("  workflow `{}` is {}", definition.name(), machine.arn);
    }
    Ok(())
}

async fn register_one(
    engine: &Engine,
    manifest: &Manifest,
    definition: &Definition,
) -> Result<StateMachineRecord> {
    let name = definition.name();
    let workflow = manifest.workflow(name).context("a workflow is in the manifest it is from")?;
    let arn = wiring::identity(manifest).state_machine(name)?;
    let role = match &workflow.role {
        Some(role) => wiring::role_named(manifest, role.get_ref()),
        None => wiring::role_arn(manifest),
    };
    let logging = workflow.logging.as_ref().map(|logging| logging.get_ref().configuration());
    let logging = logging.unwrap_or_default().into();
    let (kind, tracing) = (workflow.kind.into(), workflow.tracing);
    let registered = match engine.state_machine(&arn).await {
        Ok(found) if found.kind != kind => bail!(
            "workflow `{name}`: a state machine of that name is there and is {}, which cannot be changed: delete it (aws stepfunctions delete-state-machine --state-machine-arn {arn}), or name the workflow otherwise",
            found.kind.name()
        ),
        Ok(_) => {
            let change = StateMachineChange {
                definition: Some(definition.text()),
                role: Some(role),
                logging: Some(logging),
                tracing: Some(tracing),
                publish: None,
            };
            engine.update_state_machine(&arn, change).await?
        }
        Err(MachineError::DoesNotExist { .. }) => {
            let new = NewStateMachine {
                arn,
                name: name.to_owned(),
                definition: definition.text(),
                role,
                kind,
                logging,
                tracing,
                publish: None,
                tags: Tags::default(),
            };
            engine.create_state_machine(new).await?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(registered.machine)
}

/// Looks at the workflows' files, and registers those that change.
pub(crate) struct Watcher<'a> {
    project: &'a Project,
    files: Vec<Watched>,
}

struct Watched {
    name: String,
    path: PathBuf,
    /// What was dealt with last.
    known: Option<Stamp>,
    /// What was seen last and may still be changing.
    seen: Option<Stamp>,
}

/// Tells a file from what it was before: none when it cannot be looked at.
type Stamp = Option<(SystemTime, u64)>;

impl<'a> Watcher<'a> {
    /// Begins to look: what changes from here on is seen. Take it before the files are read.
    pub(crate) fn new(project: &'a Project) -> Self {
        let watched = |(name, workflow): (&toml::Spanned<String>, &Workflow)| {
            let path = project.manifest.resolve(&workflow.definition);
            let known = Some(stamp(&path));
            Watched { name: name.get_ref().clone(), path, known, seen: None }
        };
        Self { project, files: project.manifest.workflows.iter().map(watched).collect() }
    }

    /// Goes on for as long as it is asked to.
    pub(crate) async fn run(mut self, engine: &Engine) {
        loop {
            tokio::time::sleep(LOOK).await;
            for file in &mut self.files {
                if file.has_changed() {
                    reload(engine, self.project, &file.name).await;
                }
            }
        }
    }
}

impl Watched {
    /// Whether the file is another than was dealt with, and has been so for one look at least: what is
    /// being written is left alone.
    fn has_changed(&mut self) -> bool {
        let now = Some(stamp(&self.path));
        let settled = now == self.seen;
        self.seen = now;
        if now == self.known || !settled {
            return false;
        }
        self.known = now;
        true
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Registers a workflow as its file has it now; one that is at fault is told of, and changes nothing.
async fn reload(engine: &Engine, project: &Project, name: &str) {
    match reloaded(engine, project, name).await {
        Ok(true) => {}
        Ok(false) => eprintln!("  workflow `{name}` stays as it was"),
        Err(error) => {
            report::error(&error.context(format!("workflow `{name}` stays as it was")));
        }
    }
}

/// Whether the file could be taken.
async fn reloaded(engine: &Engine, project: &Project, name: &str) -> Result<bool> {
    let workflow = project.manifest.workflow(name).context("a workflow is in its manifest")?;
    let Some(definition) = read_one(project, name, workflow)? else { return Ok(false) };
    let arn = wiring::identity(&project.manifest).state_machine(name)?;
    let before = engine.state_machine(&arn).await.ok();
    let after = register_one(engine, &project.manifest, &definition).await?;
    if before.as_ref() != Some(&after) {
        eprintln!("  workflow `{name}` is updated from {}", definition.path().display());
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_changed_once_it_is_another_and_rests() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.json");
        fs::write(&path, "1").unwrap();
        let known = Some(stamp(&path));
        let mut file = Watched { name: "w".to_owned(), path: path.clone(), known, seen: None };
        let mut looks = |count: usize| (0..count).map(|_| file.has_changed()).collect::<Vec<_>>();
        assert_eq!(looks(2), [false, false]);
        fs::write(&path, "12").unwrap();
        assert_eq!(looks(1), [false], "it may still be written to");
        fs::write(&path, "123").unwrap();
        assert_eq!(looks(3), [false, true, false]);
        fs::remove_file(&path).unwrap();
        assert_eq!(looks(3), [false, true, false]);
        fs::write(&path, "1").unwrap();
        assert_eq!(looks(3), [false, true, false]);
    }
}
