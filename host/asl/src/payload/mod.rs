//! How data moves: JSON texts, the paths that read them, the templates that build them.

pub(crate) mod compare;
pub(crate) mod context_object;
pub(crate) mod expression;
pub(crate) mod foreseen;
pub(crate) mod intrinsic;
mod jsonata;
pub(crate) mod measure;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod snippet;
pub(crate) mod template;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod variables;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use context_object::ContextObject;
use variables::Variables;

use crate::{Timestamp, jackson};

/// What a template, a path or a Choice rule is evaluated against.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// What `$` is in a path.
    pub(crate) input: &'a Value,
    /// What `$states` has in a JSONata expression, besides the context object.
    pub(crate) states: States<'a>,
    /// What `$$` is.
    pub(crate) context: &'a ContextObject<'a>,
    /// What `$name` is.
    pub(crate) variables: &'a Variables,
    /// What a JSONata expression takes for the present.
    pub(crate) now: Timestamp,
    /// Where `States.UUID` draws from.
    pub(crate) random: &'a dyn Random,
}

/// What a state works on, as JSONata shows it.
#[derive(Clone, Copy)]
pub(crate) struct States<'a> {
    /// The state's raw input.
    pub(crate) input: &'a Value,
    /// What its work came to.
    pub(crate) result: Option<&'a Value>,
    /// The error that a catcher deals with.
    pub(crate) error_output: Option<&'a Value>,
}

/// The execution's randomness, derived from its seed: a replay draws the same again.
pub(crate) trait Random {
    /// 16 random bytes, others at each call.
    fn draw(&self) -> [u8; 16];
}

/// A JSON text, shared and not copied between facts, commands and history; parsed once, when first
/// asked for its value. The text is kept as it came, spacing included: history shows it so.
#[derive(Clone)]
pub struct Payload(Arc<Inner>);

struct Inner {
    text: Box<str>,
    value: OnceLock<Value>,
}

impl Payload {
    /// Takes a JSON text of any kind of value; fails with the place when it is not JSON.
    pub fn parse(text: impl Into<Box<str>>) -> Result<Self, serde_json::Error> {
        let text = text.into();
        let value: Value = serde_json::from_str(&text)?;
        Ok(Self(Arc::new(Inner { text, value: OnceLock::from(value) })))
    }

    /// Takes a JSON text that somebody outside sent; says what is wrong with it in the words of
    /// Jackson, AWS's parser, where Jackson would mind too.
    pub fn received(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| {
            jackson::complaint(text).map_or_else(|| error.to_string(), |complaint| complaint.words)
        })
    }

    /// The JSON text as it came.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The value the text stands for.
    pub fn value(&self) -> &Value {
        self.0.value.get_or_init(|| {
            serde_json::from_str(&self.0.text).expect("a payload was JSON when it was made")
        })
    }

    /// Bytes of the text in UTF-8: what AWS's payload quota counts.
    pub fn len(&self) -> usize {
        self.0.text.len()
    }

    /// Never: even the shortest JSON text has a byte.
    pub fn is_empty(&self) -> bool {
        false
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        let text = value.to_string().into();
        Self(Arc::new(Inner { text, value: OnceLock::from(value) }))
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// In a journal a payload is a string that holds its text, so that not a space of it is lost.
impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
