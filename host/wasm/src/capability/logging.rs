//! `wasi:logging`: lines of the host's log, with the function, its version, the execution and the
//! state. It needs no grant, as it reaches nothing; a task has a budget of bytes.

use wasmtime::Result;

use super::bindings::wasi::logging::logging::{Host, Level};
use crate::{
    invocation::{LINE_OVERHEAD_BYTES, log},
    state::State,
};

impl Host for State {
    async fn log(&mut self, level: Level, context: String, message: String) -> Result<()> {
        let task = &*self.invocation;
        task.logged(LINE_OVERHEAD_BYTES + context.len() + message.len())?;
        let [context, message] = [context, message].map(|text| task.covered(text));
        match level {
            Level::Trace => log!(trace, task, context, "{message}"),
            Level::Debug => log!(debug, task, context, "{message}"),
            Level::Info => log!(info, task, context, "{message}"),
            Level::Warn => log!(warn, task, context, "{message}"),
            Level::Error => log!(error, task, context, "{message}"),
            Level::Critical => log!(error, task, context, critical = true, "{message}"),
        }
        Ok(())
    }
}
