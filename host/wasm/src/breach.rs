//! What a step can do wrong while it runs, and the error name that its task fails with.
//!
//! Names that AWS Lambda has are Lambda's; the others follow its manner. A Catch or Retry matches
//! them like any error of the step itself.
//!
//! | the step | fails with | Lambda's |
//! |---|---|---|
//! | sleeps, waits or computes past `wall_time` | `Sandbox.Timedout` | yes |
//! | computes past `cpu_time`: an infinite loop | `Sandbox.CpuTimeExceeded` | |
//! | needs more than `memory_bytes_max` | `Runtime.OutOfMemory` | yes |
//! | recurses without end | `Runtime.StackOverflow` | |
//! | panics, traps or exits | `Runtime.ExitError` | yes |
//! | returns more than `output_bytes_max` | `Function.ResponseSizeTooLarge` | yes |
//! | returns what is not JSON, or no text at all | `Runtime.MarshalError` | yes |
//! | calls the host more than `host_calls_max` times | `Sandbox.HostCallsExceeded` | |
//! | passes more than `host_call_bytes_max` in one call | `Sandbox.HostCallSizeExceeded` | |
//! | moves more than `keyvalue_bytes_max` through key-value | `Sandbox.KeyValueBytesExceeded` | |
//! | writes more than `log_bytes_max` of log | `Sandbox.LogBytesExceeded` | |
//! | holds more than `handles_max` handles | `Sandbox.HandlesExceeded` | |

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde_json::json;
use stepyard_asl::StatesError;

/// What ended a step before it had returned a result of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// It took too long, whether it waited or computed.
    #[error("Task timed out after {:.2} seconds (limits.wall_seconds)", .0.as_secs_f64())]
    WallTime(Duration),
    /// It computed too long.
    #[error("the step computed for more than {:.2} seconds (limits.cpu_seconds)", .0.as_secs_f64())]
    CpuTime(Duration),
    /// It asked for more memory than it may have, and did not go on without.
    #[error(
        "the step asked for {asked} bytes of memory and may have {bytes_max} (limits.memory_mib)"
    )]
    Memory {
        /// What it asked for in all.
        asked: usize,
        /// Its limit.
        bytes_max: usize,
    },
    /// It ran out of stack.
    #[error("the step ran out of stack: it recurses too deeply")]
    Stack,
    /// It exited instead of returning.
    #[error("the step exited with status {0} instead of returning")]
    Exit(i32),
    /// It panicked, or WebAssembly stopped it.
    #[error("the step was stopped: {0}")]
    Trap(String),
    /// Its result is too large.
    #[error("the step returned {bytes} bytes; a result has at most {bytes_max}")]
    Output {
        /// The size of the result.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Its result is so large that it was not even copied.
    #[error("the step returned more than {copied_max} bytes; a result has at most {bytes_max}")]
    OutputUncopied {
        /// What would have been copied.
        copied_max: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Its result is not JSON.
    #[error("the step returned text that is not JSON: {0}")]
    NotJson(String),
    /// Its result is no text: a bad pointer, or bytes that are not UTF-8.
    #[error("the step returned no text: {0}")]
    NotText(String),
    /// It called the host too often.
    #[error("the step called the host more than {0} times in one task")]
    HostCalls(u64),
    /// It passed too much in one call of the host.
    #[error("the step passed more than {0} bytes in one call of the host")]
    HostCallBytes(usize),
    /// It moved too much through key-value.
    #[error("the step read and wrote more than {0} bytes of key-value in one task")]
    KeyValueBytes(u64),
    /// It logged too much.
    #[error("the step wrote more than {0} bytes of log in one task")]
    LogBytes(u64),
    /// It held too many handles.
    #[error("the step held more than {0} handles")]
    Handles(usize),
}

impl Breach {
    /// The error name that Retry and Catch match.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WallTime(_) => "Sandbox.Timedout",
            Self::CpuTime(_) => "Sandbox.CpuTimeExceeded",
            Self::Memory { .. } => "Runtime.OutOfMemory",
            Self::Stack => "Runtime.StackOverflow",
            Self::Exit(_) | Self::Trap(_) => "Runtime.ExitError",
            Self::Output { .. } | Self::OutputUncopied { .. } => "Function.ResponseSizeTooLarge",
            Self::NotJson(_) | Self::NotText(_) => "Runtime.MarshalError",
            Self::HostCalls(_) => "Sandbox.HostCallsExceeded",
            Self::HostCallBytes(_) => "Sandbox.HostCallSizeExceeded",
            Self::KeyValueBytes(_) => "Sandbox.KeyValueBytesExceeded",
            Self::LogBytes(_) => "Sandbox.LogBytesExceeded",
            Self::Handles(_) => "Sandbox.HandlesExceeded",
        }
    }

    /// Every name that there is.
    pub(crate) const NAMES: [&'static str; 12] = [
        "Sandbox.Timedout",
        "Sandbox.CpuTimeExceeded",
        "Runtime.OutOfMemory",
        "Runtime.StackOverflow",
        "Runtime.ExitError",
        "Function.ResponseSizeTooLarge",
        "Runtime.MarshalError",
        "Sandbox.HostCallsExceeded",
        "Sandbox.HostCallSizeExceeded",
        "Sandbox.KeyValueBytesExceeded",
        "Sandbox.LogBytesExceeded",
        "Sandbox.HandlesExceeded",
    ];

    /// The task's error; `stderr` is the end of what the step wrote there: a panic's message.
    pub(crate) fn into_error(self, stderr: &str) -> StatesError {
        let message = match stderr.trim() {
            "" => self.to_string(),
            stderr => format!("{self}; standard error ends: {stderr}"),
        };
        function_error(self.name(), &message)
    }
}

