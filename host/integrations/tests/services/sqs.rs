//! `sqs:sendMessage` through the AWS SDK against moto, read back by boto3.

use serde_json::{Value, json};

use crate::{
    python::{Aws, python},
    task::{aws, has_metadata, keys, run},
};

const SEND: &str = "sqs:sendMessage";

/// A new queue's URL.
fn queue(far: &Aws, name: &str) -> String {
    let fifo = name.ends_with(".fifo");
    let attributes = if fifo { json!({ "FifoQueue": "true" }) } else { json!({}) };
    let made =
        far.call("sqs", "create_queue", json!({ "QueueName": name, "Attributes": attributes }));
    made["QueueUrl"].as_str().unwrap().to_owned()
}

/// The messages of a queue, with all their attributes.
fn received(far: &Aws, queue: &str) -> Vec<Value> {
    let received = far.call(
        "sqs",
        "receive_message",
        json!({
            "QueueUrl": queue, "MaxNumberOfMessages": 10,
            "MessageAttributeNames": ["All"], "AttributeNames": ["All"],
        }),
    );
    received["Messages"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_message_and_its_attributes_are_in_the_queue() {
    let Some(far) = python().map(|it| it.aws()) else { return };
    let queue = queue(far, "orders");
    let input = json!({
        "QueueUrl": queue,
        "MessageBody": { "order_id": "12345", "lines": [1.0, null] },
        "DelaySeconds": 0,
        "MessageAttributes": {
            "order_id": { "DataType": "String", "StringValue": "12345" },
            "digest": { "DataType": "Binary", "BinaryValue": "AAH/" },
        },
    });
    let answer = run(aws(&far.url(), "test"), SEND, input).await.unwrap();
    let answer = answer.value();

    let received = received(far, &queue);
    let [message] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!(message["MessageId"], answer["MessageId"]);
    assert_eq!(message["MD5OfBody"], answer["MD5OfMessageBody"]);
    assert_eq!(message["Body"], r#"{"order_id":"12345","lines":[1.0,null]}"#);
    assert_eq!(message["MessageAttributes"]["order_id"]["StringValue"], "12345");
    assert_eq!(message["MessageAttributes"]["digest"]["BinaryValue"], "AAH/");
    let expected = [
        "MD5OfMessageAttributes",
        "MD5OfMessageBody",
        "MessageId",
        "SdkHttpMetadata",
        "SdkResponseMetadata",
    ];
    assert_eq!(keys(answer), expected);
    has_metadata(answer);
}

#[tokio::test]
async fn a_fifo_queue_is_told_the_definitions_identity() {
    let Some(far) = python().map(|it| it.aws()) else { return };
    let queue = queue(far, "orders.fifo");
    let input = json!({
        "QueueUrl": queue, "MessageBody": "confirmed",
        "MessageGroupId": "12345", "MessageDeduplicationId": "order/12345",
    });
    for _ in 0..2 {
        let answer = run(aws(&far.url(), "test"), SEND, input.clone()).await.unwrap();
        assert!(answer.value()["SequenceNumber"].is_string(), "{answer}");
    }
    let received = received(far, &queue);
    let [message] = received.as_slice() else { panic!("sent again it is one: {received:?}") };
    assert_eq!(message["Attributes"]["MessageGroupId"], "12345");
    assert_eq!(message["Attributes"]["MessageDeduplicationId"], "order/12345");
}

#[tokio::test]
async fn a_message_with_a_token_is_accepted() {
    let Some(far) = python().map(|it| it.aws()) else { return };
    let queue = queue(far, "tokens");
    let input = json!({ "QueueUrl": queue, "MessageBody": { "token": "token" } });
    let resource = "sqs:sendMessage.waitForTaskToken";
    let answer = run(aws(&far.url(), "test"), resource, input).await.unwrap();
    has_metadata(answer.value());
    assert_eq!(received(far, &queue)[0]["Body"], r#"{"token":"token"}"#);
}

#[tokio::test]
async fn what_sqs_refuses_has_its_name() {
    let Some(far) = python().map(|it| it.aws()) else { return };
    let missing = "https://sqs.us-east-1.amazonaws.com/123456789012/missing";
    let input = json!({ "QueueUrl": missing, "MessageBody": "hello" });
    let error = run(aws(&far.url(), "test"), SEND, input).await.unwrap_err();
    assert_eq!(error.name(), "SQS.QueueDoesNotExistException");
    let cause = error.cause.unwrap();
    let known = "(Service: AmazonSQS; Status Code: 400; Error Code: AWS.SimpleQueueService.NonExistentQueue; Request ID: ";
    assert!(cause.contains(known) && cause.ends_with("; Proxy: null)"), "{cause}");
}
