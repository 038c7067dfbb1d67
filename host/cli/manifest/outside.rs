//! `[keyvalue.BUCKET]`, `[redis]`, `[secrets.NAME]`, `[mail]` and `[sns]`: where the outside is.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use toml::Spanned;

/// `[keyvalue.BUCKET]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bucket {
    /// The most that keys and values may take together.
    pub quota_mib: Option<u32>,
    /// Where it is kept: in Redis where there is a `[redis]`, if nothing else is said.
    pub store: Option<Spanned<BucketStore>>,
    /// Written once, where the key is absent: a text as it is, anything else as JSON.
    pub seed: BTreeMap<String, toml::Value>,
}

/// Where a bucket is kept.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum BucketStore {
    /// In the data directory.
    Sqlite,
    /// Where `[redis]` says.
    Redis,
}

/// `[redis]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// `redis://user@host:port/database`, or `rediss://…` with TLS.
    pub url: String,
    /// The secret that is the password.
    pub password: Option<Spanned<String>>,
    /// What the names of all keys begin with.
    pub prefix: Option<String>,
}

/// `[secrets.NAME]`: exactly one source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Secret {
    /// `env = "GATEWAY_KEY"`: an environment variable.
    #[serde(rename = "env")]
    Env(String),
    /// `file = "…"`: a file's text, without its last line break; relative to the manifest.
    #[serde(rename = "file")]
    File(PathBuf),
}

/// `[mail]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// `smtp://user@host:port` or `smtps://…`; when absent mail is kept in a folder.
    pub smtp: Option<Spanned<String>>,
    /// The secret that is the SMTP password.
    pub password: Option<Spanned<String>>,
    /// The folder, relative to the data directory.
    pub folder: Option<PathBuf>,
}

impl Mail {
    /// Whether mail is kept in the data directory.
    pub fn is_embedded(&self) -> bool {
        self.smtp.is_none()
    }
}

/// `[sns]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sns {
    /// Where a publish goes.
    pub delivery: SnsDelivery,
}

/// Where a publish goes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum SnsDelivery {
    /// To the topic log in the data directory.
    #[default]
    Log,
    /// To Amazon SNS, reached as `[aws]` says.
    Aws,
}
