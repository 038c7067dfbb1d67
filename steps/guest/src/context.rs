//! What a task is told about itself.

/// The task at hand. What AWS Lambda does not give a function is none when the step runs as a
/// Lambda function of its own: what a step depends on belongs in its input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// When the host stops waiting, in milliseconds since the Unix epoch.
    pub deadline_ms: u64,
    /// The X-Ray trace header; empty when the caller gave none.
    pub trace: String,
    /// The ARN of the execution that the task belongs to.
    pub execution_arn: Option<String>,
    /// The name of the Task state.
    pub state_name: Option<String>,
    /// 0 for the first attempt, then 1 more for each retry.
    pub attempt: Option<u32>,
    /// The same for every attempt at one visit of the state, and after a crash of the host.
    pub idempotency_key: Option<String>,
    /// Completes the task from outside, when the state waits for a callback.
    pub task_token: Option<String>,
}
