//! Queues of Amazon SQS, through the AWS SDK.

use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName},
};
use futures::future::BoxFuture;
use stepyard_engine::outside::{Queue, QueueError, QueueMessage};

use crate::aws::{Aws, AwsService, AwsSettings, NO_REGION, said, why_unanswered};

/// A queue of Amazon SQS.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    client: Client,
    url: String,
    batch: u8,
    wait_seconds: u8,
}

impl SqsQueue {
    /// The queue of this URL, asked for `batch` (1 to 10) messages, for `wait_seconds` (0 to 20) where
    /// there is none. Where `own` says nothing the URL does, and then `aws`.
    pub async fn load(url: &str, batch: u8, wait_seconds: u8, own: AwsSettings, aws: &Aws) -> Self {
        let settings = own.or(place(url)).or(aws.of(AwsService::Sqs));
        let client = Client::new(&aws.config_of(settings).await);
        Self { client, url: url.to_owned(), batch, wait_seconds }
    }
}

/// The region and endpoint that a queue's URL names: of AWS's own the region, of another's the
/// endpoint.
fn place(url: &str) -> AwsSettings {
    let nowhere = AwsSettings::default();
    let Some((scheme, rest)) = url.split_once("://") else { return nowhere };
    let authority = rest.split('/').next().unwrap_or_default();
    let is_aws = [".amazonaws.com", ".amazonaws.com.cn"].iter().any(|end| authority.ends_with(end));
    let region = authority.strip_prefix("sqs.").and_then(|it| it.split('.').next());
    match is_aws {
        true => {
            let region = region.filter(|it| *it != "amazonaws").map(str::to_owned);
            AwsSettings { region, ..nowhere }
        }
        false => AwsSettings { endpoint_url: Some(format!("{scheme}://{authority}")), ..nowhere },
    }
}

impl Queue for SqsQueue {
    fn receive(&self) -> BoxFuture<'_, Result<Vec<QueueMessage>, QueueError>> {
        Box::pin(async move {
            if self.client.config().region().is_none() {
                return Err(QueueError(NO_REGION.to_owned()));
            }
            let request = self
                .client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(self.batch.into())
                .wait_time_seconds(self.wait_seconds.into());
            let request =
                request.message_system_attribute_names(MessageSystemAttributeName::MessageGroupId);
            let received = request.send().await.map_err(|error| told(&error))?;
            // Groups of other queues are for sharing them fairly, and not for an order.
            let in_order = self.url.ends_with(".fifo");
            let messages = received.messages.unwrap_or_default().into_iter();
            Ok(messages.filter_map(|it| message(it, in_order)).collect())
        })
    }

    fn delete(&self, receipts: Vec<String>) -> BoxFuture<'_, Result<(), QueueError>> {
        Box::pin(async move {
            let entry = |(number, receipt): (usize, String)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(number.to_string());
                entry.receipt_handle(receipt).build().ok()
            };
            let entries = receipts.into_iter().enumerate().filter_map(entry).collect();
            let request = self.client.delete_message_batch().queue_url(&self.url);
            let deleted = request.set_entries(Some(entries)).send().await;
            let deleted = deleted.map_err(|error| told(&error))?;
            match deleted.failed().first() {
                None => Ok(()),
                Some(failed) => {
                    let reason = failed.message().unwrap_or_default();
                    Err(QueueError(format!(
                        "a message was not deleted: {} {reason}",
                        failed.code()
                    )))
                }
            }
        })
    }
}

fn message(message: Message, in_order: bool) -> Option<QueueMessage> {
    let group = message.attributes.unwrap_or_default();
    let group = group.get(&MessageSystemAttributeName::MessageGroupId).filter(|_| in_order);
    Some(QueueMessage {
        group: group.cloned(),
        id: message.message_id?,
        receipt: message.receipt_handle?,
        body: message.body.unwrap_or_default(),
    })
}

fn told<E>(error: &SdkError<E>) -> QueueError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if error.raw_response().is_none() {
        return QueueError(why_unanswered(error));
    }
    QueueError(format!("{}: {}", error.code().unwrap_or("SQS"), said(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_where_its_url_says() {
        for (url, region, endpoint) in [
            ("https://sqs.eu-west-1.amazonaws.com/123456789012/orders", Some("eu-west-1"), None),
            ("https://sqs.cn-north-1.amazonaws.com.cn/1/orders", Some("cn-north-1"), None),
            ("https://queue.amazonaws.com/1/orders", None, None),
            ("http://127.0.0.1:4566/1/orders", None, Some("http://127.0.0.1:4566")),
            ("orders", None, None),
        ] {
            let AwsSettings { endpoint_url: at, region: found, .. } = place(url);
            assert_eq!((found.as_deref(), at.as_deref()), (region, endpoint), "{url}");
        }
    }
}
