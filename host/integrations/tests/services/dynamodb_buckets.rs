//! DynamoDB's side of the key-value contract, against moto, and what is DynamoDB's alone.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use stepyard_engine::outside::{KeyValue, KeyValueError, Swap};
use stepyard_integrations::{
    AccessKey, DYNAMODB_READ_ACTIONS, DYNAMODB_WRITE_ACTIONS, DynamoDbBuckets, dynamodb_table,
};

use crate::{closed_port, python, python::python, reached, test_key};

#[path = "../../../engine/tests/key_value_contract/promises.rs"]
#[allow(clippy::duplicate_mod, reason = "its `stores` are those of the module that includes it")]
mod promises;

/// The buckets that have a table.
const BUCKETS: [&str; 13] = [
    "",
    "a",
    "a}",
    "{a",
    "{a}",
    "a:values",
    "a}:values",
    "a*",
    "a\0b",
    "a\r\nb",
    "é",
    "b",
    "other",
];

/// The store that the promises are asked of, whose tables no other test has.
async fn stores() -> Vec<(Arc<dyn KeyValue>, ())> {
    static SERVER: OnceLock<Option<python::Moto>> = OnceLock::new();
    static TESTS: AtomicU32 = AtomicU32::new(0);
    let Some(server) = SERVER.get_or_init(|| Some(python()?.moto())) else { return Vec::new() };
    let prefix = format!("test-{}-", TESTS.fetch_add(1, Ordering::Relaxed));
    let tables = BUCKETS.map(|bucket| dynamodb_table(&prefix, bucket));
    server.boto3("table", &tables.each_ref().map(String::as_str));
    vec![(Arc::new(connect(&server.url(), test_key(), &prefix).await), ())]
}

/// A server of one's own with a table for bucket `b`, and the store.
async fn store() -> Option<(DynamoDbBuckets, python::Moto)> {
    let server = python()?.moto();
    server.boto3("table", &["test-b"]);
    let store = connect(&server.url(), test_key(), "test-").await;
    Some((store, server))
}

async fn connect(url: &str, key: AccessKey, prefix: &str) -> DynamoDbBuckets {
    DynamoDbBuckets::open(&reached(url, key, None), prefix).await
}

/// What a store that failed says.
#[track_caller]
fn told<T: std::fmt::Debug>(outcome: Result<T, KeyValueError>) -> String {
    let Err(KeyValueError::Store(text)) = outcome else { panic!("{outcome:?}") };
    text
}

#[tokio::test]
async fn a_bucket_is_a_table_that_others_read() {
    let Some((store, server)) = store().await else { return };
    store.write("b", vec![("k".to_owned(), Some(b"v".to_vec()))]).await.unwrap();
    store.increment("b", "n", 7).await.unwrap();
    assert_eq!(server.boto3("items", &["test-b"]), json!({ "k": "v", "n": "7" }));
    let other = connect(&server.url(), test_key(), "test-").await;
    assert_eq!(other.get("b", "k").await, Ok(Some(b"v".to_vec())));
}

#[tokio::test]
async fn what_dynamodb_does_not_take_is_refused_before_it_is_sent() {
    let Some((store, server)) = store().await else { return };
    let changes = (0..101).map(|number| (format!("k{number}"), Some(b"v".to_vec()))).collect();
    let too_many = KeyValueError::TooMany { bucket: "b".into(), changes: 101, changes_max: 100 };
    assert_eq!(store.write("b", changes).await, Err(too_many));
    let long = store.set_if_absent("b", "k", vec![0; 409_600]).await.unwrap_err();
    assert!(matches!(long, KeyValueError::TooLong { bytes: 409_616, .. }), "{long:?}");
    // Not the longest that DynamoDB takes: moto counts the text that travels.
    assert_eq!(store.set_if_absent("b", "k", vec![0; 300_000]).await, Ok(true));
    assert_eq!(store.get("b", "k").await.unwrap().unwrap().len(), 300_000);
    assert_eq!(server.calls("TransactWriteItems"), 0);
}

#[tokio::test]
async fn a_table_that_is_missing_is_told_with_its_mend() {
    let Some((store, _server)) = store().await else { return };
    let text = told(store.get("orders.eu", "k").await);
    let expected = "bucket `orders.eu` is kept in the table `test-orders.2Eeu` of Amazon DynamoDB, \
                    which is not there in us-east-1; create it: aws dynamodb create-table";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(told(store.set_if_absent("orders.eu", "k", Vec::new()).await), text);
}

