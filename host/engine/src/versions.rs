//! Versions: numbered snapshots of a state machine, which a start may name and an alias routes to.
//!
//! A version never changes. Its number is one more than the last that was given, and is not given
//! again when the version is deleted.

use std::sync::Arc;

use stepyard_asl::Timestamp;

use crate::{Engine, MachineArn, MachineError, StateMachineRecord, store::Record};

/// The most versions of a state machine (Quotas: "Number of published state machine versions").
const VERSIONS_MAX: usize = 1_000;

/// How `revisionId` names the revision of a state machine that was never changed.
const FIRST_REVISION: &str = "INITIAL";

/// A version of a state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRecord {
    /// The parts that a list is made of.
    pub summary: VersionSummary,
    /// The definition as it was written.
    pub definition: Arc<str>,
    /// The role its executions run under.
    pub role: String,
    /// As [`StateMachineRecord::logging`].
    pub logging: Arc<str>,
    /// As [`StateMachineRecord::tracing`].
    pub tracing: bool,
}

/// What is known of a version without reading its definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionSummary {
    /// Its state machine's unqualified ARN.
    pub machine: Arc<str>,
    /// Its number: 1 for the first.
    pub number: u64,
    /// What was said about it.
    pub description: Option<String>,
    /// The state machine's revision that it is of.
    pub revision: Option<String>,
    /// When it was published.
    pub created_at: Timestamp,
}

/// What is said of a version when it is published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewVersion {
    /// A description.
    pub description: Option<String>,
}

impl VersionSummary {
    /// Its qualified ARN.
    pub fn arn(&self) -> String {
        MachineArn::version(&self.machine, self.number).to_string()
    }
}

impl VersionRecord {
    /// The state machine as it is, under the number it gave last.
    pub(crate) fn new(
        machine: &StateMachineRecord,
        description: Option<String>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            summary: VersionSummary {
                machine: machine.arn.clone(),
                number: machine.versions,
                description,
                revision: machine.revision.clone(),
                created_at,
            },
            definition: machine.definition.clone(),
            role: machine.role.clone(),
            logging: machine.logging.clone(),
            tracing: machine.tracing,
        }
    }

    pub(crate) fn is_first_revision(&self) -> bool {
        self.summary.revision.is_none()
    }

    pub(crate) fn is_described(&self, publish: &NewVersion) -> bool {
        self.summary.description == publish.description
    }

    /// The state machine as it was when this was published.
    pub(crate) fn of(self, machine: StateMachineRecord) -> StateMachineRecord {
        StateMachineRecord {
            definition: self.definition,
            role: self.role,
            logging: self.logging,
            tracing: self.tracing,
            revision: self.summary.revision,
            updated_at: machine.updated_at.min(self.summary.created_at),
            ..machine
        }
    }
}

/// What publishing a revision comes to.
pub(crate) enum Published {
    /// The revision has a version, the newest of its versions.
    Before(VersionSummary),
    /// It is to have one.
    New(Box<VersionRecord>),
}

impl Published {
    /// The version, with what is to be kept of it.
    pub(crate) fn kept_in(self, records: &mut Vec<Record>) -> VersionSummary {
        match self {
            Self::Before(summary) => summary,
            Self::New(version) => {
                let summary = version.summary.clone();
                records.push(Record::Version(version));
                summary
            }
        }
    }
}

impl Engine {
    /// Publishes the current revision of a state machine as a version, if it has none; durable when
    /// this returns. Refused when `revision` is given and is not the current one.
    pub async fn publish_version(
        &self,
        machine: &str,
        revision: Option<&str>,
        publish: NewVersion,
    ) -> Result<VersionSummary, MachineError> {
        let _held = self.hold(&machine.into()).await;
        let before = self.state_machine(machine).await?;
        let current = before.revision.as_deref().unwrap_or(FIRST_REVISION);
        if let Some(asked) = revision.filter(|asked| *asked != current) {
            let (asked, current) = (asked.to_owned(), current.to_owned());
            return Err(MachineError::OtherRevision { asked, current });
        }
        let mut after = before.clone();
        let published = self.publish(&mut after, publish)?;
        let mut records = Vec::new();
        if after != before {
            records.push(Record::StateMachine(Box::new(after)));
        }
        let version = published.kept_in(&mut records);
        self.keep(records).await?;
        Ok(version)
    }

    /// The version of the state machine as it is: the one there is of its revision, or a new one,
    /// whose number `machine` has then given. Call it with the state machine reserved.
    pub(crate) fn publish(
        &self,
        machine: &mut StateMachineRecord,
        publish: NewVersion,
    ) -> Result<Published, MachineError> {
        let versions = self.store().versions(&machine.arn)?;
        let count = versions.len();
        if let Some(found) = versions.into_iter().find(|it| it.revision == machine.revision) {
            return Ok(Published::Before(found));
        }
        if count >= VERSIONS_MAX {
            return Err(MachineError::TooMany { what: "versions", limit: VERSIONS_MAX });
        }
        machine.versions += 1;
        let version = VersionRecord::new(machine, publish.description, self.now());
        Ok(Published::New(Box::new(version)))
    }

    /// The versions of a state machine, newest first; none of one that is not there.
    pub async fn versions(&self, machine: &str) -> Result<Vec<VersionSummary>, MachineError> {
        Ok(self.store().versions(machine)?)
    }

    /// Removes a version; one that is not there is removed already. Its executions go on. Refused
    /// while an alias routes to it.
    pub async fn delete_version(&self, machine: &str, number: u64) -> Result<(), MachineError> {
        let _held = self.hold(&machine.into()).await;
        let aliases = self.store().aliases(machine)?;
        let users = aliases.iter().filter(|alias| alias.routes_to(number));
        let users: Vec<String> = users.map(|alias| alias.name.to_string()).collect();
        if !users.is_empty() {
            return Err(MachineError::VersionInUse { aliases: users });
        }
        Ok(self.keep(vec![Record::VersionDeleted { machine: machine.into(), number }]).await?)
    }
}
