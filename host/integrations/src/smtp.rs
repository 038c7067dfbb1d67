//! Mail over SMTP.

use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{self, response::Code},
};
use stepyard_engine::{
    clock::Clock,
    compose,
    outside::{Mail, MailError, MailMessage},
};

/// How long the server may take for each answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends mail by an SMTP server, over a connection of its own for each message.
///
/// At least once: a message sent again is another delivery with the same `Message-ID`, by which
/// mail programs tell the two for one.
pub struct Smtp {
    server: String,
    clock: Arc<dyn Clock>,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

/// A URL that names no SMTP server.
#[derive(Debug, thiserror::Error)]
#[error(
    "not the URL of an SMTP server: {0}; write smtp://USER:PASSWORD@HOST:PORT \
     (with ?tls=required for STARTTLS) or smtps://USER:PASSWORD@HOST:PORT"
)]
pub struct SmtpError(String);

impl Smtp {
    /// Takes a server by its URL: `smtp://` in clear, `smtp://…?tls=required` with STARTTLS,
    /// `?tls=opportunistic` with STARTTLS where offered, `smtps://` with TLS from the first byte.
    /// User and password, where there are any, are percent-encoded. Connects to nothing yet.
    /// Messages are dated by `clock`.
    pub fn new(url: &str, clock: Arc<dyn Clock>) -> Result<Self, SmtpError> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|error| SmtpError(error.to_string()))?;
        let transport = builder.timeout(Some(TIMEOUT)).build();
        // What stands before the `@` may be a password.
        let server = url.rsplit_once('@').map_or(url, |(_, server)| server).to_owned();
        Ok(Self { server, clock, transport })
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Mail for Smtp {
    fn send(&self, message: MailMessage) -> BoxFuture<'_, Result<(), MailError>> {
        Box::pin(async move {
            let composed = compose(&message, self.clock.now())?;
            self.transport.send(composed).await.map_err(|error| mail_error(&error))?;
            Ok(())
        })
    }
}

/// A permanent answer (5xx) concerns the message, except those that concern who sends it: another
/// password lets the same message through.
fn mail_error(error: &smtp::Error) -> MailError {
    const AUTHENTICATION: [u16; 4] = [530, 534, 535, 538];
    let about_sender = |code: Code| AUTHENTICATION.contains(&code.into());
    if error.is_permanent() && !error.status().is_some_and(about_sender) {
        MailError::Refused(error.to_string())
    } else {
        MailError::Unavailable(describe(error))
    }
}

/// lettre's text names the kind of failure only; what failed stands in the sources.
fn describe(error: &smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let detail = error.to_string();
        if !text.contains(&detail) {
            text = format!("{text}: {detail}");
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use stepyard_engine::clock::SystemClock;

    use super::*;

    fn smtp(url: &str) -> Result<Smtp, SmtpError> {
        Smtp::new(url, Arc::new(SystemClock))
    }

    #[test]
    fn a_url_names_a_server() {
        for url in [
            "smtp://127.0.0.1:2525",
            "smtp://user:p%40ss%3Apass@mail.example.com:587?tls=required",
            "smtps://user:pass@mail.example.com",
        ] {
            let server = smtp(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert!(!format!("{server:?}").contains("pass"), "{server:?}");
        }
        for url in ["mail.example.com", "http://mail.example.com", "smtp://", ""] {
            let error = smtp(url).unwrap_err();
            assert!(error.to_string().starts_with("not the URL of an SMTP server"), "{error}");
        }
    }
}
