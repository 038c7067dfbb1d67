//! What is published under a function's name: code, numbered versions of it, and aliases that route to
//! versions. Its words are AWS Lambda's; the texts and codes of its answers are not here.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;

use crate::StoreError;

/// The version that is not published yet: what a call without a qualifier runs.
pub const LATEST: &str = "$LATEST";

/// Publishes code as functions' versions, and routes calls to them. What it answers is durable: after a
/// crash the same versions are current.
pub trait Publishing: Send + Sync {
    /// `$LATEST` of every function, by name.
    fn functions(&self) -> Vec<FunctionConfiguration>;

    /// What `qualifier` stands for: a version's number, an alias (the version that it names, whatever
    /// else it routes to) or `$LATEST`, which is meant when there is none.
    fn configuration(
        &self,
        function: &str,
        qualifier: Option<&str>,
    ) -> Result<FunctionConfiguration, PublishingError>;

    /// `$LATEST` and every published version, in the order of their numbers.
    fn versions(&self, function: &str) -> Result<Vec<FunctionConfiguration>, PublishingError>;

    /// The component that `qualifier` stands for, byte for byte.
    fn code<'a>(
        &'a self,
        function: &'a str,
        qualifier: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<u8>, PublishingError>>;

    /// Makes code `$LATEST`, and with `publish` a version, which it then answers. Code that is refused
    /// changes nothing. Calls that began before end on the code they began with.
    fn update_code<'a>(
        &'a self,
        function: &'a str,
        update: CodeUpdate,
    ) -> BoxFuture<'a, Result<FunctionConfiguration, PublishingError>>;

    /// Publishes `$LATEST` as a version with the next number; where the newest version has its code,
    /// answers that one and makes none.
    fn publish_function_version<'a>(
        &'a self,
        function: &'a str,
        publish: VersionPublish,
    ) -> BoxFuture<'a, Result<FunctionConfiguration, PublishingError>>;

    /// Removes a published version; its number is not given again. Refused while an alias routes to it.
    fn delete_function_version<'a>(
        &'a self,
        function: &'a str,
        number: &'a str,
    ) -> BoxFuture<'a, Result<(), PublishingError>>;

    /// A function's alias.
    fn function_alias(&self, function: &str, alias: &str)
    -> Result<FunctionAlias, PublishingError>;

    /// A function's aliases by name, or those that name or route to `version`.
    fn function_aliases(
        &self,
        function: &str,
        version: Option<&str>,
    ) -> Result<Vec<FunctionAlias>, PublishingError>;

    /// Creates an alias.
    fn create_function_alias<'a>(
        &'a self,
        function: &'a str,
        new: NewFunctionAlias,
    ) -> BoxFuture<'a, Result<FunctionAlias, PublishingError>>;

    /// Changes an alias; calls from here on take the new routes.
    fn update_function_alias<'a>(
        &'a self,
        function: &'a str,
        alias: &'a str,
        change: FunctionAliasChange,
    ) -> BoxFuture<'a, Result<FunctionAlias, PublishingError>>;

    /// Removes an alias; one that is not there is removed already.
    fn delete_function_alias<'a>(
        &'a self,
        function: &'a str,
        alias: &'a str,
    ) -> BoxFuture<'a, Result<(), PublishingError>>;
}

/// A version of a function, and what the function may use up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionConfiguration {
    /// The function's name.
    pub function: Arc<str>,
    /// `$LATEST` or a published number.
    pub version: Arc<str>,
    /// The SHA-256 of the component, in hex.
    pub sha256: Arc<str>,
    /// The component's size.
    pub code_bytes: u64,
    /// What was said about the version.
    pub description: Option<String>,
    /// When its code was last changed.
    pub last_modified: Timestamp,
    /// Another one after every change.
    pub revision: Arc<str>,
    /// What a call of the function may use up.
    pub limits: FunctionLimits,
}

/// What a call of a function may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionLimits {
    /// From its start to its end.
    pub wall_time: Duration,
    /// All its memories together.
    pub memory_bytes_max: usize,
}

