//! `http:invoke` against localstripe, which wants forms and a key, and an API that wants the tokens of
//! oauthlib's authorization server.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use stepyard_asl::{Payload, StatesError};
use stepyard_engine::Integration;
use stepyard_integrations::{Authorization, Connection, OAuth, Text};

use crate::{
    closed_port,
    python::{Server, python},
    task::{Values, aws, integrations, run_on, task},
};

const ARN: &str = "arn:aws:events:us-east-1:123456789012:connection/Api/81210c42";

/// Integrations with one connection, `Api`.
async fn with(connection: Connection) -> Vec<Arc<dyn Integration>> {
    let secrets = Values(BTreeMap::from([
        ("STRIPE", "Bearer sk_test_12345"),
        ("CLIENT", "client secret"),
        ("WRONG", "wrong secret"),
    ]));
    integrations(aws("http://nowhere", "test"), [("Api".to_owned(), connection)].into(), secrets)
        .await
}

async fn invoke(all: &[Arc<dyn Integration>], input: Value) -> Result<Payload, StatesError> {
    let mut whole = json!({ "InvocationConfig": { "ConnectionArn": ARN } });
    whole.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    run_on(all, task("http:invoke", whole)).await
}

fn stripe(server: &Server) -> Connection {
    let key = Authorization::ApiKey { name: "Authorization".into(), value: "STRIPE".into() };
    Connection::new(&format!("{}/v1/", server.url()), key).unwrap()
}

fn oauth(server: &Server, secret: &str, scope: &str) -> Connection {
    let authorization = Authorization::OAuth(OAuth {
        endpoint: format!("{}/token", server.url()),
        client_id: "orders".to_owned(),
        client_secret: secret.to_owned(),
        parameters: BTreeMap::from([("scope".to_owned(), scope.to_owned())]),
    });
    Connection::new(&server.url(), authorization).unwrap()
}

#[tokio::test]
async fn an_api_that_wants_forms_and_a_key_is_called() {
    let Some(python) = python() else { return };
    let server = python.stripe();
    let all = with(stripe(&server)).await;
    let url = |path: &str| format!("{}/v1/{path}", server.url());
    let answer = invoke(
        &all,
        json!({
            "ApiEndpoint": url("customers"), "Method": "POST",
            "Headers": { "Content-Type": "application/x-www-form-urlencoded" },
            "RequestBody": { "email": "a+b@example.com", "metadata": { "order": "12 345" } },
            "Transform": { "RequestBodyEncoding": "URL_ENCODED" },
        }),
    )
    .await
    .unwrap();
    let answer = answer.value();
    assert_eq!((&answer["StatusCode"], &answer["StatusText"]), (&json!(200), &json!("OK")));
    let customer = &answer["ResponseBody"];
    assert_eq!(customer["email"], "a+b@example.com");
    assert_eq!(customer["metadata"], json!({ "order": "12 345" }));
    let kind = answer["Headers"]["content-type"][0].as_str().unwrap();
    assert!(kind.starts_with("application/json"), "{answer}");

    let listed = json!({
        "ApiEndpoint": url("customers"), "Method": "GET",
        "QueryParameters": { "limit": 1, "email": "a+b@example.com" },
    });
    let listed = invoke(&all, listed).await.unwrap();
    assert_eq!(listed.value()["ResponseBody"]["data"][0]["id"], customer["id"]);

    let missing = json!({ "ApiEndpoint": url("customers/cus_none"), "Method": "GET" });
    let error = invoke(&all, missing).await.unwrap_err();
    assert_eq!(error.name(), "States.Http.StatusCode.404");
    let cause: Value = serde_json::from_str(&error.cause.unwrap()).unwrap();
    assert_eq!(cause["error"]["type"], "invalid_request_error", "{cause}");
}

/// Whether a header has this name, however it is written.
fn is_named(header: &Value, name: &str) -> bool {
    header[0].as_str().is_some_and(|it| it.eq_ignore_ascii_case(name))
}

