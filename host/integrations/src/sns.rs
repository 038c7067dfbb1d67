//! Amazon SNS: `sns:publish`.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use stepyard_asl::{Payload, Resource, ResourceKind, StatesError};
use stepyard_engine::{
    Integration, Outcome, Task,
    outside::{HttpMetadata, Publication, Published, TopicError, Topics},
};

use crate::{
    arguments::Arguments,
    is_called, message_attributes,
    sdk::{self, Dialect, Errors, Service, ServiceError},
};

/// The errors that SNS's model declares.
const SNS: Errors = Errors {
    service: Service { prefix: "SNS", name: "AmazonSNS" },
    dialect: Dialect::Optimized,
    modelled: &[
        "AuthorizationError",
        "EndpointDisabled",
        "InternalError",
        "InvalidParameter",
        "InvalidSecurity",
        "KMSAccessDenied",
        "KMSDisabled",
        "KMSInvalidState",
        "KMSNotFound",
        "KMSOptInRequired",
        "KMSThrottling",
        "NotFound",
        "PlatformApplicationDisabled",
        "Throttled",
        "ValidationException",
    ],
    renamed: &[("ParameterValueInvalid", "InvalidParameterValueException")],
    other: "AmazonSNSException",
};

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
    let mut arguments = Arguments::of(task);
    arguments.not_null("Message");
    let message = arguments.value("Message").map(sdk::text);
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
        attributes: message_attributes::read(&mut arguments),
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
        return SNS.service.unreachable(message);
    }
    SNS.refused(&ServiceError { message, status: *status, code, request_id })
}

#[cfg(test)]
mod tests;
