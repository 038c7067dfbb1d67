//! Choice rules: a comparison of a `Variable`, or rules joined by `And`, `Or` and `Not`.

mod operator;
mod pattern;

use std::cmp::Ordering;

use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use self::{
    operator::{OPERATORS, Operator, Relation, Test, Type},
    pattern::Pattern,
};
use crate::{
    Location, StatesError, Timestamp,
    fields::{Fields, expected},
    findings::Findings,
    payload::{Scope, compare, path::ReferencePath},
};

/// A Choice rule's condition.
///
/// Recursion over rules is as deep as the definition, which serde_json reads to a depth of 127 at
/// most.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Compare(Box<Comparison>),
}

/// What a rule says of its `Variable`.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    variable: ReferencePath,
    condition: Condition,
}

#[derive(Clone, Debug)]
enum Condition {
    /// Whether the test is to hold.
    Is(Test, bool),
    Matches(Pattern),
    Relates(Type, Relation, Operand),
}

#[derive(Clone, Debug)]
enum Operand {
    Literal(Value),
    /// Of an operator whose name ends in `Path`.
    Path(ReferencePath),
}

impl Rule {
    /// Reads an element of `Choices`. Its `Next`, `Comment` and `Assign` are for the caller to read;
    /// every other field is read, and reported, here.
    pub(crate) fn read(
        object: &Map<String, Value>,
        at: &Location,
        found: &mut Findings,
    ) -> Option<Self> {
        let mut fields = Fields::new(object, at.clone(), found);
        for name in ["Next", "Comment", "Assign"] {
            fields.value(name);
        }
        Self::read_condition(fields)
    }

    fn read_condition(mut fields: Fields<'_>) -> Option<Self> {
        let given: Vec<_> = OPERATORS.iter().filter(|(name, _)| fields.has(name)).collect();
        for (name, _) in &given {
            fields.value(name);
        }
        let rule = match &*given {
            [(name, operator)] => Self::read_operator(&mut fields, name, *operator),
            [] => {
                fields.value("Variable");
                fields.report(
                    "A Choice rule must have a comparison operator",
                    "add one such as `StringEquals`, or `And`, `Or` or `Not`",
                );
                None
            }
            _ => {
                fields.value("Variable");
                let names: Vec<_> = given.iter().map(|(name, _)| *name).collect();
                fields.at_most_one(&names);
                None
            }
        };
        fields.finish();
        rule
    }

    fn read_operator(
        fields: &mut Fields<'_>,
        name: &'static str,
        operator: Operator,
    ) -> Option<Self> {
        match operator {
            Operator::And => Self::read_all(fields, name).map(Self::And),
            Operator::Or => Self::read_all(fields, name).map(Self::Or),
            Operator::Not => {
                let (value, at) = (fields.value(name)?, fields.at().field(name));
                let rule = Self::read_nested(value, at, fields.found())?;
                Some(Self::Not(Box::new(rule)))
            }
            _ => {
                fields.required("Variable");
                let variable = fields.any_reference_path("Variable");
                let condition = Condition::read(fields, name, operator);
                let (variable, condition) = variable.zip(condition)?;
                Some(Self::Compare(Box::new(Comparison { variable, condition })))
            }
        }
    }

    fn read_all(fields: &mut Fields<'_>, name: &'static str) -> Option<Vec<Self>> {
        let rules = fields.filled_array(name)?;
        let at = fields.at().field(name);
        let rules = rules.iter().enumerate();
        let rules: Vec<_> = rules
            .map(|(index, rule)| Self::read_nested(rule, at.index(index), fields.found()))
            .collect();
        rules.into_iter().collect()
    }

    /// Reads a rule inside another. It says nothing of where to go.
    fn read_nested(value: &Value, at: Location, found: &mut Findings) -> Option<Self> {
        let mut fields = Fields::of(value, at, found)?;
        fields.string("Comment");
        Self::read_condition(fields)
    }

