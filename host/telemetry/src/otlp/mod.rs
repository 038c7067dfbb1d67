//! Traces by OTLP: one for each execution, with a span for each state and each attempt at a task.
//!
//! The spans are made of what the engine shows, when what they are of is over; their ids are derived from
//! the execution and the place in it, so that what is told again after a crash are the same spans.

mod client;
mod export;
mod header;
mod ids;
mod spans;

pub use export::{Exporter, ExporterError, ExporterSettings};
pub use ids::Sampler;

pub(crate) use export::Export;
pub(crate) use ids::Tracer;
pub(crate) use spans::Spans;
