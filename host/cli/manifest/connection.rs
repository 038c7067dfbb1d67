//! `[connections.NAME]`: the HTTP APIs that a workflow may call, and how its requests are authorized.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Deserialize;
use stepyard_integrations::{Authorization, Connection, OAuth, Text};
use toml::Spanned;

use super::{Fault, Manifest, SecretTemplate};

/// `[connections.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionSection {
    /// What the URLs that it is for begin with.
    pub url: Spanned<String>,
    /// The addresses that the host's name may lead to, instead of any public one.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// A header with a key.
    pub api_key: Option<ApiKey>,
    /// HTTP's Basic authentication.
    pub basic: Option<Basic>,
    /// A token of OAuth 2.0.
    pub oauth: Option<OAuthClient>,
    /// Headers that are added; `{NAME}` in one is a secret.
    #[serde(default)]
    pub headers: BTreeMap<String, Spanned<String>>,
    /// Query parameters that are added.
    #[serde(default)]
    pub query: BTreeMap<String, Spanned<String>>,
    /// Members of the body that are added.
    #[serde(default)]
    pub body: BTreeMap<String, Spanned<String>>,
}

/// `{ name = "X-Api-Key", value = "SECRET" }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// The header.
    pub name: String,
    /// The secret that is its value.
    pub value: Spanned<String>,
}

/// `{ username = "…", password = "SECRET" }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The user.
    pub username: String,
    /// The secret that is the password.
    pub password: Spanned<String>,
}

/// `{ endpoint = "https://…", client_id = "…", client_secret = "SECRET" }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuthClient {
    /// Where tokens are asked for.
    pub endpoint: String,
    /// The client's id.
    pub client_id: String,
    /// The secret that is the client's.
    pub client_secret: Spanned<String>,
    /// What is said besides, such as `scope`.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

impl Manifest {
    /// The connections, by their names.
    pub fn connections(&self) -> Result<BTreeMap<String, Connection>, Fault> {
        let sections = self.connections.iter();
        sections.map(|(name, section)| Ok((name.clone(), section.connection(name)?))).collect()
    }
}

impl ConnectionSection {
    fn connection(&self, name: &str) -> Result<Connection, Fault> {
        let fault = |message: String| (Some(self.url.span()), message);
        let connection = Connection::new(self.url.get_ref(), self.authorization(name)?);
        let connection = connection.map_err(|error| fault(error.to_string()))?;
        let texts = |written: &BTreeMap<String, Spanned<String>>| {
            let texts = written.iter().map(|(name, value)| Ok((name.clone(), text(value)?)));
            texts.collect::<Result<BTreeMap<_, _>, Fault>>()
        };
        let (headers, query, body) =
            (texts(&self.headers)?, texts(&self.query)?, texts(&self.body)?);
        Ok(connection.at(self.addresses.clone()).adding(headers, query, body))
    }

    fn authorization(&self, name: &str) -> Result<Authorization, Fault> {
        let secret = |name: &Spanned<String>| name.get_ref().clone();
        match (&self.api_key, &self.basic, &self.oauth) {
            (Some(key), None, None) => {
                Ok(Authorization::ApiKey { name: key.name.clone(), value: secret(&key.value) })
            }
            (None, Some(basic), None) => Ok(Authorization::Basic {
                username: basic.username.clone(),
                password: secret(&basic.password),
            }),
            (None, None, Some(oauth)) => Ok(Authorization::OAuth(OAuth {
                endpoint: oauth.endpoint.clone(),
                client_id: oauth.client_id.clone(),
                client_secret: secret(&oauth.client_secret),
                parameters: oauth.parameters.clone(),
            })),
            _ => Err((
                Some(self.url.span()),
                format!("[connections.{name}] needs one of `api_key`, `basic` and `oauth`"),
            )),
        }
    }

    pub(super) fn check(&self, name: &str, manifest: &Manifest) -> Result<(), Fault> {
        self.connection(name)?;
        let own = [
            self.api_key.as_ref().map(|key| &key.value),
            self.basic.as_ref().map(|basic| &basic.password),
            self.oauth.as_ref().map(|oauth| &oauth.client_secret),
        ];
        own.into_iter().flatten().try_for_each(|secret| manifest.check_secret(secret))?;
        let added = [&self.headers, &self.query, &self.body].into_iter().flat_map(BTreeMap::values);
        let secrets = added.filter_map(|value| Some((value.span(), text(value).ok()?.secret?)));
        for (span, secret) in secrets {
            manifest.check_secret_at(span, &secret)?;
        }
        Ok(())
    }
}

/// A text, in which a name in braces is a secret's.
fn text(written: &Spanned<String>) -> Result<Text, Fault> {
    let value = written.get_ref();
    if !value.contains(['{', '}']) {
        return Ok(Text { before: value.clone(), secret: None, after: String::new() });
    }
    let template = SecretTemplate::parse(value).ok_or_else(|| {
        let message = format!("`{value}` names no one secret; write it as \"Bearer {{NAME}}\"");
        (Some(written.span()), message)
    })?;
    let SecretTemplate { before, secret, after } = template;
    Ok(Text { before, secret: Some(secret), after })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_connection_is_told_with_its_place() {
        let with = |rest: &str| {
            format!("secrets.S.env = \"S\"\n[connections.Stripe]\nurl = \"https://h/\"\n{rest}\n")
        };
        let basic = "basic = { username = \"u\", password = \"S\" }";
        for (text, expected) in [
            (with(basic), ""),
            (with(&format!("{basic}\nheaders = {{ A = \"b\", X = \"Token {{S}}\" }}")), ""),
            (
                with(""),
                "stepyard.toml:3:7: [connections.Stripe] needs one of `api_key`, `basic` and `oauth`",
            ),
            (
                with("api_key = { name = \"X\", value = \"T\" }"),
                "stepyard.toml:4:33: secret `T` is not defined; add [secrets.T] with env, file or secretsmanager",
            ),
            (
                with(&format!("{basic}\nquery = {{ key = \"{{T}}\" }}")),
                "stepyard.toml:5:17: secret `T` is not defined; add [secrets.T] with env, file or secretsmanager",
            ),
            (
                with(&format!("{basic}\nbody = {{ key = \"{{S}}{{S}}\" }}")),
                "stepyard.toml:5:16: `{S}{S}` names no one secret; write it as \"Bearer {NAME}\"",
            ),
            (
                with(basic).replace("https://h/", "h"),
                "stepyard.toml:3:7: `h` is not the beginning of a URL; write https://host:port/path",
            ),
        ] {
            let result = Manifest::parse(Path::new("stepyard.toml"), &text);
            let message = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(message, expected, "{text}");
        }
    }
}