    /// Whether the rule holds. A comparison of values that are not of its type is false; a path to
    /// nothing is an error, but for `IsPresent`.
    pub(crate) fn holds(&self, scope: &Scope<'_>) -> Result<bool, StatesError> {
        match self {
            Self::And(rules) => {
                for rule in rules {
                    if !rule.holds(scope)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(rules) => {
                for rule in rules {
                    if rule.holds(scope)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(rule) => Ok(!rule.holds(scope)?),
            Self::Compare(comparison) => comparison.holds(scope),
        }
    }
}

impl Comparison {
    fn holds(&self, scope: &Scope<'_>) -> Result<bool, StatesError> {
        if let Condition::Is(Test::Present, wanted) = self.condition {
            return Ok(self.variable.read(scope).is_ok() == wanted);
        }
        let variable = find(&self.variable, scope)?;
        Ok(match &self.condition {
            Condition::Is(test, wanted) => test.holds(variable) == *wanted,
            Condition::Matches(pattern) => {
                variable.as_str().is_some_and(|text| pattern.matches(text))
            }
            Condition::Relates(of, relation, operand) => {
                let operand = match operand {
                    Operand::Literal(value) => value,
                    Operand::Path(path) => find(path, scope)?,
                };
                order(*of, variable, operand).is_some_and(|order| relation.allows(order))
            }
        })
    }
}

fn find<'a>(path: &ReferencePath, scope: &Scope<'a>) -> Result<&'a Value, StatesError> {
    path.read(scope).map_err(|_| {
        let path = path.text();
        StatesError::runtime(format!(
            "Invalid path '{path}': The choice state's condition path references an invalid value."
        ))
    })
}

/// How two values of a type compare; nothing when one of them is not of the type.
fn order(of: Type, left: &Value, right: &Value) -> Option<Ordering> {
    match (of, left, right) {
        (Type::String, Value::String(left), Value::String(right)) => {
            Some(compare::strings(left, right))
        }
        (Type::Numeric, Value::Number(left), Value::Number(right)) => {
            Some(compare::numbers(left, right))
        }
        (Type::Boolean, Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Type::Timestamp, Value::String(left), Value::String(right)) => {
            Some(instant(left)?.cmp(&instant(right)?))
        }
        _ => None,
    }
}

/// The moment a timestamp names, to the nanosecond.
fn instant(text: &str) -> Option<OffsetDateTime> {
    Timestamp::parse(text)?;
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

impl Test {
    fn holds(self, value: &Value) -> bool {
        match self {
            Self::Present => true,
            Self::Null => value.is_null(),
            Self::Of(Type::String) => value.is_string(),
            Self::Of(Type::Numeric) => value.is_number(),
            Self::Of(Type::Boolean) => value.is_boolean(),
            Self::Of(Type::Timestamp) => value.as_str().and_then(Timestamp::parse).is_some(),
        }
    }
}

impl Condition {
    fn read(fields: &mut Fields<'_>, name: &'static str, operator: Operator) -> Option<Self> {
        match operator {
            Operator::And | Operator::Or | Operator::Not => None,
            Operator::Is(test) => Some(Self::Is(test, fields.boolean(name)?)),
            Operator::Matches => {
                let pattern = Pattern::parse(fields.string(name)?);
                let message = "Value is not a valid StringMatches pattern";
                pattern.map_err(|mend| fields.wrong(name, message, mend)).ok().map(Self::Matches)
            }
            Operator::Literal(of, relation) => {
                let literal = read_literal(fields, name, of)?;
                Some(Self::Relates(of, relation, Operand::Literal(literal)))
            }
            Operator::Path(of, relation) => {
                let path = fields.any_reference_path(name)?;
                Some(Self::Relates(of, relation, Operand::Path(path)))
            }
        }
    }
}

fn read_literal(fields: &mut Fields<'_>, name: &'static str, of: Type) -> Option<Value> {
    let value = fields.value(name)?;
    let (kind, fits) = match of {
        Type::String | Type::Timestamp => ("String", value.is_string()),
        Type::Numeric => ("Number", value.is_number()),
        Type::Boolean => ("Boolean", value.is_boolean()),
    };
    if !fits {
        let at = fields.at().field(name);
        fields.found().push(expected(kind, at));
        return None;
    }
    if of == Type::Timestamp && value.as_str().and_then(Timestamp::parse).is_none() {
        let mend = "write it as `2026-01-31T12:00:00Z`";
        fields.wrong(name, "String does not match RFC3339 timestamp", mend);
        return None;
    }
    Some(value.clone())
}

#[cfg(test)]
mod tests;
