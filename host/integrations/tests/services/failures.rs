//! What goes wrong between a service and here: each has AWS's name, and is asked once, for the definition's
//! Retry says whether there is another attempt.

use serde_json::{Value, json};

use crate::{
    closed_port,
    python::python,
    task::{aws, run},
};

const TABLE: &str = "dynamodb:putItem";
const BUS: &str = "events:putEvents";
const FUNCTION: &str = "lambda:invoke";
const QUEUE: &str = "sqs:sendMessage";
const TOPIC: &str = "sns:publish";

/// A task of each service that is called by its SDK, and what its errors begin with.
fn tasks() -> [(&'static str, &'static str, Value); 5] {
    [
        (TABLE, "DynamoDB", json!({ "TableName": "failures", "Item": { "id": { "S": "1" } } })),
        (BUS, "EventBridge", json!({ "Entries": [] })),
        (FUNCTION, "Lambda", json!({ "FunctionName": "Pay" })),
        (QUEUE, "SQS", json!({ "QueueUrl": "http://queue", "MessageBody": "hello" })),
        (TOPIC, "SNS", json!({ "PhoneNumber": "+15550100", "Message": "hello" })),
    ]
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_a_client_error() {
    let (_port, address) = closed_port();
    for (resource, service, input) in tasks() {
        let error =
            run(aws(&format!("http://{address}"), "test"), resource, input).await.unwrap_err();
        assert_eq!(error.name(), format!("{service}.SdkClientException"));
        let cause = error.cause.unwrap();
        assert!(cause.starts_with("Unable to execute HTTP request: "), "{cause}");
        assert!(cause.contains("Connection refused"), "{cause}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_known_is_a_client_error() {
    for (resource, service, input) in tasks() {
        let error =
            run(aws("http://no.such.host.invalid", "test"), resource, input).await.unwrap_err();
        assert_eq!(error.name(), format!("{service}.SdkClientException"));
        let cause = error.cause.unwrap();
        assert!(cause.starts_with("Unable to execute HTTP request: "), "{cause}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_so_long() {
    let Some(far) = python().map(|it| it.aws()) else { return };
    for (resource, service, input) in tasks() {
        let key = format!("slow-{service}");
        far.faults(&key, &json!([{ "delay": 10 }]));
        let error = run(aws(&far.url(), &key), resource, input).await.unwrap_err();
        assert_eq!(error.name(), format!("{service}.SdkClientException"));
        assert_eq!(error.cause.unwrap(), "Unable to execute HTTP request: Read timed out");
        assert_eq!(far.asked(&key), 1, "{service}");
    }
}

/// An answer as AWS writes it: status, headers, body.
fn json_error(status: u16, kind: &str, message: &str) -> Value {
    json!({
        "status": status,
        "headers": { "Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": "request-1" },
        "body": json!({ "__type": kind, "message": message }).to_string(),
    })
}

fn query_error(status: u16, code: &str, message: &str) -> Value {
    json!({
        "status": status,
        "headers": { "Content-Type": "text/xml", "x-amzn-RequestId": "request-1" },
        "body": format!(
            "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><RequestId>request-1</RequestId></ErrorResponse>"
        ),
    })
}

fn with_query_code(mut answer: Value, code: &str) -> Value {
    answer["headers"]["x-amzn-query-error"] = json!(format!("{code};Sender"));
    answer
}

fn lambda_error(status: u16, kind: &str, message: &str) -> Value {
    json!({
        "status": status,
        "headers": { "x-amzn-ErrorType": kind, "x-amzn-RequestId": "request-1" },
        "body": json!({ "message": message }).to_string(),
    })
}

async fn check(named: &str, answers: [(&str, Value, &str, &str); 5]) {
    let Some(far) = python().map(|it| it.aws()) else { return };
    for (resource, answer, name, cause) in answers {
        let (_, service, input) = tasks().into_iter().find(|it| it.0 == resource).unwrap();
        let key = format!("{named}-{service}");
        far.faults(&key, &json!([answer]));
        let error = run(aws(&far.url(), &key), resource, input).await.unwrap_err();
        assert_eq!(error.name(), name);
        assert_eq!(error.cause.unwrap(), format!("{cause}; Request ID: request-1; Proxy: null)"));
        assert_eq!(far.asked(&key), 1, "{service}");
    }
}

#[tokio::test]
async fn a_throttled_call_has_awss_name_and_is_asked_once() {
    let throttled = "Rate exceeded";
    let queue = json_error(403, "com.amazonaws.sqs#RequestThrottled", throttled);
    let table = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
    check(
        "throttled",
        [
            (
                TABLE,
                json_error(400, table, throttled),
                "DynamoDB.ProvisionedThroughputExceededException",
                "Rate exceeded (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ProvisionedThroughputExceededException",
            ),
            (
                BUS,
                json_error(400, "ThrottlingException", throttled),
                "EventBridge.AmazonEventBridgeException",
                "Rate exceeded (Service: AmazonEventBridge; Status Code: 400; Error Code: ThrottlingException",
            ),
            (
                FUNCTION,
                lambda_error(429, "TooManyRequestsException", throttled),
                "Lambda.TooManyRequestsException",
                "Rate exceeded (Service: AWSLambda; Status Code: 429; Error Code: TooManyRequestsException",
            ),
            (
                QUEUE,
                with_query_code(queue, "RequestThrottled"),
                "SQS.RequestThrottledException",
                "Rate exceeded (Service: AmazonSQS; Status Code: 403; Error Code: RequestThrottled",
            ),
            (
                TOPIC,
                query_error(400, "Throttled", throttled),
                "SNS.ThrottledException",
                "Rate exceeded (Service: AmazonSNS; Status Code: 400; Error Code: Throttled",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn credentials_that_are_wrong_have_awss_name() {
    let wrong = "The security token included in the request is invalid.";
    let kind = "com.amazon.coral.service#UnrecognizedClientException";
    let queue = json_error(403, "com.amazon.coral.service#InvalidClientTokenId", wrong);
    check(
        "wrong",
        [
            (
                TABLE,
                json_error(400, kind, wrong),
                "DynamoDB.AmazonDynamoDBException",
                "The security token included in the request is invalid. (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: UnrecognizedClientException",
            ),
            (
                BUS,
                json_error(400, kind, wrong),
                "EventBridge.AmazonEventBridgeException",
                "The security token included in the request is invalid. (Service: AmazonEventBridge; Status Code: 400; Error Code: UnrecognizedClientException",
            ),
            (
                FUNCTION,
                lambda_error(403, "UnrecognizedClientException", wrong),
                "Lambda.AWSLambdaException",
                "The security token included in the request is invalid. (Service: AWSLambda; Status Code: 403; Error Code: UnrecognizedClientException",
            ),
            (
                QUEUE,
                with_query_code(queue, "InvalidClientTokenId"),
                "SQS.AmazonSQSException",
                "The security token included in the request is invalid. (Service: AmazonSQS; Status Code: 403; Error Code: InvalidClientTokenId",
            ),
            (
                TOPIC,
                query_error(403, "InvalidClientTokenId", wrong),
                "SNS.AmazonSNSException",
                "The security token included in the request is invalid. (Service: AmazonSNS; Status Code: 403; Error Code: InvalidClientTokenId",
            ),
        ],
    )
    .await;
}
