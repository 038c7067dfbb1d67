//! `stepyard history`: what happened in an execution, as AWS's `GetExecutionHistory` tells it.

use std::{path::Path, process::ExitCode};

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use stepyard_asl::HistoryEvent;
use stepyard_engine::{Config, Engine, Selection};

use crate::{
    project::{Options, Project},
    report, wiring,
};

/// Show the history of an execution as AWS's GetExecutionHistory does.
///
/// Prints one JSON object with `events`. Without an execution it lists those there are.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The execution's name or ARN; without one, all executions are listed
    #[arg(long, value_name = "NAME")]
    execution: Option<String>,

    #[command(flatten)]
    place: Options,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let project = Project::open(&arguments.place, Path::new(""))?;
    match arguments.execution {
        Some(name) => {
            let history = read(&project, &name)?;
            report::output(&serde_json::to_string_pretty(&json!({ "events": history }))?);
        }
        None => list(&project)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(project: &Project) -> Result<()> {
    use stepyard_engine::Store;
    let store = wiring::open_store(&project.manifest, &project.data)?;
    for execution in store.executions(&Selection::default())? {
        let machine = execution.machine.rsplit(':').next().unwrap_or_default().to_owned();
        let line = format!(
            "{}  {:<9}  {machine}  {}",
            execution.started_at, execution.status, execution.name
        );
        report::output(&line);
    }
    Ok(())
}

/// The history of the execution with this name or ARN.
pub(crate) fn read(project: &Project, name: &str) -> Result<Vec<HistoryEvent>> {
    let store = wiring::open_store(&project.manifest, &project.data)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let engine = Engine::new(Config::new(store));
        let all = engine.list(Selection::default()).await?;
        let found: Vec<_> = all.iter().filter(|it| *it.name == *name || *it.arn == *name).collect();
        match found[..] {
            [only] => Ok(engine.history(&only.arn).await?),
            [] => bail!("no execution in {} is named `{name}`", project.data.display()),
            _ => bail!("several state machines have an execution `{name}`; give its ARN"),
        }
    })
}
