//! `sns:publish` through the AWS SDK against moto, read back from a queue that the topic delivers to.

use serde_json::json;

use crate::{
    python::python,
    task::{aws, has_metadata, keys, run},
};

const PUBLISH: &str = "sns:publish";

#[tokio::test]
async fn a_message_and_its_attributes_reach_a_subscriber() {
    let Some(python) = python() else { return };
    let sns = python.sns();
    let queue = sns.subscribe("orders");
    let input = json!({
        "TopicArn": queue.topic,
        "Subject": "Your order",
        "Message": { "order_id": "12345", "status": "CONFIRMED" },
        "MessageAttributes": {
            "order_id": { "DataType": "String", "StringValue": "12345" },
            "digest": { "DataType": "Binary", "BinaryValue": "AAH/" },
        },
    });
    let answer = run(aws(&sns.url(), "test"), PUBLISH, input).await.unwrap();
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
    assert_eq!(keys(answer), ["MessageId", "SdkHttpMetadata", "SdkResponseMetadata"]);
    has_metadata(answer);
}

#[tokio::test]
async fn a_missing_topic_is_not_found() {
    let Some(python) = python() else { return };
    let aws = aws(&python.aws().url(), "test");
    let missing = "arn:aws:sns:us-east-1:123456789012:missing";
    let input = json!({ "TopicArn": missing, "Message": "hello" });
    let error = run(aws, PUBLISH, input).await.unwrap_err();
    assert_eq!(error.name(), "SNS.NotFoundException");
    let cause = error.cause.unwrap();
    let (message, rest) = cause.split_once(" (").unwrap();
    assert!(message.ends_with("does not exist"), "{cause}");
    let known = "Service: AmazonSNS; Status Code: 404; Error Code: NotFound; Request ID: ";
    assert!(rest.starts_with(known) && rest.ends_with("; Proxy: null)"), "{cause}");
}
