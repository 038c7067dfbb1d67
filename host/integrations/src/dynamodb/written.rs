//! The arguments of DynamoDB's operations, read. Which of them an operation takes is checked by their
//! names; what DynamoDB itself checks is left to it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeAction, AttributeValue, AttributeValueUpdate, ComparisonOperator, ConditionalOperator,
    ExpectedAttributeValue, ReturnConsumedCapacity, ReturnItemCollectionMetrics, ReturnValue,
};
use serde_json::{Map, Value};
use stepyard_asl::StatesError;
use stepyard_engine::Task;

use super::attribute_value::{self, Misplaced};
use crate::arguments::Arguments;

type Attributes = HashMap<String, AttributeValue>;

/// What a state says to an operation; none of what its operation does not have.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) attribute_updates: Option<HashMap<String, AttributeValueUpdate>>,
    pub(super) attributes_to_get: Option<Vec<String>>,
    pub(super) condition_expression: Option<String>,
    pub(super) conditional_operator: Option<ConditionalOperator>,
    pub(super) consistent_read: Option<bool>,
    pub(super) expected: Option<HashMap<String, ExpectedAttributeValue>>,
    pub(super) expression_attribute_names: Option<HashMap<String, String>>,
    pub(super) expression_attribute_values: Option<Attributes>,
    pub(super) item: Option<Attributes>,
    pub(super) key: Option<Attributes>,
    pub(super) projection_expression: Option<String>,
    pub(super) return_consumed_capacity: Option<ReturnConsumedCapacity>,
    pub(super) return_item_collection_metrics: Option<ReturnItemCollectionMetrics>,
    pub(super) return_values: Option<ReturnValue>,
    pub(super) table_name: Option<String>,
    pub(super) update_expression: Option<String>,
}

impl Written {
    pub(super) fn read(task: &Task) -> Result<Self, StatesError> {
        let mut arguments = Arguments::of(task);
        let it = &mut arguments;
        let written = Self {
            attribute_updates: member(it, "AttributeUpdates", updates),
            attributes_to_get: member(it, "AttributesToGet", texts),
            condition_expression: member(it, "ConditionExpression", text),
            conditional_operator: member(it, "ConditionalOperator", named),
            consistent_read: it.boolean("ConsistentRead"),
            expected: member(it, "Expected", expected),
            expression_attribute_names: member(it, "ExpressionAttributeNames", names),
            expression_attribute_values: member(
                it,
                "ExpressionAttributeValues",
                attribute_value::read_all,
            ),
            item: member(it, "Item", attribute_value::read_all),
            key: member(it, "Key", attribute_value::read_all),
            projection_expression: member(it, "ProjectionExpression", text),
            return_consumed_capacity: member(it, "ReturnConsumedCapacity", named),
            return_item_collection_metrics: member(it, "ReturnItemCollectionMetrics", named),
            return_values: member(it, "ReturnValues", named),
            table_name: member(it, "TableName", text),
            update_expression: member(it, "UpdateExpression", text),
        };
        arguments.finish()?;
        Ok(written)
    }
}

/// An argument as `read` makes it out; what is of the wrong kind is noted by its place.
fn member<T>(
    arguments: &mut Arguments<'_>,
    name: &str,
    read: impl Fn(&Value, &str) -> Result<T, Misplaced>,
) -> Option<T> {
    let value = arguments.value(name)?;
    read(value, name).inspect_err(|misplaced| arguments.malformed(misplaced)).ok()
}

fn text(value: &Value, at: &str) -> Result<String, Misplaced> {
    value.as_str().map(str::to_owned).ok_or_else(|| at.to_owned())
}

/// One of a closed list of words, which DynamoDB checks.
fn named<T: for<'a> From<&'a str>>(value: &Value, at: &str) -> Result<T, Misplaced> {
    value.as_str().map(T::from).ok_or_else(|| at.to_owned())
}