#[tokio::test]
async fn a_token_is_asked_for_kept_and_asked_for_again() {
    let Some(python) = python() else { return };
    let server = python.oauth();
    let all = with(oauth(&server, "CLIENT", "read write")).await;
    let call = || invoke(&all, json!({ "ApiEndpoint": server.url(), "Method": "GET" }));
    for _ in 0..2 {
        let answer = call().await.unwrap();
        let asked = &answer.value()["ResponseBody"];
        assert_eq!(asked["tokens_given"], 1, "{asked}");
        let headers = asked["headers"].as_array().unwrap();
        let sent = headers.iter().find(|header| is_named(header, "authorization")).unwrap();
        let value = sent[1].as_str().unwrap();
        assert!(value.starts_with("Bearer ***"), "the token is covered: {value}");
    }
    server.request("PUT", "/_config/forget", "");
    assert_eq!(call().await.unwrap_err().name(), "States.Http.StatusCode.401");
    let answer = call().await.unwrap();
    assert_eq!(answer.value()["ResponseBody"]["tokens_given"], 2);
}

#[tokio::test]
async fn a_token_that_is_refused_is_told_of_without_the_secret() {
    let Some(python) = python() else { return };
    let server = python.oauth();
    let input = json!({ "ApiEndpoint": server.url(), "Method": "GET" });
    for (secret, scope, expected) in [
        ("WRONG", "read", "401 invalid_client"),
        ("CLIENT", "all", "400 invalid_scope"),
        ("ABSENT", "read", "the secret `ABSENT` has no value"),
    ] {
        let all = with(oauth(&server, secret, scope)).await;
        let error = invoke(&all, input.clone()).await.unwrap_err();
        assert_eq!(error.name(), "Events.ConnectionResource.InvalidConnectionState");
        let cause = error.cause.unwrap();
        assert!(cause.ends_with(expected) && !cause.contains("wrong secret"), "{cause}");
    }
}

