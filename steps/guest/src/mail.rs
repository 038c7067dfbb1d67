//! Messages to people.

use std::fmt;

use crate::{Error as StepError, host};

/// A message in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Identifies the message, without angle brackets. The same id again is the same message.
    pub message_id: String,
    /// The sender's address.
    pub sender: String,
    /// The recipients' addresses; each needs a grant.
    pub recipients: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The step's grant does not cover a recipient.
    AccessDenied(String),
    /// It will never be taken: an address or a header is malformed, or the recipient was refused.
    Refused(String),
    /// It may be taken later.
    Unavailable(String),
}

/// Hands a message over. Once this returns, the message is kept or accepted.
pub fn send(message: Message) -> Result<(), Error> {
    host::send_mail(message)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccessDenied(reason) | Self::Refused(reason) | Self::Unavailable(reason) => {
                f.write_str(reason)
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for StepError {
    fn from(error: Error) -> Self {
        let error_type = match error {
            Error::AccessDenied(_) => "AccessDenied",
            Error::Refused(_) => "MailRefused",
            Error::Unavailable(_) => "MailUnavailable",
        };
        Self::new(error_type, error)
    }
}
