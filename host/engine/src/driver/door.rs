//! What comes from whoever does a task outside: a word on a task token, a worker that asks.

use std::sync::Arc;

use stepyard_asl::{Command, CommandId, FactKind, ScheduleTask, StatesError, TaskStage, TaskToken};

use super::{Act, Driver, Reply};
use crate::{
    ExecutionArn, Store, StoreError,
    activities::{ActivityTask, Worker},
    completion::{Completion, Standing},
};

impl Driver {
    pub(super) fn complete(
        &mut self,
        execution: &ExecutionArn,
        token: &TaskToken,
        completion: Completion,
        done: Reply<Standing>,
    ) {
        let standing = match self.live.get(execution) {
            None => None,
            Some(live) => match live.execution.task_of_token(token) {
                Some(task) => {
                    let task = task.task.clone();
                    if completion != Completion::Beat {
                        // It may be answered before whoever passed the token on is done.
                        self.tasks.end(execution, &task);
                    }
                    self.tell(execution, fact_of_completion(task, completion));
                    self.acts.push(Act::Completed { done });
                    return;
                }
                None if live.execution.gave(token) => Some(Standing::Over),
                None => Some(Standing::Foreign),
            },
        };
        let _ = done.send(standing);
    }

    /// A job that was submitted is followed, once that is durable.
    pub(super) fn follow(&mut self, execution: &ExecutionArn, task: &CommandId) {
        let Some(live) = self.live.get(execution) else { return };
        let Some(scheduled) = live.execution.task(task) else { return };
        if scheduled.resource.is_job() && self.is_submitted(execution, task) {
            let commands = vec![Command::ScheduleTask(Box::new(scheduled.clone()))];
            let (execution, at) = (execution.clone(), live.told_at);
            self.acts.push(Act::Perform { execution, commands, at });
        }
    }

    pub(super) fn is_submitted(&self, execution: &ExecutionArn, task: &CommandId) -> bool {
        let live = self.live.get(execution);
        live.and_then(|live| live.execution.task_stage(task)) == Some(TaskStage::Submitted)
    }

    /// Brings together the tasks and the workers of an activity.
    pub(super) fn hand_out(&mut self, activity: &str) {
        while let Some((execution, task, worker)) = self.activities.pair(activity) {
            // One that a worker took, and never got, has been shown as started: its execution may rest.
            let live = self.live.get(&execution);
            let stage =
                live.map_or(Some(TaskStage::Started), |live| live.execution.task_stage(&task.task));
            match stage {
                // It is over, and about to be withdrawn; the worker waits on.
                None => {
                    let _ = self.activities.ask(&activity.into(), worker);
                    continue;
                }
                Some(TaskStage::Scheduled) => {
                    let (task, worker) = (task.task.clone(), worker.name.clone());
                    self.tell(&execution, FactKind::TaskStarted { task, worker });
                }
                Some(TaskStage::Started | TaskStage::Submitted) => {}
            }
            self.acts.push(Act::HandOver { execution, task: Box::new(task), worker });
        }
    }

    pub(super) fn hand_over(
        &mut self,
        execution: ExecutionArn,
        task: ScheduleTask,
        worker: Worker,
    ) {
        let Some(token) = task.token.clone() else { return };
        if worker.task.send(ActivityTask { token, input: task.input.clone() }).is_err() {
            // It has gone meanwhile: the next one gets the task.
            let activity = task.resource.clone();
            self.activities.offer(&execution, task);
            self.hand_out(activity.text());
        }
    }

    /// An activity's task waits for a worker, if there is such an activity still.
    pub(super) fn offer(
        &mut self,
        execution: &ExecutionArn,
        task: &ScheduleTask,
    ) -> Result<(), StoreError> {
        let activity = task.resource.text();
        let found = self.store.as_ref().map(|store| store.activity(activity)).transpose()?;
        if found.flatten().is_some() {
            self.activities.offer(execution, task.clone());
            self.hand_out(activity);
        } else {
            let cause = format!("The activity {activity} does not exist.");
            let (task, error) = (task.task.clone(), StatesError::runtime(cause));
            self.tell(execution, FactKind::TaskFailed { task, error, version: None });
        }
        Ok(())
    }
}

/// Which activities are not there. A store that fails at this fails at the next commit, too.
pub(super) fn absent(store: Option<&dyn Store>, activities: &[Arc<str>]) -> Vec<Arc<str>> {
    let Some(store) = store else { return Vec::new() };
    let is_absent = |activity: &&Arc<str>| matches!(store.activity(activity), Ok(None));
    activities.iter().filter(is_absent).cloned().collect()
}

fn fact_of_completion(task: CommandId, completion: Completion) -> FactKind {
    match completion {
        Completion::Succeeded(output) => FactKind::TaskSucceeded { task, output, version: None },
        Completion::Failed(error) => FactKind::TaskFailed { task, error, version: None },
        Completion::Beat => FactKind::TaskBeat { task },
    }
}
