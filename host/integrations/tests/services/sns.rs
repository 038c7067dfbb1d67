//! `sns:publish` through the AWS SDK against moto, read back from a queue that the topic delivers to.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use stepyard_asl::{Payload, StatesError};
use stepyard_engine::{
    Answer, FunctionCall, FunctionError, FunctionReply, FunctionVersion, Functions, Identity,
    Integration, Task,
};
use stepyard_integrations::{AccessKey, Aws, AwsSettings, AwsTopics};

use crate::{closed_port, python::python};

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

/// Runs one `sns:publish` task on the integration that claims it.
async fn publish(url: &str, input: Value) -> Result<Payload, StatesError> {
    let settings = AwsSettings {
        endpoint_url: Some(url.to_owned()),
        region: Some("us-east-1".to_owned()),
        access_key: Some(AccessKey { id: "test".to_owned(), secret: "test".to_owned() }),
        read_timeout: None,
    };
    let topics = Arc::new(AwsTopics::load(&Aws::new(settings)).await);
    let task = Task {
        id: "1.0:task".parse().unwrap(),
        execution: "arn:aws:states:us-east-1:123456789012:execution:order:1".to_owned(),
        state: "NotifyCustomer".into(),
        idempotency_key: "arn:aws:states:us-east-1:123456789012:execution:order:1/0.7".to_owned(),
        attempt: 0,
        resource: "arn:aws:states:::sns:publish".parse().unwrap(),
        input: input.into(),
        token: None,
        deadline: None,
        trace: None,
        pins: None,
        map_run: None,
        engine: stepyard_engine::EngineHandle::default(),
    };
    let all = stepyard_integrations::all(Identity::default(), Arc::new(NoFunctions), topics);
    let claims = |it: &&Arc<dyn Integration>| it.claims(&task.resource);
    let integration = all.iter().find(claims).expect("sns:publish is claimed");
    match integration.run(task.clone()).await.result? {
        Answer::Done(payload) => Ok(payload),
        Answer::Submitted(payload) => panic!("nobody would complete {payload}"),
    }
}

#[tokio::test]
async fn a_message_and_its_attributes_reach_a_subscriber() {
    let Some(python) = python() else { return };
    let sns = python.sns();
    let queue = sns.subscribe("orders");
    let answer = publish(
        &sns.url(),
        json!({
            "TopicArn": queue.topic,
            "Subject": "Your order",
            "Message": { "order_id": "12345", "status": "CONFIRMED" },
            "MessageAttributes": {
                "order_id": { "DataType": "String", "StringValue": "12345" },
                "digest": { "DataType": "Binary", "BinaryValue": "AAH/" },
            },
        }),
    )
    .await
    .unwrap();
    let answer = answer.value();

    let delivered = sns.receive(&queue);
    let [message] = delivered.as_slice() else { panic!("{delivered:?}") };
    assert_eq!(message["MessageId"], answer["MessageId"]);
    assert_eq!(message["TopicArn"], queue.topic.as_str());
    assert_eq!(message["Subject"], "Your order");
    assert_eq!(message["Message"], r#"{"order_id":"12345","status":"CONFIRMED"}"#);
    assert_eq!(
        message["MessageAttributes"],
        json!({
            "order_id": { "Type": "String", "Value": "12345" },
            "digest": { "Type": "Binary", "Value": "AAH/" },
        })
    );

    let keys: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["MessageId", "SdkHttpMetadata", "SdkResponseMetadata"]);
    let http = &answer["SdkHttpMetadata"];
    assert_eq!(http["HttpStatusCode"], 200);
    assert!(http["HttpHeaders"]["Content-Length"].is_string(), "{http}");
    let request_id = &answer["SdkResponseMetadata"]["RequestId"];
    assert!(request_id.as_str().is_some_and(|id| !id.is_empty()), "{answer}");
}

#[tokio::test]
async fn a_missing_topic_is_not_found() {
    let Some(python) = python() else { return };
    let sns = python.sns();
    let missing = "arn:aws:sns:us-east-1:123456789012:missing";
    let outcome = publish(&sns.url(), json!({ "TopicArn": missing, "Message": "hello" })).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.name(), "SNS.NotFoundException");
    let cause = error.cause.unwrap();
    let (message, rest) = cause.split_once(" (").unwrap();
    assert!(message.ends_with("does not exist"), "{cause}");
    let known = "Service: AmazonSNS; Status Code: 404; Error Code: NotFound; Request ID: ";
    assert!(rest.starts_with(known) && rest.ends_with("; Proxy: null)"), "{cause}");
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_a_client_error() {
    let (_port, address) = closed_port();
    let input = json!({ "PhoneNumber": "+15550100", "Message": "hello" });
    let error = publish(&format!("http://{address}"), input).await.unwrap_err();
    assert_eq!(error.name(), "SNS.SdkClientException");
    let cause = error.cause.unwrap();
    assert!(cause.starts_with("Unable to execute HTTP request: "), "{cause}");
    assert!(cause.contains("Connection refused"), "{cause}");
}
