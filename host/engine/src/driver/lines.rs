//! The lines that tasks of activities wait in for a worker: in the store, so that none of those that
//! wait need be in memory.

use stepyard_asl::{
    Command, CommandId, CommandKind, FactKind, ResourceKind, ScheduleTask, StatesError, TaskStage,
};

use super::{Act, Driver, Reply};
use crate::{
    ExecutionArn, StoreError,
    activities::{ActivityTask, Found, Worker},
    store::{Awaited, Record},
};

impl Driver {
    /// Keeps which tasks of an execution wait for something by its name since it was told a fact: that
    /// `answered` a task, and led to `commands`.
    pub(super) fn list(
        &mut self,
        execution: &ExecutionArn,
        answered: Option<CommandId>,
        commands: &[Command],
    ) {
        let mut no_longer = |task| {
            self.keep(Record::WaitsNoLonger { execution: execution.clone(), task });
        };
        answered.into_iter().for_each(&mut no_longer);
        for command in commands {
            match command {
                Command::Cancel { command } if command.kind() == CommandKind::Task => {
                    no_longer(command.clone());
                }
                _ => {}
            }
        }
        self.list_again(execution, commands);
    }

    /// Keeps it again of an execution that was read back, as it may be of a store that had no lines.
    pub(super) fn list_again(&mut self, execution: &ExecutionArn, commands: &[Command]) {
        for command in commands {
            let Command::ScheduleTask(task) = command else { continue };
            if *task.resource.kind() == ResourceKind::Activity {
                let awaited = Awaited::Worker(task.resource.text().into());
                let (execution, task) = (execution.clone(), task.task.clone());
                self.keep(Record::Waits { execution, task, awaited });
            } else if self.is_submitted(execution, &task.task) {
                self.await_job(execution, task);
            }
        }
    }

    /// It is durable that an activity's task waits for a worker.
    pub(super) fn offer(
        &mut self,
        execution: &ExecutionArn,
        task: &ScheduleTask,
    ) -> Result<(), StoreError> {
        let activity = task.resource.text();
        if self.store.is_some() {
            return self.hand_out(activity);
        }
        // No worker asks for what is kept nowhere.
        let cause = format!("The activity {activity} does not exist.");
        let (task, error) = (task.task.clone(), StatesError::runtime(cause));
        self.tell(execution, FactKind::TaskFailed { task, error, version: None });
        Ok(())
    }

    /// Brings together the tasks and the workers of an activity.
    pub(super) fn hand_out(&mut self, activity: &str) -> Result<(), StoreError> {
        let Some(store) = self.store.clone() else { return Ok(()) };
        while let Some((found, worker)) = self.activities.pair(activity, &*store)? {
            if self.live.contains_key(&found.execution) {
                self.assign(activity, found, worker);
            } else {
                self.tasks.fetch(activity, found.clone());
                self.activities.assign(activity, found, worker);
            }
        }
        Ok(())
    }

    /// An execution was read back for a task that a worker was assigned to.
    pub(super) fn assigned(
        &mut self,
        activity: &str,
        found: Found,
        done: Reply<()>,
    ) -> Result<(), StoreError> {
        let is_live = self.live.contains_key(&found.execution);
        let _ = done.send(is_live.then_some(()));
        if !is_live {
            return Ok(());
        }
        match self.activities.assigned(activity, &found) {
            Some(worker) if !worker.task.is_closed() => self.assign(activity, found, worker),
            _ => self.activities.give_back(activity, found),
        }
        self.hand_out(activity)
    }

    /// There is nothing to be had of a task that a worker was assigned to: it waits on.
    pub(super) fn unassigned(&mut self, activity: &str, found: &Found) -> Result<(), StoreError> {
        if let Some(worker) = self.activities.assigned(activity, found) {
            self.activities.wait_on(activity, worker);
        }
        self.hand_out(activity)
    }

    /// A worker gets a task, once that is durable.
    fn assign(&mut self, activity: &str, found: Found, worker: Worker) {
        let Found { execution, task } = found;
        let live = self.live.get(&execution);
        let Some(scheduled) = live.and_then(|live| live.execution.task(&task)).cloned() else {
            // It is over, and about to be in no line any more.
            return self.activities.wait_on(activity, worker);
        };
        // One that a worker took, and never got, has been shown as started.
        if live.and_then(|live| live.execution.task_stage(&task)) == Some(TaskStage::Scheduled) {
            let worker = worker.name.clone();
            self.tell(&execution, FactKind::TaskStarted { task, worker });
        }
        self.acts.push(Act::HandOver { execution, task: Box::new(scheduled), worker });
    }

    pub(super) fn hand_over(
        &mut self,
        execution: ExecutionArn,
        task: ScheduleTask,
        worker: Worker,
    ) -> Result<(), StoreError> {
        let Some(token) = task.token.clone() else { return Ok(()) };
        if worker.task.send(ActivityTask { token, input: task.input }).is_ok() {
            return Ok(());
        }
        // It has gone meanwhile: the next one gets the task.
        let activity = task.resource.text();
        self.activities.give_back(activity, Found { execution, task: task.task });
        self.hand_out(activity)
    }
}

/// The task that a fact answers, or says a worker has.
pub(super) fn answered(fact: &FactKind) -> Option<CommandId> {
    match fact {
        FactKind::TaskStarted { task, .. }
        | FactKind::TaskSucceeded { task, .. }
        | FactKind::TaskFailed { task, .. } => Some(task.clone()),
        _ => None,
    }
}
