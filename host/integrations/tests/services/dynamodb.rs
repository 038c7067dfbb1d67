//! DynamoDB's operations on items through the AWS SDK against moto, read back by boto3.

use serde_json::{Value, json};
use stepyard_asl::{Payload, StatesError};

use crate::{
    python::{Aws, python},
    task::{self, aws, has_metadata},
};

/// A new table whose items are found by `id`.
fn table(far: &Aws, name: &str) {
    far.call(
        "dynamodb",
        "create_table",
        json!({
            "TableName": name,
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
            "BillingMode": "PAY_PER_REQUEST",
        }),
    );
}

async fn run(far: &Aws, action: &str, input: Value) -> Result<Payload, StatesError> {
    task::run(aws(&far.url(), "test"), &format!("dynamodb:{action}"), input).await
}

/// The item as boto3 reads it.
fn item(far: &Aws, table: &str, id: &str) -> Value {
    let key = json!({ "id": { "S": id } });
    far.call("dynamodb", "get_item", json!({ "TableName": table, "Key": key }))["Item"].clone()
}

#[tokio::test]
async fn an_item_is_written_changed_read_and_deleted() {
    let Some(far) = python().map(|it| it.aws()) else { return };
    table(far, "orders");
    let key = json!({ "id": { "S": "1" } });
    let written = json!({
        "binary": {"B": "AAH/"}, "id": {"S": "1"},
        "lines": {"L": [{"M": {"sku": {"S": "a"}, "gift": {"BOOL": true}}}, {"NULL": true}]},
        "price": {"N": "12345678901234567890.5"}, "tags": {"SS": ["a", "b"]},
    });
    let answer =
        run(far, "putItem", json!({ "TableName": "orders", "Item": written })).await.unwrap();
    has_metadata(answer.value());
    let kept = item(far, "orders", "1");
    assert_eq!(kept["lines"], written["lines"]);
    assert_eq!(kept["price"], written["price"]);
    assert_eq!(kept["binary"]["B"], "AAH/");

    let answer = run(
        far,
        "updateItem",
        json!({
            "TableName": "orders", "Key": key,
            "UpdateExpression": "SET #s = :s ADD paid :p",
            "ExpressionAttributeNames": {"#s": "state"},
            "ExpressionAttributeValues": {":s": {"S": "PAID"}, ":p": {"N": "2"}},
            "ReturnValues": "UPDATED_NEW", "ReturnConsumedCapacity": "TOTAL",
        }),
    )
    .await
    .unwrap();
    let answer = answer.value();
    assert_eq!(answer["Attributes"], json!({"paid": {"N": "2"}, "state": {"S": "PAID"}}));
    assert_eq!(answer["ConsumedCapacity"]["TableName"], "orders", "{answer}");
    assert!(answer["ConsumedCapacity"]["CapacityUnits"].is_f64(), "{answer}");

    let get = json!({ "TableName": "orders", "Key": key, "ConsistentRead": true });
    let answer = run(far, "getItem", get.clone()).await.unwrap();
    let mut expected = written.as_object().unwrap().clone();
    expected.insert("state".to_owned(), json!({"S": "PAID"}));
    expected.insert("paid".to_owned(), json!({"N": "2"}));
    assert_eq!(answer.value()["Item"], Value::from(expected));

    let delete = json!({ "TableName": "orders", "Key": key, "ReturnValues": "ALL_OLD" });
    let answer = run(far, "deleteItem", delete).await.unwrap();
    assert_eq!(answer.value()["Attributes"]["state"], json!({"S": "PAID"}));
    assert_eq!(item(far, "orders", "1"), Value::Null);
    let answer = run(far, "getItem", get).await.unwrap();
    assert_eq!(answer.value().get("Item"), None, "{answer}");
}

#[tokio::test]
async fn what_dynamodb_refuses_has_its_name() {
    let Some(far) = python().map(|it| it.aws()) else { return };
    table(far, "once");
    let once = json!({
        "TableName": "once", "Item": {"id": {"S": "1"}},
        "ConditionExpression": "attribute_not_exists(id)",
    });
    run(far, "putItem", once.clone()).await.unwrap();
    for (action, input, name, code) in [
        (
            "putItem",
            once,
            "DynamoDB.ConditionalCheckFailedException",
            "ConditionalCheckFailedException",
        ),
        (
            "getItem",
            json!({"TableName": "missing", "Key": {"id": {"S": "1"}}}),
            "DynamoDB.ResourceNotFoundException",
            "ResourceNotFoundException",
        ),
        (
            "updateItem",
            json!({"TableName": "once", "Key": {"id": {"S": "1"}}, "UpdateExpression": "SET"}),
            "DynamoDB.AmazonDynamoDBException",
            "ValidationException",
        ),
    ] {
        let error = run(far, action, input).await.unwrap_err();
        assert_eq!(error.name(), name, "{action}");
        let cause = error.cause.unwrap();
        let known = format!(
            "(Service: AmazonDynamoDBv2; Status Code: 400; Error Code: {code}; Request ID: "
        );
        assert!(cause.contains(&known) && cause.ends_with("; Proxy: null)"), "{cause}");
    }
}
