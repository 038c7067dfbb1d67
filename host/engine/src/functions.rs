//! Functions by name: what a Task calls through `lambda:invoke` or a function's ARN, and what is
//! published under the name. An integration alone knows Lambda's arguments and answers.

mod archive;
mod bound;
mod canary;
mod error;
mod name;
mod pinning;
mod publishing;
mod record;
mod registry;
mod runtime;

use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use stepyard_asl::{Payload, StateName, Timestamp};

pub use archive::CodeArchive;
use archive::sha256;
pub use canary::Canary;
pub use error::FunctionError;
pub use name::{FunctionName, FunctionNameError, OtherQualifier};
pub use pinning::Pinning;
pub use publishing::{
    AdditionalVersion, CodeUpdate, FunctionAlias, FunctionAliasChange, FunctionConfiguration,
    FunctionLimits, LATEST, NewFunctionAlias, Publishing, PublishingError, VersionPublish,
};
pub use record::{CodeRecord, FunctionRecord};
pub use registry::{BindError, BindProblem, Kept, Registry};
pub use runtime::{Binding, Runtime};

/// Names functions and calls them.
pub trait Functions: Send + Sync {
    /// The version that a call of `name` would run now; none when nothing is bound to the name.
    /// `qualifier` is a version number, an alias or `$LATEST`.
    fn resolve(&self, name: &str, qualifier: Option<&str>) -> Option<FunctionVersion>;

    /// The names that something is bound to, sorted.
    fn names(&self) -> Vec<String>;

    /// Calls a function once. Dropping the future ends the call and frees what it held.
    fn invoke(&self, call: FunctionCall) -> BoxFuture<'_, Result<FunctionReply, FunctionError>>;

    /// What the calls of each version that is loaded came to.
    fn measures(&self) -> Vec<FunctionMeasures> {
        Vec::new()
    }

    /// How often calls of each function were stopped, by the error's name.
    fn breaches(&self) -> Vec<(Arc<str>, &'static str, u64)> {
        Vec::new()
    }
}

/// What the calls of a version came to since it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionMeasures {
    /// The function's name.
    pub function: Arc<str>,
    /// The version.
    pub version: FunctionVersion,
    /// Calls that have ended.
    pub calls: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// How long all of them took together.
    pub duration: Duration,
}

/// Which code a function runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionVersion {
    /// `$LATEST` or a published number: Lambda's `ExecutedVersion`.
    pub number: Arc<str>,
    /// The SHA-256 of the component, in hex.
    pub sha256: Arc<str>,
    /// Both, as they stand in journal and logs: `<number>@sha256:<hex>`.
    pub label: Arc<str>,
}

impl FunctionVersion {
    /// A version of this number and hash.
    pub fn new(number: Arc<str>, sha256: Arc<str>) -> Self {
        let label = format!("{number}@sha256:{sha256}").into();
        Self { number, sha256, label }
    }
}

impl fmt::Display for FunctionVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// One call of a function. What AWS does not give a function is optional.
#[derive(Clone, Debug)]
pub struct FunctionCall {
    /// The function's name.
    pub name: String,
    /// A version or alias.
    pub qualifier: Option<String>,
    /// The event.
    pub payload: Payload,
    /// When the caller stops waiting; the step's own wall limit may end it sooner.
    pub deadline: Option<Timestamp>,
    /// The X-Ray trace header.
    pub trace: Option<String>,
    /// The execution's ARN.
    pub execution: Option<String>,
    /// The Task state's name.
    pub state: Option<StateName>,
    /// 0 for the first attempt.
    pub attempt: Option<u32>,
    /// The same for every attempt at one visit of a state.
    pub idempotency_key: Option<String>,
    /// The task token, for a callback.
    pub token: Option<String>,
}

impl FunctionCall {
    /// A call of what is current, of no execution.
    pub fn new(name: impl Into<String>, payload: Payload) -> Self {
        Self {
            name: name.into(),
            qualifier: None,
            payload,
            deadline: None,
            trace: None,
            execution: None,
            state: None,
            attempt: None,
            idempotency_key: None,
            token: None,
        }
    }
}

/// What a function returned.
#[derive(Clone, Debug)]
pub struct FunctionReply {
    /// What it returned.
    pub payload: Payload,
    /// The version that ran.
    pub version: FunctionVersion,
}
