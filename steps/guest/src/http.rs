//! Requests over HTTP, to the hosts that the manifest grants. Where the manifest names a secret for
//! a host, the host puts it into the header: a step never sees one.

use std::{fmt, time::Duration};

use serde::de::DeserializeOwned;

use crate::{Error as StepError, host};

/// The longest body that a response may have.
pub const RESPONSE_BYTES_MAX: usize = 1 << 20;

/// A request in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) timeout: Duration,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// No grant covers the address.
    AccessDenied(String),
    /// The request cannot be sent as it is.
    Invalid(String),
    /// The server could not be reached, or did not answer in time or in full. Whether it did what
    /// it was asked is not known.
    Unavailable(String),
}

impl Request {
    /// A GET of this URL.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url.into())
    }

    /// A POST to this URL.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url.into())
    }

    fn new(method: &'static str, url: String) -> Self {
        let timeout = Duration::from_secs(20);
        Self { method, url, headers: Vec::new(), body: Vec::new(), timeout }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Makes these fields the body, as a form does.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body = form.into_bytes();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// How long to wait for the connection, and then again for the answer to begin and for each
    /// part of it. 20 seconds unless told.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.method
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value of a header, by its name as it was added.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Sends the request and waits for the whole response.
    pub fn send(self) -> Result<Response, Error> {
        host::send_http(self)
    }
}

impl Response {
    /// The body, read as JSON.
    pub fn json<Value: DeserializeOwned>(&self) -> Result<Value, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let status = self.status;
            Error::Unavailable(format!("the response, status {status}, cannot be read: {error}"))
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccessDenied(reason) | Self::Invalid(reason) | Self::Unavailable(reason) => {
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
            Error::Invalid(_) => "HttpInvalid",
            Error::Unavailable(_) => "HttpUnavailable",
        };
        Self::new(error_type, error)
    }
}
