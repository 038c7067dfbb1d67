//! The manifest's secrets.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result};
use stepyard_engine::outside::Secrets;

use crate::manifest::{Manifest, Secret};

/// The manifest's secrets, looked up when they are needed.
pub(crate) struct ManifestSecrets(BTreeMap<String, Source>);

enum Source {
    Variable(String),
    File(PathBuf),
}

impl ManifestSecrets {
    pub(crate) fn new(manifest: &Manifest) -> Self {
        let source = |secret: &Secret| match secret {
            Secret::Env(name) => Source::Variable(name.clone()),
            Secret::File(path) => Source::File(manifest.resolve(path)),
        };
        Self(manifest.secrets.iter().map(|(name, it)| (name.clone(), source(it))).collect())
    }

    /// The value of a secret that the host itself needs: what is empty guards nothing.
    pub(crate) fn required(&self, name: &str, whose: &str) -> Result<String> {
        let secret = self.secret(name).filter(|value| !value.is_empty());
        secret.with_context(|| {
            format!("secret `{name}` for {whose} has no value; {}", self.source(name))
        })
    }

    /// What to do for a secret to have a value.
    fn source(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Source::Variable(variable)) => format!("set the environment variable {variable}"),
            Some(Source::File(path)) => format!("write it to {}", path.display()),
            None => format!("add [secrets.{name}] with env or file"),
        }
    }
}

impl Secrets for ManifestSecrets {
    fn secret(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Source::Variable(name) => std::env::var(name).ok(),
            Source::File(path) => {
                let text = fs::read_to_string(path).ok()?;
                Some(text.strip_suffix('\n').unwrap_or(&text).to_owned())
            }
        }
    }
}
