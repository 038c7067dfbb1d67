//! Secrets in AWS Secrets Manager, through the AWS SDK. Each is asked for when it is first needed and
//! kept for a while, so that a rotated one is used soon and a busy step does not ask for each task.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};
use serde_json::Value;
use stepyard_engine::outside::SecretError;

use crate::aws::{Aws, AwsService, NO_REGION, said, why_unanswered};

/// What reading a secret asks of a role, on the secret; one that is encrypted by another key than AWS's
/// own asks for `kms:Decrypt` on that besides.
pub const SECRETS_MANAGER_ACTIONS: [&str; 1] = ["secretsmanager:GetSecretValue"];

/// How long an answer may take, unless the settings say otherwise; twice that all attempts together.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long it is taken for an answer that there was none: many tasks ask at once.
const FAILURE_KEPT: Duration = Duration::from_secs(1);

/// Secrets of AWS Secrets Manager; none of their values is ever printed.
pub struct SecretsManager {
    client: Client,
    kept_for: Duration,
    secrets: Mutex<BTreeMap<String, Arc<Secret>>>,
}

/// One secret, which may have several values in it.
#[derive(Default)]
struct Secret {
    /// Held by the one who asks, so that the others wait for its answer.
    asking: tokio::sync::Mutex<()>,
    last: Mutex<Option<Answer>>,
}

#[derive(Clone)]
struct Answer {
    until: Instant,
    value: Result<Arc<str>, SecretError>,
}

impl SecretsManager {
    /// Secrets Manager as `aws` reaches it, whose answers are used for as long as `kept_for`. Nothing is
    /// asked yet.
    pub async fn open(aws: &Aws, kept_for: Duration) -> Self {
        let config = aws.prompt_config(AwsService::SecretsManager, ANSWER_TIMEOUT).await;
        Self { client: Client::new(&config), kept_for, secrets: Mutex::default() }
    }

    /// The value of the secret of this name or ARN; or, with a key, what its JSON has there.
    pub async fn value(&self, id: &str, json_key: Option<&str>) -> Result<String, SecretError> {
        let secret = locked(&self.secrets).entry(id.to_owned()).or_default().clone();
        let whole = match secret.fresh() {
            Some(value) => value,
            None => {
                let _asking = secret.asking.lock().await;
                match secret.fresh() {
                    Some(value) => value,
                    None => secret.keep(self.ask(id).await, self.kept_for),
                }
            }
        };
        part(id, &whole?, json_key)
    }

    /// The same as far as it was asked for before.
    pub fn known(&self, id: &str, json_key: Option<&str>) -> Option<String> {
        let secret = locked(&self.secrets).get(id)?.clone();
        let last = locked(&secret.last).clone();
        part(id, &last?.value.ok()?, json_key).ok()
    }

    async fn ask(&self, id: &str) -> Result<Arc<str>, SecretError> {
        let fault = |text: String| SecretError(format!("AWS Secrets Manager: `{id}`: {text}"));
        if self.client.config().region().is_none() {
            return Err(fault(NO_REGION.to_owned()));
        }
        let answer = self.client.get_secret_value().secret_id(id).send().await;
        let answer: GetSecretValueOutput = answer.map_err(|error| fault(told(&error)))?;
        let binary = || fault("it is binary; store it as text".to_owned());
        answer.secret_string.map(Arc::from).ok_or_else(binary)
    }
}

impl Secret {
    /// The last answer, while it is to be used.
    fn fresh(&self) -> Option<Result<Arc<str>, SecretError>> {
        let last = locked(&self.last).clone();
        last.filter(|answer| Instant::now() < answer.until).map(|answer| answer.value)
    }

    fn keep(
        &self,
        value: Result<Arc<str>, SecretError>,
        kept_for: Duration,
    ) -> Result<Arc<str>, SecretError> {
        let kept_for = if value.is_ok() { kept_for } else { FAILURE_KEPT.min(kept_for) };
        let until = Instant::now() + kept_for;
        *locked(&self.last) = Some(Answer { until, value: value.clone() });
        value
    }
}

impl fmt::Debug for SecretsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsManager").field("kept_for", &self.kept_for).finish_non_exhaustive()
    }
}

/// A secret's value, or what its JSON has at a key: a text as it is, anything else as JSON.
fn part(id: &str, whole: &str, json_key: Option<&str>) -> Result<String, SecretError> {
    let Some(key) = json_key else { return Ok(whole.to_owned()) };
    // What serde_json says of a fault might show the value.
    let fault = |text: &str| SecretError(format!("AWS Secrets Manager: `{id}` {text} `{key}`"));
    let Ok(Value::Object(mut object)) = serde_json::from_str(whole) else {
        return Err(fault("is no JSON object, and has no"));
    };
    match object.remove(key) {
        Some(Value::String(text)) => Ok(text),
        Some(value) => Ok(value.to_string()),
        None => Err(fault("has no")),
    }
}

fn told(error: &SdkError<GetSecretValueError>) -> String {
    if error.raw_response().is_none() {
        return why_unanswered(error);
    }
    format!("{}: {}", error.code().unwrap_or("no error code"), said(error))
}

/// Nothing is left half done by a panic elsewhere.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_have_several_values() {
        let whole = r#"{ "user": "shop", "port": 5432, "none": null }"#;
        for (key, expected) in [
            (None, Ok(whole)),
            (Some("user"), Ok("shop")),
            (Some("port"), Ok("5432")),
            (Some("pass"), Err("AWS Secrets Manager: `db` has no `pass`")),
        ] {
            let found = part("db", whole, key).map_err(|error| error.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
        }
        let error = part("db", "hush", Some("user")).unwrap_err().to_string();
        assert_eq!(error, "AWS Secrets Manager: `db` is no JSON object, and has no `user`");
    }
}
