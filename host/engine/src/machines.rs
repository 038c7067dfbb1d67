//! State machines that are registered: what a front starts executions of by ARN.
//!
//! An execution keeps the definition it was started with, so a change here, or a deletion, touches
//! none that is at work.

use std::sync::Arc;

use stepyard_asl::{Diagnostic, StateMachine, Timestamp};

use crate::{
    Engine, EngineError, MachineArn, NewVersion, StoreError, Tags, VersionRecord, store::Record,
};

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
    /// The number of the version published last, whether or not that is still there; 0 before the
    /// first. Kept so that no number is given twice.
    pub versions: u64,
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

    /// All that is to be said of a definition that is to be run so: what it is refused for, and what it
    /// is warned of.
    pub fn diagnose(self, definition: &str) -> Vec<Diagnostic> {
        match self {
            Self::Standard => StateMachine::diagnose(definition),
            Self::Express => StateMachine::diagnose_express(definition),
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
    /// Whether its first version is published with it, and how.
    pub publish: Option<NewVersion>,
    /// Its tags.
    pub tags: Tags,
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
    /// Whether what comes of it is published as a version, and how.
    pub publish: Option<NewVersion>,
}

/// A state machine as it is after it was created or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The state machine.
    pub machine: StateMachineRecord,
    /// The number of its version, when one was to be published.
    pub version: Option<u64>,
}

impl Registered {
    /// The ARN of its version, when one was to be published.
    pub fn version_arn(&self) -> Option<String> {
        self.version.map(|number| MachineArn::version(&self.machine.arn, number).to_string())
    }
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
        /// What was given; of a version or alias, the qualified ARN.
        arn: String,
    },
    /// A version or alias that was to be there is not.
    #[error("`{arn}` does not exist")]
    NoSuchQualifier {
        /// The version's or alias's ARN.
        arn: String,
    },
    /// A version was to be published of a revision that is not the current one.
    #[error(
        "the current revision is {current}, not {asked}: look at what changed, then publish that"
    )]
    OtherRevision {
        /// The revision that was to be published.
        asked: String,
        /// The revision there is.
        current: String,
    },
    /// An alias sends executions to the version.
    #[error("the version is used by {}: point them elsewhere first", aliases.join(", "))]
    VersionInUse {
        /// The aliases' names.
        aliases: Vec<String>,
    },
    /// Another alias of the state machine has the name.
    #[error("the state machine has an alias `{name}` that differs: update it")]
    AliasExists {
        /// The alias's name.
        name: String,
    },
    /// The state machine has as many versions or aliases as it may.
    #[error("a state machine has at most {limit} {what}: delete one first")]
    TooMany {
        /// `versions` or `aliases`.
        what: &'static str,
        /// How many it may have.
        limit: usize,
    },
    /// As many state machines are registered as may be.
    #[error("{limit} state machines are registered, and no more may be: delete one first")]
    LimitExceeded {
        /// How many may be.
        limit: usize,
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
    /// and tags; with a version to publish, only if it was published so (API reference,
    /// `CreateStateMachine`).
    pub async fn create_state_machine(
        &self,
        new: NewStateMachine,
    ) -> Result<Registered, MachineError> {
        check(new.kind, &new.definition)?;
        let _held = self.hold(&new.arn.as_str().into()).await;
        if let Some(found) = self.store().state_machine(&new.arn)? {
            return self.found_machine(found, &new);
        }
        // One after the other, so that each counts those before it.
        let _turn = self.hold(&"state machines".into()).await;
        let limit = self.shared.config.machines_max;
        if self.store().state_machine_count()? >= limit {
            return Err(MachineError::LimitExceeded { limit });
        }
        let now = self.now();
        let machine = StateMachineRecord {
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
            versions: new.publish.is_some().into(),
        };
        let mut records = vec![Record::StateMachine(Box::new(machine.clone()))];
        if let Some(publish) = new.publish {
            let version = VersionRecord::new(&machine, publish.description, now);
            records.push(Record::Version(Box::new(version)));
        }
        if !new.tags.is_empty() {
            records.push(Record::Tags { resource: machine.arn.clone(), tags: new.tags });
        }
        self.keep(records).await?;
        let version = Some(machine.versions).filter(|number| *number > 0);
        Ok(Registered { machine, version })
    }

    /// The state machine that was created by the same request, if it was.
    fn found_machine(
        &self,
        machine: StateMachineRecord,
        new: &NewStateMachine,
    ) -> Result<Registered, MachineError> {
        let exists = || MachineError::AlreadyExists { arn: new.arn.clone() };
        if !is_same(&machine, new) {
            return Err(exists());
        }
        let Some(publish) = &new.publish else {
            return Ok(Registered { machine, version: None });
        };
        let first = self.store().version(&machine.arn, 1)?;
        let same = first.filter(|it| it.is_first_revision() && it.is_described(publish));
        let version = Some(same.ok_or_else(exists)?.summary.number);
        Ok(Registered { machine, version })
    }

    /// Changes a state machine; that is durable when this returns. It has a new revision when its
    /// definition or role really changed. A change that changes nothing leaves it as it is, and
    /// answers the version there is of its revision when one was to be published.
    pub async fn update_state_machine(
        &self,
        arn: &str,
        change: StateMachineChange,
    ) -> Result<Registered, MachineError> {
        let _held = self.hold(&arn.into()).await;
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
        if after != before {
            after.updated_at = self.now();
        }
        let published = change.publish.map(|publish| self.publish(&mut after, publish));
        let published = published.transpose()?;
        let mut records = Vec::new();
        if after != before {
            records.push(Record::StateMachine(Box::new(after.clone())));
        }
        let version = published.map(|published| published.kept_in(&mut records));
        self.keep(records).await?;
        Ok(Registered { machine: after, version: version.map(|it| it.number) })
    }

    /// Removes a state machine with its versions, aliases and tags; one that is not there is removed
    /// already. Its executions go on.
    pub async fn delete_state_machine(&self, arn: &str) -> Result<(), MachineError> {
        let _held = self.hold(&arn.into()).await;
        Ok(self.keep(vec![Record::StateMachineDeleted { arn: arn.into() }]).await?)
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