#[tokio::test]
async fn where_dynamodb_has_no_capacity_it_is_asked_again() {
    let Some((store, server)) = store().await else { return };
    for (call, code) in [
        ("GetItem", "ProvisionedThroughputExceededException"),
        ("PutItem", "ThrottlingException"),
        ("PutItem", "TransactionConflictException"),
        ("DeleteItem", "RequestLimitExceeded"),
    ] {
        let before = server.calls(call);
        server.fail(&format!("call={call}&times=2&status=400&code={code}"));
        match call {
            "GetItem" => drop(store.get("b", "k").await.unwrap()),
            "PutItem" => store.write("b", vec![("k".into(), Some(vec![1]))]).await.unwrap(),
            _ => store.write("b", vec![("k".into(), None)]).await.unwrap(),
        }
        assert_eq!(server.calls(call) - before, 3, "{call} {code}");
    }
    server.fail("call=PutItem&times=100&status=400&code=ThrottlingException");
    let text = told(store.set_if_absent("b", "k", vec![1]).await);
    assert_eq!(text, "Amazon DynamoDB: ThrottlingException: as the test has it");
    assert_eq!(store.get("b", "k").await, Ok(None), "what is refused is not made");
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_not_made_again() {
    let Some((_, server)) = store().await else { return };
    let reached = reached(&server.url(), test_key(), Some(Duration::from_secs(3)));
    let store = DynamoDbBuckets::open(&reached, "test-").await;
    let unknown = "; whether it made the change is unknown";
    store.increment("b", "n", 1).await.unwrap();
    server.fail("call=PutItem&times=1&hold=1");
    let before = server.calls("PutItem");
    let text = told(store.compare_and_swap("b", "n", Some(b"1".to_vec()), b"2".to_vec()).await);
    assert!(text.ends_with(unknown), "{text}");
    assert_eq!(store.get("b", "n").await, Ok(Some(b"2".to_vec())));
    server.fail("call=PutItem&times=1&status=500&code=InternalServerError");
    let text = told(store.write("b", vec![("n".into(), Some(b"3".to_vec()))]).await);
    assert_eq!(text, format!("Amazon DynamoDB: InternalServerError: as the test has it{unknown}"));
    assert_eq!(server.calls("PutItem") - before, 2);
    // A read is asked again, and so is a transaction: its token has it made once.
    server.fail("call=GetItem&times=1&status=500&code=InternalServerError");
    assert_eq!(store.get("b", "n").await, Ok(Some(b"2".to_vec())));
    server.fail("call=TransactWriteItems&times=1&status=500&code=InternalServerError");
    let two = vec![("n".to_owned(), Some(b"4".to_vec())), ("m".to_owned(), None)];
    assert_eq!(store.write("b", two).await, Ok(()));
    assert_eq!(server.calls("TransactWriteItems"), 2);
}

#[tokio::test]
async fn an_endpoint_that_is_down_was_sent_nothing() {
    let (_port, address) = closed_port();
    let store = connect(&format!("http://{address}"), test_key(), "test-").await;
    for text in [
        told(store.get("b", "k").await),
        told(store.set_if_absent("b", "k", vec![1]).await),
        told(store.write("b", vec![("k".into(), None)]).await),
    ] {
        let expected = "Amazon DynamoDB: Unable to execute HTTP request: ";
        assert!(text.starts_with(expected) && text.ends_with("(os error 111)"), "{text}");
    }
}

#[tokio::test]
async fn a_role_needs_the_actions_that_are_named_and_no_other() {
    let Some((admin, server)) = store().await else { return };
    admin.write("b", vec![("k".into(), Some(vec![1]))]).await.unwrap();
    let actions = [DYNAMODB_READ_ACTIONS.as_slice(), &DYNAMODB_WRITE_ACTIONS].concat();
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let user = server.boto3("user", &[&policy]);
    server.boto3("authorize", &[]);
    let text = |name: &str| user[name].as_str().unwrap().to_owned();
    let key = AccessKey { id: text("id"), secret: text("secret") };
    let store = connect(&server.url(), key, "test-").await;
    assert_eq!(store.get("b", "k").await, Ok(Some(vec![1])));
    assert_eq!(store.get_many("b", vec!["k".into()]).await, Ok(vec![Some(vec![1])]));
    assert_eq!(store.list_keys("b", None).await.unwrap().keys, ["k"]);
    assert_eq!(store.increment("b", "n", 1).await, Ok(1));
    let swap = store.compare_and_swap("b", "k", None, vec![2]).await;
    assert_eq!(swap, Ok(Swap::Changed(Some(vec![1]))));
    assert_eq!(store.write("b", vec![("k".into(), None)]).await, Ok(()));
    // moto answers in XML, which tells no client of DynamoDB more than the status.
    for key in [AccessKey { id: text("id"), secret: "another".to_owned() }, test_key()] {
        let stranger = connect(&server.url(), key, "test-").await;
        let text = told(stranger.set_if_absent("b", "k", vec![1]).await);
        assert!(text.contains("status 403") && !text.contains("unknown"), "{text}");
    }
}
