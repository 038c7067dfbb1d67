//! What is told outside of executions: log records, metrics and traces.
//!
//! ```text
//!   engine ── Shown, once it is durable ──► Telemetry ──► worker ─┬► record.rs ──► delivery.rs ──► Logs
//!             never waits, no more than so much                   ├► meters.rs ──► emf.rs ────┘
//!                                                                 └► otlp/ ──────► a collector
//! ```
//!
//! An [`Observer`](stepyard_engine::Observer) of the engine takes what was committed and hands it to a
//! worker, which makes texts and spans of it; these wait in queues until they are taken outside. Every queue
//! has a bound. What finds no room is dropped, counted and told in the log: no execution ever waits.
//!
//! What a Standard execution came to is told at least once, but for what was dropped: how far all was told
//! is kept in the store (`marks.rs`), and what lies behind it is told again after a crash. Spans have the
//! same ids again. What an Express execution came to is in memory only, and goes with the process.
#![forbid(unsafe_code)]

mod backoff;
mod batch;
mod counts;
mod delivery;
mod emf;
mod lines;
mod marks;
mod meters;
mod otlp;
mod record;
mod room;
mod telemetry;
mod worker;

pub use lines::Lines;
pub use otlp::{Exporter, ExporterError, ExporterSettings, Sampler};
pub use telemetry::{MetricSettings, Settings, Telemetry};