/// A name for a version of a function, or for two by their weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionAlias {
    /// Its name.
    pub name: Arc<str>,
    /// The version that it names: `$LATEST` or a number.
    pub version: Arc<str>,
    /// Another version, which takes a part of the calls.
    pub additional: Option<AdditionalVersion>,
    /// What was said about it; empty when nothing was.
    pub description: String,
    /// Another one after every change.
    pub revision: Arc<str>,
}

/// The version that an alias also routes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdditionalVersion {
    /// Its number.
    pub version: Arc<str>,
    /// Its part of the calls, from 0 to 1.
    pub weight: f64,
}

impl FunctionAlias {
    /// The version that one call gets. `draw` is asked for an evenly drawn number only where two
    /// versions share the calls.
    pub fn route(&self, draw: impl FnOnce() -> u64) -> &Arc<str> {
        match &self.additional {
            Some(additional) if part(draw()) < additional.weight => &additional.version,
            _ => &self.version,
        }
    }

    /// Whether calls may get the version.
    pub fn routes_to(&self, version: &str) -> bool {
        let additional = self.additional.as_ref();
        *self.version == *version || additional.is_some_and(|it| *it.version == *version)
    }
}

/// A number from 0 up to and not 1: the 53 bits that a float keeps exactly.
fn part(drawn: u64) -> f64 {
    (drawn >> 11) as f64 / (1_u64 << 53) as f64
}

/// The arguments of `UpdateFunctionCode`.
#[derive(Clone, Debug, Default)]
pub struct CodeUpdate {
    /// The component.
    pub code: Vec<u8>,
    /// Publish it as a version, too.
    pub publish: bool,
    /// Only check it; nothing changes.
    pub dry_run: bool,
    /// The revision that `$LATEST` has to have.
    pub revision: Option<String>,
}

/// The arguments of `PublishVersion`.
#[derive(Clone, Debug, Default)]
pub struct VersionPublish {
    /// What to say about the version; what is said about `$LATEST` when there is none.
    pub description: Option<String>,
    /// The SHA-256 that `$LATEST` has to have, in hex.
    pub sha256: Option<String>,
    /// The revision that `$LATEST` has to have.
    pub revision: Option<String>,
}

/// The arguments of `CreateAlias`.
#[derive(Clone, Debug, Default)]
pub struct NewFunctionAlias {
    /// Its name.
    pub name: String,
    /// As [`FunctionAlias::version`].
    pub version: String,
    /// As [`FunctionAlias::description`].
    pub description: String,
    /// Versions and weights beside it. No alias takes more than one.
    pub additional: Vec<(String, f64)>,
}

/// The arguments of `UpdateAlias`: what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct FunctionAliasChange {
    /// Another version.
    pub version: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Other versions and weights; empty for none.
    pub additional: Option<Vec<(String, f64)>>,
    /// The revision that the alias has to have.
    pub revision: Option<String>,
}

