//! The `stepyard` command: parses, wires, prints. A library, so that tests and benches can wire a
//! Stepyard in process.
//!
//! With the feature `full` it is all of the command; without, what a function on AWS Lambda needs.
#![forbid(unsafe_code)]

mod aws;
mod buckets;
mod calls;
mod grants;
mod lambda;
pub mod manifest;
mod objects;
mod pinned;
mod secrets;
pub mod wiring;
mod workflow_file;

#[cfg(feature = "full")]
mod arguments;
#[cfg(feature = "full")]
mod command;
#[cfg(feature = "full")]
mod crates;
#[cfg(feature = "full")]
mod definition;
#[cfg(feature = "full")]
mod export;
#[cfg(feature = "full")]
mod input;
#[cfg(feature = "full")]
mod otlp;
#[cfg(feature = "full")]
mod package;
#[cfg(feature = "full")]
mod progress;
#[cfg(feature = "full")]
mod project;
#[cfg(feature = "full")]
mod report;
#[cfg(feature = "full")]
mod source;
#[cfg(feature = "full")]
mod telemetry;
#[cfg(feature = "full")]
mod triggers;
#[cfg(feature = "full")]
mod watch;
#[cfg(feature = "full")]
mod workflows;

#[cfg(feature = "full")]
pub use arguments::main;
pub use lambda::bootstrap;
