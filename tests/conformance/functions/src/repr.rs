//! A JSON value as Python's `repr` writes it, once Python has read it.

use serde_json::Value;

/// `{'a': [1, None, True]}` for `{"a":[1,null,true]}`.
pub(crate) fn of(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", joined(items.iter().map(of))),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", quoted(name), of(value)));
            format!("{{{}}}", joined(members))
        }
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// In single quotes, unless double ones save an escape.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for character in text.chars() {
        match character {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' => quoted.push_str("\\\\"),
            it if it == quote => quoted.extend(['\\', it]),
            it if it.is_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(it))),
            it => quoted.push(it),
        }
    }
    quoted.push(quote);
    quoted
}
