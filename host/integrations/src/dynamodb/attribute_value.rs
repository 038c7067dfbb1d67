//! DynamoDB's `AttributeValue` in JSON: `{"S": "text"}`, `{"N": "1.5"}`, `{"L": [{"BOOL": true}]}`. A number
//! is text, so that none of its 38 digits is lost; binary is in Base64.

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

/// The place of what is no attribute value, from the argument's name.
pub(super) type Misplaced = String;

/// An item, or a key: attributes by name. `at` is where it stands. JSON that was parsed is not nested
/// without end, so neither is this.
pub(super) fn read_all(
    value: &Value,
    at: &str,
) -> Result<HashMap<String, AttributeValue>, Misplaced> {
    let attributes = value.as_object().ok_or_else(|| at.to_owned())?.iter();
    let read = |(name, value): (&String, &Value)| {
        Ok((name.clone(), read(value, &format!("{at}.{name}"))?))
    };
    attributes.map(read).collect()
}

/// One value.
pub(super) fn read(value: &Value, at: &str) -> Result<AttributeValue, Misplaced> {
    let here = || at.to_owned();
    let mut members = value.as_object().ok_or_else(here)?.iter();
    let (Some((kind, value)), None) = (members.next(), members.next()) else {
        return Err(here());
    };
    let read = match (kind.as_str(), value) {
        ("S", Value::String(text)) => Some(AttributeValue::S(text.clone())),
        ("N", Value::String(number)) => Some(AttributeValue::N(number.clone())),
        ("B", _) => blob(value).map(AttributeValue::B),
        ("SS", _) => all(value, text).map(AttributeValue::Ss),
        ("NS", _) => all(value, text).map(AttributeValue::Ns),
        ("BS", _) => all(value, blob).map(AttributeValue::Bs),
        ("BOOL", Value::Bool(truth)) => Some(AttributeValue::Bool(*truth)),
        ("NULL", Value::Bool(null)) => Some(AttributeValue::Null(*null)),
        ("M", _) => Some(AttributeValue::M(read_all(value, at)?)),
        ("L", Value::Array(values)) => Some(AttributeValue::L(read_list(values, at)?)),
        _ => None,
    };
    read.ok_or_else(here)
}

/// Several values, one after the other.
pub(super) fn read_list(values: &[Value], at: &str) -> Result<Vec<AttributeValue>, Misplaced> {
    let values = values.iter().enumerate();
    values.map(|(index, value)| read(value, &format!("{at}[{index}]"))).collect()
}

fn all<T>(value: &Value, one: fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(one).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn blob(value: &Value) -> Option<Blob> {
    Some(Blob::new(BASE64_STANDARD.decode(value.as_str()?).ok()?))
}

/// Attributes in JSON, by name.
pub(super) fn shown_all(attributes: &HashMap<String, AttributeValue>) -> Value {
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    let shown = sorted.into_iter().map(|(name, value)| (name.clone(), shown(value)));
    Value::from(shown.collect::<Map<_, _>>())
}

/// One value in JSON.
fn shown(value: &AttributeValue) -> Value {
    let base64 = |blob: &Blob| BASE64_STANDARD.encode(blob);
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(blob) => json!({ "B": base64(blob) }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(blobs) => json!({ "BS": blobs.iter().map(base64).collect::<Vec<_>>() }),
        AttributeValue::Bool(truth) => json!({ "BOOL": truth }),
        AttributeValue::Null(is_null) => json!({ "NULL": is_null }),
        AttributeValue::M(attributes) => json!({ "M": shown_all(attributes) }),
        AttributeValue::L(values) => json!({ "L": values.iter().map(shown).collect::<Vec<_>>() }),
        // A kind that DynamoDB has and this SDK does not know.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_is_read_and_shown_alike() {
        let item = json!({
            "binary": {"B": "AAH/"},
            "binaries": {"BS": ["AA==", "AQ=="]},
            "list": {"L": [{"S": "a"}, {"L": [{"NULL": true}]}, {"M": {}}]},
            "map": {"M": {"inner": {"M": {"deep": {"N": "-1.5e-10"}}}}},
            "no": {"BOOL": false},
            "number": {"N": "12345678901234567890123456789012345678"},
            "numbers": {"NS": ["1", "2"]},
            "text": {"S": ""},
            "texts": {"SS": ["a", "b"]},
        });
        assert_eq!(shown_all(&read_all(&item, "Item").unwrap()), item);
    }

    #[test]
    fn what_is_no_value_is_named_by_its_place() {
        for (item, expected) in [
            (json!("text"), "Item"),
            (json!({"a": "text"}), "Item.a"),
            (json!({"a": {"N": 1}}), "Item.a"),
            (json!({"a": {"S": "x", "N": "1"}}), "Item.a"),
            (json!({"a": {}}), "Item.a"),
            (json!({"a": {"X": 1}}), "Item.a"),
            (json!({"a": {"B": "not base 64"}}), "Item.a"),
            (json!({"a": {"NS": [1]}}), "Item.a"),
            (json!({"a": {"L": [{"S": "x"}, 1]}}), "Item.a[1]"),
            (json!({"a": {"M": {"b": 1}}}), "Item.a.b"),
        ] {
            assert_eq!(read_all(&item, "Item").unwrap_err(), expected, "{item}");
        }
    }
}
