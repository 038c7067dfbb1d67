//! Filters: `[?(@.n > 1 && @.tag in ['a','b'])]`. What an operator says of values of kinds it does
//! not fit is false.

mod operator;

use std::borrow::Cow;

use serde_json::Value;

use self::operator::Operator;
use super::{Miss, PathError, Route, evaluate::Evaluation, parse::Parser};

/// How large a regular expression may be, compiled: matching takes as long as that and the text
/// multiplied.
const PATTERN_BYTES_MAX: usize = 64 << 10;

/// A condition on one element of an array, or on an object.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    /// A path alone: it finds something.
    Exists(Query),
    Compare(Operand, Operator, Operand),
}

/// A side of a comparison.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Literal(Value),
    /// `/.../i`; the whole of the other side matches it.
    Pattern(regex_lite::Regex),
    Query(Query),
}

/// A path inside a filter.
#[derive(Clone, Debug)]
pub(super) struct Query {
    /// Starts at `@`, the element, and not at `$`, the document.
    from_item: bool,
    route: Route,
}

impl Filter {
    pub(super) fn holds<'a>(
        &self,
        evaluation: &Evaluation<'a>,
        item: &'a Value,
    ) -> Result<bool, Miss> {
        evaluation.spend(1)?;
        match self {
            Self::Any(filters) => {
                for filter in filters {
                    if filter.holds(evaluation, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::All(filters) => {
                for filter in filters {
                    if !filter.holds(evaluation, item)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Not(filter) => Ok(!filter.holds(evaluation, item)?),
            Self::Exists(query) => query.exists(evaluation, item),
            Self::Compare(left, operator, right) => {
                let values = (left.value(evaluation, item)?, right.value(evaluation, item)?);
                let values = (values.0.as_deref(), values.1.as_deref());
                evaluation.spend(operator.cost(values.0, values.1))?;
                Ok(operator.holds((left, values.0), (right, values.1)))
            }
        }
    }

    /// Reads what stands between the parentheses of `[?(...)]`.
    pub(super) fn read(parser: &mut Parser<'_>) -> Result<Self, PathError> {
        Self::read_list(parser, "||", Self::Any, |parser| {
            Self::read_list(parser, "&&", Self::All, Self::read_one)
        })
    }

    fn read_list(
        parser: &mut Parser<'_>,
        separator: &str,
        join: fn(Vec<Self>) -> Self,
        read: fn(&mut Parser<'_>) -> Result<Self, PathError>,
    ) -> Result<Self, PathError> {
        let first = read(parser)?;
        let mut filters = vec![first];
        loop {
            parser.skip_spaces();
            if !parser.eat(separator) {
                break;
            }
            filters.push(read(parser)?);
        }
        Ok(match <[_; 1]>::try_from(filters) {
            Ok([filter]) => filter,
            Err(filters) => join(filters),
        })
    }

    fn read_one(parser: &mut Parser<'_>) -> Result<Self, PathError> {
        parser.skip_spaces();
        if parser.eat("!") {
            return Ok(Self::Not(Box::new(parser.nested(Self::read_one)?)));
        }
        if parser.eat("(") {
            let filter = parser.nested(Self::read)?;
            parser.skip_spaces();
            parser.expect(")", "`)`")?;
            return Ok(filter);
        }
        Self::read_comparison(parser)
    }

    fn read_comparison(parser: &mut Parser<'_>) -> Result<Self, PathError> {
        let left = Operand::read(parser)?;
        parser.skip_spaces();
        let Some(operator) = Operator::read(parser) else {
            return match left {
                Operand::Query(query) => Ok(Self::Exists(query)),
                _ => Err(parser.unexpected("an operator such as `==`")),
            };
        };
        let right = Operand::read(parser)?;
        Ok(Self::Compare(left, operator, right))
    }
}

impl Query {
    fn exists<'a>(&self, evaluation: &Evaluation<'a>, item: &'a Value) -> Result<bool, Miss> {
        let found = self.find(evaluation, item)?;
        Ok(found.is_some_and(|value| self.route.definite() || *value != Value::Array(Vec::new())))
    }

    fn find<'a>(
        &self,
        evaluation: &Evaluation<'a>,
        item: &'a Value,
    ) -> Result<Option<Cow<'a, Value>>, Miss> {
        let start = if self.from_item { item } else { evaluation.document };
        evaluation.find(&self.route, start)
    }
}

impl Operand {
    fn value<'a>(
        &'a self,
        evaluation: &Evaluation<'a>,
        item: &'a Value,
    ) -> Result<Option<Cow<'a, Value>>, Miss> {
        match self {
            Self::Literal(value) => Ok(Some(Cow::Borrowed(value))),
            Self::Pattern(_) => Ok(None),
            Self::Query(query) => query.find(evaluation, item),
        }
    }

    fn read(parser: &mut Parser<'_>) -> Result<Self, PathError> {
        parser.skip_spaces();
        match parser.peek() {
            Some(root @ ('@' | '$')) => {
                parser.take(1);
                let route = parser.route()?;
                Ok(Self::Query(Query { from_item: root == '@', route }))
            }
            Some('/') => read_pattern(parser).map(Self::Pattern),
            _ => read_literal(parser).map(Self::Literal),
        }
    }
}