#[tokio::test]
async fn what_the_connection_adds_is_taken_before_what_the_task_says() {
    let Some(python) = python() else { return };
    let server = python.oauth();
    let text = |before: &str, secret: Option<&str>| Text {
        before: before.to_owned(),
        secret: secret.map(str::to_owned),
        after: String::new(),
    };
    let one = |name: &str, text: Text| BTreeMap::from([(name.to_owned(), text)]);
    let connection = oauth(&server, "CLIENT", "read").adding(
        one("Header-Param", text("of connection", None)),
        one("QueryParam", text("of connection", None)),
        one("BodyParam", text("Key ", Some("WRONG"))),
    );
    let all = with(connection).await;
    let input = json!({
        "ApiEndpoint": format!("{}/path?a=b", server.url()), "Method": "POST",
        "Headers": { "Request-Id": "mine", "Header-Param": "mine", "Accept": ["a", "b"] },
        "QueryParameters": { "QueryParam": "mine", "c d": ["1", true] },
        "RequestBody": { "Job": "Software Engineer", "BodyParam": "mine" },
    });
    let answer = invoke(&all, input.clone()).await.unwrap();
    let asked = &answer.value()["ResponseBody"];
    assert_eq!(asked["method"], "POST");
    assert_eq!(asked["path"], "/path?a=b&c%20d=1&c%20d=true&QueryParam=of%20connection");
    assert_eq!(asked["body"], r#"{"Job":"Software Engineer","BodyParam":"Key ************"}"#);
    let headers = asked["headers"].as_array().unwrap();
    let header = |name: &str| -> Vec<&Value> {
        headers.iter().filter(|it| is_named(it, name)).map(|it| &it[1]).collect()
    };
    assert_eq!(header("request-id"), ["mine"]);
    assert_eq!(header("header-param"), ["of connection"]);
    assert_eq!(header("accept"), ["a", "b"]);
    assert_eq!(header("content-type"), ["application/json; charset=UTF-8"]);
    assert_eq!(header("range"), ["bytes=0-262144"]);
    assert_eq!(header("host"), [server.url().strip_prefix("http://").unwrap()]);

    let mut text_body = input;
    text_body["RequestBody"] = json!("text");
    assert_eq!(invoke(&all, text_body).await.unwrap_err().name(), "States.Runtime");
}

#[tokio::test]
async fn nothing_is_called_that_the_connection_is_not_for() {
    let Some(python) = python() else { return };
    let server = python.stripe();
    let all = with(stripe(&server)).await;
    let url = server.url();
    let (_port, closed) = closed_port();
    for endpoint in [
        format!("{url}/v2/customers"),
        format!("{url}/v1/../_config/data"),
        url.replace("127.0.0.1", "localhost") + "/v1/customers",
        format!("http://{closed}/v1/"),
        "https://169.254.169.254/v1/".to_owned(),
    ] {
        let input = json!({ "ApiEndpoint": endpoint, "Method": "GET" });
        let error = invoke(&all, input).await.unwrap_err();
        assert_eq!(error.name(), "States.Permissions", "{endpoint}");
        let cause = error.cause.unwrap();
        assert!(cause.contains("`url` of [connections.Api]"), "{cause}");
    }
    let other = json!({
        "ApiEndpoint": url, "Method": "GET",
        "InvocationConfig": { "ConnectionArn": ARN.replace("/Api/", "/Other/") },
    });
    let error = invoke(&all, other).await.unwrap_err();
    assert_eq!(error.name(), "Events.ConnectionResource.ResourceNotFound");
    assert!(error.cause.unwrap().contains("[connections.Other]"));
}

#[tokio::test]
async fn a_name_leads_into_no_private_network_unless_the_connection_says_so() {
    let Some(python) = python() else { return };
    let server = python.stripe();
    let key = || Authorization::ApiKey { name: "Authorization".into(), value: "STRIPE".into() };
    let named = server.url().replace("127.0.0.1", "api.internal");
    let input = json!({ "ApiEndpoint": format!("{named}/v1/customers"), "Method": "GET" });
    let connection = || Connection::new(&named, key()).unwrap();
    let error = invoke(&with(connection()).await, input.clone()).await.unwrap_err();
    assert_eq!(error.name(), "States.Permissions");
    let cause = error.cause.unwrap();
    let mend = "api.internal leads to 127.0.0.1, which is no public address: write addresses = [\"127.0.0.1\"] in [connections.Api]";
    assert!(cause.starts_with(mend), "{cause}");
    let allowed = with(connection().at(vec![[127, 0, 0, 1].into()])).await;
    let answer = invoke(&allowed, input).await.unwrap();
    assert_eq!(answer.value()["StatusCode"], 200);
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_a_socket_error() {
    let (_port, address) = closed_port();
    let key = Authorization::ApiKey { name: "Authorization".into(), value: "STRIPE".into() };
    let url = format!("http://{address}");
    let all = with(Connection::new(&url, key).unwrap()).await;
    let error = invoke(&all, json!({ "ApiEndpoint": url, "Method": "GET" })).await.unwrap_err();
    assert_eq!(error.name(), "States.Http.Socket");
    assert!(error.cause.unwrap().contains("Connection refused"));
}

#[tokio::test]
async fn arguments_of_the_wrong_kind_are_named() {
    let key = Authorization::ApiKey { name: "Authorization".into(), value: "STRIPE".into() };
    let all = with(Connection::new("https://h", key).unwrap()).await;
    for (input, expected) in [
        (json!({ "ApiEndpoint": "h", "Method": "GET" }), "'ApiEndpoint' has an invalid format"),
        (json!({ "ApiEndpoint": "https://h", "Method": "BREW" }), "'Method' has an invalid format"),
        (
            json!({ "ApiEndpoint": "https://h", "Method": "GET", "Headers": { "X-Amz-A": "b" } }),
            "The 'Headers' field contains unsupported values: [x-amz-a]",
        ),
        (
            json!({ "ApiEndpoint": "https://h", "Method": "GET", "InvocationConfig": {} }),
            "The field 'InvocationConfig.ConnectionArn' is required but was missing",
        ),
        (
            json!({ "ApiEndpoint": "https://h", "Method": "GET", "Transform": { "RequestBodyEncoding": "XML" } }),
            "'Transform.RequestBodyEncoding' has an invalid format",
        ),
    ] {
        let error = invoke(&all, input).await.unwrap_err();
        assert_eq!(error.name(), "States.Runtime");
        let cause = error.cause.unwrap();
        assert!(cause.contains(expected), "{cause}");
    }
}
