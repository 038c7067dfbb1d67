//! Jobs (`.sync`): a task that waits for another execution's end is found by it; any other is followed
//! from here.

use stepyard_asl::{Command, CommandId, ScheduleTask, TaskStage};

use super::{Act, Driver, Reply};
use crate::{
    ExecutionArn,
    store::{Awaited, Record},
    tasks::Circumstances,
};

impl Driver {
    /// A job was submitted: it is looked after, once that is durable.
    pub(super) fn submitted(&mut self, execution: &ExecutionArn, task: &CommandId) {
        let Some(live) = self.live.get(execution) else { return };
        let scheduled = live.execution.task(task).filter(|it| it.resource.is_job()).cloned();
        let Some(scheduled) = scheduled.filter(|_| self.is_submitted(execution, task)) else {
            return;
        };
        let at = live.told_at;
        self.await_job(execution, &scheduled);
        let commands = vec![Command::ScheduleTask(Box::new(scheduled))];
        self.acts.push(Act::Perform { execution: execution.clone(), commands, at });
    }

    /// Keeps for which execution a job's task waits. One that waits for something else does not rest.
    pub(super) fn await_job(&mut self, execution: &ExecutionArn, scheduled: &ScheduleTask) {
        match self.tasks.awaited(execution, scheduled) {
            Some(awaited) => {
                self.are_executions_awaited = true;
                let (execution, task) = (execution.clone(), scheduled.task.clone());
                self.keep(Record::Waits { execution, task, awaited: Awaited::End(awaited) });
            }
            None => {
                if let Some(live) = self.live.get_mut(execution) {
                    live.follows = true;
                }
            }
        }
    }

    /// The execution that a task waits for is over.
    pub(super) fn job_ended(&mut self, execution: ExecutionArn, task: CommandId, done: Reply<()>) {
        let is_live = self.live.contains_key(&execution);
        if is_live {
            self.acts.push(Act::Follow { execution, task });
        }
        let _ = done.send(is_live.then_some(()));
    }

    /// Has a job's outcome found out that is over.
    pub(super) fn follow(&mut self, execution: &ExecutionArn, task: CommandId) {
        let Some(live) = self.live.get(execution) else { return };
        let scheduled = live.execution.task(&task).cloned();
        if let Some(scheduled) = scheduled.filter(|_| self.is_submitted(execution, &task)) {
            let bearings = live.bearings.clone();
            let circumstances = Circumstances {
                deadline: None,
                bearings,
                observed: None,
                is_submitted: true,
                has_ended: true,
            };
            self.tasks.begin(execution, scheduled, circumstances);
        }
    }

    pub(super) fn is_submitted(&self, execution: &ExecutionArn, task: &CommandId) -> bool {
        let live = self.live.get(execution);
        live.and_then(|live| live.execution.task_stage(task)) == Some(TaskStage::Submitted)
    }
}
