//! Tasks at work: each one a future of the integration that claims its resource.

use std::{any::Any, collections::HashMap, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use stepyard_asl::{CommandId, ScheduleTask, StatesError, Timestamp};
use tokio::{sync::mpsc, task::AbortHandle};
use tracing::Instrument;

use crate::{
    ExecutionArn, Integration, Outcome, Task, crash,
    driver::Message,
    measures::{Attempt, Measures},
    pressure::Pressure,
};

/// The tasks that run.
pub(crate) struct Tasks {
    integrations: Arc<[Arc<dyn Integration>]>,
    /// Weak: a task alone keeps no engine alive.
    inbox: mpsc::WeakSender<Message>,
    running: HashMap<ExecutionArn, HashMap<CommandId, Running>>,
    measures: Arc<Measures>,
    pressure: Arc<Pressure>,
}

/// A task at work; dropped, it is cancelled.
struct Running(AbortHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a task is told beside its command.
pub(crate) struct Circumstances {
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) trace: Option<String>,
}

impl Tasks {
    pub(crate) fn new(
        integrations: Arc<[Arc<dyn Integration>]>,
        inbox: mpsc::WeakSender<Message>,
        measures: &Arc<Measures>,
        pressure: &Arc<Pressure>,
    ) -> Self {
        let (measures, pressure) = (measures.clone(), pressure.clone());
        Self { integrations, inbox, running: HashMap::new(), measures, pressure }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Begins a task; its outcome comes as [`Message::TaskDone`].
    pub(crate) fn begin(
        &mut self,
        execution: &ExecutionArn,
        command: ScheduleTask,
        circumstances: Circumstances,
    ) {
        let ScheduleTask { task: id, visit, attempt, state, resource, input, token, .. } = command;
        let claims = |it: &&Arc<dyn Integration>| it.claims(&resource);
        let integration = self.integrations.iter().find(claims).cloned();
        let measured = Attempt::begin(&self.measures, &resource);
        let burden = self.pressure.take(input.len());
        let span = tracing::info_span!("task", execution = %execution, state = %state, attempt);
        let task = Task {
            execution: execution.to_string(),
            idempotency_key: format!("{execution}/{visit}"),
            state,
            attempt,
            resource,
            input,
            token,
            deadline: circumstances.deadline,
            trace: circumstances.trace,
        };
        let (inbox, arn, name) = (self.inbox.clone(), execution.clone(), id.clone());
        let work = async move {
            let outcome = perform(integration, task).await;
            measured.end(&outcome);
            crash::point("after-effect");
            if let Some(inbox) = inbox.upgrade() {
                // An engine that has gone performs the task again when it is back.
                let _ = inbox.send(Message::TaskDone { execution: arn, task: name, outcome }).await;
            }
            drop(burden);
        };
        let running = Running(tokio::spawn(work.instrument(span)).abort_handle());
        self.running.entry(execution.clone()).or_default().insert(id, running);
    }

    /// A task is over; `false` when nobody waits for it any more.
    pub(crate) fn end(&mut self, execution: &ExecutionArn, task: &CommandId) -> bool {
        let Some(tasks) = self.running.get_mut(execution) else { return false };
        let found = tasks.remove(task).is_some();
        if tasks.is_empty() {
            self.running.remove(execution);
        }
        found
    }

    /// Cancels all tasks of an execution.
    pub(crate) fn cancel_all(&mut self, execution: &ExecutionArn) {
        self.running.remove(execution);
    }
}

/// Does a task. Whatever goes wrong in an integration fails that task and nothing else.
async fn perform(integration: Option<Arc<dyn Integration>>, task: Task) -> Outcome {
    let Some(integration) = integration else {
        let cause = format!("no integration does tasks of the resource `{}`", task.resource);
        return Outcome::failed(StatesError::runtime(cause));
    };
    let resource = task.resource.clone();
    let work = AssertUnwindSafe(async { integration.run(task).await }).catch_unwind();
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
