//! Step Functions itself: `states:startExecution`, and `aws-sdk:sfn:startExecution`.
//!
//! A job (`.sync`) is the execution that was started: it is followed to its end, and stopped with the
//! task. Whatever is asked twice, because the host ended in between, starts one execution.

mod described;
mod refused;

use std::future;

use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use stepyard_asl::{
    Parent, Pattern, Payload, Resource, ResourceKind, StatesError, Status, Timestamp, error_name,
};
use stepyard_engine::{
    Engine, EngineError, ExecutionArn, ExecutionRecord, Integration, MachineArn, MachineType,
    Outcome, Request, Standing, Started, Task, execution_arn, outside::HttpMetadata,
};

use crate::{
    arguments::Arguments,
    sdk::{self, Dialect},
};

use refused::Refused;

/// Starts executions of registered state machines.
pub(crate) struct States;

/// Whether these are StartExecution's tasks.
pub(crate) fn claims(resource: &Resource) -> bool {
    dialect(resource).is_some()
}

/// How a `Resource` names StartExecution; none when it does not.
fn dialect(resource: &Resource) -> Option<Dialect> {
    let ResourceKind::Service { service, action, .. } = resource.kind() else { return None };
    match (&**service, &**action) {
        ("states", "startExecution") => Some(Dialect::Optimized),
        ("aws-sdk:sfn", "startExecution") if !resource.is_job() => Some(Dialect::Sdk),
        _ => None,
    }
}

impl Integration for States {
    fn claims(&self, resource: &Resource) -> bool {
        claims(resource)
    }

    fn run(&self, task: Task) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let dialect = dialect(&task.resource).unwrap_or(Dialect::Optimized);
            let call = match Call::read(&task) {
                Ok(call) => call,
                Err(error) => return Outcome::failed(error),
            };
            let Some(engine) = task.engine.upgrade() else { return future::pending().await };
            let started = match call.start(&engine, &task).await {
                Ok(started) => started,
                // Asked again by the next engine.
                Err(Refused::Engine(EngineError::ShutDown)) => {
                    drop(engine);
                    return future::pending().await;
                }
                Err(refused) => return Outcome::failed(refused.shown(dialect, &task)),
            };
            task.answered(answer(&started, dialect, &task))
        })
    }

    fn follow(&self, task: Task) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let Some(execution) = Call::read(&task).ok().and_then(|call| call.execution()) else {
                return Outcome::failed(StatesError::runtime("The task started no execution."));
            };
            match task.engine.wait(&execution).await {
                Ok(_) => {}
                Err(error @ EngineError::ExecutionDoesNotExist { .. }) => {
                    return Outcome::failed(
                        Refused::Engine(error).shown(Dialect::Optimized, &task),
                    );
                }
                // Followed by the next engine.
                Err(_) => return future::pending().await,
            }
            let Some(engine) = task.engine.upgrade() else { return future::pending().await };
            match engine.describe(&execution).await {
                Ok(found) => ended(&found.execution, &task, engine.now()),
                Err(error) => {
                    Outcome::failed(Refused::Engine(error).shown(Dialect::Optimized, &task))
                }
            }
        })
    }

    fn awaits(&self, task: &Task) -> Option<ExecutionArn> {
        Call::read(task).ok()?.execution()
    }

    fn cancel(&self, task: Task) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let (Ok(call), Some(engine)) = (Call::read(&task), task.engine.upgrade()) else {
                return;
            };
            let Some(execution) = call.execution() else { return };
            let Ok(found) = engine.describe(&execution).await else { return };
            // One that somebody else had started before is left alone.
            if found.execution.parent == Some(parent(&task)) {
                // It may just have ended.
                let _ = engine.stop(&execution, StatesError::default()).await;
            }
        })
    }
}

/// The arguments of StartExecution, read.
struct Call {
    machine: Result<MachineArn, Refused>,
    name: String,
    input: Result<Payload, Refused>,
    trace: Option<String>,
}

