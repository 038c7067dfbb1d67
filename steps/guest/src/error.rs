//! Why a task failed, in the two words that a Lambda function has for it.

use std::fmt;

/// A task's failure. Retry and Catch match its type; people read its message.
///
/// What this crate itself answers with: `InvalidInput` (the input is not what the step takes),
/// `InvalidOutput` (what the step answers is not JSON), `AccessDenied` (a grant is missing),
/// `NoSuchBucket`, `CorruptValue` (a stored value is not what the step takes), `ConfigUnavailable`,
/// `HttpInvalid` and `MailRefused`, which trying again does not mend; `KeyValueUnavailable`,
/// `KeyValueConflict`, `HttpUnavailable` and `MailUnavailable`, which it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    error_type: String,
    message: String,
}

impl Error {
    /// A failure of this type, for instance `CardDeclined`.
    pub fn new(error_type: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { error_type: error_type.into(), message: message.to_string() }
    }

    /// The name that Retry and Catch match.
    pub fn error_type(&self) -> &str {
        &self.error_type
    }

    /// What happened, for people.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
    }
}

impl std::error::Error for Error {}
