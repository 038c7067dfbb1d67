//! What a task of a step may use up. Every limit is on unless the manifest says otherwise; what
//! happens when one is passed stands in [`Breach`](crate::Breach).

use std::time::Duration;

/// The limits of one task, each with its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the beginning of the task to its end, waiting included. 10 seconds.
    pub wall_time: Duration,
    /// On a processor, host calls included and waiting not. 5 seconds.
    pub cpu_time: Duration,
    /// Linear memory, all memories of the component together. 64 MiB.
    pub memory_bytes_max: usize,
    /// The JSON text that a task returns. 1 MiB; AWS Lambda takes 6 MB. That a state takes no more than
    /// 262,144 bytes is the state's affair: its error is `States.DataLimitExceeded`.
    pub output_bytes_max: usize,
    /// Calls of key-value, config, http and mail. 10,000.
    pub host_calls_max: u64,
    /// What one call of the host may carry from the step. 1 MiB.
    pub host_call_bytes_max: usize,
    /// Keys and values read and written, together. 8 MiB.
    pub keyvalue_bytes_max: u64,
    /// Log lines, standard output and standard error, together. 262,144 bytes.
    pub log_bytes_max: u64,
    /// Open handles: buckets, streams, requests. 1,000.
    pub handles_max: usize,
    /// Tasks of this function that run at once. 64.
    pub concurrency_max: usize,
    /// Tasks of this function that wait for their turn; one more fails. 10,000.
    pub queue_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_time: Duration::from_secs(10),
            cpu_time: Duration::from_secs(5),
            memory_bytes_max: 64 << 20,
            output_bytes_max: 1 << 20,
            host_calls_max: 10_000,
            host_call_bytes_max: 1 << 20,
            keyvalue_bytes_max: 8 << 20,
            log_bytes_max: 262_144,
            handles_max: 1_000,
            concurrency_max: 64,
            queue_max: 10_000,
        }
    }
}
