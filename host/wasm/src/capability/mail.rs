//! `mail`: messages to granted recipients.

use stepyard_engine::outside::{MailError, MailMessage};
use wasmtime::Result;

use super::bindings::stepyard::step::mail::{Error, Host, Message};
use crate::{invocation::Invocation, state::State};

impl Host for State {
    async fn send(&mut self, message: Message) -> Result<Result<(), Error>> {
        self.invocation.outside_call()?;
        for recipient in &message.recipients {
            if let Err(error) = check(&self.invocation, recipient) {
                return Ok(Err(error));
            }
        }
        let message = MailMessage {
            function: self.invocation.policy.function.clone(),
            message_id: message.message_id,
            from: message.sender,
            to: message.recipients,
            subject: message.subject,
            text: message.text,
        };
        let outside = &self.invocation.policy.outside;
        // Nobody is told of what a crash might take back.
        if let Err(error) = outside.keyvalue.settle().await {
            return Ok(Err(Error::Unavailable(error.to_string())));
        }
        let sent = outside.mail.send(message).await;
        Ok(sent.map_err(|error| match error {
            MailError::Refused(reason) => Error::Refused(reason),
            MailError::Unavailable(reason) => Error::Unavailable(reason),
        }))
    }
}

/// Whether a message may go to `recipient`. What is not one plain address is refused before any
/// pattern sees it: in `"evil@example.org, <user@example.com>"` a pattern finds what a mail server
/// does not.
fn check(invocation: &Invocation, recipient: &str) -> Result<(), Error> {
    let plain = |character: char| {
        !character.is_whitespace()
            && !character.is_control()
            && !"<>(),;:\"\\[]".contains(character)
    };
    let parts = recipient.split_once('@');
    if !recipient.chars().all(plain)
        || parts.is_none_or(|(local, domain)| {
            local.is_empty() || domain.is_empty() || domain.contains('@')
        })
    {
        return Err(Error::Refused(format!("`{recipient}` is not an address")));
    }
    if !invocation.policy.grants.recipient(recipient) {
        let grant = format!("mail = [\"{recipient}\"]");
        invocation.denied("mail", &grant);
        let function = &invocation.policy.function;
        return Err(Error::AccessDenied(format!(
            "no grant covers the recipient `{recipient}`; in stepyard.toml, under \
             [functions.{function}.grants], add `{grant}`"
        )));
    }
    Ok(())
}
