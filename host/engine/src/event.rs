//! What begins an execution from outside: a request, a schedule's moment, a queue's message. Each names
//! its execution, so that the same event begins it once.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use stepyard_asl::{Configuration, Payload};

use crate::{
    Engine, Logging, MachineError, MachineType, StartError, StartExecution, Started, Target,
    check_name,
};

/// Why an event began no execution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// There is no such state machine, or it cannot be run.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The execution was not started.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl EventError {
    /// Whether the same event can begin its execution later: the engine, and not the event, is why
    /// it did not.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Machine(error) => {
                matches!(error, MachineError::Store(_) | MachineError::Engine(_))
            }
            Self::Start(error) => !matches!(
                error,
                StartError::InvalidName(_)
                    | StartError::InvalidArn { .. }
                    | StartError::InputTooLarge { .. }
                    | StartError::ExecutionAlreadyExists { .. }
            ),
        }
    }
}

impl Engine {
    /// The arguments that start an execution of `target`.
    pub fn starting(
        &self,
        target: Target,
        name: String,
        input: Payload,
    ) -> Result<StartExecution, MachineError> {
        let record = target.machine;
        let configuration = Configuration {
            revision: record.revision,
            tracing: record.tracing,
            updated_at: record.updated_at,
        };
        let machine = self
            .read_definition(&record.definition)
            .map_err(|diagnostics| MachineError::InvalidDefinition { diagnostics })?;
        Ok(StartExecution {
            machine,
            definition: record.definition,
            machine_arn: record.arn.to_string(),
            name,
            input,
            role: record.role,
            alias: target.alias,
            version: target.version.map(|version| version.arn()),
            trace: None,
            parent: None,
            pins: None,
            logging: logged(record.logging),
            configuration: Some(Arc::new(configuration)),
        })
    }

    /// Begins an execution of `target`. A Standard one is durable when this returns, and the same
    /// name with the same input is the same execution; an Express one has begun.
    pub async fn begin(
        &self,
        target: Target,
        name: String,
        input: Payload,
    ) -> Result<Started, EventError> {
        let kind = target.machine.kind;
        let start = self.starting(target, name, input)?;
        Ok(match kind {
            MachineType::Standard => self.start(start).await?,
            MachineType::Express => self.start_express(start).await?.0,
        })
    }
}

/// What an execution keeps of its state machine's logging: nothing where nothing is logged.
fn logged(logging: Arc<str>) -> Option<Arc<str>> {
    Logging::read(&logging).map(|_| logging)
}

/// The name of the execution that an event begins: what it comes from and its id, or a hash of the id
/// where that cannot be a name. `source` is a short name.
pub fn event_name(source: &str, id: &str) -> String {
    let name = format!("{source}-{id}");
    if check_name(&name).is_ok() {
        return name;
    }
    let hash = Sha256::digest(id);
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{source}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_one_name_and_it_can_be_one() {
        let id = "4bd2a7b1-21a5-4e0e-a0a1-3b2ac0ffee00";
        assert_eq!(event_name("sqs", id), format!("sqs-{id}"));
        let hashed = |id: &str| {
            let name = event_name("sqs", id);
            assert_eq!(check_name(&name), Ok(()));
            assert_eq!((name.len(), &name), (68, &event_name("sqs", id)));
            name
        };
        assert_ne!(hashed("a b"), hashed("a:b"));
        assert_ne!(hashed(&"n".repeat(77)), hashed(&"n".repeat(78)));
        assert_eq!(event_name("sqs", &"n".repeat(76)).len(), 80);
    }
}
