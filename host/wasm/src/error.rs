//! Why a function could not be set up: the component is not what it should be, or reaches for more
//! than the manifest grants. The text says what to change and where.

use std::{fmt, path::PathBuf};

use stepyard_engine::PublishingError;

/// A problem with one function's component or grants.
#[derive(Debug)]
pub struct StepError {
    /// The function's name; none where a component is looked at by itself.
    pub function: Option<String>,
    /// The component's file.
    pub component: PathBuf,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a component or with what is granted to it.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    /// The file is larger than any step may be.
    #[error("has {bytes} bytes; a component may have {bytes_max}")]
    TooLarge {
        /// The size of the file.
        bytes: u64,
        /// The largest size.
        bytes_max: u64,
    },
    /// Machine code, which cannot be checked.
    #[error("is compiled already; only a component's own `.wasm` is taken, which is checked first")]
    Precompiled,
    /// Machine code of another build or for another machine.
    #[error(
        "was compiled by another version of Stepyard or for another machine: package it again ({0})"
    )]
    CompiledElsewhere(String),
    /// A component as it was built, in a build of Stepyard that cannot compile it.
    #[error(
        "is not compiled, and this build of Stepyard has no compiler: use the components that \
         `stepyard package` makes"
    )]
    NoCompiler,
    /// No machine that there is code for.
    #[error("cannot be compiled for `{target}`: {reason}")]
    Target {
        /// What was asked for.
        target: String,
        /// Why not.
        reason: String,
    },
    /// WebAssembly, but a module by itself.
    #[error(
        "is a core module, not a component: build it for the target `wasm32-wasip2`, or wrap it \
         with `wasm-tools component new`"
    )]
    CoreModule,
    /// Another kind of file.
    #[error("is not a component: the file does not begin as WebAssembly does")]
    NotWasm,
    /// It does not validate, or asks for more than an instance may have.
    #[error("is not a component that runs here: {0}")]
    Invalid(String),
    /// It is of another world.
    #[error("is not a step: it does not export `{wanted}` ({})", exports(.found))]
    MissingExport {
        /// The export that a step has.
        wanted: &'static str,
        /// What it exports instead.
        found: Vec<String>,
    },
    /// It has the export, with another type.
    #[error("is not a step of this version: its export `{export}` has another type ({reason})")]
    WrongType {
        /// The export.
        export: &'static str,
        /// How the types differ.
        reason: String,
    },
    /// It imports what is not granted to it.
    #[error("{}", ungranted(.function, .missing))]
    Ungranted {
        /// The function that it is to be bound to.
        function: String,
        /// Each import that needs a grant.
        missing: Vec<MissingGrant>,
    },
    /// It imports what no step is given.
    #[error("imports what no step is given: {}", quoted(.0))]
    NotOffered(Vec<String>),
    /// An import has another type than the host's.
    #[error("imports an interface in another version than the host's: {0}")]
    Unlinkable(String),
    /// Its memories would begin larger than its limit.
    #[error(
        "begins with {bytes} bytes of memory and may have {bytes_max}; raise `limits.memory_mib`"
    )]
    Memory {
        /// What it begins with.
        bytes: u64,
        /// The limit.
        bytes_max: usize,
    },
    /// A grant is malformed.
    #[error("has a malformed grant: {0}")]
    Grant(String),
    /// Two functions have one name.
    #[error("is bound to a function that is bound already")]
    Duplicate,
    /// The instances' memories are set aside when the process starts.
    #[error(
        "may have {bytes} bytes of memory, and at most {bytes_max} are set aside since the start: \
         start again to raise `limits.memory_mib`"
    )]
    PoolMemory {
        /// Its limit.
        bytes: usize,
        /// The largest limit when the process started.
        bytes_max: usize,
    },
    /// A version was published for calls that the manifest lets in no longer.
    #[error("was published, calls get it, and it cannot run: {0}")]
    Published(#[source] Box<PublishingError>),
    /// What is known of the function could not be kept.
    #[error("cannot be kept: {0}")]
    Kept(#[source] Box<PublishingError>),
    /// The sandbox itself could not be set up.
    #[error("cannot be set up on this machine: {0}")]
    Sandbox(String),
}

/// An import that needs a grant, and the line of the manifest that gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingGrant {
    /// The import.
    pub import: String,
    /// What to write under the function's grants: `keyvalue = ["BUCKET"]`.
    pub grant: &'static str,
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let component = self.component.display();
        match &self.function {
            Some(function) => write!(f, "function `{function}`: {component} {}", self.problem),
            None => write!(f, "{component} {}", self.problem),
        }
    }
}

impl std::error::Error for StepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.problem)
    }
}

fn exports(found: &[String]) -> String {
    if found.is_empty() {
        return "it exports nothing".to_owned();
    }
    format!("it exports {}", quoted(found))
}

fn ungranted(function: &str, missing: &[MissingGrant]) -> String {
    let imports: Vec<_> = missing.iter().map(|missing| missing.import.clone()).collect();
    format!(
        "imports what is not granted to it: {}; in stepyard.toml, under \
         [functions.{function}.grants], add {}",
        quoted(&imports),
        lines(missing)
    )
}

/// The lines to add, each once.
fn lines(missing: &[MissingGrant]) -> String {
    let mut grants: Vec<_> = missing.iter().map(|missing| missing.grant.to_owned()).collect();
    grants.dedup();
    quoted(&grants)
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
