//! Tasks at work: each one a future of the integration that claims its resource.

use std::{any::Any, collections::HashMap, panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use stepyard_asl::{
    CommandId, ResourceKind, ScheduleTask, SpanPlace, StatesError, TaskToken, Timestamp,
};
use tokio::{sync::mpsc, task::AbortHandle};
use tracing::Instrument;

use crate::{
    Answer, Completion, EngineHandle, ExecutionArn, Integration, Observer, Outcome, Store, Subject,
    Task,
    activities::Found,
    crash,
    driver::Message,
    live::Bearings,
    measures::{Attempt, Measures},
    pressure::{Burden, Pressure},
};

/// The tasks that run.
pub(crate) struct Tasks {
    integrations: Arc<[Arc<dyn Integration>]>,
    /// Weak: a task alone keeps no engine alive.
    inbox: mpsc::WeakSender<Message>,
    /// Where what tasks wrote is settled before their end is told; none where that is kept after it.
    effects: Option<Arc<dyn Store>>,
    engine: EngineHandle,
    running: Works,
    /// Work that other executions do, or somebody outside: the engine's end waits for none of it.
    followed: Works,
    measures: Arc<Measures>,
    pressure: Arc<Pressure>,
    observer: Option<Arc<dyn Observer>>,
}

type Works = HashMap<ExecutionArn, HashMap<CommandId, Running>>;

/// A task at work; dropped, it is given up.
struct Running {
    /// None: what it waits for is told by its own end.
    work: Option<AbortHandle>,
    /// What ends a job or a Map Run that nobody waits for any more.
    job: Option<(Arc<dyn Integration>, Task)>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(work) = &self.work {
            work.abort();
        }
    }
}

/// What a task is told beside its command.
pub(crate) struct Circumstances {
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) bearings: Bearings,
    /// As what the observer is shown its execution, and how often that was redriven.
    pub(crate) observed: Option<(Arc<Subject>, u32)>,
    /// Whether it was accepted outside before.
    pub(crate) is_submitted: bool,
    /// Whether the execution is over that it is a job of.
    pub(crate) has_ended: bool,
}

