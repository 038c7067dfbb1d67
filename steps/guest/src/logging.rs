//! Lines for the host's log, where they carry the execution and the state.

use crate::host;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Values of variables and the flow of control.
    Trace,
    /// For somebody who looks for a fault.
    Debug,
    /// For somebody who watches the program.
    Info,
    /// Something may go wrong.
    Warn,
    /// Something went wrong.
    Error,
    /// Nothing goes any more.
    Critical,
}

/// Writes one line. The context groups lines that belong together: the step's name, say.
pub fn log(level: Level, context: &str, message: &str) {
    host::log(level, context, message);
}
