//! Tokens of OAuth 2.0, by client credentials (RFC 6749, 4.4): asked for when there is none, kept until
//! shortly before they end.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use serde_json::Value;
use stepyard_asl::StatesError;
use stepyard_engine::outside::Names;

use super::{
    connection::{Authorization, Connection, Credentials, OAuth, port},
    exchange, form,
};

/// A token is not used in the last of its time.
const MARGIN: Duration = Duration::from_secs(30);
/// How long a token is used that says nothing of its end.
const LIFETIME: Duration = Duration::from_secs(300);

/// Tokens by the names of connections.
#[derive(Default)]
pub(super) struct Tokens(Mutex<BTreeMap<String, Token>>);

#[derive(Clone)]
struct Token {
    value: String,
    ends: Instant,
}

impl Tokens {
    /// The token of a connection; none when it needs none.
    pub(super) async fn of(
        &self,
        name: &str,
        connection: &Connection,
        credentials: &Credentials,
        names: &dyn Names,
    ) -> Result<Option<String>, StatesError> {
        let Authorization::OAuth(oauth) = &connection.authorization else { return Ok(None) };
        let kept = self.kept().get(name).filter(|token| token.ends > Instant::now()).cloned();
        if let Some(token) = kept {
            return Ok(Some(token.value));
        }
        let token = ask(oauth, name, connection, credentials, names).await?;
        self.kept().insert(name.to_owned(), token.clone());
        Ok(Some(token.value))
    }

    /// The API did not take it.
    pub(super) fn forget(&self, name: &str) {
        self.kept().remove(name);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Token>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask(
    oauth: &OAuth,
    name: &str,
    connection: &Connection,
    credentials: &Credentials,
    names: &dyn Names,
) -> Result<Token, StatesError> {
    let refused = |why: String| {
        let cause =
            format!("The authorization server of the connection {name} gave no token: {why}");
        StatesError::new("Events.ConnectionResource.InvalidConnectionState", cause)
    };
    let uri: Uri =
        oauth.endpoint.parse().map_err(|_| refused("its URL is malformed".to_owned()))?;
    if port(&uri).is_none() {
        return Err(refused("its URL is not one of HTTP".to_owned()));
    }
    let request = request(oauth, &uri, credentials)
        .map_err(|_| refused("the client's id and secret cannot stand in a header".to_owned()))?;
    let granted = if connection.is_at_host_of(&uri) { &*connection.addresses } else { &[] };
    let addresses = exchange::addresses(names, &uri, granted, name).await?;
    let response = exchange::send(request, &addresses).await?;
    let body = serde_json::from_slice::<Value>(&response.body).unwrap_or_default();
    let value = body.get("access_token").and_then(Value::as_str);
    let Some(value) = value.filter(|_| response.status == 200) else {
        let error = body.get("error").and_then(Value::as_str).unwrap_or("no access_token");
        let error = credentials.cover(None).text(error.to_owned());
        return Err(refused(format!("{} {error}", response.status)));
    };
    let seconds = body.get("expires_in").and_then(Value::as_u64);
    let lifetime = seconds.map_or(LIFETIME, Duration::from_secs).saturating_sub(MARGIN);
    let ends = Instant::now().checked_add(lifetime).unwrap_or_else(Instant::now);
    Ok(Token { value: value.to_owned(), ends })
}

/// RFC 6749, 2.3.1: the client's id and secret by HTTP's Basic authentication.
fn request(
    oauth: &OAuth,
    uri: &Uri,
    credentials: &Credentials,
) -> Result<Request<Bytes>, http::Error> {
    let mut pairs = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
    pairs.extend(oauth.parameters.iter().map(|(name, value)| (name.clone(), value.clone())));
    let basic = format!("Basic {}", credentials.basic(&oauth.client_id));
    let mut authorization = HeaderValue::try_from(basic)?;
    authorization.set_sensitive(true);
    let host = uri.authority().map_or("", |authority| authority.as_str());
    Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header(header::HOST, host)
        .header(header::AUTHORIZATION, authorization)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Bytes::from(form::joined(&pairs)))
}
