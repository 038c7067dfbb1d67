//! The commands, one file each.

pub(crate) mod graph;
pub(crate) mod history;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod step;
pub(crate) mod topics;
pub(crate) mod validate;

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

/// Logs go to stderr: text on a terminal, JSON lines elsewhere. `STEPYARD_LOG` chooses what is
/// logged, as `warn` (the default), `info` or `stepyard_engine=debug`.
pub(crate) fn logging() {
    let filter = EnvFilter::try_from_env("STEPYARD_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match std::io::stderr().is_terminal() {
        true => subscriber.init(),
        false => subscriber.json().init(),
    }
}
