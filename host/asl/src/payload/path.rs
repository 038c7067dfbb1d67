//! JSONPath in the dialect of Step Functions, which is Jayway's.
//!
//! A path starts at `$`, the input, at `$$`, the context object, or at `$name`, a variable. Its first
//! steps are names and indexes; from the first wildcard, slice, list, filter or `..` on it is indefinite
//! and gives an array. A definite path that finds nothing is a [`Miss`]; an indefinite one gives `[]`.

mod evaluate;
mod filter;
mod parse;
mod quoted;
mod reference;

use std::{borrow::Cow, fmt};

use serde_json::Value;

use self::{evaluate::Evaluation, filter::Filter};
pub(crate) use self::{parse::Parser, reference::ReferencePath};
use super::Scope;
use crate::StatesError;

/// A JSONPath, read: `$.a[0]`, `$$.Execution.Id`, `$.items[?(@.n > 1)].name`.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    text: Box<str>,
    root: Root,
    route: Route,
}

/// Where a path starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// `$`
    Input,
    /// `$$`
    Context,
    /// `$name`
    Variable(Box<str>),
}

/// The way from a path's root.
#[derive(Clone, Debug, Default)]
struct Route {
    /// Up to the first segment that is not a single name or index.
    steps: Box<[Step]>,
    /// From there on.
    segments: Box<[Segment]>,
    /// Whether it ends in `.length()`.
    length: bool,
}

/// A segment that leads to one node at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// `.name` or `['name']`.
    Name(Box<str>),
    /// `[n]`; negative from the array's end.
    Index(i32),
}

#[derive(Clone, Debug)]
enum Segment {
    Step(Step),
    /// `['a','b']`: where it ends the path, one object of those members.
    Names(Box<[Box<str>]>),
    /// `[0,2]`
    Indexes(Box<[i32]>),
    /// `[from:to]`, either of them absent.
    Slice(Option<i32>, Option<i32>),
    /// `.*` or `[*]`
    Wildcard,
    /// `..`: the next segment is applied here and everywhere below.
    Descend,
    /// `[?(...)]`
    Filter(Box<Filter>),
}

/// Why a text is not a path that can be evaluated here; says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("a path starts with `$`, `$$` or a variable such as `$name`")]
    NoRoot,
    #[error("character {position} of the path should be {expected}")]
    Unexpected { position: usize, expected: &'static str },
    #[error(
        "`{name}()` cannot be used in a path here; of functions only `length()` can, at its end"
    )]
    Function { name: String },
    #[error("filters and parentheses in a path nest at most {max} deep")]
    TooDeep { max: u32 },
    #[error("the regular expression `{pattern}` cannot be used: {reason}")]
    Regex { pattern: String, reason: String },
    #[error("a Reference Path holds names and indexes only, such as `$.a.b[0]`")]
    NotReference,
}

/// Why a path finds nothing. Shown in the words of AWS's JSONPath library, as AWS does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Miss {
    /// Nothing was assigned to the variable that the path starts at.
    #[error("The variable '{name}' has not been assigned")]
    Unassigned { name: String },
    /// The last segment's node is not there.
    #[error("No results for path: {path}")]
    NoResults {
        path: String,
        /// Whether it is the last segment's index that lies outside of an array.
        out_of_range: bool,
    },
    #[error("Missing property in path {prefix}")]
    MissingProperty { prefix: String },
    #[error(
        "Expected to find an object with property {property} in path {prefix} but found {found}"
    )]
    NotAnObject { property: String, prefix: String, found: &'static str },
    #[error("Filter: {index} can only be applied to arrays. Current context is: {found}")]
    NotAnArray { index: String, found: String },
    #[error("The path visits or copies too many values")]
    TooLarge,
}

