//! A request's body as a form: `a=1&b%5Bc%5D=2`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

/// What stands in a form as it is: RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How the elements of an array are written (`RequestEncodingOptions.ArrayFormat`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ArrayFormat {
    /// `a[0]=x&a[1]=y`
    #[default]
    Indices,
    /// `a=x&a=y`
    Repeat,
    /// `a=x,y`
    Commas,
    /// `a[]=x&a[]=y`
    Brackets,
}

impl ArrayFormat {
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "INDICES" => Some(Self::Indices),
            "REPEAT" => Some(Self::Repeat),
            "COMMAS" => Some(Self::Commas),
            "BRACKETS" => Some(Self::Brackets),
            _ => None,
        }
    }
}

/// The members of an object as a form. JSON that was parsed is not nested without end, so neither is this.
pub(super) fn encode(members: &Map<String, Value>, format: ArrayFormat) -> String {
    let mut pairs = Vec::new();
    for (name, value) in members {
        add(&mut pairs, name.clone(), value, format);
    }
    joined(&pairs)
}

/// A text as it stands in a form or a query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Pairs as they stand in a form or a query.
pub(super) fn joined(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn add(pairs: &mut Vec<(String, String)>, name: String, value: &Value, format: ArrayFormat) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                add(pairs, format!("{name}[{member}]"), value, format);
            }
        }
        Value::Array(values) if format == ArrayFormat::Commas => {
            let values: Vec<String> = values.iter().map(scalar).collect();
            pairs.push((name, values.join(",")));
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                let name = match format {
                    ArrayFormat::Indices => format!("{name}[{index}]"),
                    ArrayFormat::Brackets => format!("{name}[]"),
                    ArrayFormat::Repeat | ArrayFormat::Commas => name.clone(),
                };
                add(pairs, name, value, format);
            }
        }
        value => pairs.push((name, scalar(value))),
    }
}

/// The text of a value: nothing for `null`, JSON for what has values inside.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arrays_are_written_as_asked() {
        let body = json!({"array": ["a", "b"], "n": 1});
        for (format, expected) in [
            ("INDICES", "array%5B0%5D=a&array%5B1%5D=b&n=1"),
            ("REPEAT", "array=a&array=b&n=1"),
            ("COMMAS", "array=a%2Cb&n=1"),
            ("BRACKETS", "array%5B%5D=a&array%5B%5D=b&n=1"),
        ] {
            let format = ArrayFormat::read(format).unwrap();
            assert_eq!(encode(body.as_object().unwrap(), format), expected);
        }
        assert_eq!(ArrayFormat::read("OTHER"), None);
    }

    #[test]
    fn members_of_members_stand_in_brackets_and_text_is_encoded() {
        let body = json!({"metadata": {"order_details": "monthly report data"}, "none": null, "é&=": true});
        assert_eq!(
            encode(body.as_object().unwrap(), ArrayFormat::default()),
            "metadata%5Border_details%5D=monthly%20report%20data&none=&%C3%A9%26%3D=true"
        );
    }
}
