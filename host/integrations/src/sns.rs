//! Amazon SNS: `sns:publish`.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use stepyard_asl::{Payload, Resource, ResourceKind, StatesError};
use stepyard_engine::{
    Integration, Outcome, Task,
    outside::{
        AttributeValue, HttpMetadata, MessageAttribute, Publication, Published, TopicError, Topics,
    },
};

use crate::{
    arguments::Arguments,
    is_called,
    sdk::{self, Service, ServiceError},
};

const SNS: Service = Service { prefix: "SNS", name: "AmazonSNS" };

/// The parameters of SNS's Publish that Step Functions takes.
const PARAMETERS: [&str; 9] = [
    "Message",
    "MessageAttributes",
    "MessageDeduplicationId",
    "MessageGroupId",
    "MessageStructure",
    "PhoneNumber",
    "Subject",
    "TargetArn",
    "TopicArn",
];

/// The errors that SNS's model declares for Publish, by code; any other is `AmazonSNSException`.
const MODELLED: [(&str, &str); 15] = [
    ("AuthorizationError", "AuthorizationErrorException"),
    ("EndpointDisabled", "EndpointDisabledException"),
    ("InternalError", "InternalErrorException"),
    ("InvalidParameter", "InvalidParameterException"),
    ("InvalidSecurity", "InvalidSecurityException"),
    ("KMSAccessDenied", "KMSAccessDeniedException"),
    ("KMSDisabled", "KMSDisabledException"),
    ("KMSInvalidState", "KMSInvalidStateException"),
    ("KMSNotFound", "KMSNotFoundException"),
    ("KMSOptInRequired", "KMSOptInRequiredException"),
    ("KMSThrottling", "KMSThrottlingException"),
    ("NotFound", "NotFoundException"),
    ("ParameterValueInvalid", "InvalidParameterValueException"),
    ("PlatformApplicationDisabled", "PlatformApplicationDisabledException"),
    ("ValidationException", "ValidationException"),
];

/// Publishes messages, and answers as SNS does.
pub(crate) struct Sns {
    topics: Arc<dyn Topics>,
}

impl Sns {
    pub(crate) fn new(topics: Arc<dyn Topics>) -> Self {
        Self { topics }
    }
}

/// Whether these are SNS's tasks.
pub(crate) fn claims(resource: &Resource) -> bool {
    let ResourceKind::Service { service, action, pattern } = resource.kind() else {
        return false;
    };
    service == "sns" && action == "publish" && is_called(*pattern)
}

impl Integration for Sns {
    fn claims(&self, resource: &Resource) -> bool {
        claims(resource)
    }

    fn run(&self, task: Task) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let publication = match publication(&task) {
                Ok(publication) => publication,
                Err(error) => return Outcome::failed(error),
            };
            match self.topics.publish(publication).await {
                Ok(published) => task.answered(answer(published, &task)),
                Err(error) => Outcome::failed(failure(&error)),
            }
        })
    }
}

/// Reads a task's arguments. What SNS itself checks, such as that one destination is named, is left
/// to the topics: they answer in its words.
fn publication(task: &Task) -> Result<Publication, StatesError> {
    let mut arguments = Arguments::new(&task.input, &PARAMETERS);
    let message = arguments.value("Message").map(message_text);
    if message.is_none() {
        arguments.missing("Message");
    }
    let mut text = |name: &str| arguments.text(name).map(str::to_owned);
    let publication = Publication {
        topic_arn: text("TopicArn"),
        target_arn: text("TargetArn"),
        phone_number: text("PhoneNumber"),
        message: message.unwrap_or_default(),
        subject: text("Subject"),
        message_structure: text("MessageStructure"),
        deduplication_id: text("MessageDeduplicationId"),
        group_id: text("MessageGroupId"),
        attributes: attributes(&mut arguments),
        idempotency_key: identity(task),
    };
    arguments.finish()?;
    Ok(publication)
}

/// What makes a message the same as one before: the visit's key, however often it is attempted. One
/// that brings a token is as good as that token alone, and each attempt has its own.
fn identity(task: &Task) -> String {
    task.token.as_ref().map_or_else(|| task.idempotency_key.clone(), |token| token.0.clone())
}

/// A message that is no string is published as its compact JSON text.
fn message_text(message: &Value) -> String {
    message.as_str().map_or_else(|| message.to_string(), str::to_owned)
}

fn attributes(arguments: &mut Arguments<'_>) -> Vec<(String, MessageAttribute)> {
    const NAME: &str = "MessageAttributes";
    let Some(value) = arguments.value(NAME) else { return Vec::new() };
    let Some(fields) = value.as_object() else {
        arguments.malformed(NAME);
        return Vec::new();
    };
    let mut attributes = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        match attribute(value) {
            Some(attribute) => attributes.push((name.clone(), attribute)),
            None => arguments.malformed(&format!("{NAME}.{name}")),
        }
    }
    attributes
}

/// `{DataType, StringValue | BinaryValue}`; a binary value is written in Base64.
fn attribute(value: &Value) -> Option<MessageAttribute> {
    let fields = value.as_object()?;
    let known = |name: &String| ["DataType", "StringValue", "BinaryValue"].contains(&name.as_str());
    if !fields.keys().all(known) {
        return None;
    }
    let data_type = fields.get("DataType")?.as_str()?.to_owned();
    let value = match (fields.get("StringValue"), fields.get("BinaryValue")) {
        (Some(text), None) => AttributeValue::Text(text.as_str()?.to_owned()),
        (None, Some(binary)) => {
            AttributeValue::Binary(BASE64_STANDARD.decode(binary.as_str()?).ok()?)
        }
        _ => return None,
    };
    Some(MessageAttribute { data_type, value })
}

/// What SNS's Publish answers, in AWS's order.
fn answer(published: Published, task: &Task) -> Payload {
    let mut request_id = published.request_id;
    if request_id.is_empty() {
        request_id = sdk::request_id(task);
    }
    let http = published.http.unwrap_or_else(|| HttpMetadata {
        status: 200,
        headers: vec![("x-amzn-RequestId".to_owned(), request_id.clone())],
    });
    let mut answer = Map::new();
    answer.insert("MessageId".to_owned(), json!(published.message_id));
    sdk::add_metadata(&mut answer, &http, &request_id);
    if let Some(number) = published.sequence_number {
        answer.insert("SequenceNumber".to_owned(), json!(number));
    }
    Value::from(answer).into()
}

fn failure(error: &TopicError) -> StatesError {
    let TopicError { code, message, status, request_id } = error;
    if *status == 0 {
        return SNS.unreachable(message);
    }
    let modelled = MODELLED.iter().find(|(known, _)| known == code);
    let exception = modelled.map_or("AmazonSNSException", |(_, exception)| exception);
    SNS.refused(exception, &ServiceError { message, status: *status, code, request_id })
}

#[cfg(test)]
mod tests;
