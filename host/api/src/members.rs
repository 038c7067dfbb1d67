//! A request's members, read as AWS's services read theirs: what is null is not there, a number loses
//! its fraction where a whole one is wanted, and what is of another type is refused in AWS's words.

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, Error, IntoDeserializer, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

/// Why a request's body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(String);

impl Unreadable {
    /// A text that should have been a whole number.
    pub(crate) fn no_integer(text: &str) -> Self {
        Member(Value::from(text)).is_no("an Integer")
    }
}

/// Reads a request's body.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    let members: Value = serde_json::from_slice(body).map_err(Error::custom)?;
    T::deserialize(Member(members))
}

/// A member's value, or the whole of a request.
struct Member(Value);

impl Member {
    /// As a scalar of another type.
    fn is_no(&self, scalar: &str) -> Unreadable {
        let found = match &self.0 {
            Value::Null => "NULL_VALUE",
            Value::Bool(true) => "TRUE_VALUE",
            Value::Bool(false) => "FALSE_VALUE",
            Value::Number(_) => "NUMBER_VALUE",
            Value::String(_) => "STRING_VALUE",
            Value::Array(_) | Value::Object(_) => return self.is_not("a scalar"),
        };
        Unreadable(format!("{found} can not be converted to {scalar}"))
    }

    /// As a list or a structure; `scalar` is what AWS says when it is neither.
    fn is_not(&self, scalar: &str) -> Unreadable {
        let words = match &self.0 {
            Value::Array(_) => "Start of list found where not expected",
            Value::Object(_) => "Start of structure or map found where not expected.",
            _ => scalar,
        };
        Unreadable(words.to_owned())
    }
}

impl Error for Unreadable {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl IntoDeserializer<'_, Unreadable> for Member {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Member {
    type Error = Unreadable;

    /// A member that nobody asks for.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(value),
            _ => Err(self.is_no("a Boolean")),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let whole = match &self.0 {
            // What is larger than any bound stays larger than any bound.
            Value::Number(number) => number.as_i64().or(number.as_f64().map(|it| it as i64)),
            _ => None,
        };
        visitor.visit_i64(whole.ok_or_else(|| self.is_no("an Integer"))?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0.as_f64() {
            Some(number) => visitor.visit_f64(number),
            None => Err(self.is_no("a Float")),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0.as_f64() {
            Some(number) => visitor.visit_f64(number),
            None => Err(self.is_no("a Double")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            _ => Err(self.is_no("a String")),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Array(items) => {
                let items = items.into_iter().filter(|item| !item.is_null());
                visitor.visit_seq(SeqDeserializer::new(items.map(Member)))
            }
            _ => Err(self.is_not("Expected list or null")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Object(members) => visit(members, visitor),
            _ => Err(self.is_not("Expected null")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Object(entries) => visit(entries, visitor),
            _ => Err(self.is_not("Expected map or null")),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 char str bytes byte_buf unit unit_struct
        newtype_struct tuple tuple_struct enum identifier ignored_any
    }
}

fn visit<'de, V: Visitor<'de>>(
    members: Map<String, Value>,
    visitor: V,
) -> Result<V::Value, Unreadable> {
    let members = members.into_iter().map(|(name, value)| (name, Member(value)));
    visitor.visit_map(MapDeserializer::new(members))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Request {
        name: Option<String>,
        max_results: Option<i64>,
        publish: Option<bool>,
        keys: Option<Vec<String>>,
        weights: Option<BTreeMap<String, Option<f64>>>,
        percentage: Option<f32>,
        part: Option<Box<Self>>,
    }

    #[test]
    fn what_is_not_there_is_null_and_what_is_unknown_is_passed_over() {
        for body in ["{}", r#"{"name": null, "part": null, "more": [1, {"a": true}], "": "x"}"#] {
            assert_eq!(read(body.as_bytes()), Ok(Request::default()), "{body}");
        }
    }

    #[test]
    fn members_are_read_at_every_depth() {
        let body = r#"{"name": "a", "maxResults": 5.9, "publish": true, "keys": ["a", null, "b"],
            "weights": {"2": 0.5, "3": 1, "4": null}, "percentage": 33.3, "part": {"maxResults": 1e300}}"#;
        let expected = Request {
            name: Some("a".to_owned()),
            max_results: Some(5),
            publish: Some(true),
            keys: Some(vec!["a".to_owned(), "b".to_owned()]),
            weights: Some(
                [("2", Some(0.5)), ("3", Some(1.0)), ("4", None)]
                    .map(|(name, weight)| (name.to_owned(), weight))
                    .into(),
            ),
            percentage: Some(33.3),
            part: Some(Box::new(Request { max_results: Some(i64::MAX), ..Request::default() })),
        };
        assert_eq!(read(body.as_bytes()), Ok(expected));
    }

    #[test]
    fn another_type_is_told_in_awss_words() {
        const LIST: &str = "Start of list found where not expected";
        const STRUCTURE: &str = "Start of structure or map found where not expected.";
        for (body, expected) in [
            (r#"{"name": 7}"#, "NUMBER_VALUE can not be converted to a String"),
            (r#"{"name": true}"#, "TRUE_VALUE can not be converted to a String"),
            (r#"{"name": ["a"]}"#, LIST),
            (r#"{"name": {}}"#, STRUCTURE),
            (r#"{"maxResults": "7"}"#, "STRING_VALUE can not be converted to an Integer"),
            (r#"{"maxResults": false}"#, "FALSE_VALUE can not be converted to an Integer"),
            (r#"{"maxResults": [7]}"#, LIST),
            (r#"{"publish": 1}"#, "NUMBER_VALUE can not be converted to a Boolean"),
            (r#"{"publish": {}}"#, STRUCTURE),
            (r#"{"keys": "a"}"#, "Expected list or null"),
            (r#"{"keys": {}}"#, STRUCTURE),
            (r#"{"keys": [1]}"#, "NUMBER_VALUE can not be converted to a String"),
            (r#"{"keys": [[]]}"#, LIST),
            (r#"{"weights": 1}"#, "Expected map or null"),
            (r#"{"weights": []}"#, LIST),
            (r#"{"weights": {"2": "1"}}"#, "STRING_VALUE can not be converted to a Double"),
            (r#"{"weights": {"2": {}}}"#, STRUCTURE),
            (r#"{"percentage": "7"}"#, "STRING_VALUE can not be converted to a Float"),
            (r#"{"percentage": [7]}"#, LIST),
            (r#"{"part": 1}"#, "Expected null"),
            (r#"{"part": []}"#, LIST),
            (
                r#"{"part": {"part": {"name": 1.5}}}"#,
                "NUMBER_VALUE can not be converted to a String",
            ),
            ("[]", LIST),
            ("7", "Expected null"),
            ("null", "Expected null"),
        ] {
            let told = read::<Request>(body.as_bytes()).unwrap_err();
            assert_eq!(told.to_string(), expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        let deep = "[".repeat(100_000);
        for body in ["", "{", "{\"name\": \"\\ud800\"}", "{} {}", "\u{feff}{}", &deep] {
            let told = read::<Request>(body.as_bytes()).unwrap_err().to_string();
            assert!(told.contains("at line 1 column "), "{told}");
        }
        assert!(read::<Request>(b"{\"name\": \"\xff\"}").is_err());
    }
}
