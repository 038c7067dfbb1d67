//! `stepyard run`: one execution of a workflow, to its end.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Result, bail};
use clap::Args;
use stepyard_asl::{EventType, HistoryEvent, Payload, StatesError, Status};
use stepyard_engine::{
    Engine, ExecutionArn, Standing, StartError, StartExecution, check_name, execution_arn,
};

use crate::{
    definition::Definition,
    input,
    progress::{Progress, duration},
    project::{Options, Project},
    report,
    wiring::{self, Stepyard},
    workflows,
};

/// Run one execution of a workflow to its end.
///
/// Progress goes to stderr; the output JSON alone goes to stdout. Steps that are missing or stale are
/// built first. The execution is durable: killed at any instant, it goes on with --resume.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The definition, in the Amazon States Language
    #[arg(value_name = "WORKFLOW")]
    workflow: PathBuf,

    /// The execution's input: a file, `-` for standard input, or JSON text
    #[arg(long, value_name = "INPUT", default_value = "{}", conflicts_with = "resume")]
    input: String,

    /// The execution's name [default: a fresh UUID]. A name that has run with the same input is not
    /// run again: its recorded result is printed
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    name: Option<String>,

    /// Go on with an execution that was interrupted
    #[arg(long, value_name = "NAME")]
    resume: Option<String>,

    #[command(flatten)]
    place: Options,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let Some(definition) = Definition::read(&arguments.workflow)? else {
        return Ok(ExitCode::from(2));
    };
    let project = Project::open(&arguments.place, definition.folder())?;
    if let Some(name) = arguments.name.as_ref().or(arguments.resume.as_ref()) {
        check_name(name)?;
    }
    let input = match arguments.resume {
        Some(_) => Payload::from(serde_json::Value::Null),
        None => input::read(&arguments.input)?,
    };
    let Some(functions) = definition.functions(&project)? else { return Ok(ExitCode::from(2)) };
    let steps =
        wiring::step_specs(&project.manifest, |name| functions.calls(name), &project.stamps)?;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stepyard = Stepyard::open(&project.manifest, steps, &project.data).await?;
        let run = Run { definition, project, stepyard };
        let ended = match arguments.resume {
            Some(name) => run.resume(&name).await,
            None => run.start(arguments.name, input).await,
        };
        run.stepyard.tell_rest().await;
        ended
    })
}

struct Run {
    definition: Definition,
    project: Project,
    stepyard: Stepyard,
}

impl Run {
    async fn start(&self, name: Option<String>, input: Payload) -> Result<ExitCode> {
        let name = name.unwrap_or_else(|| self.engine().fresh_uuid());
        let manifest = &self.project.manifest;
        let start = StartExecution {
            machine: Arc::clone(&self.definition.machine),
            definition: self.definition.text(),
            machine_arn: self.machine_arn()?,
            name: name.clone(),
            input,
            role: wiring::role_arn(manifest),
            alias: None,
            version: None,
            trace: None,
            parent: None,
            pins: None,
            logging: workflows::logging_of_file(manifest, self.definition.path()),
            configuration: None,
        };
        let started = match self.engine().start(start).await {
            Ok(started) => started,
            Err(error @ StartError::ExecutionAlreadyExists { .. }) => {
                bail!("ExecutionAlreadyExists: {error}")
            }
            Err(error) => return Err(error.into()),
        };
        match started.standing {
            Standing::Finished(status) => Ok(conclude(&status)),
            Standing::Interrupted => bail!(
                "execution `{name}` was interrupted before its end; go on with it by `stepyard run {} --resume {name}`",
                self.definition.path().display()
            ),
            Standing::New | Standing::Running => self.follow(&started.arn, &name).await,
        }
    }

    async fn resume(&self, name: &str) -> Result<ExitCode> {
        let machine = self.machine_arn()?;
        let Some(arn) = execution_arn(&machine, name) else { bail!("`{machine}` is no ARN") };
        self.engine().resume(&arn).await?;
        self.follow(&arn, name).await
    }

    /// Shows the execution as it goes on, and says how it ended.
    async fn follow(&self, arn: &ExecutionArn, name: &str) -> Result<ExitCode> {
        let mut progress = Progress::new();
        progress.print(&format!("{}  {name}", self.definition.name()));
        let mut watch = self.engine().watch(arn).await?;
        let mut ends = Ends::default();
        loop {
            tokio::select! {
                event = watch.next() => match event {
                    Some(event) => {
                        progress.event(&event);
                        ends.note(&event);
                    }
                    None => break,
                },
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted?;
                    progress.finish();
                    eprintln!(
                        "interrupted; nothing is lost: go on by `stepyard run {} --resume {name}`",
                        self.definition.path().display()
                    );
                    return Ok(ExitCode::from(130));
                }
            }
        }
        let status = self.engine().wait(arn).await?;
        progress.finish();
        eprintln!("{} in {}", status.name(), duration(ends.took()));
        Ok(conclude(&status))
    }

    fn machine_arn(&self) -> Result<String> {
        Ok(self.stepyard.identity.state_machine(self.definition.name())?)
    }

    fn engine(&self) -> &Engine {
        &self.stepyard.engine
    }
}

/// When an execution began and ended, by its history.
#[derive(Default)]
struct Ends {
    began: i64,
    last: i64,
}

impl Ends {
    fn note(&mut self, event: &HistoryEvent) {
        self.last = event.timestamp.as_millis();
        if event.kind == EventType::ExecutionStarted {
            self.began = self.last;
        }
    }

    fn took(&self) -> i64 {
        self.last - self.began
    }
}

/// The output on stdout, or what went wrong on stderr; and the exit code that says which.
fn conclude(status: &Status) -> ExitCode {
    match status {
        Status::Succeeded { output } => {
            report::output(output.text());
            return ExitCode::SUCCESS;
        }
        Status::Failed { error } | Status::Aborted { error } => eprintln!("{}", describe(error)),
        Status::TimedOut => {
            eprintln!("States.Timeout: the execution ran longer than TimeoutSeconds")
        }
        Status::Running => eprintln!("the execution has not ended"),
    }
    ExitCode::from(1)
}

fn describe(error: &StatesError) -> String {
    match (error.error.as_deref(), error.cause.as_deref()) {
        (None, None) => "the execution failed, and gave neither Error nor Cause".to_owned(),
        (error, None) => format!("Error: {}", error.unwrap_or_default()),
        (error, Some(cause)) => format!("Error: {}\nCause: {cause}", error.unwrap_or_default()),
    }
}
