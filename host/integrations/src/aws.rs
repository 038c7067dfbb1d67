//! How AWS is reached: where, by whom, and what is told when no answer comes.

use std::{collections::BTreeMap, error::Error, fmt, sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use tokio::sync::OnceCell;

/// How long a call may take to answer, unless settings say otherwise; the SDK itself bounds only the
/// connecting. A queue may be waited for as long as 20 s.
const READ_TIMEOUT: Duration = Duration::from_secs(50);
/// The same of Lambda, where a function may run for 15 minutes.
const INVOKE_TIMEOUT: Duration = Duration::from_secs(15 * 60 + 5);

pub(crate) const NO_REGION: &str = "Unable to find a region via the region provider chain; set AWS_REGION, or the region of a profile";

/// How AWS's services are reached: all alike, but for what is said of one by itself.
#[derive(Clone, Debug, Default)]
pub struct Aws {
    all: AwsSettings,
    own: BTreeMap<AwsService, AwsSettings>,
    /// What the SDK's chain says: read once, with the first service that is called.
    chain: Arc<OnceCell<SdkConfig>>,
}

/// A service of AWS that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AwsService {
    /// Amazon DynamoDB.
    DynamoDb,
    /// Amazon EventBridge.
    Events,
    /// AWS Lambda.
    Lambda,
    /// Amazon CloudWatch Logs.
    Logs,
    /// Amazon S3.
    S3,
    /// AWS Secrets Manager.
    SecretsManager,
    /// Amazon SES.
    Ses,
    /// Amazon SNS.
    Sns,
    /// Amazon SQS.
    Sqs,
}

/// What overrides the SDK's own chain: environment, profile files, container and instance roles.
#[derive(Clone, Debug, Default)]
pub struct AwsSettings {
    /// Another endpoint than AWS's: `http://127.0.0.1:4566`.
    pub endpoint_url: Option<String>,
    /// The region to call.
    pub region: Option<String>,
    /// Whose requests they are.
    pub access_key: Option<AccessKey>,
    /// How long a call may take to answer.
    pub read_timeout: Option<Duration>,
}

/// An access key; its secret is never printed.
#[derive(Clone)]
pub struct AccessKey {
    /// The key's id.
    pub id: String,
    /// The key's secret.
    pub secret: String,
}

impl Aws {
    /// All services by these settings.
    pub fn new(all: AwsSettings) -> Self {
        Self { all, ..Self::default() }
    }

    /// The same, with settings of its own for a service; where they say nothing, those of all hold.
    pub fn with(mut self, service: AwsService, own: AwsSettings) -> Self {
        self.own.insert(service, own);
        self
    }

    /// What is said of a service: by itself, or else of all.
    pub fn of(&self, service: AwsService) -> AwsSettings {
        self.own.get(&service).cloned().unwrap_or_default().or(self.all.clone())
    }

    /// What a service's client is made of. Credentials are looked for with its first call, so that
    /// what is missing fails that call and not the start.
    pub(crate) async fn config(&self, service: AwsService) -> SdkConfig {
        let mut settings = self.of(service);
        if service == AwsService::Lambda {
            settings.read_timeout.get_or_insert(INVOKE_TIMEOUT);
        }
        self.config_of(settings).await
    }

    /// The same with settings that are nobody else's.
    pub(crate) async fn config_of(&self, settings: AwsSettings) -> SdkConfig {
        let chain = self.chain.get_or_init(|| self.all.clone().load()).await;
        settings.over(chain)
    }

    /// What a client is made of for which something waits: each attempt is to be answered within `answer`,
    /// unless the settings say otherwise, and all of them within twice that.
    pub(crate) async fn prompt_config(&self, service: AwsService, answer: Duration) -> SdkConfig {
        let answer = self.of(service).read_timeout.unwrap_or(answer);
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(answer)
            .operation_timeout(answer * 2)
            .build();
        self.config(service).await.into_builder().timeout_config(timeouts).build()
    }

