//! A connection: which API an HTTP task may call with it, and what it puts into the requests.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::Uri;
use stepyard_engine::{
    Cover, lies_below,
    outside::{SecretError, Secrets},
};

use super::form;

/// A connection, as the manifest has it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// What the URLs that it is for begin with.
    url: Uri,
    /// The addresses that its host's name may lead to, instead of any public one.
    pub(super) addresses: Vec<IpAddr>,
    /// How its requests are authorized.
    pub(super) authorization: Authorization,
    /// Headers, query parameters and members of the body that it adds.
    pub(super) added: [BTreeMap<String, Text>; 3],
}

/// How requests are authorized. Secrets are by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// A header with a key.
    ApiKey {
        /// The header.
        name: String,
        /// The secret that is its value.
        value: String,
    },
    /// HTTP's Basic authentication.
    Basic {
        /// The user.
        username: String,
        /// The secret that is the password.
        password: String,
    },
    /// A token of OAuth 2.0, by client credentials.
    OAuth(OAuth),
}

/// Where a token is asked for, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth {
    /// The authorization server's token endpoint.
    pub endpoint: String,
    /// The client's id.
    pub client_id: String,
    /// The secret that is the client's.
    pub client_secret: String,
    /// What is said besides `grant_type`, such as `scope`.
    pub parameters: BTreeMap<String, String>,
}

/// A text, which may have one secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// What stands before the secret, or all there is.
    pub before: String,
    /// The secret's name.
    pub secret: Option<String>,
    /// What stands after it.
    pub after: String,
}

/// Why a connection cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// The URL is not one.
    #[error("`{0}` is not the beginning of a URL; write https://host:port/path")]
    NoUrl(String),
    /// A secret has no value.
    #[error("the secret `{0}` has no value")]
    NoSecret(String),
    /// It is not known which value a secret has.
    #[error("a secret cannot be had: {0}")]
    Unknown(#[from] SecretError),
}

impl Connection {
    /// A connection for the URLs that begin with `url`.
    pub fn new(url: &str, authorization: Authorization) -> Result<Self, ConnectionError> {
        let fault = || ConnectionError::NoUrl(url.to_owned());
        let parsed: Uri = url.parse().map_err(|_| fault())?;
        let named = parsed.host().is_some_and(|host| !host.is_empty());
        let plain = parsed.query().is_none() && !url.contains(['@', '#']);
        if port(&parsed).is_none() || !named || !plain {
            return Err(fault());
        }
        Ok(Self { url: parsed, addresses: Vec::new(), authorization, added: Default::default() })
    }

    /// The same, its host's name leading to these addresses and no other.
    pub fn at(self, addresses: Vec<IpAddr>) -> Self {
        Self { addresses, ..self }
    }

    /// The same, adding these headers, query parameters and members of the body.
    pub fn adding(
        self,
        headers: BTreeMap<String, Text>,
        query: BTreeMap<String, Text>,
        body: BTreeMap<String, Text>,
    ) -> Self {
        Self { added: [headers, query, body], ..self }
    }

    /// Whether it is for this URL: scheme, host and port are its own, and the path is its own or lies below.
    pub(super) fn covers(&self, uri: &Uri) -> bool {
        let is_plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        let prefix = self.url.path().trim_end_matches('/');
        is_plain
            && uri.scheme() == self.url.scheme()
            && self.is_at_host_of(uri)
            && port(uri) == port(&self.url)
            && lies_below(prefix, uri.path())
    }

    /// Whether its host is that of a URL.
    pub(super) fn is_at_host_of(&self, uri: &Uri) -> bool {
        let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
        host(uri) == host(&self.url)
    }
}

/// The port of a URL of HTTP; none of any other.
pub(super) fn port(uri: &Uri) -> Option<u16> {
    match uri.scheme_str() {
        Some("https") => Some(uri.port_u16().unwrap_or(443)),
        Some("http") => Some(uri.port_u16().unwrap_or(80)),
        _ => None,
    }
}

/// The values that a connection puts into a request.
pub(super) struct Credentials {
    /// The password, the key or the client's secret.
    pub(super) secret: String,
    pub(super) authorization: Authorization,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: BTreeMap<String, String>,
    /// All values of secrets among these.
    secrets: Vec<String>,
}

