//! A Distributed Map at work: to its execution it is one task, the Map Run.

use std::sync::Arc;

use super::{
    Execution, MapRun,
    branch::{BranchPath, Waiting},
    randomness::Purpose,
    task::ended,
    turn::{Advance, Next},
    visit,
};
use crate::{
    Command, CommandId, CommandKind, Details, EventType, Payload, Resource, ScheduleTask,
    StatesError, retry::Failure, state::Fork,
};

impl Execution {
    /// Asks for the Map Run over what a Map state forked into.
    pub(super) fn start_map_run(&mut self, path: &BranchPath, fork: Fork) -> Next {
        let length = Some(fork.total as u64);
        self.emit_next(path, EventType::MapStateStarted, Details { length, ..Details::default() });
        let plan = self.evaluate(path, Purpose::Entering, |state, cx| {
            let distributed = state.behavior().distributed();
            distributed.expect("only a Distributed Map starts a Map Run").plan(cx, &fork)
        });
        let plan = match plan {
            Ok(plan) => plan,
            Err(failure) => {
                self.show_evaluation_failed(path, &failure, self.branches[path].last_event);
                return Some((path.clone(), Advance::Fail(failure)));
            }
        };
        let visit = self.visit(path);
        let run = Arc::new(MapRun::new(&visit, self.shared_start(), fork, plan));
        let map_run_arn = Some(run.arn().to_owned());
        let details = Details { map_run_arn, ..Details::default() };
        self.emit_next(path, EventType::MapRunStarted, details);
        self.schedule_map_run(path, run);
        None
    }

    /// Lets the Map Run that a state stood at go on: with those of its children that did not succeed.
    pub(super) fn redrive_map_run(&mut self, path: &BranchPath) -> Next {
        let branch = self.branch_mut(path);
        let Waiting::MapRun(run) = &branch.waiting else { return None };
        let run = Arc::new(run.redriven());
        branch.attempt += 1;
        let details = Details {
            map_run_arn: Some(run.arn().to_owned()),
            redrive_count: Some(run.redrive_count()),
            ..Details::default()
        };
        self.emit_next(path, EventType::MapRunRedriven, details);
        self.schedule_map_run(path, run);
        None
    }

    fn schedule_map_run(&mut self, path: &BranchPath, run: Arc<MapRun>) {
        let now = self.now;
        let branch = self.branch_mut(path);
        branch.waiting = Waiting::MapRun(run.clone());
        (branch.scheduled_at, branch.started_at) = (now, Some(now));
        let task = branch.command(path, CommandKind::Task);
        let schedule = Command::ScheduleTask(Box::new(ScheduleTask {
            task: task.clone(),
            visit: CommandId { attempt: 0, ..task.clone() },
            attempt: task.attempt,
            state: branch.state_name().clone(),
            resource: Resource::map_run(run.arn()),
            input: run.input().clone(),
            token: None,
            timeout_seconds: None,
            heartbeat_seconds: None,
            credentials: None,
            map_run: Some(run),
        }));
        self.turn.step.commands.push(schedule.clone());
        self.outstanding.issue(task, schedule);
    }

    /// A Map Run came to its end. What leaves the state points back to the run's start.
    pub(super) fn map_run_ended(
        &mut self,
        task: &ScheduleTask,
        result: Result<Payload, StatesError>,
    ) -> Next {
        self.outstanding.take(&task.task);
        let path = &task.task.branch;
        let branch = &self.branches[path];
        let (began, state) = (branch.last_event, branch.state_name());
        let is_earlier = self.started.as_ref().is_some_and(|started| started.edition < 2);
        let (result, failure): (_, fn(StatesError) -> Failure) = match result {
            Ok(output) => {
                let checked = visit::check(&output, state).map(|()| output);
                // The state's own, as of a Map inline; before, it was told as the run's.
                (checked, if is_earlier { Failure::of_work } else { Failure::of_state })
            }
            failed => (failed, Failure::of_work),
        };
        self.end_task(task, None, ended(&result));
        let advance = match result {
            Ok(output) => {
                let ended = self.emit(EventType::MapRunSucceeded, began, Details::default());
                self.emit(EventType::MapStateSucceeded, ended, Details::default());
                Advance::Leave(output)
            }
            Err(error) => {
                self.emit_next(path, EventType::MapRunFailed, Details::of_error(&error));
                Advance::Fail(failure(error))
            }
        };
        Some((path.clone(), advance))
    }
}
