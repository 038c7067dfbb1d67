//! Arguments in, publications out; answers and errors as text.

use std::sync::Mutex;

use stepyard_engine::{
    Answer,
    outside::{AttributeValue, MessageAttribute},
};

use super::*;
use crate::task;

const PUBLISH: &str = "arn:aws:states:::sns:publish";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:orders";

/// Takes every message and gives the same answer.
#[derive(Debug)]
struct Taken {
    messages: Mutex<Vec<Publication>>,
    answer: Result<Published, TopicError>,
}

impl Topics for Taken {
    fn publish(&self, publication: Publication) -> BoxFuture<'_, Result<Published, TopicError>> {
        self.messages.lock().unwrap().push(publication);
        Box::pin(async { self.answer.clone() })
    }
}

/// The publication a task makes, and the task's answer or error as text.
async fn run(input: &str, answer: Result<Published, TopicError>) -> (Option<Publication>, String) {
    let taken = Arc::new(Taken { messages: Mutex::default(), answer });
    let task = task(PUBLISH, input);
    let request_id = sdk::request_id(&task);
    let text = match Sns::new(taken.clone()).run(task).await.result {
        Ok(Answer::Done(payload)) => payload.text().to_owned(),
        Ok(Answer::Submitted(payload)) => format!("submitted {payload}"),
        Err(error) => format!("{}: {}", error.name(), error.cause.as_deref().unwrap_or_default()),
    };
    let publication = taken.messages.lock().unwrap().pop();
    (publication, text.replace(&request_id, "<id>"))
}

async fn publication_of(input: &Value) -> Publication {
    let (publication, text) = run(&input.to_string(), Ok(Published::default())).await;
    publication.unwrap_or_else(|| panic!("{input}: {text}"))
}

#[test]
fn it_claims_request_response_only() {
    let sns =
        Sns::new(Arc::new(Taken { messages: Mutex::default(), answer: Ok(Published::default()) }));
    let cases = [
        (PUBLISH, true),
        ("arn:aws:states:::sns:publish.waitForTaskToken", true),
        ("arn:aws:states:::sns:publish.sync", false),
        ("arn:aws:states:::sns:publishBatch", false),
        ("arn:aws:states:::aws-sdk:sns:publish", false),
        ("arn:aws:lambda:us-east-1:123456789012:function:sns", false),
    ];
    for (resource, expected) in cases {
        assert_eq!(sns.claims(&resource.parse().unwrap()), expected, "{resource}");
    }
}

