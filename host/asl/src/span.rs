//! What took time in an execution and is over: what a trace shows as its spans.

use std::{fmt, sync::Arc};

use crate::{CommandId, Payload, Resource, StateKind, StateName, StatesError, Timestamp};

/// Something of an execution that took time and is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Where it stands in its execution.
    pub place: SpanPlace,
    /// What it is of.
    pub of: SpanOf,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// How it ended.
    pub end: SpanEnd,
}

/// What a span is of.
#[derive(Clone, Debug, PartialEq)]
pub enum SpanOf {
    /// The execution, from its start or its last redrive.
    Execution,
    /// A branch of a Parallel state, or an iteration of a Map.
    Branch {
        /// The Parallel's or Map's name.
        state: StateName,
        /// Which branch or iteration, from 0.
        index: u32,
        /// Whether the state is a Map.
        is_iteration: bool,
    },
    /// A visit to a state, all its attempts included.
    State {
        /// The state's name.
        name: StateName,
        /// Its type.
        kind: StateKind,
        /// How often it was attempted again.
        retries: u32,
    },
    /// An attempt at a task.
    Task(Box<TaskSpan>),
}

/// What is told of an attempt at a task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSpan {
    /// The state's name.
    pub state: StateName,
    /// What did the work, or was to.
    pub resource: Resource,
    /// What it was given.
    pub input: Payload,
    /// 0 for the first attempt, then 1 more for each retry and redrive.
    pub attempt: u32,
    /// When it began to be done; none when no worker took it.
    pub started: Option<Timestamp>,
    /// Which code did it, when a step did.
    pub version: Option<Arc<str>>,
}

/// How a span ended.
#[derive(Clone, Debug, PartialEq)]
pub enum SpanEnd {
    /// Well.
    Succeeded,
    /// With an error.
    Failed(StatesError),
    /// Its time ran out.
    TimedOut {
        /// Whether it was the time between two heartbeats.
        is_heartbeat: bool,
    },
    /// Something else ended, and it with that.
    Aborted,
}

/// Names a span within its execution: the same after every replay and restart. A redrive begins the spans
/// anew of what it goes on with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanPlace {
    redrives: u32,
    branch: Arc<[(u32, u32, u32)]>,
    /// 0: the branch itself; of the root, the execution.
    visit: u32,
    /// None: the visit with all its attempts.
    attempt: Option<u32>,
}

impl SpanPlace {
    /// That of an attempt at a task, of an execution that was redriven so often.
    pub fn of_task(task: &CommandId, redrives: u32) -> Self {
        let (branch, visit, attempt) = (task.branch.clone(), task.visit, Some(task.attempt));
        Self { redrives, branch, visit, attempt }
    }

    /// That of a visit to a state; with 0, of the branch itself.
    pub(crate) fn of_visit(redrives: u32, branch: Arc<[(u32, u32, u32)]>, visit: u32) -> Self {
        Self { redrives, branch, visit, attempt: None }
    }

    /// That of what it is part of; none of the execution's own.
    pub fn parent(&self) -> Option<Self> {
        if self.attempt.is_some() {
            return Some(Self { attempt: None, ..self.clone() });
        }
        if self.visit > 0 {
            return Some(Self { visit: 0, ..self.clone() });
        }
        let ((visit, _, _), outer) = self.branch.split_last()?;
        Some(Self { branch: outer.into(), visit: *visit, ..self.clone() })
    }

    /// The same as it was before the first redrive; none when there was none.
    pub fn before_redrives(&self) -> Option<Self> {
        (self.redrives > 0).then(|| Self { redrives: 0, ..self.clone() })
    }

    /// How often its execution had been redriven.
    pub fn redrives(&self) -> u32 {
        self.redrives
    }
}

/// `1:0.1.2/3.0`: after one redrive, in the third branch of what was attempted a second time, the first
/// attempt of the third visit.
impl fmt::Display for SpanPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.redrives)?;
        for (visit, attempt, slot) in self.branch.iter() {
            write!(f, "{visit}.{attempt}.{slot}/")?;
        }
        write!(f, "{}", self.visit)?;
        self.attempt.map_or(Ok(()), |attempt| write!(f, ".{attempt}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_part_of_its_state_that_of_its_branch_and_so_on_to_the_execution() {
        let task: CommandId = "1.0.17/2.1.0/3.4:task".parse().unwrap();
        let places = std::iter::successors(Some(SpanPlace::of_task(&task, 1)), SpanPlace::parent);
        let places: Vec<String> = places.map(|place| place.to_string()).collect();
        let expected = [
            "1:1.0.17/2.1.0/3.4",
            "1:1.0.17/2.1.0/3",
            "1:1.0.17/2.1.0/0",
            "1:1.0.17/2",
            "1:1.0.17/0",
            "1:1",
            "1:0",
        ];
        assert_eq!(places, expected);
    }
}
