//! What the world told an execution.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{CommandId, Payload, StatesError, Timestamp};

/// The randomness of an execution: every jitter, UUID and task token is derived from it.
pub type Seed = [u8; 32];

/// The edition of the rules by which executions begin now. What an edition changed is not done to an
/// execution of an earlier one, so that its journal replays as it was told.
///
/// From 1 on a fact that leads far is gone on with in turns; a Distributed Map takes the members of an object,
/// and `$$.Map.Item` has `Key` and `Source`; in JSONata a variable takes the place of a function of its name.
///
/// From 2 on a number that JSONata finds by names alone is written like one that it makes, none past 64 bits as an
/// integer; AWS's functions and the limits of evaluations are as on AWS; `States.ALL` does not name a Map Run's own
/// result that is too large.
///
/// From 3 on evaluations nest as deep and make arrays and texts as large as on AWS, and a whole number in a message
/// of JSONata's has no point; the limits of an activity's task count from when a worker takes it; an inline Map with a
/// field that is a distributed one's fails.
pub const EDITION: u32 = 3;

/// One thing the world told an execution. Journaled once, in order; never decided again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// When it became known; never decreases within an execution.
    pub at: Timestamp,
    /// What became known.
    #[serde(flatten)]
    pub kind: FactKind,
    /// The ARNs of the activities that the definition names and that are not there then: their tasks
    /// cannot be scheduled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent_activities: Vec<Arc<str>>,
}

impl Fact {
    /// What became known at a moment at which every activity is there.
    pub fn new(at: Timestamp, kind: FactKind) -> Self {
        Self { at, kind, absent_activities: Vec::new() }
    }
}

/// The task that started an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The ARN of the execution that the task is of.
    pub execution: String,
    /// The task.
    pub task: CommandId,
    /// The ARN of the Map Run, when the task is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_run: Option<String>,
}

/// Versions by what a definition calls: a function's name, with a qualifier where it has one.
pub type Pins = BTreeMap<String, String>;

/// The kinds of fact there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact")]
pub enum FactKind {
    /// The first fact of every execution.
    ExecutionStarted {
        /// The execution's ARN (`$$.Execution.Id`).
        id: String,
        /// The execution's name.
        name: String,
        /// The role it runs under (`$$.Execution.RoleArn`).
        role: String,
        /// The state machine's unqualified ARN (`$$.StateMachine.Id`).
        machine: String,
        /// The alias it was started through, as an ARN.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        alias: Option<String>,
        /// The version it was started with, as an ARN.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// The X-Ray trace header the caller gave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Option<String>,
        /// The task that started it, when another execution's did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Box<Parent>>,
        /// The execution's input.
        input: Payload,
        /// The execution's randomness.
        seed: Seed,
        /// The versions that its tasks run, when they are not those that are current then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pins: Option<Arc<Pins>>,
        /// What is to be logged of it: AWS's `loggingConfiguration` as JSON text; none for nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        logging: Option<Arc<str>>,
        /// What its state machine was besides; none of an execution that began before it was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        configuration: Option<Arc<Configuration>>,
        /// The [edition](EDITION) of the rules that it is run by.
        #[serde(default, skip_serializing_if = "is_first")]
        edition: u32,
    },
    /// A worker took an activity's task.
    TaskStarted {
        /// The task it took.
        task: CommandId,
        /// The worker's name, when it gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worker: Option<String>,
    },
    /// A task was accepted outside and is never performed again: its end comes by another door.
    TaskSubmitted {
        /// The task accepted.
        task: CommandId,
        /// What the service answered.
        details: Payload,
    },
    /// `SendTaskHeartbeat` was called for a task.
    TaskBeat {
        /// The task that goes on.
        task: CommandId,
    },
    /// A step, a service or `SendTaskSuccess` completed a task.
    TaskSucceeded {
        /// The task completed.
        task: CommandId,
        /// Its result.
        output: Payload,
        /// Which code did it, when a step did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<Arc<str>>,
    },
    /// A step, a service or `SendTaskFailure` failed a task.
    TaskFailed {
        /// The task failed.
        task: CommandId,
        /// Its error.
        error: StatesError,
        /// Which code did it, when a step did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<Arc<str>>,
    },
    /// The moment that a `StartTimer` named has come.
    TimerFired {
        /// The timer.
        timer: CommandId,
        /// Limits of other tasks whose moment came with it: all of them are over before anything follows,
        /// as AWS has it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        also: Vec<CommandId>,
    },
    /// `RedriveExecution` was called: what failed, was stopped or ran out of time goes on.
    ExecutionRedriven {
        /// What names the request, when the caller gave it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_token: Option<String>,
    },
    /// `StopExecution` was called.
    ExecutionAborted {
        /// What the caller gave; either part may be absent.
        error: StatesError,
    },
    /// It took as long as any execution may (Quotas: "Maximum execution time").
    ExecutionOverdue,
}

/// What is shown of the state machine that an execution was started of, and not run by
/// (`DescribeStateMachineForExecution`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Its revision; none of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Whether its executions are traced.
    #[serde(default)]
    pub tracing: bool,
    /// When it came to be so.
    pub updated_at: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first(edition: &u32) -> bool {
    *edition == 0
}

impl FactKind {
    /// The moment of one timer has come.
    pub fn timer_fired(timer: CommandId) -> Self {
        Self::TimerFired { timer, also: Vec::new() }
    }
}
