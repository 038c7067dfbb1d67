//! Topics of Amazon SNS, through the AWS SDK.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, timeout::TimeoutConfig};
use aws_sdk_sns::{
    Client,
    config::{
        ConfigBag, Credentials, Intercept, RuntimeComponents,
        interceptors::BeforeDeserializationInterceptorContextRef,
    },
    error::{BoxError, ProvideErrorMetadata, SdkError},
    operation::{
        RequestId,
        publish::{PublishError, PublishOutput},
    },
    primitives::Blob,
    types::MessageAttributeValue,
};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use futures::future::BoxFuture;
use stepyard_engine::outside::{
    AttributeValue, HttpMetadata, MessageAttribute, Publication, Published, TopicError, Topics,
};

/// How long one attempt may take to answer; the SDK itself bounds only the connecting.
const READ_TIMEOUT: Duration = Duration::from_secs(50);

const NO_REGION: &str = "Unable to find a region via the region provider chain; set AWS_REGION, or the region of a profile";

/// What overrides the SDK's own chain: environment, profile files, container and instance roles.
#[derive(Clone, Debug, Default)]
pub struct AwsSettings {
    /// Another endpoint than AWS's: `http://127.0.0.1:4566`.
    pub endpoint_url: Option<String>,
    /// The region to call.
    pub region: Option<String>,
    /// Whose requests they are.
    pub access_key: Option<AccessKey>,
}

/// An access key; its secret is never printed.
#[derive(Clone)]
pub struct AccessKey {
    /// The key's id.
    pub id: String,
    /// The key's secret.
    pub secret: String,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Publishes to Amazon SNS.
#[derive(Clone, Debug)]
pub struct AwsTopics {
    client: Client,
}

impl AwsTopics {
    /// Reads the chain where `settings` says nothing. Credentials are looked for when the first
    /// message is published, so that what is missing fails that task and not the start.
    pub async fn load(settings: AwsSettings) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder().read_timeout(READ_TIMEOUT).build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .timeout_config(timeouts);
        if let Some(url) = settings.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(region) = settings.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(AccessKey { id, secret }) = settings.access_key {
            loader =
                loader.credentials_provider(Credentials::new(id, secret, None, None, "stepyard"));
        }
        Self { client: Client::new(&loader.load().await) }
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
        return not_sent(why_not_sent(error));
    };
    TopicError {
        code: error.code().unwrap_or_default().to_owned(),
        message: error.message().map_or_else(|| innermost(error), str::to_owned),
        status: response.status().as_u16(),
        request_id: error.request_id().unwrap_or_default().to_owned(),
    }
}

/// No answer came: the status says so.
fn not_sent(message: String) -> TopicError {
    TopicError { code: String::new(), message, status: 0, request_id: String::new() }
}

fn why_not_sent(error: &SdkError<PublishError>) -> String {
    match error {
        SdkError::TimeoutError(_) => "Unable to execute HTTP request: Read timed out".to_owned(),
        SdkError::DispatchFailure(failure) if !failure.is_other() => {
            format!("Unable to execute HTTP request: {}", innermost(error))
        }
        _ if lacks_credentials(error) => format!(
            "Unable to load AWS credentials from any provider in the chain; set AWS_ACCESS_KEY_ID \
             and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE: {}",
            innermost(error)
        ),
        // Not the whole chain: the errors between may print the request, message and all.
        _ => format!("Unable to make the request: {}", innermost(error)),
    }
}

/// The SDK's type for it is not public; where its words change, the message is less helpful.
fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut chain = std::iter::successors(Some(error), |&error| error.source());
    chain.any(|error| error.to_string().contains("while loading credentials"))
}

/// What the error at the end of the chain says: the others only wrap it.
fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Keeps status and headers of the answer, which the SDK's output leaves out.
#[derive(Clone, Debug, Default)]
struct HttpAnswer(Arc<Mutex<Option<HttpMetadata>>>);

impl HttpAnswer {
    fn take(&self) -> Option<HttpMetadata> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Intercept for HttpAnswer {
    fn name(&self) -> &'static str {
        "HttpAnswer"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let headers = response.headers().iter();
        let metadata = HttpMetadata {
            status: response.status().as_u16(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(metadata);
        Ok(())
    }
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

    #[test]
    fn a_secret_is_never_printed() {
        let access_key = Some(AccessKey { id: "AKID".to_owned(), secret: "hush".to_owned() });
        let text = format!("{:?}", AwsSettings { access_key, ..AwsSettings::default() });
        assert!(text.contains("AKID") && !text.contains("hush"), "{text}");
    }
}
