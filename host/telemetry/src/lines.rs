//! Log events as lines of standard output or standard error, for where somebody else collects those.

use std::{
    io::{self, Write},
    sync::Arc,
};

use futures::future::{BoxFuture, ready};
use stepyard_engine::{
    LogGroup,
    outside::{LogEvent, LogStream, Logs, LogsError},
};
use tokio::task;

/// Writes each event as a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// To standard output.
    Stdout,
    /// To standard error.
    Stderr,
}

impl Logs for Lines {
    fn put(
        &self,
        _stream: &LogStream,
        events: Arc<[LogEvent]>,
    ) -> BoxFuture<'_, Result<usize, LogsError>> {
        let to = *self;
        Box::pin(async move {
            // Whoever reads may be slow.
            let written = task::spawn_blocking(move || match to {
                Self::Stdout => write(io::stdout().lock(), &events),
                Self::Stderr => write(io::stderr().lock(), &events),
            });
            match written.await {
                Ok(Ok(())) => Ok(0),
                Ok(Err(error)) => Err(LogsError::Refused(error.to_string())),
                Err(error) => Err(LogsError::Refused(error.to_string())),
            }
        })
    }

    fn has_group(&self, _group: &LogGroup) -> BoxFuture<'_, Result<bool, LogsError>> {
        Box::pin(ready(Ok(true)))
    }
}

fn write(mut to: impl Write, events: &[LogEvent]) -> io::Result<()> {
    for event in events {
        writeln!(to, "{}", event.message)?;
    }
    to.flush()
}
