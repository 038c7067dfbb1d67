//! The operators of Choice rules.

use std::cmp::Ordering;

use self::{
    Operator::{Is, Literal, Path},
    Relation::{Equals, GreaterThan, GreaterThanEquals, LessThan, LessThanEquals},
    Type::{Boolean, Numeric, String, Timestamp},
};

/// What a field of a rule asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    Not,
    Is(Test),
    Matches,
    /// A comparison with a value in the definition.
    Literal(Type, Relation),
    /// A comparison with a value in the input.
    Path(Type, Relation),
}

/// What an `Is...` operator asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Present,
    Null,
    Of(Type),
}

/// The types of comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    String,
    Numeric,
    Boolean,
    Timestamp,
}

/// How a variable stands to what it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Relation {
    pub(super) fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Equals => order.is_eq(),
            Self::LessThan => order.is_lt(),
            Self::LessThanEquals => order.is_le(),
            Self::GreaterThan => order.is_gt(),
            Self::GreaterThanEquals => order.is_ge(),
        }
    }
}

/// Every operator: 39 that compare, and three that join rules.
pub(super) const OPERATORS: [(&str, Operator); 42] = [
    ("And", Operator::And),
    ("BooleanEquals", Literal(Boolean, Equals)),
    ("BooleanEqualsPath", Path(Boolean, Equals)),
    ("IsBoolean", Is(Test::Of(Boolean))),
    ("IsNull", Is(Test::Null)),
    ("IsNumeric", Is(Test::Of(Numeric))),
    ("IsPresent", Is(Test::Present)),
    ("IsString", Is(Test::Of(String))),
    ("IsTimestamp", Is(Test::Of(Timestamp))),
    ("Not", Operator::Not),
    ("NumericEquals", Literal(Numeric, Equals)),
    ("NumericEqualsPath", Path(Numeric, Equals)),
    ("NumericGreaterThan", Literal(Numeric, GreaterThan)),
    ("NumericGreaterThanEquals", Literal(Numeric, GreaterThanEquals)),
    ("NumericGreaterThanEqualsPath", Path(Numeric, GreaterThanEquals)),
    ("NumericGreaterThanPath", Path(Numeric, GreaterThan)),
    ("NumericLessThan", Literal(Numeric, LessThan)),
    ("NumericLessThanEquals", Literal(Numeric, LessThanEquals)),
    ("NumericLessThanEqualsPath", Path(Numeric, LessThanEquals)),
    ("NumericLessThanPath", Path(Numeric, LessThan)),
    ("Or", Operator::Or),
    ("StringEquals", Literal(String, Equals)),
    ("StringEqualsPath", Path(String, Equals)),
    ("StringGreaterThan", Literal(String, GreaterThan)),
    ("StringGreaterThanEquals", Literal(String, GreaterThanEquals)),
    ("StringGreaterThanEqualsPath", Path(String, GreaterThanEquals)),
    ("StringGreaterThanPath", Path(String, GreaterThan)),
    ("StringLessThan", Literal(String, LessThan)),
    ("StringLessThanEquals", Literal(String, LessThanEquals)),
    ("StringLessThanEqualsPath", Path(String, LessThanEquals)),
    ("StringLessThanPath", Path(String, LessThan)),
    ("StringMatches", Operator::Matches),
    ("TimestampEquals", Literal(Timestamp, Equals)),
    ("TimestampEqualsPath", Path(Timestamp, Equals)),
    ("TimestampGreaterThan", Literal(Timestamp, GreaterThan)),
    ("TimestampGreaterThanEquals", Literal(Timestamp, GreaterThanEquals)),
    ("TimestampGreaterThanEqualsPath", Path(Timestamp, GreaterThanEquals)),
    ("TimestampGreaterThanPath", Path(Timestamp, GreaterThan)),
    ("TimestampLessThan", Literal(Timestamp, LessThan)),
    ("TimestampLessThanEquals", Literal(Timestamp, LessThanEquals)),
    ("TimestampLessThanEqualsPath", Path(Timestamp, LessThanEquals)),
    ("TimestampLessThanPath", Path(Timestamp, LessThan)),
];
