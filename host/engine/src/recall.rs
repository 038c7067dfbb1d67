//! An execution as the store has it: its record, its journal, its history, and itself read back.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use stepyard_asl::{Diagnostic, Execution, Fact, HistoryEvent, StateMachine};

use crate::{Engine, EngineError, ExecutionRecord, live::Live};

/// How many definitions are kept in the form they are run in.
const MACHINES_MAX: usize = 256;

/// Definitions in the form they are run in: executions of one share it, and it is read once.
#[derive(Debug, Default)]
pub(crate) struct Machines(Mutex<HashMap<Arc<str>, Arc<StateMachine>>>);

impl Machines {
    fn read(&self, definition: &Arc<str>) -> Result<Arc<StateMachine>, Vec<Diagnostic>> {
        let machines = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(machine) = machines().get(definition) {
            return Ok(machine.clone());
        }
        let machine = Arc::new(StateMachine::recall(definition)?);
        let mut machines = machines();
        if machines.len() >= MACHINES_MAX {
            machines.clear();
        }
        machines.insert(definition.clone(), machine.clone());
        Ok(machine)
    }
}

impl Engine {
    /// The state machine that a definition says; every problem of one that says none.
    pub fn read_definition(
        &self,
        definition: &Arc<str>,
    ) -> Result<Arc<StateMachine>, Vec<Diagnostic>> {
        self.shared.machines.read(definition)
    }

    /// The events of an execution so far, from the first, as `GetExecutionHistory` has them.
    pub async fn history(&self, arn: &str) -> Result<Vec<HistoryEvent>, EngineError> {
        let mut execution = Execution::new(self.machine_of(&self.record(arn)?)?);
        let (store, arn) = (self.shared.config.store.clone(), arn.to_owned());
        blocking(move || {
            let facts = store.facts(&arn)?;
            Ok(facts.iter().flat_map(|fact| execution.step(fact).history).collect())
        })
        .await
    }

    /// The execution of a record, read back from its last checkpoint and what it was told since.
    pub(crate) async fn replayed(
        &self,
        record: &ExecutionRecord,
    ) -> Result<Box<Live>, EngineError> {
        let (machine, store) = (self.machine_of(record)?, self.shared.config.store.clone());
        let (arn, bearings, rests) = (record.summary.arn.clone(), record.bearings(), record.rests);
        let replay = move || {
            let checkpoint = store.checkpoint(&arn)?;
            let restored = checkpoint.and_then(|checkpoint| {
                let execution = Execution::restore(machine.clone(), &checkpoint.body)?;
                Some(Live::new(execution, checkpoint.facts, bearings.clone()))
            });
            let mut live =
                restored.unwrap_or_else(|| Live::new(Execution::new(machine), 0, bearings));
            for fact in store.facts_after(&arn, live.facts, usize::MAX)? {
                live.retell(&fact);
            }
            live.rests = rests;
            Ok(Box::new(live))
        };
        let mut live = blocking(replay).await?;
        self.observe(&mut live, record);
        Ok(live)
    }

    /// The facts of an execution, from its first.
    pub(crate) async fn journal(&self, arn: &str) -> Result<Vec<Fact>, EngineError> {
        let (store, arn) = (self.shared.config.store.clone(), arn.to_owned());
        blocking(move || Ok(store.facts(&arn)?)).await
    }

    /// What the store knows of an execution.
    pub(crate) fn record(&self, arn: &str) -> Result<ExecutionRecord, EngineError> {
        let found = self.shared.config.store.execution(arn)?;
        found.ok_or_else(|| EngineError::ExecutionDoesNotExist { arn: arn.to_owned() })
    }

    pub(crate) fn machine_of(
        &self,
        record: &ExecutionRecord,
    ) -> Result<Arc<StateMachine>, EngineError> {
        self.read_definition(&record.definition).map_err(|diagnostics| {
            let first = diagnostics.first();
            EngineError::InvalidDefinition {
                arn: record.summary.arn.to_string(),
                reason: first
                    .map(|it| format!("{} at {}", it.message, it.location))
                    .unwrap_or_default(),
            }
        })
    }
}

/// Reads a journal off the runtime's threads: it may be long.
pub(crate) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    match tokio::task::spawn_blocking(read).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(EngineError::ShutDown),
    }
}