/// Why something was not published, or is not there.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum PublishingError {
    /// No function has the name. Lambda's `ResourceNotFoundException`.
    #[error("no function is called `{function}`")]
    NoFunction {
        /// The name.
        function: String,
    },
    /// It has no such version. Lambda's `ResourceNotFoundException`.
    #[error("function `{function}` has no version or alias `{qualifier}`")]
    NoVersion {
        /// The function.
        function: String,
        /// The number, or a qualifier that is neither a version nor an alias.
        qualifier: String,
    },
    /// It has no such alias. Lambda's `ResourceNotFoundException`.
    #[error("function `{function}` has no alias `{alias}`")]
    NoAlias {
        /// The function.
        function: String,
        /// The alias.
        alias: String,
    },
    /// There is an alias of the name. Lambda's `ResourceConflictException`.
    #[error("function `{function}` has an alias `{alias}` already")]
    AliasExists {
        /// The function.
        function: String,
        /// The alias.
        alias: String,
    },
    /// Aliases route to the version. Lambda's `ResourceConflictException`.
    #[error("version {version} of function `{function}` is what aliases route to: {}", .aliases.join(", "))]
    VersionInUse {
        /// The function.
        function: String,
        /// The version.
        version: String,
        /// The aliases.
        aliases: Vec<String>,
    },
    /// The revision is another. Lambda's `PreconditionFailedException`.
    #[error("the revision is {current}, not {asked}")]
    OtherRevision {
        /// The revision that was asked for.
        asked: String,
        /// The one it has.
        current: String,
    },
    /// `$LATEST` has other code. Lambda's `InvalidParameterValueException`.
    #[error("the SHA-256 of $LATEST is {current}, not {asked}")]
    OtherCode {
        /// The SHA-256 that was asked for, in hex.
        asked: String,
        /// The one it has.
        current: String,
    },
    /// `$LATEST` cannot be removed. Lambda's `InvalidParameterValueException`.
    #[error("$LATEST cannot be removed")]
    LatestStays,
    /// The component may not run. Lambda's `InvalidParameterValueException`.
    #[error("the component {reason}")]
    Refused {
        /// What is wrong with it, and its mend: it goes on from "the component".
        reason: String,
    },
    /// An alias cannot be of this name. Lambda's `ValidationException`.
    #[error("`{name}` is not a name of an alias: letters, digits, `-` and `_`, and no number")]
    AliasName {
        /// The name.
        name: String,
    },
    /// A description is too long. Lambda's `ValidationException`.
    #[error("the description has {characters} characters; it may have {max}")]
    Description {
        /// How many it has.
        characters: usize,
        /// How many it may have.
        max: usize,
    },
    /// More additional versions than one. Lambda's `InvalidParameterValueException`.
    #[error("an alias routes to one additional version, not to {count}")]
    TooManyRoutes {
        /// How many there were.
        count: usize,
    },
    /// A weight is not a part of one. Lambda's `ValidationException`.
    #[error("the weight of version {version} is {weight}; it is from 0 to 1")]
    Weight {
        /// The additional version.
        version: String,
        /// Its weight.
        weight: f64,
    },
    /// The additional version is the one that the alias names. Lambda's
    /// `InvalidParameterValueException`.
    #[error("version {version} is what the alias names already")]
    SameRoute {
        /// The version.
        version: String,
    },
    /// Calls are not split with `$LATEST`. Lambda's `InvalidParameterValueException`.
    #[error("$LATEST cannot be one of two versions that an alias routes to")]
    LatestRoute,
    /// There is no room for the code. Lambda's `CodeStorageExceededException`.
    #[error("the code of all versions may have {bytes_max} bytes: delete versions")]
    CodeStorage {
        /// The most bytes.
        bytes_max: u64,
    },
    /// The function has as many versions or aliases as it may. Lambda's `TooManyRequestsException` has
    /// no like of it; `InvalidParameterValueException` is nearest.
    #[error("function `{function}` has {limit} {what}: delete some")]
    TooMany {
        /// The function.
        function: String,
        /// Versions or aliases.
        what: &'static str,
        /// The most it may have.
        limit: usize,
    },
    /// The code could not be kept or read. Lambda's `ServiceException`.
    #[error("{action} {file}: {detail}")]
    Code {
        /// What was tried: `reading`, `writing`.
        action: &'static str,
        /// The file.
        file: String,
        /// What the medium says.
        detail: String,
    },
    /// The record could not be kept. Lambda's `ServiceException`.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(weight: Option<f64>) -> FunctionAlias {
        FunctionAlias {
            name: "live".into(),
            version: "1".into(),
            additional: weight.map(|weight| AdditionalVersion { version: "2".into(), weight }),
            description: String::new(),
            revision: "r".into(),
        }
    }

    #[test]
    fn the_additional_version_gets_its_part_of_the_calls() {
        const CALLS: u64 = 1_000;
        for (weight, expected) in [(0.0, 0), (0.05, 50), (0.25, 250), (0.5, 500), (1.0, 1_000)] {
            let alias = alias(Some(weight));
            let draws = (0..CALLS).map(|call| (2 * call + 1) * (u64::MAX / (2 * CALLS)));
            let calls = draws.filter(|draw| **alias.route(|| *draw) == *"2").count();
            assert_eq!(calls, expected, "at weight {weight}");
        }
        assert_eq!(**alias(Some(1.0)).route(|| u64::MAX), *"2", "all calls, the last draw's too");
    }

    #[test]
    fn an_alias_of_one_version_draws_nothing() {
        let alias = alias(None);
        assert_eq!(**alias.route(|| panic!("it draws")), *"1");
        assert!(alias.routes_to("1") && !alias.routes_to("2"));
    }
}
