//! How AWS is reached: where, by whom, and what is told when no answer comes.

use std::{error::Error, fmt, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_sdk_sns::{config::Credentials, error::SdkError};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};

/// How long one attempt may take to answer; the SDK itself bounds only the connecting. A queue may be
/// waited for as long as 20 s.
const READ_TIMEOUT: Duration = Duration::from_secs(50);

pub(crate) const NO_REGION: &str = "Unable to find a region via the region provider chain; set AWS_REGION, or the region of a profile";

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

impl AwsSettings {
    /// Reads the chain where the settings say nothing. Credentials are looked for with the first
    /// call, so that what is missing fails that call and not the start.
    pub(crate) async fn load(self) -> SdkConfig {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder().read_timeout(READ_TIMEOUT).build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .timeout_config(timeouts);
        if let Some(url) = self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(region) = self.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(AccessKey { id, secret }) = self.access_key {
            loader =
                loader.credentials_provider(Credentials::new(id, secret, None, None, "stepyard"));
        }
        loader.load().await
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
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