fn texts(value: &Value, at: &str) -> Result<Vec<String>, Misplaced> {
    let texts = value.as_array().ok_or_else(|| at.to_owned())?;
    texts.iter().map(|value| text(value, at)).collect()
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, Misplaced> {
    value.as_object().ok_or_else(|| at.to_owned())
}

fn names(value: &Value, at: &str) -> Result<HashMap<String, String>, Misplaced> {
    let names = object(value, at)?.iter();
    names.map(|(name, value)| Ok((name.clone(), text(value, &format!("{at}.{name}"))?))).collect()
}

/// `Expected`, of before there were expressions.
fn expected(value: &Value, at: &str) -> Result<HashMap<String, ExpectedAttributeValue>, Misplaced> {
    let one = |(name, value): (&String, &Value)| {
        let at = format!("{at}.{name}");
        let mut expected = ExpectedAttributeValue::builder();
        for (member, value) in object(value, &at)? {
            let at = format!("{at}.{member}");
            expected = match member.as_str() {
                "Value" => expected.value(attribute_value::read(value, &at)?),
                "Exists" => expected.exists(value.as_bool().ok_or(at)?),
                "ComparisonOperator" => {
                    expected.comparison_operator(named::<ComparisonOperator>(value, &at)?)
                }
                "AttributeValueList" => {
                    let values = value.as_array().ok_or_else(|| at.clone())?;
                    expected
                        .set_attribute_value_list(Some(attribute_value::read_list(values, &at)?))
                }
                _ => return Err(at),
            };
        }
        Ok((name.clone(), expected.build()))
    };
    object(value, at)?.iter().map(one).collect()
}

/// `AttributeUpdates`, of before there were expressions.
fn updates(value: &Value, at: &str) -> Result<HashMap<String, AttributeValueUpdate>, Misplaced> {
    let one = |(name, value): (&String, &Value)| {
        let at = format!("{at}.{name}");
        let mut update = AttributeValueUpdate::builder();
        for (member, value) in object(value, &at)? {
            let at = format!("{at}.{member}");
            update = match member.as_str() {
                "Value" => update.value(attribute_value::read(value, &at)?),
                "Action" => update.action(named::<AttributeAction>(value, &at)?),
                _ => return Err(at),
            };
        }
        Ok((name.clone(), update.build()))
    };
    object(value, at)?.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::task;

    fn read(action: &str, input: &Value) -> Result<Written, String> {
        let task = task(&format!("arn:aws:states:::dynamodb:{action}"), &input.to_string());
        Written::read(&task).map_err(|error| error.cause.unwrap_or_default())
    }

    #[test]
    fn arguments_of_every_kind_are_read() {
        let written = read(
            "updateItem",
            &json!({
                "TableName": "orders",
                "Key": {"id": {"S": "1"}},
                "AttributeUpdates": {"count": {"Action": "ADD", "Value": {"N": "1"}}},
                "Expected": {"state": {"ComparisonOperator": "IN", "AttributeValueList": [{"S": "a"}]},
                    "gone": {"Exists": false}},
                "ExpressionAttributeNames": {"#s": "state"},
                "ReturnValues": "ALL_NEW",
                "ConditionExpression": null,
            }),
        )
        .unwrap();
        assert_eq!(written.table_name.as_deref(), Some("orders"));
        assert_eq!(written.key.unwrap()["id"], AttributeValue::S("1".to_owned()));
        let updates = written.attribute_updates.unwrap();
        assert_eq!(updates["count"].action(), Some(&AttributeAction::Add));
        let expected = written.expected.unwrap();
        assert_eq!(expected["state"].attribute_value_list(), [AttributeValue::S("a".to_owned())]);
        assert_eq!(expected["gone"].exists(), Some(false));
        assert_eq!(written.expression_attribute_names.unwrap()["#s"], "state");
        assert_eq!(written.return_values, Some(ReturnValue::AllNew));
        assert_eq!(written.condition_expression, None);
    }

    #[test]
    fn what_is_of_the_wrong_kind_is_named_by_its_place() {
        let cause = read(
            "putItem",
            &json!({
                "TableName": 1,
                "Item": {"id": "1"},
                "Expected": {"id": {"Exists": "no"}},
                "ReturnValues": true,
                "Key": {},
            }),
        )
        .unwrap_err();
        for expected in [
            "The field \"Key\" is not supported by Step Functions",
            "The value of the field 'TableName' has an invalid format",
            "The value of the field 'Item.id' has an invalid format",
            "The value of the field 'Expected.id.Exists' has an invalid format",
            "The value of the field 'ReturnValues' has an invalid format",
        ] {
            assert!(cause.contains(expected), "{expected}: {cause}");
        }
    }
}
