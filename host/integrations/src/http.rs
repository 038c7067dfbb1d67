//! HTTP APIs: `http:invoke`.
//!
//! What it is allowed to call and how it is authorized is a connection, which the definition names by the
//! ARN of an EventBridge connection and the manifest has. Redirects are answers like any other, and a name
//! is looked up once: what was checked is what is connected to. Secrets are put into a request at the last
//! moment, and covered where the API sends them back.

mod connection;
mod exchange;
mod form;
mod request;
mod response;
mod token;
mod trial;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde_json::Value;
use stepyard_asl::{Pattern, Resource, ResourceKind, StatesError, error_name};
use stepyard_engine::{
    Integration, Outcome, Task, Trial,
    outside::{Names, Secrets},
};
use tokio::time::timeout;

use connection::Credentials;
pub use connection::{Authorization, Connection, ConnectionError, OAuth, Text};
use request::Call;
use token::Tokens;

/// How long all of it may take ("HTTP task requests will timeout after 60 seconds").
const TIMEOUT: Duration = Duration::from_secs(60);

/// Beside the status code, the names of these errors are all that AWS has for HTTP.
const SOCKET: &str = "States.Http.Socket";

/// Calls HTTP APIs, and answers as Step Functions does.
pub(crate) struct Http {
    /// By their names.
    connections: BTreeMap<String, Connection>,
    names: Arc<dyn Names>,
    secrets: Arc<dyn Secrets>,
    tokens: Tokens,
    region: String,
}

impl Http {
    pub(crate) fn new(
        connections: BTreeMap<String, Connection>,
        names: Arc<dyn Names>,
        secrets: Arc<dyn Secrets>,
        region: String,
    ) -> Self {
        Self { connections, names, secrets, tokens: Tokens::default(), region }
    }

    async fn invoke(&self, task: &Task) -> Result<Value, StatesError> {
        let call = Call::read(task)?;
        let arn = call.connection.clone();
        let found =
            connection_name(&arn).and_then(|name| Some((name, self.connections.get(name)?)));
        let Some((name, connection)) = found else { return Err(unknown(&arn)) };
        let answered =
            timeout(TIMEOUT, self.send(name, connection, call, task.trial.as_deref())).await;
        answered.unwrap_or_else(|_| {
            let cause = format!("No answer came within {} seconds.", TIMEOUT.as_secs());
            Err(StatesError::new(SOCKET, cause))
        })
    }

    async fn send(
        &self,
        name: &str,
        connection: &Connection,
        call: Call,
        trial: Option<&Trial>,
    ) -> Result<Value, StatesError> {
        let uri = call.endpoint.clone();
        if !connection.covers(&uri) {
            return Err(uncovered(name, &uri));
        }
        let credentials =
            Credentials::look_up(connection, &*self.secrets).await.map_err(invalid)?;
        let token = self.tokens.of(name, connection, &credentials, &*self.names).await?;
        let bare = trial.map(|_| call.clone());
        let request = request::build(call, &credentials, token.as_deref(), &self.region)?;
        if let (Some(trial), Some(call)) = (trial, bare) {
            trial::show_request(trial, &request, call, &credentials, &self.region);
        }
        let addresses =
            exchange::addresses(&*self.names, &uri, &connection.addresses, name).await?;
        let response = exchange::send(request, &addresses).await?;
        if response.status == 401 {
            // The next attempt asks for another.
            self.tokens.forget(name);
        }
        let cover = credentials.cover(token.as_deref());
        if let Some(trial) = trial {
            trial::show_response(trial, &uri, &response, &cover);
        }
        response::answer(response, &cover)
    }
}

/// Whether these are HTTP tasks.
pub(crate) fn claims(resource: &Resource) -> bool {
    let ResourceKind::Service { service, action, pattern } = resource.kind() else {
        return false;
    };
    service == "http" && action == "invoke" && *pattern == Pattern::RequestResponse
}

impl Integration for Http {
    fn claims(&self, resource: &Resource) -> bool {
        claims(resource)
    }

    fn run(&self, task: Task) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            match self.invoke(&task).await {
                Ok(answer) => task.answered(answer),
                Err(error) => Outcome::failed(error),
            }
        })
    }
}

/// The connection's name: `Stripe` in `arn:aws:events:us-east-1:123456789012:connection/Stripe/81210c42-…`.
pub fn connection_name(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let is_arn = parts.next() == Some("arn") && parts.nth(1) == Some("events");
    let name = parts.nth(2)?.strip_prefix("connection/")?.split('/').next()?;
    (is_arn && !name.is_empty()).then_some(name)
}

/// The connection's ARN that a Task state names, where it is an HTTP task and its definition says which.
pub fn connection_of<'a>(resource: &Resource, arguments: Option<&'a Value>) -> Option<&'a str> {
    let arguments = arguments.filter(|_| claims(resource))?;
    let config = ["InvocationConfig", "Authentication"].iter().find_map(|it| arguments.get(it))?;
    config.get("ConnectionArn")?.as_str().filter(|text| !text.starts_with("{%"))
}

fn unknown(arn: &str) -> StatesError {
    let mend = match connection_name(arn) {
        Some(name) => format!("add [connections.{name}] to the manifest"),
        None => "name it as in arn:aws:events:us-east-1:123456789012:connection/NAME/ID".to_owned(),
    };
    let cause = format!("The connection {arn} does not exist: {mend}.");
    StatesError::new("Events.ConnectionResource.ResourceNotFound", cause)
}

fn invalid(error: ConnectionError) -> StatesError {
    StatesError::new("Events.ConnectionResource.InvalidConnectionState", error.to_string())
}

fn uncovered(name: &str, uri: &http::Uri) -> StatesError {
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let scheme = uri.scheme_str().unwrap_or("https");
    StatesError::new(
        error_name::PERMISSIONS,
        format!(
            "The connection {name} is not for {scheme}://{host}{}: `url` of [connections.{name}] in the manifest says what it is for.",
            uri.path()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_named_in_its_arn() {
        for (arn, name) in [
            (
                "arn:aws:events:us-east-2:123456789012:connection/Stripe/81210c42-8af1",
                Some("Stripe"),
            ),
            ("arn:aws:events:us-east-2:123456789012:connection/Stripe", Some("Stripe")),
            ("arn:aws-cn:events:cn-north-1:123456789012:connection/a.b-c_d/1", Some("a.b-c_d")),
            ("arn:aws:events:us-east-2:123456789012:connection/", None),
            ("arn:aws:events:us-east-2:123456789012:rule/Stripe", None),
            ("arn:aws:lambda:us-east-2:123456789012:connection/Stripe/1", None),
            ("Stripe", None),
        ] {
            assert_eq!(connection_name(arn), name, "{arn}");
        }
    }
}
