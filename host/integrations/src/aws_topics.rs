//! Topics of Amazon SNS, through the AWS SDK.

use aws_sdk_sns::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        RequestId,
        publish::{PublishError, PublishOutput},
    },
    primitives::Blob,
    types::MessageAttributeValue,
};
use futures::future::BoxFuture;
use stepyard_engine::outside::{
    AttributeValue, MessageAttribute, Publication, Published, TopicError, Topics,
};

use crate::{
    aws::{Aws, AwsService, NO_REGION, said, why_unanswered},
    client::HttpAnswer,
};

/// Publishes to Amazon SNS.
#[derive(Clone, Debug)]
pub struct AwsTopics {
    client: Client,
}

impl AwsTopics {
    /// Topics of Amazon SNS, as `aws` says it is reached.
    pub async fn load(aws: &Aws) -> Self {
        Self { client: Client::new(&aws.task_config(AwsService::Sns).await) }
    }
}

impl Topics for AwsTopics {
    fn publish(&self, publication: Publication) -> BoxFuture<'_, Result<Published, TopicError>> {
        Box::pin(async move {
            if self.client.config().region().is_none() {
                return Err(not_sent(NO_REGION.to_owned()));
            }
            let answer = HttpAnswer::default();
            let request = self
                .client
                .publish()
                .set_topic_arn(publication.topic_arn)
                .set_target_arn(publication.target_arn)
                .set_phone_number(publication.phone_number)
                .message(publication.message)
                .set_subject(publication.subject)
                .set_message_structure(publication.message_structure)
                .set_message_attributes(attributes(publication.attributes)?)
                .set_message_deduplication_id(publication.deduplication_id)
                .set_message_group_id(publication.group_id);
            match request.customize().interceptor(answer.clone()).send().await {
                Ok(output) => Ok(published(output, answer)),
                Err(error) => Err(topic_error(&error)),
            }
        })
    }
}

type Attributes = std::collections::HashMap<String, MessageAttributeValue>;

fn attributes(
    attributes: Vec<(String, MessageAttribute)>,
) -> Result<Option<Attributes>, TopicError> {
    let mut all = Attributes::with_capacity(attributes.len());
    for (name, MessageAttribute { data_type, value }) in attributes {
        let builder = MessageAttributeValue::builder().data_type(data_type);
        let value = match value {
            AttributeValue::Text(text) => builder.string_value(text),
            AttributeValue::Binary(bytes) => builder.binary_value(Blob::new(bytes)),
        };
        all.insert(name, value.build().map_err(|error| not_sent(error.to_string()))?);
    }
    Ok((!all.is_empty()).then_some(all))
}

fn published(output: PublishOutput, answer: HttpAnswer) -> Published {
    Published {
        request_id: output.request_id().unwrap_or_default().to_owned(),
        message_id: output.message_id.unwrap_or_default(),
        sequence_number: output.sequence_number,
        http: answer.take(),
    }
}

fn topic_error(error: &SdkError<PublishError>) -> TopicError {
    let Some(response) = error.raw_response() else {
        return not_sent(why_unanswered(error));
    };
    TopicError {
        code: error.code().unwrap_or_default().to_owned(),
        message: said(error),
        status: response.status().as_u16(),
        request_id: error.request_id().unwrap_or_default().to_owned(),
    }
}

/// No answer came: the status says so.
fn not_sent(message: String) -> TopicError {
    TopicError { code: String::new(), message, status: 0, request_id: String::new() }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sns::error::ConnectorError;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    /// Errors that each wrap the next.
    fn chain(texts: &[&'static str]) -> Box<Link> {
        let (text, rest) = texts.split_first().expect("a chain has an error");
        Box::new(Link { text, source: (!rest.is_empty()).then(|| chain(rest)) })
    }

    #[test]
    fn what_was_not_sent_says_why_and_never_what() {
        type Sdk = SdkError<PublishError>;
        let request = r#"failed to apply it to Request { body: "Message=private" }"#;
        let cases = [
            (
                Sdk::dispatch_failure(ConnectorError::io(chain(&["client", "Connection refused"]))),
                "Unable to execute HTTP request: Connection refused",
            ),
            (
                Sdk::dispatch_failure(ConnectorError::timeout(chain(&["connect timeout"]))),
                "Unable to execute HTTP request: connect timeout",
            ),
            (
                Sdk::dispatch_failure(ConnectorError::other(
                    chain(&["an error occurred while loading credentials", "no profile `x`"]),
                    None,
                )),
                "Unable to load AWS credentials from any provider in the chain; set \
                 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE: no profile `x`",
            ),
            (
                Sdk::dispatch_failure(ConnectorError::other(chain(&[request, "bad URI"]), None)),
                "Unable to make the request: bad URI",
            ),
            (
                Sdk::construction_failure(chain(&["a field is missing"])),
                "Unable to make the request: a field is missing",
            ),
            (
                Sdk::timeout_error(chain(&["operation attempt timeout"])),
                "Unable to execute HTTP request: Read timed out",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(topic_error(&error), not_sent(expected.to_owned()));
        }
    }
}
