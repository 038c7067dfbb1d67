//! Who does a task: an integration claims a `Resource` and runs what it names.

use std::sync::Arc;

use futures::future::BoxFuture;
use stepyard_asl::{
    CommandId, MapRun, Payload, Pins, Resource, StateName, StatesError, TaskToken, Timestamp,
};

use crate::{EngineHandle, ExecutionArn, Trial};

/// Runs tasks for the resources it claims.
pub trait Integration: Send + Sync {
    /// Whether this integration does the tasks of `resource`. Asked before an execution starts too,
    /// so that a definition nobody can run is refused.
    fn claims(&self, resource: &Resource) -> bool;

    /// What it can run, as it is at this moment.
    fn resources(&self) -> Vec<ResourceInfo> {
        Vec::new()
    }

    /// Does one task. Performed at least once for each command: after a crash the same task comes
    /// again, with the same idempotency key. Dropping the future cancels the work.
    fn run(&self, task: Task) -> BoxFuture<'_, Outcome>;

    /// Awaits the end of a job (`.sync`) that [`Self::run`] submitted; begun anew after a restart.
    /// Dropping the future leaves the job as it is.
    fn follow(&self, _task: Task) -> BoxFuture<'_, Outcome> {
        Box::pin(std::future::pending())
    }

    /// The execution that a submitted job is, where it is one of the engine's: the task's execution may
    /// then rest until that one is over, and the job is followed only then.
    fn awaits(&self, _task: &Task) -> Option<ExecutionArn> {
        None
    }

    /// Nobody waits for a job or a Map Run any more: it is ended, as far as that is possible.
    fn cancel(&self, _task: Task) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Something an integration can run, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceInfo {
    /// What a definition calls it.
    pub name: String,
    /// What stands behind the name now.
    pub detail: String,
}

/// One attempt at a Task state's work.
#[derive(Clone, Debug)]
pub struct Task {
    /// Names the attempt within its execution.
    pub id: CommandId,
    /// The execution's ARN.
    pub execution: String,
    /// The Task state's name.
    pub state: StateName,
    /// The execution's ARN and the state visit: the same for every attempt, after every replay.
    pub idempotency_key: String,
    /// 0 for the first attempt, then 1 more for each retry.
    pub attempt: u32,
    /// What is to do it.
    pub resource: Resource,
    /// The task's input.
    pub input: Payload,
    /// Set when the resource waits for a task token.
    pub token: Option<TaskToken>,
    /// When the state's `TimeoutSeconds` ends the attempt.
    pub deadline: Option<Timestamp>,
    /// The X-Ray trace header the execution was started with.
    pub trace: Option<String>,
    /// The versions that its execution's tasks run, when they are not those that are current.
    pub pins: Option<Arc<Pins>>,
    /// Set when the work is a Map Run.
    pub map_run: Option<Arc<MapRun>>,
    /// Set when the task is on trial.
    pub trial: Option<Arc<Trial>>,
    /// The engine that asks.
    pub engine: EngineHandle,
}

impl Task {
    /// What the work came to: the task's end, or, where a token is waited for, that it was accepted.
    pub fn answered(&self, output: impl Into<Payload>) -> Outcome {
        let output = output.into();
        let answer = match self.token {
            None => Answer::Done(output),
            Some(_) => Answer::Submitted(output),
        };
        Outcome { result: Ok(answer), version: None }
    }
}

/// How a task ended, and by which version of a step.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The task's answer, or its error.
    pub result: Result<Answer, StatesError>,
    /// The step version that did it, as `<number>@sha256:<hex>`; goes into journal and logs.
    pub version: Option<Arc<str>>,
}

/// What a task came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done, with this result.
    Done(Payload),
    /// It was accepted; its end comes by another door. The payload is what the service answered.
    Submitted(Payload),
}

impl Outcome {
    /// The task is done.
    pub fn done(output: impl Into<Payload>) -> Self {
        Self { result: Ok(Answer::Done(output.into())), version: None }
    }

    /// The task failed.
    pub fn failed(error: StatesError) -> Self {
        Self { result: Err(error), version: None }
    }
}