impl Credentials {
    /// Looks up every secret of a connection.
    pub(super) async fn look_up(
        connection: &Connection,
        secrets: &dyn Secrets,
    ) -> Result<Self, ConnectionError> {
        let name = match &connection.authorization {
            Authorization::ApiKey { value, .. } => value,
            Authorization::Basic { password, .. } => password,
            Authorization::OAuth(oauth) => &oauth.client_secret,
        };
        let texts = connection.added.iter().flat_map(BTreeMap::values);
        let names = std::iter::once(name).chain(texts.filter_map(|text| text.secret.as_ref()));
        let mut found = BTreeMap::new();
        for name in names {
            let value = secrets.secret(name).await?.filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| ConnectionError::NoSecret(name.clone()))?;
            found.insert(name.as_str(), value);
        }
        let fill = |texts: &BTreeMap<String, Text>| -> BTreeMap<String, String> {
            let filled = texts.iter().map(|(name, text)| {
                let secret = text.secret.as_deref().and_then(|name| found.get(name));
                let secret = secret.map_or("", String::as_str);
                (name.clone(), format!("{}{secret}{}", text.before, text.after))
            });
            filled.collect()
        };
        let [headers, query, body] = &connection.added;
        let (headers, query, body) = (fill(headers), fill(query), fill(body));
        let authorization = connection.authorization.clone();
        let secret = found[name.as_str()].clone();
        let secrets = found.into_values().collect();
        Ok(Self { secret, authorization, headers, query, body, secrets })
    }

    /// The same, adding nothing to headers, query and body.
    pub(super) fn without_additions(&self) -> Self {
        Self {
            secret: String::new(),
            authorization: self.authorization.clone(),
            headers: BTreeMap::new(),
            query: BTreeMap::new(),
            body: BTreeMap::new(),
            secrets: Vec::new(),
        }
    }

    /// A user and the secret, as HTTP's Basic authentication has them.
    pub(super) fn basic(&self, user: &str) -> String {
        BASE64_STANDARD.encode(format!("{user}:{}", self.secret))
    }

    /// Covers the secrets and a token, as they are and as they stand in requests.
    pub(super) fn cover(&self, token: Option<&str>) -> Cover {
        let user = match &self.authorization {
            Authorization::ApiKey { .. } => None,
            Authorization::Basic { username, .. } => Some(username),
            Authorization::OAuth(oauth) => Some(&oauth.client_id),
        };
        let basic = user.map(|user| self.basic(user));
        let values = self.secrets.iter().map(String::as_str).chain(token);
        let written: Vec<String> = values.clone().map(form::encoded).chain(basic).collect();
        Cover::new(values.chain(written.iter().map(String::as_str)))
    }
}

/// Nothing of the values.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::future::{BoxFuture, ready};

    use super::*;

    fn key() -> Authorization {
        Authorization::ApiKey { name: "X-Key".to_owned(), value: "KEY".to_owned() }
    }

    #[test]
    fn a_connection_is_for_what_its_url_begins() {
        let connection = Connection::new("https://api.example.com/v1/", key()).unwrap();
        for (uri, covered) in [
            ("https://api.example.com/v1/charges?a=b", true),
            ("https://API.example.com:443/v1", true),
            ("https://api.example.com/v10", false),
            ("https://api.example.com/v1/../admin", false),
            ("https://api.example.com:8443/v1/charges", false),
            ("http://api.example.com/v1/charges", false),
            ("https://api.example.com.evil.example/v1/charges", false),
            ("https://user@api.example.com/v1/charges", false),
            ("https://evil.example/v1", false),
        ] {
            assert_eq!(connection.covers(&uri.parse().unwrap()), covered, "{uri}");
        }
        let all = Connection::new("http://127.0.0.1:8080", key()).unwrap();
        assert!(all.covers(&"http://127.0.0.1:8080/any".parse().unwrap()));
    }

    #[test]
    fn what_is_no_beginning_of_a_url_is_refused() {
        for url in ["", "api.example.com", "ftp://h/", "https://", "https://u@h/", "https://h/?q=1"]
        {
            assert_eq!(
                Connection::new(url, key()).unwrap_err(),
                ConnectionError::NoUrl(url.to_owned())
            );
        }
    }

    struct Table;

    impl Secrets for Table {
        fn secret(&self, name: &str) -> BoxFuture<'_, Result<Option<String>, SecretError>> {
            Box::pin(ready(Ok(self.known(name))))
        }

        fn known(&self, name: &str) -> Option<String> {
            (name != "ABSENT").then(|| format!("value of {name}"))
        }
    }

    #[tokio::test]
    async fn secrets_are_looked_up_and_never_shown() {
        let text = |before: &str, secret: Option<&str>| Text {
            before: before.to_owned(),
            secret: secret.map(str::to_owned),
            after: String::new(),
        };
        let headers =
            [("A".to_owned(), text("Token ", Some("T"))), ("B".to_owned(), text("b", None))];
        let connection = Connection::new("https://h", key()).unwrap();
        let connection = connection.adding(headers.into(), BTreeMap::new(), BTreeMap::new());
        let credentials = Credentials::look_up(&connection, &Table).await.unwrap();
        assert_eq!(credentials.secret, "value of KEY");
        assert_eq!(credentials.headers["A"], "Token value of T");
        assert_eq!(credentials.headers["B"], "b");
        let covered = credentials.cover(Some("a token")).text("value of T, a token".to_owned());
        assert_eq!(covered, "**********, *******");
        assert!(!format!("{credentials:?}").contains("value"));
        let absent =
            Authorization::Basic { username: "u".to_owned(), password: "ABSENT".to_owned() };
        let connection = Connection::new("https://h", absent).unwrap();
        let error = Credentials::look_up(&connection, &Table).await.unwrap_err();
        assert_eq!(error, ConnectionError::NoSecret("ABSENT".to_owned()));
    }

    #[tokio::test]
    async fn secrets_are_covered_as_they_stand_in_a_request() {
        let basic = Authorization::Basic { username: "u".to_owned(), password: "P".to_owned() };
        let connection = Connection::new("https://h", basic).unwrap();
        let credentials = Credentials::look_up(&connection, &Table).await.unwrap();
        let sent = "Basic dTp2YWx1ZSBvZiBQ, ?key=value%20of%20P";
        let covered = credentials.cover(None).text(sent.to_owned());
        assert_eq!(covered, "Basic ****************, ?key=**************");
    }
}
