//! One task of a step: whose it is, what it may use and reach, what it has used.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use stepyard_asl::{StateName, StatesError};
use stepyard_engine::{Cover, crash};
use tokio::sync::OnceCell;

use crate::{
    Breach,
    denials::Denials,
    policy::Policy,
    task_secrets::{self, TaskSecrets},
};

/// A task, shared by all that acts for it: capabilities, the console, the HTTP client.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) policy: Arc<Policy>,
    /// The component that runs, as `<number>@sha256:<hex>`.
    pub(crate) version: Arc<str>,
    pub(crate) execution: Option<String>,
    pub(crate) state: Option<StateName>,
    /// When `wall_time` is over.
    pub(crate) ends: Instant,
    used: Used,
    console: Mutex<Console>,
    secrets: OnceCell<TaskSecrets>,
    /// Covers what is known of them until they are looked up.
    known: OnceLock<Cover>,
    denials: Denials,
}

#[derive(Debug, Default)]
struct Used {
    host_calls: AtomicU64,
    keyvalue_bytes: AtomicU64,
    log_bytes: AtomicU64,
}

/// What the step wrote and what is not yet a line of the log.
#[derive(Debug, Default)]
struct Console {
    unfinished: [Vec<u8>; 2],
    stderr_tail: Vec<u8>,
}

/// Where a step writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// Logs for a task: the macro's name, the invocation, then what `tracing` takes.
macro_rules! log {
    ($level:ident, $invocation:expr, $($rest:tt)+) => {{
        let invocation = $invocation;
        tracing::$level!(
            function = invocation.policy.function,
            version = &*invocation.version,
            execution = invocation.execution.as_deref(),
            state = invocation.state.as_deref(),
            $($rest)+
        )
    }};
}
pub(crate) use log;

/// What a line of the log costs beside its text, in bytes.
pub(crate) const LINE_OVERHEAD_BYTES: usize = 32;

/// The longest line of the log that standard output or error becomes, in bytes.
const LINE_BYTES_MAX: usize = 8_192;

/// How much of the end of standard error goes into the error of a step that was stopped, in bytes.
const STDERR_TAIL_BYTES: usize = 4_096;

impl Invocation {
    pub(crate) fn new(
        policy: Arc<Policy>,
        version: Arc<str>,
        execution: Option<String>,
        state: Option<StateName>,
    ) -> Self {
        let ends = Instant::now() + policy.limits.wall_time;
        Self {
            policy,
            version,
            execution,
            state,
            ends,
            used: Used::default(),
            console: Mutex::default(),
            secrets: OnceCell::new(),
            known: OnceLock::new(),
            denials: Denials::default(),
        }
    }

    /// The secrets of the function's requests, the same through all of the task.
    pub(crate) async fn secrets(&self) -> &TaskSecrets {
        let Policy { grants, outside, .. } = &*self.policy;
        self.secrets.get_or_init(|| TaskSecrets::look_up(grants, &*outside.secrets)).await
    }

    /// What the step says, with its secrets covered.
    pub(crate) fn covered(&self, text: String) -> String {
        let Policy { grants, outside, .. } = &*self.policy;
        let known = || self.known.get_or_init(|| task_secrets::known(grants, &*outside.secrets));
        self.secrets.get().map_or_else(known, |secrets| &secrets.cover).text(text)
    }

    /// The error that the task ends with, with its secrets covered and the grants that the step was
    /// denied in its cause.
    pub(crate) fn told(&self, error: StatesError) -> StatesError {
        StatesError {
            error: error.error.map(|error| self.covered(error)),
            cause: error.cause.map(|cause| self.covered(self.denials.told(cause))),
        }
    }

    /// Counts a call of the host.
    pub(crate) fn host_call(&self) -> Result<(), Breach> {
        let calls_max = self.policy.limits.host_calls_max;
        spend(&self.used.host_calls, 1, calls_max).ok_or(Breach::HostCalls(calls_max))
    }

    /// Counts a call of the host that reads or changes what lies outside.
    pub(crate) fn outside_call(&self) -> Result<(), Breach> {
        self.host_call()?;
        crash::point("host-call");
        Ok(())
    }

    /// Counts bytes that go into key-value or come out.
    pub(crate) fn keyvalue(&self, bytes: usize) -> Result<(), Breach> {
        let bytes_max = self.policy.limits.keyvalue_bytes_max;
        spend(&self.used.keyvalue_bytes, bytes, bytes_max).ok_or(Breach::KeyValueBytes(bytes_max))
    }

    /// Counts bytes that go into the log.
    pub(crate) fn logged(&self, bytes: usize) -> Result<(), Breach> {
        let bytes_max = self.policy.limits.log_bytes_max;
        spend(&self.used.log_bytes, bytes, bytes_max).ok_or(Breach::LogBytes(bytes_max))
    }

    /// Tells the people who run the host that a step was denied something, and what would allow it.
    pub(crate) fn denied(&self, what: &str, grant: &str) {
        self.denials.add(grant);
        if self.logged(LINE_OVERHEAD_BYTES + grant.len()).is_ok() {
            let grant = self.covered(grant.to_owned());
            log!(warn, self, what, grant, "a step was denied what it has no grant for");
        }
    }

    /// Takes what the step wrote to standard output or error: every line becomes one of the log.
    pub(crate) fn print(&self, stream: Stream, bytes: &[u8]) -> Result<(), Breach> {
        self.logged(bytes.len())?;
        let mut console = self.console();
        if stream == Stream::Stderr {
            console.stderr_tail.extend_from_slice(bytes);
            let surplus = console.stderr_tail.len().saturating_sub(STDERR_TAIL_BYTES);
            console.stderr_tail.drain(..surplus);
        }
        let unfinished = &mut console.unfinished[stream as usize];
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            unfinished.extend_from_slice(piece);
            if piece.ends_with(b"\n") || unfinished.len() >= LINE_BYTES_MAX {
                self.line(stream, &mem::take(unfinished));
            }
        }
        Ok(())
    }

    /// Ends the last lines, which had no line feed, and answers the end of standard error.
    pub(crate) fn end_of_console(&self) -> String {
        let console = mem::take(&mut *self.console());
        for (stream, rest) in [Stream::Stdout, Stream::Stderr].into_iter().zip(&console.unfinished)
        {
            if !rest.is_empty() {
                self.line(stream, rest);
            }
        }
        String::from_utf8_lossy(&console.stderr_tail).into_owned()
    }

    fn line(&self, stream: Stream, line: &[u8]) {
        let line = self.covered(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
        match stream {
            Stream::Stdout => log!(info, self, stream = "stdout", "{line}"),
            Stream::Stderr => log!(info, self, stream = "stderr", "{line}"),
        }
    }

    /// A panic elsewhere leaves bytes behind, nothing half done.
    fn console(&self) -> MutexGuard<'_, Console> {
        self.console.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spend(used: &AtomicU64, amount: impl TryInto<u64>, max: u64) -> Option<()> {
    let amount = amount.try_into().unwrap_or(u64::MAX);
    let before = used.fetch_add(amount, Ordering::Relaxed);
    (before.saturating_add(amount) <= max).then_some(())
}
