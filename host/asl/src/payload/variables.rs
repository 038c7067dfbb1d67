//! Variables: what one state assigns, and later ones read (`Assign`, `$name`).
//!
//! The states of a machine share a scope. Each branch of a Parallel and each iteration of an inline
//! Map has one of its own: it reads what stands in the outer ones, assigns in its own alone, and
//! that is gone when the branch is over.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::Payload;

/// The most characters of a variable's name (Quotas).
const NAME_CHARACTERS_MAX: usize = 80;

/// The variable that AWS keeps for itself.
const RESERVED: &str = "states";

/// What is assigned at once, by the variables' names.
pub(crate) type Assignments = BTreeMap<Arc<str>, Payload>;

/// The variables of a scope, and those of the scopes around it. As most machines have none, that
/// takes no memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Variables(Option<Arc<Scope>>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Scope {
    own: Assignments,
    outer: Variables,
}

impl Variables {
    /// A variable's value; none when nothing was assigned to it.
    pub(crate) fn get(&self, name: &str) -> Option<&Payload> {
        let mut scope = self.0.as_deref();
        while let Some(Scope { own, outer }) = scope {
            if let Some(value) = own.get(name) {
                return Some(value);
            }
            scope = outer.0.as_deref();
        }
        None
    }

    /// The scope of a branch or iteration inside this one.
    pub(crate) fn inner(&self) -> Self {
        Self::default().within(self)
    }

    /// The same variables, with these around them.
    pub(crate) fn within(mut self, outer: &Self) -> Self {
        if outer.0.is_some() {
            Arc::make_mut(self.0.get_or_insert_default()).outer = outer.clone();
        }
        self
    }

    /// Assigns values in this scope, all at once.
    pub(crate) fn assign(&mut self, values: Assignments) {
        if !values.is_empty() {
            Arc::make_mut(self.0.get_or_insert_default()).own.extend(values);
        }
    }

    /// The bytes of this scope's own values, but for those of variables that are in `except`.
    pub(crate) fn bytes_without(&self, except: &Assignments) -> usize {
        let own = self.own().iter().filter(|(name, _)| !except.contains_key(*name));
        own.map(|(_, value)| value.len()).sum()
    }

    /// Whether nothing is assigned in this scope.
    pub(crate) fn has_none_of_its_own(&self) -> bool {
        self.own().is_empty()
    }

    /// This scope's own values, as an object.
    pub(crate) fn object(&self) -> Map<String, Value> {
        let values = self.own().iter();
        values.map(|(name, value)| (name.to_string(), value.value().clone())).collect()
    }

    fn own(&self) -> &Assignments {
        static NONE: Assignments = Assignments::new();
        self.0.as_deref().map_or(&NONE, |scope| &scope.own)
    }
}

/// What stands around a scope is not written with it.
impl Serialize for Variables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.own().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Variables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut variables = Self::default();
        variables.assign(Assignments::deserialize(deserializer)?);
        Ok(variables)
    }
}

/// Why a text cannot be a variable's name; says which can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error("`states` is AWS's own variable: choose another name")]
    Reserved,
    #[error("a variable's name has at most {NAME_CHARACTERS_MAX} characters; this one has {count}")]
    TooLong { count: usize },
    #[error(
        "a variable's name begins with a letter and goes on with letters, digits and `_`; only a \
         whole variable can be assigned, not a part of its value"
    )]
    NotAName,
}

/// Whether a text can be a variable's name: a Unicode identifier (Developer Guide, "Passing data
/// between states with variables").
pub(crate) fn check_name(text: &str) -> Result<(), NameError> {
    if text == RESERVED {
        return Err(NameError::Reserved);
    }
    if name_at_start_of(text) != text || text.is_empty() {
        return Err(NameError::NotAName);
    }
    match text.chars().count() {
        count if count > NAME_CHARACTERS_MAX => Err(NameError::TooLong { count }),
        _ => Ok(()),
    }
}

/// The name that a text begins with; empty when it begins with none.
pub(crate) fn name_at_start_of(text: &str) -> &str {
    let begins = |character: char| character.is_alphabetic() || character == '_';
    if !text.starts_with(begins) {
        return "";
    }
    let goes_on = |character: char| character.is_alphanumeric() || character == '_';
    let end = text.find(|character| !goes_on(character)).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn assignments(values: &[(&str, i64)]) -> Assignments {
        values.iter().map(|(name, value)| ((*name).into(), json!(value).into())).collect()
    }

    fn shown(variables: &Variables, names: &[&str]) -> String {
        let value = |name: &&str| variables.get(name).map_or("-", Payload::text).to_owned();
        names.iter().map(value).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_inner_scope_reads_the_outer_ones_and_assigns_its_own() {
        let mut outer = Variables::default();
        outer.assign(assignments(&[("a", 1), ("b", 2)]));
        let mut inner = outer.inner();
        inner.assign(assignments(&[("c", 3)]));
        let innermost = inner.inner();
        outer.assign(assignments(&[("a", 10)]));
        assert_eq!(shown(&innermost, &["a", "b", "c", "d"]), "1 2 3 -");
        assert_eq!(shown(&outer, &["a", "b", "c"]), "10 2 -");
        assert!(innermost.has_none_of_its_own() && !inner.has_none_of_its_own());
        assert_eq!(outer.bytes_without(&assignments(&[("b", 0)])), 2);
    }

    #[test]
    fn a_scope_is_written_without_what_stands_around_it() {
        let mut outer = Variables::default();
        outer.assign(assignments(&[("a", 1)]));
        let mut inner = outer.inner();
        inner.assign(assignments(&[("b", 2)]));
        let text = serde_json::to_string(&inner).unwrap();
        assert_eq!(text, r#"{"b":"2"}"#);
        let read: Variables = serde_json::from_str(&text).unwrap();
        assert_eq!(read.within(&outer), inner);
        let empty: Variables = serde_json::from_str("{}").unwrap();
        assert_eq!(empty, Variables::default());
    }

    #[test]
    fn a_name_is_an_identifier() {
        let long = "ä".repeat(NAME_CHARACTERS_MAX);
        for name in ["a", "x1", "two_words", "États", "变量", "Y", &long] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "1a", "a.b", "a[0]", "a-b", "$a", "a b", "a.$"] {
            assert_eq!(check_name(name), Err(NameError::NotAName), "{name}");
        }
        assert_eq!(check_name("states"), Err(NameError::Reserved));
        assert_eq!(check_name(&(long + "a")), Err(NameError::TooLong { count: 81 }));
    }
}
