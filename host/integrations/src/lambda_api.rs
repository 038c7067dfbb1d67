//! The AWS Lambda API of a server: what is published under functions' names there, by the AWS SDK.

use std::time::Duration;

use aws_sdk_lambda::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::{AliasConfiguration, AliasRoutingConfiguration, FunctionConfiguration},
};

use crate::aws::{Aws, AwsService, why_unanswered};

/// The largest component that is fetched: Lambda's quota for a function's code, 250 MB.
const CODE_BYTES_MAX: u64 = 262_144_000;
/// How long a component may take to come.
const CODE_TIMEOUT: Duration = Duration::from_secs(60);

/// Functions on a server.
#[derive(Debug)]
pub struct LambdaApi {
    client: Client,
}

/// A version of a function on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedVersion {
    /// `$LATEST` or a number.
    pub version: String,
    /// The SHA-256 of its code, in base64.
    pub code_sha256: String,
    /// The size of its code.
    pub code_bytes: i64,
    /// When it was last changed, in ISO 8601.
    pub last_modified: String,
    /// What was said about it.
    pub description: String,
}

/// An alias of a function on a server.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedAlias {
    /// Its name.
    pub name: String,
    /// The version that it names.
    pub version: String,
    /// The version that takes a part of its calls, and the part.
    pub additional: Option<(String, f64)>,
}

/// Why the server did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum LambdaApiError {
    /// It refused.
    #[error("{code}: {message}")]
    Refused {
        /// Lambda's name for the error.
        code: String,
        /// Its words.
        message: String,
    },
    /// It did not answer.
    #[error("no answer: {0}")]
    Unanswered(String),
}

type Answer<T> = Result<T, LambdaApiError>;

impl LambdaApi {
    /// A server's API, as `aws` says it is reached.
    pub async fn load(aws: &Aws) -> Self {
        Self { client: Client::new(&aws.config(AwsService::Lambda).await) }
    }

    /// Makes code `$LATEST`, and a version when `publish`, whose number is answered then.
    pub async fn update_code(
        &self,
        function: &str,
        code: Vec<u8>,
        publish: bool,
    ) -> Answer<String> {
        let update = self.client.update_function_code().function_name(function);
        let update = update.zip_file(Blob::new(code)).publish(publish);
        Ok(update.send().await.map_err(told)?.version.unwrap_or_default())
    }

    /// Publishes `$LATEST`, unless the newest version has its code.
    pub async fn publish_version(&self, function: &str) -> Answer<String> {
        let publish = self.client.publish_version().function_name(function);
        Ok(publish.send().await.map_err(told)?.version.unwrap_or_default())
    }

    /// `$LATEST` and every version, by number.
    pub async fn versions(&self, function: &str) -> Answer<Vec<PublishedVersion>> {
        let list = self.client.list_versions_by_function().function_name(function);
        let mut pages = list.into_paginator().send();
        let mut versions = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(told)?;
            versions.extend(page.versions.unwrap_or_default().into_iter().map(version));
        }
        Ok(versions)
    }

    /// The aliases, by name.
    pub async fn aliases(&self, function: &str) -> Answer<Vec<PublishedAlias>> {
        let list = self.client.list_aliases().function_name(function);
        let mut pages = list.into_paginator().send();
        let mut aliases = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(told)?;
            aliases.extend(page.aliases.unwrap_or_default().into_iter().map(alias));
        }
        Ok(aliases)
    }

    /// Creates an alias, or gives it these routes.
    pub async fn route(&self, function: &str, alias: &PublishedAlias) -> Answer<()> {
        let weights = alias.additional.iter().cloned().collect();
        let routing = AliasRoutingConfiguration::builder();
        let routing = routing.set_additional_version_weights(Some(weights)).build();
        let PublishedAlias { name, version, .. } = alias;
        if self.aliases(function).await?.iter().any(|it| it.name == *name) {
            let update = self.client.update_alias().function_name(function).name(name);
            let update = update.function_version(version).routing_config(routing);
            return update.send().await.map(drop).map_err(told);
        }
        let create = self.client.create_alias().function_name(function).name(name);
        let create = create.function_version(version).routing_config(routing);
        create.send().await.map(drop).map_err(told)
    }

    /// The code of a version.
    pub async fn code(&self, function: &str, version: &str) -> Answer<Vec<u8>> {
        let get = self.client.get_function().function_name(function).qualifier(version);
        let code = get.send().await.map_err(told)?.code;
        let place = code.and_then(|code| code.location).unwrap_or_default();
        let told = |error: String| LambdaApiError::Unanswered(error);
        let fetched = tokio::task::spawn_blocking(move || {
            fetch(&place).map_err(|error| format!("{place}: {error}"))
        });
        fetched.await.map_err(|error| told(error.to_string()))?.map_err(told)
    }
}

/// Blocks the thread.
fn fetch(place: &str) -> Result<Vec<u8>, ureq::Error> {
    let config = ureq::config::Config::builder().timeout_global(Some(CODE_TIMEOUT)).build();
    let mut answer = ureq::Agent::new_with_config(config).get(place).call()?;
    answer.body_mut().with_config().limit(CODE_BYTES_MAX).read_to_vec()
}

fn version(it: FunctionConfiguration) -> PublishedVersion {
    PublishedVersion {
        version: it.version.unwrap_or_default(),
        code_sha256: it.code_sha256.unwrap_or_default(),
        code_bytes: it.code_size,
        last_modified: it.last_modified.unwrap_or_default(),
        description: it.description.unwrap_or_default(),
    }
}

fn alias(it: AliasConfiguration) -> PublishedAlias {
    let weights = it.routing_config.and_then(|routing| routing.additional_version_weights);
    PublishedAlias {
        name: it.name.unwrap_or_default(),
        version: it.function_version.unwrap_or_default(),
        additional: weights.unwrap_or_default().into_iter().next(),
    }
}

fn told<E>(error: SdkError<E>) -> LambdaApiError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.as_service_error() {
        Some(refused) => LambdaApiError::Refused {
            code: refused.code().unwrap_or("an error without a name").to_owned(),
            message: refused.message().unwrap_or_default().to_owned(),
        },
        None => LambdaApiError::Unanswered(why_unanswered(&error)),
    }
}
