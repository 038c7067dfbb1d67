//! What runs functions: the registry decides which code a call gets, a runtime how it runs.

use std::sync::Arc;

use stepyard_asl::Payload;

use super::{Canary, FunctionCall, FunctionError, FunctionLimits, FunctionVersion};

/// Admits code and runs it.
pub trait Runtime: Send + Sync + 'static {
    /// What one function may do and use up.
    type Policy: Send + Sync + 'static;
    /// Code that was admitted.
    type Program: Send + Sync + 'static;
    /// Why code is not admitted: a text that goes on from what the code is called.
    type Refusal: std::error::Error + Send + Sync + 'static;
    /// The right to run once.
    type Place<'a>: Send
    where
        Self: 'a;

    /// Checks and compiles code for a function. Blocks the thread. `sha256` is the code's, in hex.
    fn admit(
        &self,
        policy: &Self::Policy,
        code: &[u8],
        sha256: &str,
    ) -> Result<Self::Program, Self::Refusal>;

    /// What a call may use up.
    fn limits(&self, policy: &Self::Policy) -> FunctionLimits;

    /// How often calls of a function were stopped, by the error's name, of which there are few.
    fn breaches(&self, _policy: &Self::Policy) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// A place to run, in the order of asking; an error when too many wait already.
    fn place<'a>(
        &'a self,
        policy: &'a Self::Policy,
    ) -> impl Future<Output = Result<Self::Place<'a>, FunctionError>> + Send;

    /// Runs a program once. Dropping the future ends it and frees what it held.
    fn run(
        &self,
        place: Self::Place<'_>,
        policy: &Arc<Self::Policy>,
        program: &Self::Program,
        version: &FunctionVersion,
        call: FunctionCall,
    ) -> impl Future<Output = Result<Payload, FunctionError>> + Send;
}

/// A function, and the code that it is bound to from outside.
#[derive(Debug)]
pub struct Binding<R: Runtime> {
    /// The function's name.
    pub function: Arc<str>,
    /// What it may do and use up.
    pub policy: Arc<R::Policy>,
    /// The component, or why there is none.
    pub code: Result<Arc<[u8]>, R::Refusal>,
    /// When a version on trial is given up.
    pub canary: Option<Canary>,
    /// Whether code that becomes `$LATEST` is published as a version, too: what an execution is pinned
    /// to.
    pub publishes: bool,
}
