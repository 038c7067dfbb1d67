//! Why StartExecution started nothing, in Step Functions' own words.

use stepyard_asl::StatesError;
use stepyard_engine::{EngineError, ExecutionArn, MachineError, StartError, Task};

use crate::sdk::{self, Dialect, Service, ServiceError};

const OPTIMIZED: Service = Service { prefix: "StepFunctions", name: "AWSStepFunctions" };
const SDK: Service = Service { prefix: "Sfn", name: "Sfn" };

/// Why nothing was started.
#[derive(Debug)]
pub(super) enum Refused {
    /// That is not the ARN of a state machine.
    InvalidArn(String),
    /// The input is no JSON.
    InvalidInput(String),
    /// Another execution has the name.
    AlreadyExists(ExecutionArn),
    /// An Express execution cannot be followed.
    TypeNotSupported,
    /// The state machine cannot be started.
    Machine(MachineError),
    /// The execution cannot be.
    Start(StartError),
    /// The engine could not take it.
    Engine(EngineError),
}

impl Refused {
    /// The task's error.
    pub(super) fn shown(&self, dialect: Dialect, task: &Task) -> StatesError {
        let (code, status, message) = self.told();
        let request_id = &sdk::request_id(task);
        let error = ServiceError { message: &message, status, code, request_id };
        let exception = format!("{code}Exception");
        match dialect {
            Dialect::Optimized => OPTIMIZED.refused(&exception, &error),
            Dialect::Sdk => SDK.refused_to_sdk(&exception, &error),
        }
    }

    /// The API's error code, the HTTP status and its message.
    fn told(&self) -> (&'static str, u16, String) {
        match self {
            Self::InvalidArn(arn) => {
                ("InvalidArn", 400, format!("Invalid Arn: 'Invalid ARN prefix: {arn}'"))
            }
            Self::InvalidInput(detail) => invalid_input(detail),
            Self::AlreadyExists(arn) => already_exists(arn),
            Self::TypeNotSupported => (
                "StateMachineTypeNotSupported",
                400,
                "This operation is not supported by this type of state machine".to_owned(),
            ),
            Self::Machine(MachineError::DoesNotExist { arn }) => {
                ("StateMachineDoesNotExist", 400, format!("State Machine Does Not Exist: '{arn}'"))
            }
            Self::Machine(error) => ("InternalFailure", 500, error.to_string()),
            Self::Start(StartError::InvalidName(error)) => {
                ("InvalidName", 400, format!("Invalid Name: '{}'", error.name))
            }
            Self::Start(error @ StartError::InputTooLarge { .. }) => {
                invalid_input(&error.to_string())
            }
            Self::Start(StartError::ExecutionAlreadyExists { arn }) => already_exists(arn),
            Self::Start(error @ StartError::AtCapacity) => {
                ("ExecutionLimitExceeded", 400, error.to_string())
            }
            Self::Start(StartError::Engine(EngineError::Throttled))
            | Self::Engine(EngineError::Throttled) => {
                ("Throttling", 400, "Rate exceeded".to_owned())
            }
            Self::Engine(EngineError::ExecutionDoesNotExist { arn }) => {
                ("ExecutionDoesNotExist", 400, format!("Execution Does Not Exist: '{arn}'"))
            }
            Self::Start(error) => ("InternalFailure", 500, error.to_string()),
            Self::Engine(error) => ("InternalFailure", 500, error.to_string()),
        }
    }
}

fn invalid_input(detail: &str) -> (&'static str, u16, String) {
    let message = format!("Invalid State Machine Execution Input: '{detail}'");
    ("InvalidExecutionInput", 400, message)
}

fn already_exists(arn: &ExecutionArn) -> (&'static str, u16, String) {
    ("ExecutionAlreadyExists", 400, format!("Execution Already Exists: '{arn}'"))
}

impl From<MachineError> for Refused {
    fn from(error: MachineError) -> Self {
        match error {
            MachineError::Engine(error) => Self::Engine(error),
            error => Self::Machine(error),
        }
    }
}

impl From<StartError> for Refused {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Engine(error) => Self::Engine(error),
            error => Self::Start(error),
        }
    }
}

impl From<EngineError> for Refused {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}