impl Call {
    fn read(task: &Task) -> Result<Self, StatesError> {
        let mut arguments = Arguments::of(task);
        arguments.not_null("StateMachineArn");
        let machine = arguments.text("StateMachineArn");
        let mut text = |name: &str| arguments.text(name).map(str::to_owned);
        let (name, trace) = (text("Name"), text("TraceHeader"));
        let input = input(arguments.value("Input"));
        let machine = machine.unwrap_or_default().to_owned();
        arguments.finish()?;
        let machine = MachineArn::parse(&machine).ok_or(Refused::InvalidArn(machine));
        // A name of its own, the same when the task is performed again.
        let name = name.unwrap_or_else(|| sdk::request_id(task));
        let trace = trace.or_else(|| task.trace.clone());
        Ok(Self { machine, name, input, trace })
    }

    /// The ARN of the Standard execution that the call starts.
    fn execution(&self) -> Option<ExecutionArn> {
        execution_arn(&self.machine.as_ref().ok()?.machine, &self.name)
    }

    async fn start(self, engine: &Engine, task: &Task) -> Result<Started, Refused> {
        let (machine, parent) = (self.machine?, parent(task));
        let (name, input, trace) = (self.name, self.input?, self.trace);
        let parent = Some(parent);
        let request = Request { machine, name, input, trace, parent: parent.clone() };
        let (kind, start) = engine.prepare(request).await?;
        if kind == MachineType::Express {
            if task.resource.is_job() {
                return Err(Refused::TypeNotSupported);
            }
            return Ok(engine.start_express(start).await?.0);
        }
        let started = engine.start(start).await?;
        match &started.standing {
            Standing::New | Standing::Running => {}
            Standing::Interrupted => engine.resume(&started.arn).await?,
            // The same name with the same input is the same execution while it runs; and when it was
            // this task that started it.
            Standing::Finished(_) => {
                if engine.describe(&started.arn).await?.execution.parent != parent {
                    return Err(Refused::AlreadyExists(started.arn));
                }
            }
        }
        Ok(started)
    }
}

/// An input that is a string is the JSON text itself; anything else is written as one.
fn input(value: Option<&Value>) -> Result<Payload, Refused> {
    match value {
        None => Ok(json!({}).into()),
        Some(Value::String(text)) => Payload::received(text).map_err(Refused::InvalidInput),
        Some(value) => Ok(value.clone().into()),
    }
}

fn parent(task: &Task) -> Parent {
    Parent { execution: task.execution.clone(), task: task.id.clone(), map_run: None }
}

/// What StartExecution answers.
fn answer(started: &Started, dialect: Dialect, task: &Task) -> Value {
    let mut answer = Map::new();
    answer.insert("ExecutionArn".to_owned(), json!(&*started.arn));
    let date = started.started_at.to_string();
    if dialect == Dialect::Optimized {
        let request_id = sdk::request_id(task);
        let headers = [
            ("x-amzn-RequestId", request_id.as_str()),
            ("Content-Type", "application/x-amz-json-1.0"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        sdk::add_metadata(&mut answer, &HttpMetadata { status: 200, headers }, &request_id);
    }
    answer.insert("StartDate".to_owned(), json!(date));
    answer.into()
}

/// What a job comes to: what DescribeExecution tells of it, as the task's result or as its cause.
fn ended(execution: &ExecutionRecord, task: &Task, now: Timestamp) -> Outcome {
    let is_parsed = matches!(
        task.resource.kind(),
        ResourceKind::Service { pattern: Pattern::RunJobParsed, .. }
    );
    let described = described::described(execution, is_parsed, now);
    match execution.status {
        Status::Succeeded { .. } => Outcome::done(described),
        _ => Outcome::failed(StatesError::new(error_name::TASK_FAILED, described.to_string())),
    }
}

#[cfg(test)]
mod tests;