    /// What a client is made of whose calls are tasks: asked once for each attempt, as the
    /// definition says when there is another.
    pub(crate) async fn task_config(&self, service: AwsService) -> SdkConfig {
        let config = self.config(service).await.into_builder();
        config.retry_config(RetryConfig::disabled()).build()
    }
}

impl AwsSettings {
    /// These, and where they say nothing the others.
    pub(crate) fn or(self, others: Self) -> Self {
        Self {
            endpoint_url: self.endpoint_url.or(others.endpoint_url),
            region: self.region.or(others.region),
            access_key: self.access_key.or(others.access_key),
            read_timeout: self.read_timeout.or(others.read_timeout),
        }
    }

    /// Reads the chain where the settings say nothing.
    async fn load(self) -> SdkConfig {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http);
        if let Some(url) = self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(region) = self.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(key) = self.access_key {
            loader = loader.credentials_provider(key.credentials());
        }
        loader.load().await
    }

    /// A configuration with these settings instead of its own.
    fn over(self, config: &SdkConfig) -> SdkConfig {
        let timeout = self.read_timeout.unwrap_or(READ_TIMEOUT);
        let timeouts = TimeoutConfig::builder().read_timeout(timeout).build();
        let mut config = config.to_builder().timeout_config(timeouts);
        if let Some(url) = self.endpoint_url {
            config.set_endpoint_url(Some(url));
        }
        if let Some(region) = self.region {
            config.set_region(Region::new(region));
        }
        if let Some(key) = self.access_key {
            let credentials = SharedCredentialsProvider::new(key.credentials());
            config.set_credentials_provider(Some(credentials));
        }
        config.build()
    }
}

impl AccessKey {
    fn credentials(self) -> Credentials {
        Credentials::new(self.id, self.secret, None, None, "stepyard")
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why no answer came.
pub(crate) fn why_unanswered<E: Error + 'static>(error: &SdkError<E>) -> String {
    match error {
        SdkError::TimeoutError(_) => "Unable to execute HTTP request: Read timed out".to_owned(),
        SdkError::DispatchFailure(failure) if !failure.is_other() => {
            let why = match chain(error).any(|it| it.to_string().contains("HTTP read timeout")) {
                true => "Read timed out".to_owned(),
                false => innermost(error),
            };
            format!("Unable to execute HTTP request: {why}")
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

/// What a service said of a request that it did not do.
pub(crate) fn said<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    error.message().map_or_else(|| innermost(error), str::to_owned)
}

/// The SDK's type for it is not public; where its words change, the message is less helpful.
fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| error.to_string().contains("while loading credentials"))
}

/// An error and what it comes from.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// What the error at the end of the chain says: the others only wrap it.
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str, region: Option<&str>) -> AwsSettings {
        let region = region.map(str::to_owned);
        AwsSettings { endpoint_url: Some(url.to_owned()), region, ..AwsSettings::default() }
    }

    #[tokio::test]
    async fn a_service_is_reached_by_what_is_said_of_it_and_else_as_all_are() {
        let aws = Aws::new(at("http://all", Some("eu-west-1")))
            .with(AwsService::Sqs, at("http://sqs", None))
            .with(
                AwsService::Sns,
                AwsSettings { region: Some("r".to_owned()), ..Default::default() },
            );
        for (service, url, region) in [
            (AwsService::DynamoDb, "http://all", "eu-west-1"),
            (AwsService::Sqs, "http://sqs", "eu-west-1"),
            (AwsService::Sns, "http://all", "r"),
        ] {
            let settings = aws.of(service);
            assert_eq!(settings.endpoint_url.as_deref(), Some(url), "{service:?}");
            assert_eq!(settings.region.as_deref(), Some(region), "{service:?}");
            let config = aws.config(service).await;
            assert_eq!(config.endpoint_url(), Some(url), "{service:?}");
            assert_eq!(config.region().map(AsRef::as_ref), Some(region), "{service:?}");
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let access_key = Some(AccessKey { id: "AKID".to_owned(), secret: "hush".to_owned() });
        let text = format!("{:?}", Aws::new(AwsSettings { access_key, ..AwsSettings::default() }));
        assert!(text.contains("AKID") && !text.contains("hush"), "{text}");
    }
}
