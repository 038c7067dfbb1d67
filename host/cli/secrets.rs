//! The manifest's secrets.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use futures::future::{BoxFuture, ready};
use stepyard_engine::outside::{SecretError, Secrets};
use stepyard_integrations::{Aws, SecretsManager};
use tokio::sync::OnceCell;

use crate::manifest::{Manifest, Secret};

/// How long an answer of Secrets Manager is used: so soon a rotated secret is.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// The manifest's secrets, looked up when they are needed.
pub(crate) struct ManifestSecrets {
    sources: BTreeMap<String, Source>,
    aws: Aws,
    manager: OnceCell<SecretsManager>,
}

enum Source {
    Variable(String),
    File(PathBuf),
    SecretsManager { id: String, json_key: Option<String> },
}

impl ManifestSecrets {
    /// The secrets of a manifest; those of Secrets Manager are asked for as `aws` reaches it.
    pub(crate) fn new(manifest: &Manifest, aws: Aws) -> Self {
        let sources = manifest.secrets.iter();
        let sources = sources.map(|(name, secret)| (name.clone(), Source::of(secret, manifest)));
        Self { sources: sources.collect(), aws, manager: OnceCell::new() }
    }

    /// The value of a secret that the host itself needs: what is empty guards nothing.
    pub(crate) async fn required(&self, name: &str, whose: &str) -> Result<String> {
        let secret = self.secret(name).await;
        let secret = secret.with_context(|| format!("secret `{name}` for {whose}"))?;
        has_value(secret, name, whose, self.sources.get(name))
    }

    async fn manager(&self) -> &SecretsManager {
        self.manager.get_or_init(|| SecretsManager::open(&self.aws, KEPT_FOR)).await
    }
}

/// The value of a secret that is here, in the environment or in a file: what AWS is reached by.
pub(crate) fn here(manifest: &Manifest, name: &str, whose: &str) -> Result<String> {
    let source = manifest.secrets.get(name).map(|secret| Source::of(secret, manifest));
    has_value(source.as_ref().and_then(Source::read), name, whose, source.as_ref())
}

fn has_value(
    value: Option<String>,
    name: &str,
    whose: &str,
    source: Option<&Source>,
) -> Result<String> {
    let mend = || source.map_or("define it".to_owned(), Source::mend);
    value
        .filter(|value| !value.is_empty())
        .with_context(|| format!("secret `{name}` for {whose} has no value; {}", mend()))
}

impl Source {
    fn of(secret: &Secret, manifest: &Manifest) -> Self {
        match secret {
            Secret::Env(name) => Self::Variable(name.clone()),
            Secret::File(path) => Self::File(manifest.resolve(path)),
            Secret::SecretsManager { id, json_key } => {
                Self::SecretsManager { id: id.clone(), json_key: json_key.clone() }
            }
        }
    }

    /// The value, where it is here.
    fn read(&self) -> Option<String> {
        match self {
            Self::Variable(name) => std::env::var(name).ok(),
            Self::File(path) => {
                let text = fs::read_to_string(path).ok()?;
                Some(text.strip_suffix('\n').unwrap_or(&text).to_owned())
            }
            Self::SecretsManager { .. } => None,
        }
    }

    /// What to do for a secret to have a value.
    fn mend(&self) -> String {
        match self {
            Self::Variable(variable) => format!("set the environment variable {variable}"),
            Self::File(path) => format!("write it to {}", path.display()),
            Self::SecretsManager { id, .. } => format!("put it into `{id}` of Secrets Manager"),
        }
    }
}

impl Secrets for ManifestSecrets {
    fn secret(&self, name: &str) -> BoxFuture<'_, Result<Option<String>, SecretError>> {
        match self.sources.get(name) {
            None => Box::pin(ready(Ok(None))),
            Some(Source::SecretsManager { id, json_key }) => Box::pin(async {
                self.manager().await.value(id, json_key.as_deref()).await.map(Some)
            }),
            Some(source) => Box::pin(ready(Ok(source.read()))),
        }
    }

    fn known(&self, name: &str) -> Option<String> {
        match self.sources.get(name)? {
            Source::SecretsManager { id, json_key } => {
                self.manager.get()?.known(id, json_key.as_deref())
            }
            source => source.read(),
        }
    }
}
