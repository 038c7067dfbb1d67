//! The imports of a component.

#[cfg(feature = "http")]
mod http;
mod keyvalue;

use crate::{
    Context, Error,
    bindings::{
        exports::stepyard::step::handler, stepyard::step::mail as wit_mail, wasi::config::store,
        wasi::logging::logging,
    },
    logging::Level,
    mail,
};

#[cfg(feature = "http")]
pub(crate) use http::send_http;
pub(crate) use keyvalue::Bucket;

pub(crate) fn config_get(key: &str) -> Result<Option<String>, String> {
    store::get(key).map_err(|error| match error {
        store::Error::Upstream(reason) | store::Error::Io(reason) => reason,
    })
}

pub(crate) fn log(level: Level, context: &str, message: &str) {
    let level = match level {
        Level::Trace => logging::Level::Trace,
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
        Level::Critical => logging::Level::Critical,
    };
    logging::log(level, context, message);
}

pub(crate) fn send_mail(message: mail::Message) -> Result<(), mail::Error> {
    let message = wit_mail::Message {
        message_id: message.message_id,
        sender: message.sender,
        recipients: message.recipients,
        subject: message.subject,
        text: message.text,
    };
    wit_mail::send(&message).map_err(|error| match error {
        wit_mail::Error::AccessDenied(reason) => mail::Error::AccessDenied(reason),
        wit_mail::Error::Refused(reason) => mail::Error::Refused(reason),
        wit_mail::Error::Unavailable(reason) => mail::Error::Unavailable(reason),
    })
}

impl From<handler::Context> for Context {
    fn from(context: handler::Context) -> Self {
        Self {
            deadline_ms: context.deadline_ms,
            trace: context.trace,
            execution_arn: context.execution_arn,
            state_name: context.state_name,
            attempt: context.attempt,
            idempotency_key: context.idempotency_key,
            task_token: context.task_token,
        }
    }
}

impl From<Error> for handler::Error {
    fn from(error: Error) -> Self {
        Self {
            error_type: error.error_type().to_owned(),
            error_message: error.message().to_owned(),
        }
    }
}