/// How often each name was a task's end.
#[derive(Debug, Default)]
pub(crate) struct Breaches([AtomicU64; Breach::NAMES.len()]);

impl Breaches {
    pub(crate) fn count(&self, name: &str) {
        if let Some(place) = Breach::NAMES.iter().position(|known| *known == name) {
            self.0[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Those that there were.
    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Breach::NAMES.into_iter().zip(counts).filter(|(_, count)| *count > 0).collect()
    }
}

/// The longest message of an error, in bytes. With it the cause stays within the 32,768 characters
/// of a Step Functions error's cause, unless it is mostly escapes.
const MESSAGE_BYTES_MAX: usize = 16_384;

/// The longest error name, in bytes; AWS allows 256 characters.
const NAME_BYTES_MAX: usize = 256;

/// A function's error as AWS Step Functions reports it: the type is the Error, and the Cause is the
/// JSON text that Lambda answered. An error without a type is `Lambda.Unknown` there.
pub(crate) fn function_error(error_type: &str, message: &str) -> StatesError {
    let name = if error_type.is_empty() { "Lambda.Unknown" } else { error_type };
    let name = cut(name, NAME_BYTES_MAX);
    let cause = json!({ "errorMessage": cut(message, MESSAGE_BYTES_MAX), "errorType": name });
    StatesError::new(name, cause.to_string())
}

fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breach_becomes_an_error_as_lambda_reports_it() {
        let error = Breach::WallTime(Duration::from_millis(1_500)).into_error("");
        assert_eq!(error.name(), "Sandbox.Timedout");
        assert_eq!(
            error.cause.as_deref(),
            Some(
                "{\"errorMessage\":\"Task timed out after 1.50 seconds \
                 (limits.wall_seconds)\",\"errorType\":\"Sandbox.Timedout\"}"
            )
        );
    }

    #[test]
    fn every_name_is_counted() {
        let breaches = [
            Breach::WallTime(Duration::ZERO),
            Breach::CpuTime(Duration::ZERO),
            Breach::Memory { asked: 1, bytes_max: 0 },
            Breach::Stack,
            Breach::Exit(1),
            Breach::Output { bytes: 1, bytes_max: 0 },
            Breach::NotText(String::new()),
            Breach::HostCalls(0),
            Breach::HostCallBytes(0),
            Breach::KeyValueBytes(0),
            Breach::LogBytes(0),
            Breach::Handles(0),
        ];
        let counted = Breaches::default();
        breaches.iter().for_each(|breach| counted.count(breach.name()));
        assert_eq!(counted.counts(), Breach::NAMES.map(|name| (name, 1)));
    }

    #[test]
    fn the_end_of_standard_error_tells_why() {
        let error = Breach::Trap("unreachable".to_owned()).into_error("panicked at lib.rs: boom\n");
        let cause = error.cause.unwrap_or_default();
        assert!(cause.contains("standard error ends: panicked at lib.rs: boom"), "{cause}");
    }

    #[test]
    fn an_error_of_the_step_is_kept_within_bounds() {
        let error = function_error("", "why");
        assert_eq!(error.name(), "Lambda.Unknown");
        let error = function_error(&"é".repeat(1_000), &"x".repeat(1 << 20));
        assert_eq!(error.name().len(), NAME_BYTES_MAX);
        assert!(error.cause.unwrap_or_default().len() < 20_000);
    }
}