fn read_literal(parser: &mut Parser<'_>) -> Result<Value, PathError> {
    match parser.peek() {
        Some('\'' | '"') => parser.quoted().map(Value::String),
        Some('[') => {
            parser.take(1);
            parser.nested(read_array)
        }
        _ => read_json(parser),
    }
}

/// Reads the rest of an array; as in Jayway its strings may stand in single quotes.
fn read_array(parser: &mut Parser<'_>) -> Result<Value, PathError> {
    let mut elements = Vec::new();
    loop {
        parser.skip_spaces();
        if elements.is_empty() && parser.eat("]") {
            break;
        }
        elements.push(read_literal(parser)?);
        parser.skip_spaces();
        if parser.eat("]") {
            break;
        }
        parser.expect(",", "`,` or `]`")?;
    }
    Ok(Value::Array(elements))
}

/// Reads a number, `true`, `false`, `null` or an object.
fn read_json(parser: &mut Parser<'_>) -> Result<Value, PathError> {
    let rest = parser.rest();
    let read = if rest.starts_with('{') {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        values.next().and_then(Result::ok).map(|value| (value, values.byte_offset()))
    } else {
        let end = rest.find(|character| " ),]<>=!&|".contains(character)).unwrap_or(rest.len());
        serde_json::from_str(&rest[..end]).ok().map(|value| (value, end))
    };
    let Some((value, bytes)) = read else {
        return Err(parser.unexpected("a path that starts with `@` or `$`, or a literal"));
    };
    parser.take(bytes);
    Ok(value)
}

/// Reads `/pattern/flags`.
fn read_pattern(parser: &mut Parser<'_>) -> Result<regex_lite::Regex, PathError> {
    parser.take(1);
    let Some(end) = end_of_pattern(parser.rest()) else {
        return Err(parser.unexpected("a regular expression that ends with `/`"));
    };
    let pattern = parser.take(end).replace("\\/", "/");
    parser.take(1);
    let flags = parser.rest().bytes().take_while(u8::is_ascii_alphabetic).count();
    let flags = parser.take(flags);
    let refuse = |reason: String| PathError::Regex { pattern: pattern.clone(), reason };
    if let Some(flag) = flags.chars().find(|flag| !"imsx".contains(*flag)) {
        return Err(refuse(format!("its flag `{flag}` is none of `i`, `m`, `s`, `x`")));
    }
    let flags = if flags.is_empty() { String::new() } else { format!("(?{flags})") };
    let mut builder = regex_lite::RegexBuilder::new(&format!("{flags}^(?:{pattern})$"));
    builder.size_limit(PATTERN_BYTES_MAX).build().map_err(|error| {
        refuse(format!("{error}; look-around and back-references are not supported"))
    })
}

fn end_of_pattern(rest: &str) -> Option<usize> {
    let mut escaped = false;
    rest.char_indices().find_map(|(position, character)| {
        let ends = character == '/' && !escaped;
        escaped = character == '\\' && !escaped;
        ends.then_some(position)
    })
}
