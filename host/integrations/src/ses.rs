//! Mail by Amazon SES, through the AWS SDK.

use std::{sync::Arc, time::Duration};

use aws_sdk_sesv2::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::send_email::SendEmailError,
    primitives::Blob,
    types::{Destination, EmailContent, RawMessage},
};
use futures::future::BoxFuture;
use lettre::message::header::{HeaderName, HeaderValue};
use stepyard_engine::{
    clock::Clock,
    compose,
    outside::{Mail, MailError, MailMessage},
};

use crate::aws::{Aws, AwsService, NO_REGION, said, why_unanswered};

/// What sending asks of a role, on the sender's identity: a message that is whole already is sent by
/// SendEmail, and allowed by `ses:SendRawEmail`.
pub const SES_ACTIONS: [&str; 2] = ["ses:SendEmail", "ses:SendRawEmail"];

/// What bears the message's id besides `Message-ID`, which SES replaces.
/// <https://docs.aws.amazon.com/ses/latest/dg/header-fields.html>
const ORIGINAL_MESSAGE_ID: HeaderName = HeaderName::new_from_ascii_str("Original-Message-ID");

/// How long an answer may take, unless the settings say otherwise; twice that all attempts together.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends mail by Amazon SES.
///
/// At least once: a message sent again is another delivery with the same `Original-Message-ID`.
#[derive(Debug)]
pub struct Ses {
    client: Client,
    clock: Arc<dyn Clock>,
}

impl Ses {
    /// SES as `aws` reaches it; nothing is asked yet. Messages are dated by `clock`, until SES dates
    /// them.
    pub async fn open(aws: &Aws, clock: Arc<dyn Clock>) -> Self {
        let config = aws.prompt_config(AwsService::Ses, ANSWER_TIMEOUT).await;
        Self { client: Client::new(&config), clock }
    }
}

impl Mail for Ses {
    fn send(&self, message: MailMessage) -> BoxFuture<'_, Result<(), MailError>> {
        Box::pin(async move {
            if self.client.config().region().is_none() {
                return Err(MailError::Unavailable(NO_REGION.to_owned()));
            }
            let mut composed = compose(&message, self.clock.now())?;
            let id = format!("<{}>", message.message_id);
            let id = HeaderValue::dangerous_new_pre_encoded(ORIGINAL_MESSAGE_ID, id.clone(), id);
            composed.headers_mut().insert_raw(id);
            let recipients = composed.envelope().to().iter().map(ToString::to_string).collect();
            let destination = Destination::builder().set_to_addresses(Some(recipients)).build();
            let raw = RawMessage::builder().data(Blob::new(composed.formatted())).build();
            let raw = raw.map_err(|error| MailError::Refused(error.to_string()))?;
            let content = EmailContent::builder().raw(raw).build();
            let send = self.client.send_email().destination(destination).content(content);
            send.send().await.map_err(|error| mail_error(&error))?;
            Ok(())
        })
    }
}

/// What SES refuses of a message is refused for ever; what concerns who sends it, or how much, may be
/// otherwise the next time.
fn mail_error(error: &SdkError<SendEmailError>) -> MailError {
    if error.raw_response().is_none() {
        return MailError::Unavailable(format!("Amazon SES: {}", why_unanswered(error)));
    }
    let code = error.code().unwrap_or("no error code");
    let text = format!("Amazon SES: {code}: {}", said(error));
    match error.as_service_error() {
        Some(SendEmailError::BadRequestException(_) | SendEmailError::MessageRejected(_)) => {
            MailError::Refused(text)
        }
        _ => MailError::Unavailable(text),
    }
}
