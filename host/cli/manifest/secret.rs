//! `[secrets.NAME]`: where the value of a secret is.

use std::path::PathBuf;

use serde::Deserialize;

/// `[secrets.NAME]`: exactly one source.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub enum Secret {
    /// `env = "GATEWAY_KEY"`: an environment variable.
    Env(String),
    /// `file = "…"`: a file's text, without its last line break; relative to the manifest.
    File(PathBuf),
    /// `secretsmanager = "…"`: a secret of AWS Secrets Manager.
    SecretsManager {
        /// Its name or ARN.
        id: String,
        /// Where in its JSON the value is; without this all of it is.
        json_key: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    env: Option<String>,
    file: Option<PathBuf>,
    secretsmanager: Option<String>,
    json_key: Option<String>,
}

impl TryFrom<Written> for Secret {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written { env: Some(name), file: None, secretsmanager: None, json_key: None } => {
                Ok(Self::Env(name))
            }
            Written { env: None, file: Some(path), secretsmanager: None, json_key: None } => {
                Ok(Self::File(path))
            }
            Written { env: None, file: None, secretsmanager: Some(id), json_key } => {
                Ok(Self::SecretsManager { id, json_key })
            }
            Written { secretsmanager: None, json_key: Some(_), .. } => {
                Err("json_key is for secretsmanager only")
            }
            _ => Err("a secret has exactly one of env, file and secretsmanager"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::manifest::Manifest;

    #[test]
    fn a_secret_has_one_source() {
        let one = "a secret has exactly one of env, file and secretsmanager";
        let only = "json_key is for secretsmanager only";
        for (text, expected) in [
            ("env = \"A\"", None),
            ("file = \"a\"", None),
            ("secretsmanager = \"shop/key\"", None),
            ("secretsmanager = \"shop/key\"\njson_key = \"k\"", None),
            ("", Some(one)),
            ("env = \"A\"\nfile = \"a\"", Some(one)),
            ("env = \"A\"\nsecretsmanager = \"a\"", Some(one)),
            ("env = \"A\"\njson_key = \"k\"", Some(only)),
        ] {
            let text = format!("[secrets.S]\n{text}\n");
            let result = Manifest::parse(Path::new("stepyard.toml"), &text);
            let message = result.err().map(|error| error.to_string());
            let expected = expected.map(|expected| format!("stepyard.toml:1:1: {expected}"));
            assert_eq!(message, expected, "{text}");
        }
    }
}
