//! The `MessageAttributes` of a message for Amazon SNS or SQS.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use stepyard_engine::outside::{AttributeValue, MessageAttribute};

use crate::arguments::Arguments;

/// Reads them, in the order given.
pub(crate) fn read(arguments: &mut Arguments<'_>) -> Vec<(String, MessageAttribute)> {
    const NAME: &str = "MessageAttributes";
    let Some(value) = arguments.value(NAME) else { return Vec::new() };
    let Some(fields) = value.as_object() else {
        arguments.malformed(NAME);
        return Vec::new();
    };
    let mut attributes = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        match attribute(value) {
            Some(attribute) => attributes.push((name.clone(), attribute)),
            None => arguments.malformed(&format!("{NAME}.{name}")),
        }
    }
    attributes
}

/// `{DataType, StringValue | BinaryValue}`; a binary value is written in Base64.
fn attribute(value: &Value) -> Option<MessageAttribute> {
    let fields = value.as_object()?;
    let known = |name: &String| ["DataType", "StringValue", "BinaryValue"].contains(&name.as_str());
    if !fields.keys().all(known) {
        return None;
    }
    let data_type = fields.get("DataType")?.as_str()?.to_owned();
    let value = match (fields.get("StringValue"), fields.get("BinaryValue")) {
        (Some(text), None) => AttributeValue::Text(text.as_str()?.to_owned()),
        (None, Some(binary)) => {
            AttributeValue::Binary(BASE64_STANDARD.decode(binary.as_str()?).ok()?)
        }
        _ => return None,
    };
    Some(MessageAttribute { data_type, value })
}