#[tokio::test]
async fn a_message_is_its_text_or_its_compact_json() {
    let cases = [
        (json!("done"), "done"),
        (json!(""), ""),
        (json!({ "order": 1, "at": [1.0, null] }), r#"{"order":1,"at":[1.0,null]}"#),
        (json!(1), "1"),
        (json!(false), "false"),
        (json!([]), "[]"),
    ];
    for (message, expected) in cases {
        let publication = publication_of(&json!({ "TopicArn": TOPIC, "Message": message })).await;
        assert_eq!(publication.message, expected);
    }
}

#[tokio::test]
async fn every_argument_reaches_the_topic() {
    let publication = publication_of(&json!({
        "TopicArn": TOPIC,
        "Message": r#"{"default":"hello"}"#,
        "MessageStructure": "json",
        "Subject": "Your order",
        "MessageDeduplicationId": "12345",
        "MessageGroupId": "orders",
        "MessageAttributes": {
            "order_id": { "DataType": "String", "StringValue": "12345" },
            "digest": { "DataType": "Binary", "BinaryValue": "AAH/" },
        },
    }))
    .await;
    let attribute = |name: &str, data_type: &str, value| {
        (name.to_owned(), MessageAttribute { data_type: data_type.to_owned(), value })
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        publication,
        Publication {
            topic_arn: text(TOPIC),
            target_arn: None,
            phone_number: None,
            message: r#"{"default":"hello"}"#.to_owned(),
            subject: text("Your order"),
            message_structure: text("json"),
            attributes: vec![
                attribute("order_id", "String", AttributeValue::Text("12345".to_owned())),
                attribute("digest", "Binary", AttributeValue::Binary(vec![0, 1, 255])),
            ],
            deduplication_id: text("12345"),
            group_id: text("orders"),
            idempotency_key: task(PUBLISH, "{}").idempotency_key,
        }
    );
}

#[test]
fn a_message_is_the_same_for_every_attempt_but_each_token_is_published() {
    let key = |token: Option<&str>, attempt| {
        let task = task(PUBLISH, &json!({ "TopicArn": TOPIC, "Message": "hello" }).to_string());
        let token = token.map(|token| stepyard_asl::TaskToken(token.to_owned()));
        publication(&Task { token, attempt, ..task }).unwrap().idempotency_key
    };
    assert_eq!(key(None, 0), key(None, 1));
    assert_eq!(key(Some("first"), 0), key(Some("first"), 0));
    assert_ne!(key(Some("first"), 0), key(Some("second"), 1));
}

#[tokio::test]
async fn a_message_goes_to_a_topic_a_target_or_a_phone() {
    let destination = |publication: Publication| {
        [publication.topic_arn, publication.target_arn, publication.phone_number]
    };
    for (place, name) in ["TopicArn", "TargetArn", "PhoneNumber"].into_iter().enumerate() {
        let publication = publication_of(&json!({ name: "somewhere", "Message": "hello" })).await;
        let mut expected = [None, None, None];
        expected[place] = Some("somewhere".to_owned());
        assert_eq!(destination(publication), expected);
    }
}

#[tokio::test]
async fn arguments_that_cannot_start_the_task_are_named() {
    let cases = [
        (json!({ "TopicArn": TOPIC }), "The field 'Message' is required but was missing"),
        (
            json!({ "TopicArn": 7, "Message": "hello" }),
            "The value of the field 'TopicArn' has an invalid format",
        ),
        (
            json!({ "TopicArn": TOPIC, "Message": "hello", "Topic": "x" }),
            r#"The field "Topic" is not supported by Step Functions"#,
        ),
        (
            json!({ "TopicArn": TOPIC, "Message": "hello", "MessageAttributes": [] }),
            "The value of the field 'MessageAttributes' has an invalid format",
        ),
    ];
    for (input, problem) in cases {
        let (publication, text) = run(&input.to_string(), Ok(Published::default())).await;
        assert_eq!(publication, None);
        assert_eq!(
            text,
            format!(
                "States.Runtime: The Parameters '{input}' could not be used to start the Task: [{problem}]"
            )
        );
    }
}

#[tokio::test]
async fn an_attribute_without_one_value_of_its_kind_is_named() {
    for attribute in [
        json!("12345"),
        json!({}),
        json!({ "DataType": "String" }),
        json!({ "StringValue": "12345" }),
        json!({ "DataType": "Number", "StringValue": 12345 }),
        json!({ "DataType": "String", "StringValue": "a", "BinaryValue": "AAH/" }),
        json!({ "DataType": "Binary", "BinaryValue": "not Base64" }),
        json!({ "DataType": "String", "StringValue": "a", "Value": "a" }),
    ] {
        let input = json!({
            "TopicArn": TOPIC, "Message": "hello", "MessageAttributes": { "order_id": attribute },
        });
        let (publication, text) = run(&input.to_string(), Ok(Published::default())).await;
        assert_eq!(publication, None, "{attribute}");
        assert!(text.contains("'MessageAttributes.order_id' has an invalid format"), "{text}");
    }
}

#[tokio::test]
async fn an_answer_has_snss_shape() {
    let input = json!({ "TopicArn": TOPIC, "Message": "hello" }).to_string();
    let published = Published {
        message_id: "m".to_owned(),
        sequence_number: Some("10".to_owned()),
        request_id: "r".to_owned(),
        http: Some(HttpMetadata {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/xml".to_owned())],
        }),
    };
    assert_eq!(
        run(&input, Ok(published)).await.1,
        concat!(
            r#"{"MessageId":"m","SdkHttpMetadata":{"AllHttpHeaders":{"Content-Type":["text/xml"]},"#,
            r#""HttpHeaders":{"Content-Type":"text/xml"},"HttpStatusCode":200},"#,
            r#""SdkResponseMetadata":{"RequestId":"r"},"SequenceNumber":"10"}"#
        )
    );
    let kept = Published { message_id: "m".to_owned(), ..Published::default() };
    assert_eq!(
        run(&input, Ok(kept)).await.1,
        concat!(
            r#"{"MessageId":"m","SdkHttpMetadata":{"AllHttpHeaders":{"x-amzn-RequestId":["<id>"]},"#,
            r#""HttpHeaders":{"x-amzn-RequestId":"<id>"},"HttpStatusCode":200},"#,
            r#""SdkResponseMetadata":{"RequestId":"<id>"}}"#
        )
    );
}

#[tokio::test]
async fn an_error_has_snss_name_and_the_sdks_cause() {
    let error = |code: &str, status| TopicError {
        code: code.to_owned(),
        message: "why".to_owned(),
        status,
        request_id: if status == 0 { String::new() } else { "r".to_owned() },
    };
    let cases = [
        (
            error("NotFound", 404),
            "SNS.NotFoundException: why (Service: AmazonSNS; Status Code: 404; Error Code: NotFound; Request ID: r; Proxy: null)",
        ),
        (
            error("KMSOptInRequired", 403),
            "SNS.KMSOptInRequiredException: why (Service: AmazonSNS; Status Code: 403; Error Code: KMSOptInRequired; Request ID: r; Proxy: null)",
        ),
        (
            error("SignatureDoesNotMatch", 403),
            "SNS.AmazonSNSException: why (Service: AmazonSNS; Status Code: 403; Error Code: SignatureDoesNotMatch; Request ID: r; Proxy: null)",
        ),
        (
            error("", 502),
            "SNS.AmazonSNSException: why (Service: AmazonSNS; Status Code: 502; Error Code: null; Request ID: r; Proxy: null)",
        ),
        (error("", 0), "SNS.SdkClientException: why"),
    ];
    let input = json!({ "TopicArn": TOPIC, "Message": "hello" }).to_string();
    for (error, expected) in cases {
        assert_eq!(run(&input, Err(error)).await.1, expected);
    }
}
