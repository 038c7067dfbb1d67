//! What starts an execution, and what may come of it.

use std::sync::Arc;

use stepyard_asl::{
    Configuration, Execution, FactKind, PAYLOAD_BYTES_MAX, Parent, Payload, Pins, Seed,
    StateMachine, Status, Timestamp,
};

use crate::{
    Engine, EngineError, ExecutionArn, NameError,
    live::{Bearings, Live},
};

/// The arguments of `StartExecution`.
#[derive(Clone, Debug)]
pub struct StartExecution {
    /// The state machine.
    pub machine: Arc<StateMachine>,
    /// Its definition as it was written: what a later engine resumes with.
    pub definition: Arc<str>,
    /// Its unqualified ARN.
    pub machine_arn: String,
    /// The execution's name.
    pub name: String,
    /// The execution's input.
    pub input: Payload,
    /// The role it runs under.
    pub role: String,
    /// The alias it is started through, as an ARN.
    pub alias: Option<String>,
    /// The version it is started with, as an ARN.
    pub version: Option<String>,
    /// The X-Ray trace header.
    pub trace: Option<String>,
    /// The task that starts it, when another execution's does.
    pub parent: Option<Parent>,
    /// The versions that its tasks run; none: as [`Pinning`](crate::Pinning) has it.
    pub pins: Option<Arc<Pins>>,
    /// What is to be logged of it, as [`StateMachineRecord::logging`](crate::StateMachineRecord) has it.
    pub logging: Option<Arc<str>>,
    /// What its state machine is besides.
    pub configuration: Option<Arc<Configuration>>,
}

impl StartExecution {
    pub(crate) fn check_input(&self) -> Result<(), StartError> {
        let (bytes, limit) = (self.input.len(), PAYLOAD_BYTES_MAX);
        if bytes > limit { Err(StartError::InputTooLarge { bytes, limit }) } else { Ok(()) }
    }

    /// The execution before its first fact.
    pub(crate) fn live(&self) -> Live {
        let execution = Execution::new(self.machine.clone());
        let bearings = Bearings { trace: self.trace.clone(), pins: self.pins.clone() };
        Live::new(execution, 0, bearings)
    }
}

/// The first fact of the execution that is started so.
pub(crate) fn started_fact(arn: &ExecutionArn, start: StartExecution, seed: Seed) -> FactKind {
    FactKind::ExecutionStarted {
        id: arn.to_string(),
        name: start.name,
        role: start.role,
        machine: start.machine_arn,
        alias: start.alias,
        version: start.version,
        trace: start.trace,
        parent: start.parent.map(Box::new),
        input: start.input,
        seed,
        pins: start.pins,
        logging: start.logging,
        configuration: start.configuration,
        edition: stepyard_asl::EDITION,
    }
}

impl Engine {
    /// Lets the observer count a start that was refused because too much is at work.
    pub(crate) fn tell_throttled(&self, machine: Option<String>, error: &StartError) {
        let is_throttled =
            matches!(error, StartError::AtCapacity | StartError::Engine(EngineError::Throttled));
        if let (Some(observer), Some(machine), true) = (self.observer(), machine, is_throttled) {
            observer.throttled(&machine);
        }
    }
}

/// An execution that is durably there.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    /// Its ARN.
    pub arn: ExecutionArn,
    /// When it began.
    pub started_at: Timestamp,
    /// Whether this start began it, or found it.
    pub standing: Standing,
}

/// How the execution stands that a start names.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It was begun.
    New,
    /// It had been started with the same input, and is at work in this engine.
    Running,
    /// It had been started with the same input, and nothing is at work on it: its engine ended
    /// before it did. [`Engine::resume`] goes on with it.
    Interrupted,
    /// It had been started with the same input, and is over.
    Finished(Status),
}

/// Why an execution was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// AWS refuses the name.
    #[error(transparent)]
    InvalidName(#[from] NameError),
    /// That is not the ARN of a state machine.
    #[error("`{arn}` is not the unqualified ARN of a state machine")]
    InvalidArn {
        /// What was given.
        arn: String,
    },
    /// The input is larger than AWS takes.
    #[error("the input has {bytes} bytes, more than the {limit} an execution takes")]
    InputTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Another execution of the state machine has the name.
    #[error("execution `{arn}` already exists with another input: choose another name")]
    ExecutionAlreadyExists {
        /// The execution.
        arn: ExecutionArn,
    },
    /// As many executions are open as may be.
    #[error("as many executions are open as this server takes: wait for some to end, or stop some")]
    AtCapacity,
    /// The engine could not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