impl Tasks {
    pub(crate) fn new(
        integrations: Arc<[Arc<dyn Integration>]>,
        inbox: mpsc::WeakSender<Message>,
        effects: Option<Arc<dyn Store>>,
        engine: EngineHandle,
        measures: &Arc<Measures>,
        pressure: &Arc<Pressure>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        let (running, followed) = (Works::new(), Works::new());
        let (measures, pressure) = (measures.clone(), pressure.clone());
        Self {
            integrations,
            inbox,
            effects,
            engine,
            running,
            followed,
            measures,
            pressure,
            observer,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Begins a task, or looks after it where it was submitted; its outcome comes as
    /// [`Message::TaskDone`], or by its token. One that is looked after already is left to that.
    pub(crate) fn begin(
        &mut self,
        execution: &ExecutionArn,
        command: ScheduleTask,
        circumstances: Circumstances,
    ) {
        let Circumstances { deadline, bearings, observed, is_submitted, has_ended } = circumstances;
        if is_submitted && self.is_at_work(execution, &command.task) {
            return;
        }
        let attempt = command.attempt;
        let (integration, mut task) = self.task(execution, command);
        task.deadline = deadline;
        (task.trace, task.pins) = (bearings.trace, bearings.pins);
        let state = &task.state;
        let span = tracing::info_span!("task", execution = %execution, state = %state, attempt);
        let is_map_run = *task.resource.kind() == ResourceKind::MapRun;
        let has_job = is_map_run || task.resource.is_job();
        let job = integration.clone().filter(|_| has_job).map(|it| (it, task.clone()));
        let id = task.id.clone();
        let work = match (is_submitted, task.token.clone()) {
            (true, Some(token)) => {
                let awaited = integration.as_ref().and_then(|it| it.awaits(&task));
                match awaited.filter(|_| !has_ended) {
                    Some(awaited) => {
                        let engine = self.engine.clone();
                        tokio::spawn(engine.look_after(awaited, execution.clone(), id.clone()));
                        None
                    }
                    None => Some(follow(integration, task, token).boxed()),
                }
            }
            _ => {
                let measured = Attempt::begin(&self.measures, &task.resource);
                // A Map Run waits for executions, which begin only where tasks leave room.
                let burden = (!is_map_run).then(|| self.pressure.take(task.input.len()));
                let (inbox, effects) = (self.inbox.clone(), self.effects.clone());
                let reply = Reply { inbox, effects, execution: execution.clone() };
                let tracer = self.observer.clone().zip(observed);
                Some(
                    async move {
                        let task = traced(task, tracer);
                        do_task(integration, task, reply, measured, burden).await;
                    }
                    .boxed(),
                )
            }
        };
        let work = work.map(|work| tokio::spawn(work.instrument(span)).abort_handle());
        let works = if is_map_run || is_submitted { &mut self.followed } else { &mut self.running };
        works.entry(execution.clone()).or_default().insert(id, Running { work, job });
    }

    /// The execution that a task's job is, where it is one of the engine's.
    pub(crate) fn awaited(
        &self,
        execution: &ExecutionArn,
        command: &ScheduleTask,
    ) -> Option<ExecutionArn> {
        let (integration, task) = self.task(execution, command.clone());
        integration?.awaits(&task)
    }

    /// Who does a task, and what it is told.
    fn task(
        &self,
        execution: &ExecutionArn,
        command: ScheduleTask,
    ) -> (Option<Arc<dyn Integration>>, Task) {
        task(&self.integrations, self.engine.clone(), execution, command)
    }

    /// Has the execution of a task read back that a worker was assigned to.
    pub(crate) fn fetch(&self, activity: &str, found: Found) {
        tokio::spawn(self.engine.clone().fetch(activity.into(), found));
    }

    /// Has those told that wait for an execution which is over.
    pub(crate) fn tell_awaiting(&self, ended: &ExecutionArn) {
        tokio::spawn(self.engine.clone().tell_awaiting(ended.clone()));
    }

    /// Whether anything is at work on an execution's tasks.
    pub(crate) fn are_at_work(&self, execution: &ExecutionArn) -> bool {
        [&self.running, &self.followed].into_iter().any(|works| {
            let tasks = works.get(execution).into_iter().flat_map(HashMap::values);
            tasks.into_iter().any(|running| running.work.is_some())
        })
    }

    fn is_at_work(&self, execution: &ExecutionArn, task: &CommandId) -> bool {
        let followed = self.followed.get(execution).and_then(|tasks| tasks.get(task));
        followed.is_some_and(|running| running.work.is_some())
    }

    /// A task is over; `false` when nobody waits for it any more.
    pub(crate) fn end(&mut self, execution: &ExecutionArn, task: &CommandId) -> bool {
        self.take(execution, task).is_some()
    }

    /// Nobody waits for a task any more; its job, where it has one, is ended.
    pub(crate) fn cancel(&mut self, execution: &ExecutionArn, task: &CommandId) {
        let Some(mut running) = self.take(execution, task) else { return };
        if let Some((integration, task)) = running.job.take() {
            drop(running);
            tokio::spawn(async move { integration.cancel(task).await });
        }
    }

    fn take(&mut self, execution: &ExecutionArn, task: &CommandId) -> Option<Running> {
        [&mut self.running, &mut self.followed].into_iter().find_map(|works| {
            let tasks = works.get_mut(execution)?;
            let found = tasks.remove(task);
            if tasks.is_empty() {
                works.remove(execution);
            }
            found
        })
    }

    /// Gives up all tasks of an execution.
    pub(crate) fn cancel_all(&mut self, execution: &ExecutionArn) {
        self.running.remove(execution);
        self.followed.remove(execution);
    }
}

/// Who does a task, and what it is told: the first integration that claims its resource.
pub(crate) fn task(
    integrations: &[Arc<dyn Integration>],
    engine: EngineHandle,
    execution: &str,
    command: ScheduleTask,
) -> (Option<Arc<dyn Integration>>, Task) {
    let ScheduleTask { task: id, visit, attempt, state, resource, input, token, .. } = command;
    let integration = integrations.iter().find(|it| it.claims(&resource)).cloned();
    let task = Task {
        id,
        execution: execution.to_owned(),
        idempotency_key: format!("{execution}/{visit}"),
        state,
        attempt,
        resource,
        input,
        token,
        deadline: None,
        trace: None,
        pins: None,
        map_run: command.map_run,
        trial: None,
        engine,
    };
    (integration, task)
}

/// Who knows traces, and the execution with how often it was redriven.
type Tracer = (Arc<dyn Observer>, (Arc<Subject>, u32));

/// A task with the trace header that it passes on.
fn traced(task: Task, tracer: Option<Tracer>) -> Task {
    let header = tracer.and_then(|(observer, (subject, redrives))| {
        observer.trace_header(&subject, &SpanPlace::of_task(&task.id, redrives))
    });
    Task { trace: header.or(task.trace), ..task }
}

/// Who is told what came of a task.
struct Reply {
    inbox: mpsc::WeakSender<Message>,
    effects: Option<Arc<dyn Store>>,
    execution: ExecutionArn,
}

/// Does a task, and tells the driver what came of it: the burden is taken off then.
async fn do_task(
    integration: Option<Arc<dyn Integration>>,
    task: Task,
    reply: Reply,
    measured: Attempt,
    burden: Option<Burden>,
) {
    let (Reply { inbox, effects, execution }, id) = (reply, task.id.clone());
    let mut outcome = perform(integration, task, |it, task| it.run(task)).await;
    if let Some(effects) = effects
        && let Err(error) = effects.settle().await
    {
        let cause = format!("what the task wrote is not kept: {error}");
        outcome = Outcome::failed(StatesError::runtime(cause));
    }
    measured.end(&outcome);
    crash::point("after-effect");
    if let Some(inbox) = inbox.upgrade() {
        // An engine that has gone performs the task again when it is back.
        let _ = inbox.send(Message::TaskDone { execution, task: id, outcome }).await;
    }
    drop(burden);
}

/// Follows a job, and tells its end by the task's token: its execution need not be at hand.
async fn follow(integration: Option<Arc<dyn Integration>>, task: Task, token: TaskToken) {
    let engine = task.engine.clone();
    let outcome = perform(integration, task, |it, task| it.follow(task)).await;
    let completion = match outcome.result {
        Ok(Answer::Done(output) | Answer::Submitted(output)) => Completion::Succeeded(output),
        Err(error) => Completion::Failed(error),
    };
    if let Some(engine) = engine.upgrade()
        && let Err(error) = engine.complete_task(&token.0, completion).await
    {
        // The task was completed by somebody else, or an engine that has gone follows it again.
        tracing::debug!(%error, "a job's end came too late");
    }
}

/// Does a task. Whatever goes wrong in an integration fails that task and nothing else.
pub(crate) async fn perform(
    integration: Option<Arc<dyn Integration>>,
    task: Task,
    work: impl for<'a> FnOnce(&'a dyn Integration, Task) -> BoxFuture<'a, Outcome>,
) -> Outcome {
    let Some(integration) = integration else {
        let cause = format!("no integration does tasks of the resource `{}`", task.resource);
        return Outcome::failed(StatesError::runtime(cause));
    };
    let resource = task.resource.clone();
    let work = AssertUnwindSafe(async { work(&*integration, task).await }).catch_unwind();
    let outcome = work.await.unwrap_or_else(|panic| {
        let cause = format!("the integration for `{resource}` panicked: {}", said(&*panic));
        Outcome::failed(StatesError::runtime(cause))
    });
    let version = outcome.version.as_deref();
    match &outcome.result {
        Ok(_) => tracing::debug!(version, "task done"),
        Err(error) => tracing::debug!(version, error = error.name(), "task failed"),
    }
    outcome
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}
