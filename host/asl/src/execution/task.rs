//! Tasks: scheduled, started, submitted, answered, or out of time.

use std::sync::Arc;

use super::{
    Execution, Started, TaskStage,
    branch::{Branch, BranchPath, Waiting},
    journal::timed_out,
    millis,
    turn::{Advance, Next},
    visit::{self, Visit},
};
use crate::{
    Command, CommandId, CommandKind, Details, EventType, Payload, Resource, ResourceKind,
    ScheduleTask, SpanEnd, StatesError, TaskCredentials, TaskToken, error_name,
    retry::{Failure, Origin},
    state::Order,
};

/// The events of a task, by what does it.
struct Events {
    scheduled: EventType,
    succeeded: EventType,
    failed: EventType,
    timed_out: EventType,
}

impl Execution {
    /// Asks for a task. It is shown as started when the step is over.
    pub(super) fn schedule(&mut self, path: &BranchPath, order: Order) -> Next {
        let order = match self.bounded(path, order.input.clone()) {
            Ok(input) => Order { input, ..order },
            Err(failure) => return Some((path.clone(), Advance::Fail(failure))),
        };
        let activity = order.resource.text();
        if self.turn.absent_activities.iter().any(|it| **it == *activity) {
            let error = StatesError::runtime(format!("The activity {activity} does not exist."));
            return Some((
                path.clone(),
                Advance::Fail(visit::failure_of(&self.branches[path], error)),
            ));
        }
        let details = self.scheduled_details(&order);
        self.emit_next(path, events(&order.resource).scheduled, details);

        let now = self.now;
        let branch = self.branch_mut(path);
        branch.waiting = Waiting::Task(TaskStage::Scheduled);
        let is_activity = *order.resource.kind() == ResourceKind::Activity;
        (branch.scheduled_at, branch.started_at) = (now, (!is_activity).then_some(now));
        let id = |kind| branch.command(path, kind);
        let (task, timeout, heartbeat) =
            (id(CommandKind::Task), id(CommandKind::Timeout), id(CommandKind::Heartbeat));
        // Before edition 3 an activity's timeout counted from here, too.
        let is_begun = !is_activity || self.started().edition < 3;
        let timeout_seconds = order.timeout_seconds.filter(|_| is_begun);
        let heartbeat_seconds = order.heartbeat_seconds.filter(|_| !is_activity);
        let schedule = Command::ScheduleTask(Box::new(self.visit(path).task(order)));
        self.turn.step.commands.push(schedule.clone());
        self.outstanding.issue(task, schedule);
        if let Some(seconds) = timeout_seconds {
            self.start_timer(timeout, self.now.plus_millis(millis(seconds)));
        }
        if let Some(seconds) = heartbeat_seconds {
            self.start_timer(heartbeat, self.now.plus_millis(millis(seconds)));
        }
        self.turn.starting.push(path.clone());
        None
    }

    /// What the event that schedules a task shows: each kind of task has its own members (API reference,
    /// `LambdaFunctionScheduledEventDetails`, `ActivityScheduledEventDetails`,
    /// `TaskScheduledEventDetails`).
    fn scheduled_details(&self, order: &Order) -> Details {
        let task_credentials = order.role.clone().map(|role_arn| TaskCredentials { role_arn });
        let heartbeat_in_seconds = order.heartbeat_seconds;
        let common = Details {
            timeout_in_seconds: order.timeout_seconds,
            ..service_details(&order.resource)
        };
        let of_arn = |details: Details| Details {
            resource: Some(order.resource.text().into()),
            input: Some(order.input.clone()),
            ..details
        };
        match order.resource.kind() {
            ResourceKind::Service { .. } => Details {
                region: Some(self.started().region.clone()),
                parameters: Some(order.input.clone()),
                heartbeat_in_seconds,
                task_credentials,
                ..common
            },
            ResourceKind::Function { .. } | ResourceKind::MapRun => {
                of_arn(Details { task_credentials, ..common })
            }
            ResourceKind::Activity => of_arn(Details { heartbeat_in_seconds, ..common }),
        }
    }

