//! The workflows that the manifest names: registered when the server starts, and again when their files
//! change.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use stepyard_engine::{
    Engine, MachineError, NewStateMachine, StateMachineChange, StateMachineRecord, Tags,
};

use crate::{
    definition::Definition,
    manifest::{Manifest, Workflow},
    project::Project,
    wiring, workflow_file,
};

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
    let logging = logging(manifest, workflow).unwrap_or_default();
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

/// What the manifest says of a workflow's logging, as a state machine has it; none where it says nothing.
fn logging(manifest: &Manifest, workflow: &Workflow) -> Option<Arc<str>> {
    let logging = workflow.logging.as_ref()?.get_ref();
    Some(logging.configuration(&manifest.execution).into())
}

/// The same of a definition that is run by itself: that of the workflow whose file it is.
pub(crate) fn logging_of_file(manifest: &Manifest, definition: &Path) -> Option<Arc<str>> {
    logging(manifest, workflow_file::named(manifest, definition)?.1)
}

/// Registers a workflow as its file has it now. Whether the file could be taken; if not, why stands on
/// stderr.
pub(crate) async fn reload(engine: &Engine, project: &Project, name: &str) -> Result<bool> {
    let workflow = project.manifest.workflow(name).context("a workflow is in its manifest")?;
    let Some(definition) = read_one(project, name, workflow)? else { return Ok(false) };
    update(engine, project, &definition).await?;
    Ok(true)
}

/// Registers a workflow, and tells of it when that changes something.
pub(crate) async fn update(
    engine: &Engine,
    project: &Project,
    definition: &Definition,
) -> Result<()> {
    let name = definition.name();
    let arn = wiring::identity(&project.manifest).state_machine(name)?;
    let before = engine.state_machine(&arn).await.ok();
    let after = register_one(engine, &project.manifest, definition).await?;
    if before.as_ref() != Some(&after) {
        eprintln!("  workflow `{name}` is updated from {}", definition.path().display());
    }
    Ok(())
}