impl Path {
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        Parser::whole(text).path()
    }

    /// The path as the definition has it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The value it leads to; for an indefinite path the array of all it leads to.
    pub(crate) fn evaluate<'a>(&self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Miss> {
        if self.root == Root::Context && self.route.is_steps_only() {
            return scope.context.resolve(&self.route.steps).map(Cow::Borrowed);
        }
        let document = self.root.find(scope)?;
        Evaluation::of(document).run(&self.route, document)
    }

    /// What `InputPath`, `OutputPath` and the like give; a miss is `States.Runtime`.
    pub(crate) fn apply<'a>(&self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, StatesError> {
        self.evaluate(scope).map_err(|miss| invalid_path(&self.text, &miss))
    }

    /// What the path is evaluated on, for messages.
    pub(crate) fn subject<'a>(&self, scope: &Scope<'a>) -> &'a Value {
        self.root.subject(scope)
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// The variable it starts at.
    pub(crate) fn variable(&self) -> Option<&str> {
        match &self.root {
            Root::Variable(name) => Some(name),
            Root::Input | Root::Context => None,
        }
    }
}

impl Root {
    fn find<'a>(&self, scope: &Scope<'a>) -> Result<&'a Value, Miss> {
        match self {
            Self::Input => Ok(scope.input),
            Self::Context => Ok(scope.context.value()),
            Self::Variable(name) => match scope.variables.get(name) {
                Some(value) => Ok(value.value()),
                None => Err(Miss::Unassigned { name: name.to_string() }),
            },
        }
    }

    /// The state's input, in the place of a variable that has no value.
    fn subject<'a>(&self, scope: &Scope<'a>) -> &'a Value {
        self.find(scope).unwrap_or(scope.input)
    }
}

fn invalid_path(text: &str, miss: &Miss) -> StatesError {
    StatesError::runtime(format!("Invalid path '{text}' : {miss}"))
}

impl Route {
    fn is_steps_only(&self) -> bool {
        self.segments.is_empty() && !self.length
    }

    fn definite(&self) -> bool {
        matches!(&*self.segments, [] | [Segment::Names(_)])
    }
}

/// The form in which AWS's messages show a path's steps: `$['a'][0]`.
fn canonical(steps: &[Step]) -> String {
    steps.iter().fold("$".to_owned(), |text, step| text + &step.to_string())
}

impl Step {
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Index(_) => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "['{name}']"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// Follows steps from a node; `steps[..from]` are those already taken.
pub(crate) fn walk<'a>(node: &'a Value, steps: &[Step], from: usize) -> Result<&'a Value, Miss> {
    follow(node, steps, from).map_err(|(node, position)| miss(node, steps, position))
}

/// The same; where a step leads nowhere, gives the node there and the step's position.
fn follow<'a>(
    node: &'a Value,
    steps: &[Step],
    from: usize,
) -> Result<&'a Value, (&'a Value, usize)> {
    let mut node = node;
    for (position, step) in steps.iter().enumerate().skip(from) {
        node = child(node, step).ok_or((node, position))?;
    }
    Ok(node)
}

fn child<'a>(node: &'a Value, step: &Step) -> Option<&'a Value> {
    match (node, step) {
        (Value::Object(members), Step::Name(name)) => members.get(&**name),
        (Value::Array(elements), Step::Index(index)) => {
            elements.get(position_in(elements.len(), *index)?)
        }
        _ => None,
    }
}

/// The position an index means in an array; none before its start.
fn position_in(length: usize, index: i32) -> Option<usize> {
    match usize::try_from(index) {
        Ok(position) => Some(position),
        Err(_) => length.checked_sub(index.unsigned_abs() as usize),
    }
}

fn miss(node: &Value, steps: &[Step], position: usize) -> Miss {
    let last = position + 1 == steps.len();
    match (&steps[position], node) {
        (Step::Name(_), Value::Object(_)) if last => {
            Miss::NoResults { path: canonical(steps), out_of_range: false }
        }
        (Step::Name(_), Value::Object(_)) => {
            Miss::MissingProperty { prefix: canonical(&steps[..=position]) }
        }
        (property @ Step::Name(_), _) => Miss::NotAnObject {
            property: property.to_string(),
            prefix: canonical(&steps[..position]),
            found: kind_of(node),
        },
        (Step::Index(_), Value::Array(_)) => {
            Miss::NoResults { path: canonical(steps), out_of_range: last }
        }
        (index @ Step::Index(_), _) => {
            Miss::NotAnArray { index: index.to_string(), found: node.to_string() }
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
pub(super) mod tests;
