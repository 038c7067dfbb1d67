//! A table of what a service's operations answer, read.

use std::collections::BTreeMap;

use serde_json::Value;

/// What the operations of one service answer.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    answers: BTreeMap<&'a str, Type<'a>>,
    structures: BTreeMap<&'a str, Vec<Member<'a>>>,
}

/// A member of a structure.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    pub(super) is_required: bool,
    pub(super) kind: Type<'a>,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Type<'a> {
    Any,
    Boolean,
    Number(Bounds),
    /// A text of so many characters. Timestamps and bytes are texts, too.
    String(Bounds),
    Enumeration(Vec<&'a str>),
    /// So many elements.
    List(Box<Self>, Bounds),
    Map(Box<Self>),
    Structure(&'a str),
}

/// The least and the most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Bounds {
    min: Option<f64>,
    max: Option<f64>,
}

impl<'a> Table<'a> {
    /// Reads a table as `service_shapes.py` writes it; its first line is for people.
    pub(super) fn parse(text: &'a str) -> Self {
        let mut table = Self::default();
        let mut structure = "";
        for line in text.lines().skip(1) {
            if let Some((operation, answer)) =
                line.strip_prefix("> ").and_then(|it| it.split_once(' '))
            {
                table.answers.insert(operation, Type::Structure(answer));
            } else if let Some((name, kind)) =
                line.strip_prefix("  ").and_then(|it| it.split_once(' '))
            {
                let required = name.strip_suffix('!');
                let (is_required, name) = (required.is_some(), required.unwrap_or(name));
                let member = Member { name, is_required, kind: Type::parse(kind) };
                table.structures.entry(structure).or_default().push(member);
            } else {
                structure = line;
                table.structures.entry(line).or_default();
            }
        }
        table
    }

    /// What an operation answers, where that is known.
    pub(super) fn answer(&self, operation: &str) -> Option<&Type<'a>> {
        self.answers.get(operation)
    }

    /// The members of a structure, in the order of the model.
    pub(super) fn members(&self, structure: &str) -> &[Member<'a>] {
        self.structures.get(structure).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
impl<'a> Table<'a> {
    /// The structures that are named and not there. One without members is there by its line alone.
    pub(super) fn unknown(&self) -> Vec<&'a str> {
        let mut ready: Vec<_> = self.answers.values().collect();
        ready.extend(self.structures.values().flatten().map(|member| &member.kind));
        let mut unknown = Vec::new();
        while let Some(kind) = ready.pop() {
            match kind {
                Type::List(inner, _) | Type::Map(inner) => ready.push(inner),
                Type::Structure(name) if !self.structures.contains_key(name) => unknown.push(*name),
                _ => {}
            }
        }
        unknown
    }
}

impl<'a> Type<'a> {
    /// Reads what a table writes of a type. What is around the innermost is as deep as the table's
    /// author made it, and that is AWS.
    fn parse(text: &'a str) -> Self {
        let (bare, bounds) = match text.rsplit_once('(') {
            Some((bare, bounds))
                if !bare.is_empty() && bounds.contains("..") && text.ends_with(')') =>
            {
                (bare, Bounds::parse(bounds.trim_end_matches(')')))
            }
            _ => (text, Bounds::default()),
        };
        let within = |open, close| bare.strip_prefix(open).and_then(|it| it.strip_suffix(close));
        if let Some(element) = within('[', ']') {
            return Self::List(Box::new(Self::parse(element)), bounds);
        }
        if let Some(value) = within('{', '}') {
            return Self::Map(Box::new(Self::parse(value)));
        }
        if let Some(words) = within('(', ')') {
            return Self::Enumeration(words.split('|').collect());
        }
        match bare {
            "any" => Self::Any,
            "boolean" => Self::Boolean,
            "number" => Self::Number(bounds),
            "string" => Self::String(bounds),
            structure => Self::Structure(structure),
        }
    }

    /// Checks a value by itself, not what is in it. The words are AWS's.
    pub(super) fn check(&self, member: &str, value: &Value) -> Result<(), String> {
        let told = |what: &str| Err(format!("Field '{member}' {what}"));
        match (self, value) {
            (Self::Any, _)
            | (Self::Boolean, Value::Bool(_))
            | (Self::Map(_) | Self::Structure(_), Value::Object(_)) => Ok(()),
            (Self::Number(bounds), Value::Number(number)) => {
                match bounds.excess(number.as_f64().unwrap_or_default()) {
                    Some(Excess::Below) => told("is less than the minimum value"),
                    Some(Excess::Above) => told("exceeds the maximum value"),
                    None => Ok(()),
                }
            }
            (Self::String(bounds), Value::String(text)) => {
                length(bounds, text.chars().count()).map_or(Ok(()), told)
            }
            (Self::List(_, bounds), Value::Array(elements)) => {
                length(bounds, elements.len()).map_or(Ok(()), told)
            }
            (Self::Enumeration(words), Value::String(word)) => {
                if words.contains(&word.as_str()) {
                    Ok(())
                } else {
                    told("is not an expected value")
                }
            }
            (Self::Boolean, _) => told("must be a boolean"),
            (Self::Number(_), _) => told("must be a number"),
            (Self::String(_) | Self::Enumeration(_), _) => told("must be a string"),
            (Self::List(..), _) => told("must be an array"),
            (Self::Map(_) | Self::Structure(_), _) => told("must be an object"),
        }
    }
}

/// What is wrong with a length.
fn length(bounds: &Bounds, length: usize) -> Option<&'static str> {
    match bounds.excess(length as f64)? {
        Excess::Below => Some("is smaller than the minimum length"),
        Excess::Above => Some("exceeds the maximum length"),
    }
}

enum Excess {
    Below,
    Above,
}

impl Bounds {
    fn parse(text: &str) -> Self {
        let (min, max) = text.split_once("..").unwrap_or_default();
        Self { min: min.parse().ok(), max: max.parse().ok() }
    }

    fn excess(self, number: f64) -> Option<Excess> {
        match () {
            () if self.min.is_some_and(|min| number < min) => Some(Excess::Below),
            () if self.max.is_some_and(|max| number > max) => Some(Excess::Above),
            () => None,
        }
    }
}
