//! The operators of filters.

use std::cmp::Ordering;

use serde_json::Value;

use super::{super::parse::Parser, Operand};
use crate::payload::{compare, measure};

/// What a filter says of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::payload::path) enum Operator {
    Equal,
    NotEqual,
    SameType,
    NotSameType,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    In,
    NotIn,
    Contains,
    Size,
    Empty,
    SubsetOf,
    AnyOf,
    NoneOf,
}

/// Each operator as it is written. One that another begins with comes after it.
const OPERATORS: [(&str, Operator); 17] = [
    ("===", Operator::SameType),
    ("!==", Operator::NotSameType),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=~", Operator::Matches),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("in", Operator::In),
    ("nin", Operator::NotIn),
    ("contains", Operator::Contains),
    ("size", Operator::Size),
    ("empty", Operator::Empty),
    ("subsetof", Operator::SubsetOf),
    ("anyof", Operator::AnyOf),
    ("noneof", Operator::NoneOf),
];

/// An operand, and its value where it has one.
type Side<'a> = (&'a Operand, Option<&'a Value>);

impl Operator {
    pub(super) fn read(parser: &mut Parser<'_>) -> Option<Self> {
        let rest = parser.rest();
        let word = rest.find(|it: char| !it.is_ascii_alphabetic()).unwrap_or(rest.len());
        let found = OPERATORS.iter().find(|(written, _)| {
            if word == 0 {
                rest.starts_with(written)
            } else {
                rest[..word].eq_ignore_ascii_case(written)
            }
        });
        let (written, operator) = found?;
        parser.take(written.len());
        Some(*operator)
    }

    /// How many values it compares, at most.
    pub(super) fn cost(self, left: Option<&Value>, right: Option<&Value>) -> usize {
        let length = |side: Option<&Value>| side.and_then(members).map_or(1, <[_]>::len);
        match self {
            Self::In | Self::NotIn => length(right),
            Self::Contains => length(left),
            Self::SubsetOf | Self::AnyOf | Self::NoneOf => {
                left.map_or(1, measure::count).saturating_mul(length(right))
            }
            _ => 1,
        }
    }

    pub(super) fn holds(
        self,
        (left, left_value): Side<'_>,
        (right, right_value): Side<'_>,
    ) -> bool {
        let values = left_value.zip(right_value);
        let both = |test: fn(&Value, &Value) -> bool| values.is_some_and(|(a, b)| test(a, b));
        let ordered = |orders: &[Ordering]| {
            values.and_then(|(a, b)| order(a, b)).is_some_and(|it| orders.contains(&it))
        };
        match self {
            Self::Equal => both(equal),
            Self::NotEqual => !both(equal),
            Self::SameType => both(same),
            Self::NotSameType => !both(same),
            Self::Less => ordered(&[Ordering::Less]),
            Self::LessOrEqual => ordered(&[Ordering::Less, Ordering::Equal]),
            Self::Greater => ordered(&[Ordering::Greater]),
            Self::GreaterOrEqual => ordered(&[Ordering::Greater, Ordering::Equal]),
            Self::Matches => matches(left, right_value) || matches(right, left_value),
            Self::In => both(|a, b| members(b).is_some_and(|list| has(list, a))),
            Self::NotIn => !both(|a, b| members(b).is_some_and(|list| has(list, a))),
            Self::Contains => both(contains),
            Self::Size => both(|a, b| size(a).is_some_and(|size| same(&size.into(), b))),
            Self::Empty => both(|a, b| size(a).is_some_and(|size| *b == Value::Bool(size == 0))),
            Self::SubsetOf => both(|a, b| lists(a, b, |a, b| a.iter().all(|it| has(b, it)))),
            Self::AnyOf => both(|a, b| lists(a, b, |a, b| a.iter().any(|it| has(b, it)))),
            Self::NoneOf => both(|a, b| lists(a, b, |a, b| !a.iter().any(|it| has(b, it)))),
        }
    }
}

/// `==`: as in Jayway a number equals the string that writes it.
fn equal(left: &Value, right: &Value) -> bool {
    let written = |text: &str, number| match serde_json::from_str(text) {
        Ok(Value::Number(value)) => compare::numbers(&value, number) == Ordering::Equal,
        _ => false,
    };
    match (left, right) {
        (Value::String(text), Value::Number(number))
        | (Value::Number(number), Value::String(text)) => written(text, number),
        _ => same(left, right),
    }
}

/// `===`.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            compare::numbers(left, right) == Ordering::Equal
        }
        _ => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Some(compare::numbers(left, right)),
        (Value::String(left), Value::String(right)) => Some(compare::strings(left, right)),
        _ => None,
    }
}

fn matches(pattern: &Operand, value: Option<&Value>) -> bool {
    let Operand::Pattern(regex) = pattern else { return false };
    match value {
        Some(Value::String(text)) => regex.is_match(text),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => regex.is_match(&value.to_string()),
        Some(Value::Array(elements)) => {
            elements.iter().filter_map(Value::as_str).any(|text| regex.is_match(text))
        }
        _ => false,
    }
}

fn members(value: &Value) -> Option<&[Value]> {
    value.as_array().map(Vec::as_slice)
}

fn has(list: &[Value], value: &Value) -> bool {
    list.iter().any(|element| equal(element, value))
}

fn contains(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(elements), value) => has(elements, value),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        _ => false,
    }
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Array(elements) => Some(elements.len()),
        Value::Object(members) => Some(members.len()),
        Value::String(text) => Some(text.encode_utf16().count()),
        _ => None,
    }
}

fn lists(left: &Value, right: &Value, test: fn(&[Value], &[Value]) -> bool) -> bool {
    members(left).zip(members(right)).is_some_and(|(left, right)| test(left, right))
}