    /// A worker took an activity's task: its limits count from here. (Developer Guide, "Task workflow state": "For
    /// Activities, the count begins when GetActivityTask receives a token".)
    pub(super) fn task_started(&mut self, id: &CommandId, worker: Option<String>) -> Next {
        let task = self.task_named(id)?;
        let path = &id.branch;
        let is_waiting = self.task_stage(id) == Some(TaskStage::Scheduled);
        if *task.resource.kind() != ResourceKind::Activity || !is_waiting {
            return None;
        }
        let details = Details { worker_name: worker, ..Details::default() };
        self.emit_next(path, EventType::ActivityStarted, details);
        let now = self.now;
        let branch = self.branch_mut(path);
        (branch.waiting, branch.started_at) = (Waiting::Task(TaskStage::Started), Some(now));
        let timeout_seconds = task.timeout_seconds.filter(|_| self.started().edition >= 3);
        let limits = [
            (CommandKind::Timeout, timeout_seconds),
            (CommandKind::Heartbeat, task.heartbeat_seconds),
        ];
        for (kind, seconds) in limits {
            if let Some(seconds) = seconds {
                let timer = CommandId { kind, ..id.clone() };
                self.start_timer(timer, self.now.plus_millis(millis(seconds)));
            }
        }
        None
    }

    /// A service accepted a job, or delivered a task token.
    pub(super) fn task_submitted(&mut self, id: &CommandId, details: &Payload) -> Next {
        let task = self.task_named(id)?;
        let ResourceKind::Service { .. } = task.resource.kind() else { return None };
        if self.task_stage(id) != Some(TaskStage::Scheduled) {
            return None;
        }
        let output = Some(details.clone());
        let details = Details { output, ..service_details(&task.resource) };
        self.emit_next(&id.branch, EventType::TaskSubmitted, details);
        self.branch_mut(&id.branch).waiting = Waiting::Task(TaskStage::Submitted);
        self.outstanding.accepted(id);
        None
    }

    /// Whoever has a task is still at it: the next heartbeat is awaited from here.
    pub(super) fn task_beat(&mut self, id: &CommandId) -> Next {
        let task = self.task_named(id)?;
        let timer = CommandId { kind: CommandKind::Heartbeat, ..id.clone() };
        // An activity's heartbeats count once a worker took it.
        if let (Some(seconds), Some(_)) = (task.heartbeat_seconds, self.outstanding.take(&timer)) {
            self.start_timer(timer, self.now.plus_millis(millis(seconds)));
        }
        None
    }

    /// A task was answered.
    pub(super) fn task_ended(
        &mut self,
        id: &CommandId,
        result: Result<Payload, StatesError>,
        version: Option<&Arc<str>>,
    ) -> Next {
        let task = self.task_named(id)?;
        if *task.resource.kind() == ResourceKind::MapRun {
            return self.map_run_ended(&task, result);
        }
        self.outstanding.take(id);
        for kind in [CommandKind::Timeout, CommandKind::Heartbeat] {
            self.cancel(CommandId { kind, ..id.clone() });
        }
        let result = result.and_then(|output| {
            visit::check(&output, limited_name(&task.resource)).map(|()| output)
        });
        self.end_task(&task, version, ended(&result));
        let (events, common) = (events(&task.resource), service_details(&task.resource));
        let (kind, details, advance) = match result {
            Ok(output) => {
                let details = Details { output: Some(output.clone()), ..common };
                (events.succeeded, details, Advance::Leave(output))
            }
            Err(error) => {
                let StatesError { error: name, cause } = error.clone();
                let details = Details { error: name, cause, ..common };
                (events.failed, details, Advance::Fail(Failure::of_work(error)))
            }
        };
        self.emit_next(&id.branch, kind, details);
        Some((id.branch.clone(), advance))
    }

    /// A task's `TimeoutSeconds` or `HeartbeatSeconds` ran out.
    pub(super) fn task_timed_out(&mut self, timer: &CommandId) -> Next {
        let id = CommandId { kind: CommandKind::Task, ..timer.clone() };
        let task = self.task_named(&id)?;
        for kind in [CommandKind::Task, CommandKind::Timeout, CommandKind::Heartbeat] {
            self.cancel(CommandId { kind, ..id.clone() });
        }
        let is_heartbeat = timer.kind == CommandKind::Heartbeat;
        self.end_task(&task, None, SpanEnd::TimedOut { is_heartbeat });
        let Details { error, .. } = timed_out();
        let details = Details { error, ..service_details(&task.resource) };
        self.emit_next(&id.branch, events(&task.resource).timed_out, details);
        let origin = match timer.kind {
            CommandKind::Heartbeat => Origin::Heartbeat,
            _ => Origin::Work,
        };
        // A catcher sees an empty cause; the history shows none.
        let error = StatesError::new(error_name::TIMEOUT, "");
        Some((id.branch, Advance::Fail(Failure::new(error, origin))))
    }

