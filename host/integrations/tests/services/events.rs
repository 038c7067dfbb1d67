//! `events:putEvents` through the AWS SDK against moto, read back from a queue that a rule delivers to.

use serde_json::{Value, json};

use crate::{
    python::{Aws, python},
    task::{aws, run},
};

const PUT: &str = "events:putEvents";

/// A queue that gets the events of a source, by its URL.
fn subscribed(far: &Aws, source: &str) -> String {
    let queue = format!("events-of-{}", source.replace('.', "-"));
    let arn = format!("arn:aws:sqs:us-east-1:123456789012:{queue}");
    let made = far.calls(&json!([
        ["sqs", "create_queue", { "QueueName": queue }],
        ["events", "put_rule", {
            "Name": source, "EventPattern": json!({ "source": [source] }).to_string(),
        }],
        ["events", "put_targets", { "Rule": source, "Targets": [{ "Id": "1", "Arn": arn }] }],
    ]));
    made[0]["QueueUrl"].as_str().unwrap().to_owned()
}

fn received(far: &Aws, queue: &str) -> Vec<Value> {
    let received = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 });
    let received = far.call("sqs", "receive_message", received);
    let messages = received["Messages"].as_array().cloned().unwrap_or_default();
    messages.iter().map(|it| serde_json::from_str(it["Body"].as_str().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn an_event_names_what_it_is_from() {
    let Some(far) = python().map(|it| it.aws()) else { return };
    for (resource, source) in
        [(PUT, "shop.orders"), ("events:putEvents.waitForTaskToken", "shop.parcels")]
    {
        let queue = subscribed(far, source);
        let entry = json!({
            "Source": source, "DetailType": "OrderConfirmed",
            "Detail": { "order_id": "12345" }, "Resources": ["arn:aws:s3:::orders"],
        });
        let input = json!({ "Entries": [entry] });
        let answer = run(aws(&far.url(), "test"), resource, input).await.unwrap();
        let id = answer.value()["Entries"][0]["EventId"].clone();
        assert_eq!(
            *answer.value(),
            json!({ "Entries": [{ "EventId": id }], "FailedEntryCount": 0 })
        );
        let received = received(far, &queue);
        let [event] = received.as_slice() else { panic!("{received:?}") };
        assert_eq!(event["id"], id);
        assert_eq!(event["detail"], json!({ "order_id": "12345" }));
        assert_eq!(event["detail-type"], "OrderConfirmed");
        assert_eq!(
            event["resources"],
            json!([
                "arn:aws:s3:::orders",
                "arn:aws:states:us-east-1:123456789012:stateMachine:order",
                "arn:aws:states:us-east-1:123456789012:execution:order:1",
            ])
        );
    }
}

#[tokio::test]
async fn an_entry_that_fails_fails_the_task() {
    let Some(far) = python().map(|it| it.aws()) else { return };
    let queue = subscribed(far, "shop.mixed");
    let whole = json!({ "Source": "shop.mixed", "DetailType": "T", "Detail": { "n": 1 } });
    let input = json!({ "Entries": [whole, { "DetailType": "T", "Detail": "{}" }] });
    let error = run(aws(&far.url(), "test"), PUT, input).await.unwrap_err();
    assert_eq!(error.name(), "EventBridge.FailedEntry");
    let cause: Value = serde_json::from_str(&error.cause.unwrap()).unwrap();
    assert_eq!(cause["FailedEntryCount"], 1, "{cause}");
    assert!(cause["Entries"][0]["EventId"].is_string(), "{cause}");
    assert_eq!(cause["Entries"][1]["ErrorCode"], "InvalidArgument", "{cause}");
    assert_eq!(received(far, &queue).len(), 1, "the other is on its bus");
}
