//! What is kept of a function: its code by hash, its versions and its aliases.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;

use super::{FunctionAlias, LATEST, PublishingError};

/// A function as the store keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionRecord {
    /// Its name.
    pub name: Arc<str>,
    /// What a call without a qualifier runs.
    pub latest: CodeRecord,
    /// The SHA-256 of the component that the manifest last bound it to: another one there takes the
    /// place of `$LATEST` when a process starts, the same one does not.
    pub bound: Arc<str>,
    /// The published versions, by number.
    pub versions: Vec<CodeRecord>,
    /// The last number given to a version.
    pub published: u64,
    /// Its aliases, by name.
    pub aliases: Vec<FunctionAlias>,
}

/// A version's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRecord {
    /// `$LATEST` or a number.
    pub number: Arc<str>,
    /// Its SHA-256 in hex.
    pub sha256: Arc<str>,
    /// Its size.
    pub bytes: u64,
    /// What was said about it.
    pub description: Option<String>,
    /// When it was last changed.
    pub modified: Timestamp,
    /// Another one after every change.
    pub revision: Arc<str>,
}

/// Which version a call gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route<'a> {
    pub(super) number: &'a Arc<str>,
    /// The alias whose additional version it is.
    pub(super) trial: Option<&'a Arc<str>>,
}

impl FunctionRecord {
    /// The version that a qualifier stands for, and for an alias that it names, whatever else it
    /// routes to.
    pub(super) fn code(&self, qualifier: Option<&str>) -> Option<&CodeRecord> {
        let qualifier = qualifier.unwrap_or(LATEST);
        let number = self.alias(qualifier).map_or(qualifier, |alias| &alias.version);
        self.numbered(number)
    }

    /// Whether a qualifier stands for a version. Aliases stand for versions that there are.
    pub(super) fn names(&self, qualifier: Option<&str>) -> bool {
        let qualifier = qualifier.unwrap_or(LATEST);
        self.alias(qualifier).is_some() || self.numbered(qualifier).is_some()
    }

    /// As [`Self::code`], or why there is none.
    pub(super) fn find(&self, qualifier: Option<&str>) -> Result<&CodeRecord, PublishingError> {
        self.code(qualifier).ok_or_else(|| PublishingError::NoVersion {
            function: self.name.to_string(),
            qualifier: qualifier.unwrap_or(LATEST).to_owned(),
        })
    }

    /// The version that one call gets; none when nothing is called so.
    pub(super) fn route(
        &self,
        qualifier: Option<&str>,
        draw: impl FnOnce() -> u64,
    ) -> Option<Route<'_>> {
        let qualifier = qualifier.unwrap_or(LATEST);
        let Some(alias) = self.alias(qualifier) else {
            let number = &self.numbered(qualifier)?.number;
            return Some(Route { number, trial: None });
        };
        let number = alias.route(draw);
        let is_trial = *number != alias.version;
        Some(Route { number, trial: is_trial.then_some(&alias.name) })
    }

    /// `$LATEST` or a published version.
    pub(super) fn numbered(&self, number: &str) -> Option<&CodeRecord> {
        self.all().find(|code| *code.number == *number)
    }

    pub(super) fn alias(&self, name: &str) -> Option<&FunctionAlias> {
        self.aliases.iter().find(|alias| *alias.name == *name)
    }

    /// `$LATEST` and the published versions, by number.
    pub(super) fn all(&self) -> impl Iterator<Item = &CodeRecord> {
        std::iter::once(&self.latest).chain(&self.versions)
    }

    /// What calls get without naming a number: `$LATEST` and what aliases route to.
    pub(super) fn routed(&self) -> impl Iterator<Item = &CodeRecord> {
        let is_routed = |number: &str| {
            *number == *LATEST || self.aliases.iter().any(|alias| alias.routes_to(number))
        };
        self.all().filter(move |code| is_routed(&code.number))
    }
}
