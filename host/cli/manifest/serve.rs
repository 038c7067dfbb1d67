//! `[serve]`: who may call `stepyard serve`, and how.

use std::{collections::BTreeSet, path::PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::{Fault, Manifest};

/// `[serve]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Serve {
    /// The keys that calls are signed with; without any, calls need no signature.
    pub keys: Vec<ServeKey>,
    /// The names in `Host` that are answered to, besides those of the address itself.
    pub hosts: Vec<Spanned<String>>,
    /// What connections are encrypted with.
    pub tls: Option<ServeTls>,
    /// The secret that whoever reads `/metrics` has to send.
    pub metrics_token: Option<Spanned<String>>,
    /// How many days an execution is kept after its end.
    pub retention_days: Option<u32>,
    /// How much the journal may take before what ended first is forgotten early.
    pub store_mib_max: Option<u32>,
}

impl Serve {
    pub(super) fn check(&self, manifest: &Manifest) -> Result<(), Fault> {
        let mut ids = BTreeSet::new();
        for key in &self.keys {
            let id = key.id.get_ref();
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if !(1..=128).contains(&id.len()) || !id.bytes().all(is_word) {
                let message =
                    format!("`{id}` is not an access key id: 1 to 128 letters, digits and _");
                return Err((Some(key.id.span()), message));
            }
            if !ids.insert(id) {
                let message = format!("access key `{id}` is there twice; leave one out");
                return Err((Some(key.id.span()), message));
            }
            manifest.check_secret(&key.secret)?;
        }
        if let Some(token) = &self.metrics_token {
            manifest.check_secret(token)?;
        }
        for host in &self.hosts {
            let name = host.get_ref();
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte);
            let with_port = name.contains(':') && !name.starts_with('[');
            if name.is_empty() || with_port || !name.bytes().all(allowed) {
                let message = format!(
                    "`{name}` is not a host; write its name or address alone, such as \"stepyard.example.com\""
                );
                return Err((Some(host.span()), message));
            }
        }
        Ok(())
    }
}

/// `{ id = "AKIA…", secret = "NAME" }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeKey {
    /// The access key id.
    pub id: Spanned<String>,
    /// The secret that is the secret access key.
    pub secret: Spanned<String>,
}

/// `{ certificate = "cert.pem", key = "key.pem" }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeTls {
    /// The certificate chain, in PEM; relative to the manifest.
    pub certificate: PathBuf,
    /// Its private key, in PEM; relative to the manifest.
    pub key: PathBuf,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_wrong_with_serve_is_told_with_its_place() {
        let with = |serve: &str| format!("secrets.S.env = \"S\"\n[serve]\n{serve}\n");
        let key = |id: &str, secret: &str| format!("{{ id = \"{id}\", secret = \"{secret}\" }}");
        let keys = |keys: &[String]| with(&format!("keys = [{}]", keys.join(", ")));
        for (text, expected) in [
            (keys(&[key("AKID", "S"), key("AKID2", "S")]), ""),
            (
                with("hosts = [\"stepyard.example.com\", \"10.0.0.1\", \"::1\"]"),
                "stepyard.toml:3:46: `::1` is not a host; write its name or address alone, such as \"stepyard.example.com\"",
            ),
            (with("hosts = [\"a.example\", \"[::1]\"]"), ""),
            (
                with("hosts = [\"https://a.example\"]"),
                "stepyard.toml:3:10: `https://a.example` is not a host; write its name or address alone, such as \"stepyard.example.com\"",
            ),
            (
                keys(&[key("A/B", "S")]),
                "stepyard.toml:3:16: `A/B` is not an access key id: 1 to 128 letters, digits and _",
            ),
            (
                keys(&[key("A", "S"), key("A", "S")]),
                "stepyard.toml:3:44: access key `A` is there twice; leave one out",
            ),
            (
                keys(&[key("A", "T")]),
                "stepyard.toml:3:30: secret `T` is not defined; add [secrets.T] with env, file or secretsmanager",
            ),
            (
                with("tls = { certificate = \"cert.pem\" }"),
                "stepyard.toml:3:7: missing field `key`",
            ),
        ] {
            let result = Manifest::parse(Path::new("stepyard.toml"), &text);
            let message = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(message, expected, "{text}");
        }
    }
}