    /// The outstanding task of this id. None when a fact about it is late, or breaks the journal.
    fn task_named(&mut self, id: &CommandId) -> Option<ScheduleTask> {
        if id.kind != CommandKind::Task {
            self.refuse_id(id, "is no task");
            return None;
        }
        if let Some(Command::ScheduleTask(task)) = self.outstanding.get(id) {
            return Some((**task).clone());
        }
        self.refuse_unless_known(id);
        None
    }

    /// The task that a branch waits for.
    pub(super) fn task_of(&self, path: &BranchPath, branch: &Branch) -> Option<&ScheduleTask> {
        match self.outstanding.get(&branch.command(path, CommandKind::Task))? {
            Command::ScheduleTask(task) => Some(task),
            _ => None,
        }
    }
}

impl Visit<'_> {
    /// The task that this attempt asks for.
    pub(super) fn task(&self, order: Order) -> ScheduleTask {
        let task = self.branch.command(self.path, CommandKind::Task);
        let Started { seed, id, .. } = self.started;
        let token = order.resource.awaits_token().then(|| TaskToken::new(seed, id, &task));
        ScheduleTask {
            visit: CommandId { attempt: 0, ..task.clone() },
            attempt: task.attempt,
            task,
            state: self.branch.state_name().clone(),
            resource: order.resource,
            input: order.input,
            token,
            timeout_seconds: order.timeout_seconds,
            heartbeat_seconds: order.heartbeat_seconds,
            credentials: order.role,
            map_run: None,
        }
    }
}

/// How the span of what came to this ends.
pub(super) fn ended<T>(result: &Result<T, StatesError>) -> SpanEnd {
    result.as_ref().map_or_else(|error| SpanEnd::Failed(error.clone()), |_| SpanEnd::Succeeded)
}

/// What a task is called when its result is too long.
pub(super) fn limited_name(resource: &Resource) -> &str {
    match resource.kind() {
        ResourceKind::Service { service, .. } => service,
        ResourceKind::Function { .. } | ResourceKind::Activity | ResourceKind::MapRun => {
            resource.text()
        }
    }
}

/// How a service integration is named in each of its events; empty for functions and activities.
pub(super) fn service_details(resource: &Resource) -> Details {
    let ResourceKind::Service { service, action, pattern } = resource.kind() else {
        return Details::default();
    };
    let resource: Arc<str> = match pattern.suffix() {
        "" => action.as_str().into(),
        suffix => format!("{action}{suffix}").into(),
    };
    let resource_type = Some(service.as_str().into());
    Details { resource_type, resource: Some(resource), ..Details::default() }
}

fn events(resource: &Resource) -> Events {
    match resource.kind() {
        ResourceKind::Function { .. } => Events {
            scheduled: EventType::LambdaFunctionScheduled,
            succeeded: EventType::LambdaFunctionSucceeded,
            failed: EventType::LambdaFunctionFailed,
            timed_out: EventType::LambdaFunctionTimedOut,
        },
        ResourceKind::Activity => Events {
            scheduled: EventType::ActivityScheduled,
            succeeded: EventType::ActivitySucceeded,
            failed: EventType::ActivityFailed,
            timed_out: EventType::ActivityTimedOut,
        },
        ResourceKind::MapRun => Events {
            scheduled: EventType::MapRunStarted,
            succeeded: EventType::MapRunSucceeded,
            failed: EventType::MapRunFailed,
            timed_out: EventType::MapRunFailed,
        },
        ResourceKind::Service { .. } => Events {
            scheduled: EventType::TaskScheduled,
            succeeded: EventType::TaskSucceeded,
            failed: EventType::TaskFailed,
            timed_out: EventType::TaskTimedOut,
        },
    }
}
