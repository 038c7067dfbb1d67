//! What an execution asks of its host.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    MapRun, Payload, Resource, Span, StateName, Timestamp, execution::Status, history::HistoryEvent,
};

/// What one fact led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// To be performed once the fact is durable, in this order.
    pub commands: Vec<Command>,
    /// What `GetExecutionHistory` shows of it.
    pub history: Vec<HistoryEvent>,
    /// What came to its end, what is within before what it is within; for those alone who ask for it by
    /// [`Execution::trace`](crate::Execution::trace).
    pub spans: Vec<Span>,
}

/// One thing asked of the host; performed at least once, after the fact that caused it is durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Do a Task state's work, and answer with `TaskSucceeded` or `TaskFailed`.
    ScheduleTask(Box<ScheduleTask>),
    /// Answer with `TimerFired` once `at` has come. A timer that was started before is moved.
    StartTimer {
        /// Names the timer.
        timer: CommandId,
        /// When it fires.
        at: Timestamp,
    },
    /// Nobody waits for this task or timer any more.
    Cancel {
        /// The task or timer.
        command: CommandId,
    },
    /// The execution is over; no further fact changes it.
    Finish {
        /// How it ended.
        status: Status,
    },
}

impl Command {
    /// The task or timer that it is about.
    pub fn id(&self) -> Option<&CommandId> {
        match self {
            Self::ScheduleTask(task) => Some(&task.task),
            Self::StartTimer { timer: id, .. } | Self::Cancel { command: id } => Some(id),
            Self::Finish { .. } => None,
        }
    }
}

/// A Task state's unit of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleTask {
    /// Names this attempt.
    pub task: CommandId,
    /// Names the visit to the state: the id of the visit's first attempt. With the execution's ARN
    /// it is the idempotency key, the same for every Retry and after every replay.
    pub visit: CommandId,
    /// 0 for the first attempt, then 1 more for each retry and redrive.
    pub attempt: u32,
    /// The Task state's name.
    pub state: StateName,
    /// What is to do the work.
    pub resource: Resource,
    /// The task's input: the state's effective input after `Parameters`.
    pub input: Payload,
    /// Set when the resource waits for `SendTaskSuccess`.
    pub token: Option<TaskToken>,
    /// `TimeoutSeconds`, when the state declares it. The execution's own timer enforces it; a
    /// worker may use it to give up in time.
    pub timeout_seconds: Option<u64>,
    /// `HeartbeatSeconds`, when the state declares it.
    pub heartbeat_seconds: Option<u64>,
    /// The role that the state's `Credentials` name.
    pub credentials: Option<String>,
    /// Set when the work is a Map Run. Not in a checkpoint: it is that of its state.
    #[serde(skip)]
    pub map_run: Option<Arc<MapRun>>,
}

/// Names a task to those who complete it from outside; unguessable, 1 to 2,048 characters. It says
/// itself whose task it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskToken(pub String);

/// Names a [`Command`] within its execution, and pairs a fact with it.
///
/// Not a counter: it says where the command stands (which branch, which visit to a state, which
/// attempt, which purpose), so a later interpreter that does things in another order gives the same
/// ids. Its text form, `0.1.2/3.0:task`, is what journals hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId {
    /// From the root: each Parallel or Map that was entered, as (visit, attempt, slot).
    pub(crate) branch: Arc<[(u32, u32, u32)]>,
    /// Which visit to a state this is, counted within the branch.
    pub(crate) visit: u32,
    /// Which attempt of the visit.
    pub(crate) attempt: u32,
    pub(crate) kind: CommandKind,
}

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommandKind {
    /// A task.
    Task,
    /// A Wait state's timer.
    Wait,
    /// The delay before a retry.
    Backoff,
    /// A task's `TimeoutSeconds`.
    Timeout,
    /// A task's `HeartbeatSeconds`.
    Heartbeat,
    /// The state machine's own `TimeoutSeconds`.
    Execution,
    /// The next turn of an execution that a fact leads far.
    Turn,
}

impl CommandId {
    /// What the command is for.
    pub fn kind(&self) -> CommandKind {
        self.kind
    }
}

impl CommandKind {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Task, "task"),
        (Self::Wait, "wait"),
        (Self::Backoff, "backoff"),
        (Self::Timeout, "timeout"),
        (Self::Heartbeat, "heartbeat"),
        (Self::Execution, "execution"),
        (Self::Turn, "turn"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).expect("every kind has a name").1
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (visit, attempt, slot) in self.branch.iter() {
            write!(f, "{visit}.{attempt}.{slot}/")?;
        }
        write!(f, "{}.{}:{}", self.visit, self.attempt, self.kind.name())
    }
}

/// The text is not a command id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a command id")]
pub struct CommandIdError(String);

impl FromStr for CommandId {
    type Err = CommandIdError;

    fn from_str(text: &str) -> Result<Self, CommandIdError> {
        read_id(text).ok_or_else(|| CommandIdError(text.to_owned()))
    }
}

fn read_id(text: &str) -> Option<CommandId> {
    let (place, kind) = text.rsplit_once(':')?;
    let (kind, _) = *CommandKind::ALL.iter().find(|(_, name)| *name == kind)?;
    let mut segments: Vec<&str> = place.split('/').collect();
    let (visit, attempt) = segments.pop()?.split_once('.')?;
    let mut branch = Vec::with_capacity(segments.len());
    for segment in segments {
        let mut numbers = segment.split('.').map(|number| number.parse().ok());
        branch.push((numbers.next()??, numbers.next()??, numbers.next()??));
        if numbers.next().is_some() {
            return None;
        }
    }
    let (visit, attempt) = (visit.parse().ok()?, attempt.parse().ok()?);
    Some(CommandId { branch: branch.into(), visit, attempt, kind })
}

impl Serialize for CommandId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CommandId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_id_is_read_as_it_is_written() {
        for text in ["0.0:task", "12.3:backoff", "1.0.0/2.0.17/3.1:heartbeat"] {
            assert_eq!(text.parse::<CommandId>().unwrap().to_string(), text);
        }
        for text in ["", "task", "0:task", "0.0:nap", "0.0.0:task", "1.1/0.0:task", "-1.0:task"] {
            assert!(text.parse::<CommandId>().is_err(), "{text}");
        }
    }
}
