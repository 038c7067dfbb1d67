//! State machines that are registered: what a front starts executions of by ARN.
//!
//! An execution keeps the definition it was started with, so a change here, or a deletion, touches
//! none that is at work.

use std::sync::Arc;

use stepyard_asl::{Diagnostic, StateMachine, Timestamp};

use crate::{Engine, EngineError, StoreError, store::Record};

/// A state machine that is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateMachineRecord {
    /// Its unqualified ARN.
    pub arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its definition as it was written.
    pub definition: Arc<str>,
    /// The role its executions run under.
    pub role: String,
    /// What its executions promise.
    pub kind: MachineType,
    /// AWS's `loggingConfiguration` as JSON text; empty when none was given.
    pub logging: Arc<str>,
    /// Whether `tracingConfiguration` is enabled.
    pub tracing: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed; when it was created, before the first change.
    pub updated_at: Timestamp,
    /// Names the definition and role it has; none before the first change of either.
    pub revision: Option<String>,
}

/// What executions promise (`StateMachineType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineType {
    /// Durable: no transition is lost or repeated.
    Standard,
    /// In memory, at least once.
    Express,
}

impl MachineType {
    /// AWS's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Express => "EXPRESS",
        }
    }

    /// Reads a definition that is to be run so.
    pub fn parse(self, definition: &str) -> Result<StateMachine, Vec<Diagnostic>> {
        match self {
            Self::Standard => StateMachine::parse(definition),
            Self::Express => StateMachine::parse_express(definition),
        }
    }

    /// The type that AWS calls so.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Standard, Self::Express].into_iter().find(|it| it.name() == name)
    }
}

/// The arguments of `CreateStateMachine`.
#[derive(Clone, Debug)]
pub struct NewStateMachine {
    /// Its unqualified ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its definition.
    pub definition: Arc<str>,
    /// The role its executions run under.
    pub role: String,
    /// What its executions promise.
    pub kind: MachineType,
    /// As [`StateMachineRecord::logging`].
    pub logging: Arc<str>,
    /// As [`StateMachineRecord::tracing`].
    pub tracing: bool,
}

/// The arguments of `UpdateStateMachine`: what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct StateMachineChange {
    /// Another definition.
    pub definition: Option<Arc<str>>,
    /// Another role.
    pub role: Option<String>,
    /// Other logging.
    pub logging: Option<Arc<str>>,
    /// Other tracing.
    pub tracing: Option<bool>,
}

/// Why a state machine was not created, changed or found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// Another state machine has the name.
    #[error("state machine `{arn}` already exists and differs: update it, or choose another name")]
    AlreadyExists {
        /// The state machine.
        arn: String,
    },
    /// There is no such state machine.
    #[error("state machine `{arn}` does not exist")]
    DoesNotExist {
        /// What was given.
        arn: String,
    },
    /// The definition is not valid.
    #[error("the definition is not valid")]
    InvalidDefinition {
        /// All that is wrong with it.
        diagnostics: Vec<Diagnostic>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine takes no work.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Registers a state machine; it is durable when this returns. The same name with the same
    /// definition, type, logging and tracing is the state machine that is there, whatever the role
    /// (API reference, `CreateStateMachine`).
    pub async fn create_state_machine(
        &self,
        new: NewStateMachine,
    ) -> Result<StateMachineRecord, MachineError> {
        check(new.kind, &new.definition)?;
        let _held = self.reservations.take(&new.arn.as_str().into()).await;
        if let Some(found) = self.store().state_machine(&new.arn)? {
            return match is_same(&found, &new) {
                true => Ok(found),
                false => Err(MachineError::AlreadyExists { arn: new.arn }),
            };
        }
        let now = self.now();
        let record = StateMachineRecord {
            arn: new.arn.into(),
            name: new.name.into(),
            definition: new.definition,
            role: new.role,
            kind: new.kind,
            logging: new.logging,
            tracing: new.tracing,
            created_at: now,
            updated_at: now,
            revision: None,
        };
        self.append(Record::StateMachine(Box::new(record.clone()))).await?;
        Ok(record)
    }

    /// Changes a state machine; that is durable when this returns. It has a new revision when its
    /// definition or role really changed.
    pub async fn update_state_machine(
        &self,
        arn: &str,
        change: StateMachineChange,
    ) -> Result<StateMachineRecord, MachineError> {
        let _held = self.reservations.take(&arn.into()).await;
        let before = self.state_machine(arn).await?;
        if let Some(definition) = &change.definition {
            check(before.kind, definition)?;
        }
        let mut after = before.clone();
        after.definition = change.definition.unwrap_or(after.definition);
        after.role = change.role.unwrap_or(after.role);
        after.logging = change.logging.unwrap_or(after.logging);
        after.tracing = change.tracing.unwrap_or(after.tracing);
        if after.definition != before.definition || after.role != before.role {
            after.revision = Some(self.fresh_uuid());
        }
        after.updated_at = self.now();
        self.append(Record::StateMachine(Box::new(after.clone()))).await?;
        Ok(after)
    }

    /// Removes a state machine; one that is not there is removed already. Its executions go on.
    pub async fn delete_state_machine(&self, arn: &str) -> Result<(), MachineError> {
        let _held = self.reservations.take(&arn.into()).await;
        Ok(self.append(Record::StateMachineDeleted { arn: arn.into() }).await?)
    }

    /// The state machine of this unqualified ARN.
    pub async fn state_machine(&self, arn: &str) -> Result<StateMachineRecord, MachineError> {
        let found = self.store().state_machine(arn)?;
        found.ok_or_else(|| MachineError::DoesNotExist { arn: arn.to_owned() })
    }

    /// All state machines, by name.
    pub async fn state_machines(&self) -> Result<Vec<StateMachineRecord>, MachineError> {
        Ok(self.store().state_machines()?)
    }
}

fn check(kind: MachineType, definition: &str) -> Result<(), MachineError> {
    kind.parse(definition)
        .map(|_| ())
        .map_err(|diagnostics| MachineError::InvalidDefinition { diagnostics })
}

fn is_same(found: &StateMachineRecord, new: &NewStateMachine) -> bool {
    found.definition == new.definition
        && found.kind == new.kind
        && found.logging == new.logging
        && found.tracing == new.tracing
}
