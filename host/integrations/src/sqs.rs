//! Amazon SQS: `sqs:sendMessage`.
//!
//! A message that is sent again, after a crash or by a retrier, is another message for a standard queue;
//! for a FIFO queue its `MessageDeduplicationId` says whether it is, and that is the definition's.

use std::collections::HashMap;

use aws_sdk_sqs::operation::RequestId;
use aws_sdk_sqs::{
    Client, error::BuildError, operation::send_message::SendMessageOutput, primitives::Blob,
    types::MessageAttributeValue,
};
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use stepyard_asl::{Payload, Resource, ResourceKind, StatesError};
use stepyard_engine::{
    Integration, Outcome, Task,
    outside::{AttributeValue, MessageAttribute},
};

use crate::{
    arguments::Arguments,
    aws::{Aws, AwsService},
    client::{HttpAnswer, ServiceClient},
    is_called, message_attributes,
    sdk::{self, Dialect, Errors, Service},
};

/// The errors that SQS's model declares for SendMessage.
const SQS: Errors = Errors {
    service: Service { prefix: "SQS", name: "AmazonSQS" },
    dialect: Dialect::Optimized,
    modelled: &[
        "InvalidAddress",
        "InvalidMessageContents",
        "InvalidSecurity",
        "QueueDoesNotExist",
        "RequestThrottled",
        "UnsupportedOperation",
    ],
    renamed: &[
        ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExistException"),
        ("AWS.SimpleQueueService.UnsupportedOperation", "UnsupportedOperationException"),
        ("KMS.AccessDeniedException", "KmsAccessDeniedException"),
        ("KMS.DisabledException", "KmsDisabledException"),
        ("KMS.InvalidKeyUsageException", "KmsInvalidKeyUsageException"),
        ("KMS.InvalidStateException", "KmsInvalidStateException"),
        ("KMS.NotFoundException", "KmsNotFoundException"),
        ("KMS.OptInRequired", "KmsOptInRequiredException"),
        ("KMS.ThrottlingException", "KmsThrottledException"),
    ],
    other: "AmazonSQSException",
};

/// Sends messages, and answers as SQS does.
#[derive(Debug)]
pub(crate) struct Sqs {
    client: ServiceClient<Client>,
}

impl Sqs {
    pub(crate) fn new(aws: Aws) -> Self {
        Self { client: ServiceClient::new(aws, AwsService::Sqs, Client::new) }
    }

    async fn send(&self, task: &Task) -> Result<Payload, StatesError> {
        let message = Message::read(task)?;
        let client = self.client.get(&SQS).await?;
        let answer = HttpAnswer::default();
        let request = client
            .send_message()
            .set_queue_url(message.queue_url)
            .set_message_body(message.body)
            .set_delay_seconds(message.delay_seconds)
            .set_message_attributes(message.attributes)
            .set_message_deduplication_id(message.deduplication_id)
            .set_message_group_id(message.group_id);
        let sent = request.customize().interceptor(answer.clone()).send().await;
        Ok(shown(sent.map_err(|error| SQS.told(&error))?, &answer))
    }
}

/// Whether these are SQS's tasks.
pub(crate) fn claims(resource: &Resource) -> bool {
    let ResourceKind::Service { service, action, pattern } = resource.kind() else {
        return false;
    };
    service == "sqs" && action == "sendMessage" && is_called(*pattern)
}

impl Integration for Sqs {
    fn claims(&self, resource: &Resource) -> bool {
        claims(resource)
    }

    fn run(&self, task: Task) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            match self.send(&task).await {
                Ok(answer) => task.answered(answer),
                Err(error) => Outcome::failed(error),
            }
        })
    }
}

/// The arguments of `sqs:sendMessage`, read. What SQS itself checks is left to it.
struct Message {
    queue_url: Option<String>,
    body: Option<String>,
    delay_seconds: Option<i32>,
    attributes: Option<HashMap<String, MessageAttributeValue>>,
    deduplication_id: Option<String>,
    group_id: Option<String>,
}

impl Message {
    fn read(task: &Task) -> Result<Self, StatesError> {
        let mut arguments = Arguments::of(task);
        let body = arguments.value("MessageBody").map(sdk::text);
        let delay_seconds = arguments.integer("DelaySeconds");
        let attributes = message_attributes::read(&mut arguments);
        let mut text = |name: &str| arguments.text(name).map(str::to_owned);
        let (queue_url, group_id) = (text("QueueUrl"), text("MessageGroupId"));
        let deduplication_id = text("MessageDeduplicationId");
        arguments.finish()?;
        let attributes = attributes.into_iter().map(attribute).collect::<Result<_, _>>();
        let attributes: HashMap<_, _> =
            attributes.map_err(|error: BuildError| SQS.service.unreachable(&error.to_string()))?;
        let attributes = (!attributes.is_empty()).then_some(attributes);
        Ok(Self { queue_url, body, delay_seconds, attributes, deduplication_id, group_id })
    }
}

fn attribute(
    (name, attribute): (String, MessageAttribute),
) -> Result<(String, MessageAttributeValue), BuildError> {
    let MessageAttribute { data_type, value } = attribute;
    let builder = MessageAttributeValue::builder().data_type(data_type);
    let builder = match value {
        AttributeValue::Text(text) => builder.string_value(text),
        AttributeValue::Binary(bytes) => builder.binary_value(Blob::new(bytes)),
    };
    Ok((name, builder.build()?))
}

/// What SQS's SendMessage answers, in AWS's order.
fn shown(output: SendMessageOutput, answer: &HttpAnswer) -> Payload {
    let mut shown = Map::new();
    let request_id = output.request_id().unwrap_or_default().to_owned();
    let mut add = |name: &str, value: Option<String>| {
        value.map(|value| shown.insert(name.to_owned(), json!(value)));
    };
    add("MD5OfMessageAttributes", output.md5_of_message_attributes);
    add("MD5OfMessageBody", output.md5_of_message_body);
    add("MessageId", output.message_id);
    let number = output.sequence_number;
    sdk::add_metadata(&mut shown, &answer.take().unwrap_or_default(), &request_id);
    number.map(|number| shown.insert("SequenceNumber".to_owned(), json!(number)));
    Value::from(shown).into()
}
