//! Tasks as the engine gives them to the integration that claims them.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde_json::Value;
use stepyard_asl::{Payload, StatesError, TaskToken};
use stepyard_engine::{
    Answer, EngineHandle, FunctionCall, FunctionError, FunctionReply, FunctionVersion, Functions,
    Identity, Integration, Task,
    outside::{Names, SecretError, Secrets},
};
use stepyard_integrations::{
    AccessKey, Aws, AwsFunctions, AwsSettings, AwsTopics, Connection, Reach,
};

/// A Stepyard without a function.
struct NoFunctions;

impl Functions for NoFunctions {
    fn resolve(&self, _name: &str, _qualifier: Option<&str>) -> Option<FunctionVersion> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn invoke(&self, _call: FunctionCall) -> BoxFuture<'_, Result<FunctionReply, FunctionError>> {
        Box::pin(async { Err(FunctionError::NotFound) })
    }
}

/// Secrets by their names.
#[derive(Default)]
pub(crate) struct Values(pub(crate) BTreeMap<&'static str, &'static str>);

impl Secrets for Values {
    fn secret(&self, name: &str) -> BoxFuture<'_, Result<Option<String>, SecretError>> {
        let known = self.known(name);
        Box::pin(async { Ok(known) })
    }

    fn known(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| (*value).to_owned())
    }
}

/// Names that all lead to the host itself.
#[derive(Debug)]
struct Here;

impl Names for Here {
    fn addresses(&self, _host: &str, port: u16) -> BoxFuture<'_, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(vec![([127, 0, 0, 1], port).into()]) })
    }
}

/// How a test reaches AWS: where, and by an access key of its own. It waits two seconds for an answer.
pub(crate) fn aws(url: &str, key: &str) -> Aws {
    Aws::new(AwsSettings {
        endpoint_url: Some(url.to_owned()),
        region: Some("us-east-1".to_owned()),
        access_key: Some(AccessKey { id: key.to_owned(), secret: "test".to_owned() }),
        read_timeout: Some(Duration::from_secs(2)),
    })
}

/// All integrations: the function `Pay` is AWS Lambda's, those of AWS reached as `aws` says, and HTTP tasks by these connections.
pub(crate) async fn integrations(
    aws: Aws,
    connections: BTreeMap<String, Connection>,
    secrets: Values,
) -> Vec<Arc<dyn Integration>> {
    stepyard_integrations::all(Reach {
        identity: Identity::default(),
        functions: Arc::new(NoFunctions),
        aws_functions: AwsFunctions::new(aws.clone(), [("Pay".to_owned(), None)].into()),
        topics: Arc::new(AwsTopics::load(&aws).await),
        aws,
        connections,
        names: Arc::new(Here),
        secrets: Arc::new(secrets),
    })
}

/// A first attempt at a task.
pub(crate) fn task(resource: &str, input: Value) -> Task {
    Task {
        id: "1.0:task".parse().unwrap(),
        execution: "arn:aws:states:us-east-1:123456789012:execution:order:1".to_owned(),
        state: "Work".into(),
        idempotency_key: "arn:aws:states:us-east-1:123456789012:execution:order:1/0.7".to_owned(),
        attempt: 0,
        resource: format!("arn:aws:states:::{resource}").parse().unwrap(),
        input: input.into(),
        token: resource.ends_with(".waitForTaskToken").then(|| TaskToken("token".to_owned())),
        deadline: None,
        trace: None,
        pins: None,
        map_run: None,
        trial: None,
        engine: EngineHandle::default(),
    }
}

/// What a task comes to on the integration that claims it; of one that waits for a token, that it was
/// accepted.
pub(crate) async fn run_on(
    all: &[Arc<dyn Integration>],
    task: Task,
) -> Result<Payload, StatesError> {
    let claims = |it: &&Arc<dyn Integration>| it.claims(&task.resource);
    let integration = all.iter().find(claims).expect("the resource is claimed");
    let awaits = task.token.is_some();
    match integration.run(task).await.result? {
        Answer::Done(payload) if !awaits => Ok(payload),
        Answer::Submitted(payload) if awaits => Ok(payload),
        other => panic!("{other:?}"),
    }
}

/// The same of a new task, by the services that `aws` reaches.
pub(crate) async fn run(aws: Aws, resource: &str, input: Value) -> Result<Payload, StatesError> {
    let all = integrations(aws, BTreeMap::new(), Values::default()).await;
    run_on(&all, task(resource, input)).await
}

/// The names of a JSON object's members.
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Asserts that an answer has the marks of an SDK.
pub(crate) fn has_metadata(answer: &Value) {
    assert_eq!(answer["SdkHttpMetadata"]["HttpStatusCode"], 200, "{answer}");
    let headers = &answer["SdkHttpMetadata"]["HttpHeaders"];
    assert!(headers["Content-Length"].is_string(), "{answer}");
    let request_id = &answer["SdkResponseMetadata"]["RequestId"];
    assert!(request_id.as_str().is_some_and(|id| !id.is_empty()), "{answer}");
}
