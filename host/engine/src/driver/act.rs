//! What is done once what led to it is durable: commands performed, watchers shown, callers answered.

use std::collections::HashMap;

use stepyard_asl::{
    Command, CommandId, CommandKind, HistoryEvent, ResourceKind, ScheduleTask, Status, Timestamp,
};
use tokio::sync::oneshot;

use super::{Driver, Reply, Stopping};
use crate::{
    ExecutionArn, FactPlace, Shown, StoreError, activities::Worker, completion::Standing,
    reservation::Reservation, tasks::Circumstances,
};

/// Something to do once what led to it is durable.
pub(crate) enum Act {
    Perform { execution: ExecutionArn, commands: Vec<Command>, at: Timestamp },
    Show { place: FactPlace, history: Vec<HistoryEvent>, observed: Option<Box<Shown>> },
    Started { at: Timestamp, held: Option<Reservation>, done: oneshot::Sender<Option<Timestamp>> },
    Resumed { held: Reservation, done: oneshot::Sender<()> },
    Redriven { at: Timestamp, held: Reservation, done: oneshot::Sender<Timestamp> },
    Completed { done: Reply<Standing> },
    HandOver { execution: ExecutionArn, task: Box<ScheduleTask>, worker: Worker },
    Follow { execution: ExecutionArn, task: CommandId },
    Stopped { at: Timestamp, done: Reply<Stopping> },
    Rest { execution: ExecutionArn, facts: u64, until: Option<Timestamp> },
}

impl Driver {
    pub(super) fn act(&mut self, mut acts: Vec<Act>) -> Result<(), StoreError> {
        self.show(&mut acts);
        for act in acts {
            match act {
                Act::Show { .. } => {}
                Act::Perform { execution, commands, at } => {
                    self.perform(&execution, commands, at)?;
                }
                // Who asked may have gone; the hold on the name ends either way.
                Act::Started { at, held: _held, done } => {
                    self.executions().started.add();
                    let _ = done.send(Some(at));
                }
                Act::Resumed { held: _held, done } => {
                    self.executions().resumed.add();
                    let _ = done.send(());
                }
                Act::Redriven { at, held: _held, done } => {
                    self.executions().resumed.add();
                    let _ = done.send(at);
                }
                Act::Completed { done } => drop(done.send(Some(Standing::Told))),
                Act::HandOver { execution, task, worker } => {
                    self.hand_over(execution, *task, worker)?;
                }
                Act::Follow { execution, task } => self.follow(&execution, task),
                Act::Stopped { at, done } => drop(done.send(Some(Stopping::Stopped(at)))),
                Act::Rest { execution, facts, until } => self.lay_down(&execution, facts, until),
            }
        }
        Ok(())
    }

    /// Shows all that was committed, before anybody learns of it otherwise: who is told that an execution
    /// is over finds it shown to the end.
    fn show(&mut self, acts: &mut [Act]) {
        let (mut all, mut last) = (Vec::new(), None);
        for act in acts {
            let Act::Show { place, history, observed } = act else { continue };
            self.measures.events.show(history);
            if let Some(live) = self.live.get_mut(&place.execution) {
                live.show(history);
            }
            if let Some(shown) = observed.take() {
                all.push(Shown { events: std::mem::take(history), ..*shown });
            }
            last = Some(&*place);
        }
        let Some(observer) = &self.observer else { return };
        let last = last.filter(|_| self.store.is_some()).cloned();
        if last.is_some() || !all.is_empty() {
            observer.show(all, last);
        }
    }

    fn perform(
        &mut self,
        execution: &ExecutionArn,
        commands: Vec<Command>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let timeouts = timeouts(&commands);
        for command in commands {
            match command {
                Command::Finish { status } => self.finish(execution, &status),
                Command::Cancel { command } if command.kind() == CommandKind::Task => {
                    self.tasks.cancel(execution, &command);
                }
                Command::Cancel { command } => self.timers.cancel(execution, &command),
                // What is not begun while draining stands in the journal as outstanding.
                _ if self.draining => {}
                Command::StartTimer { timer, at } => self.timers.start(execution, timer, at),
                Command::ScheduleTask(task) if *task.resource.kind() == ResourceKind::Activity => {
                    self.offer(execution, &task)?;
                }
                Command::ScheduleTask(task) => {
                    let deadline = task.timeout_seconds.map(|seconds| {
                        let timeout = timeouts.get(place(&task.task.to_string())).copied();
                        let millis =
                            i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000);
                        timeout.unwrap_or_else(|| at.plus_millis(millis))
                    });
                    let live = self.live.get(execution);
                    let bearings = live.map(|live| live.bearings.clone()).unwrap_or_default();
                    let observed = live.and_then(|live| {
                        Some((live.observed.clone()?, live.execution.redrive_count()))
                    });
                    let is_submitted = self.is_submitted(execution, &task.task);
                    let has_ended = false;
                    let circumstances =
                        Circumstances { deadline, bearings, observed, is_submitted, has_ended };
                    self.tasks.begin(execution, *task, circumstances);
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, execution: &ExecutionArn, status: &Status) {
        self.tasks.cancel_all(execution);
        self.timers.cancel_all(execution);
        if let Some(live) = self.live.remove(execution) {
            self.executions().end(status, live.execution.started_at(), live.told_at);
            self.executions().show_open(self.open());
            live.finish(status);
        }
        if self.are_executions_awaited {
            self.tasks.tell_awaiting(execution);
        }
    }
}

/// When tasks time out, by their place: of a task performed again the moment is the first one's.
fn timeouts(commands: &[Command]) -> HashMap<String, Timestamp> {
    let timeout = |command: &Command| match command {
        Command::StartTimer { timer, at } if timer.kind() == CommandKind::Timeout => {
            Some((place(&timer.to_string()).to_owned(), *at))
        }
        _ => None,
    };
    commands.iter().filter_map(timeout).collect()
}

/// A command id without what it is for: where it stands.
fn place(id: &str) -> &str {
    id.rsplit_once(':').map_or(id, |(place, _)| place)
}
