//! The custom runtime of AWS Lambda: an invocation's event becomes a step's task, or an execution of a
//! whole workflow, and what comes of it the response.
//!
//! ```text
//!   Runtime API ── next ──► runtime ──► work ──► Functions, or the engine
//!        ▲                     │          │
//!        └── response, error ──┘ ◄────────┘ Answer
//! ```
//!
//! Events come one at a time, and the process rests between them: so an answer is posted when all is
//! done, and nothing goes on after it. The polling is AWS's own `lambda_runtime`; the posting is ours,
//! for theirs goes on where AWS says to end. This crate knows no worker and no manifest.
#![forbid(unsafe_code)]

mod answer;
mod environment;
mod execution;
mod log;
mod post;
mod runtime;
mod work;

pub use environment::{Environment, NotOnLambda};
pub use log::Log;
pub use runtime::{InitError, ServeError, refuse, serve};
pub use work::{Work, Workflow};
