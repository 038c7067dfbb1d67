//! What validation reports: a code of AWS's, the place, what is wrong and how to mend it.

use std::{fmt, sync::Arc};

/// One problem of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the definition is refused.
    pub severity: Severity,
    /// AWS's code (`ValidateStateMachineDefinition`).
    pub code: Code,
    /// AWS's message.
    pub message: String,
    /// Where in the definition.
    pub location: Location,
    /// What to do about it; ours, for people.
    pub mend: String,
}

impl Diagnostic {
    /// The place as AWS tells it: of a text that is no JSON, what its parser says of that; none of
    /// what has no one place.
    pub fn place(&self) -> Option<String> {
        if self.code == Code::InvalidJsonDescription {
            return self.message.split_once(AT).map(|(_, source)| source.to_owned());
        }
        (self.location != Location::Nowhere).then(|| self.location.to_string())
    }
}

/// What stands between the words of AWS's JSON parser and the place that it tells.
pub(crate) const AT: &str = "\n at ";

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// The definition is accepted.
    Warning,
}

/// AWS's diagnostic codes that this crate reports (API reference,
/// `ValidateStateMachineDefinitionDiagnostic`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The text is not JSON.
    InvalidJsonDescription,
    /// A field is missing, unknown, or has a wrong value.
    SchemaValidationFailed,
    /// The text nests deeper than is read.
    TooDeeplyNested,
    /// A `Next`, `Default` or `StartAt` names no state, or nothing leads to a state.
    MissingTransitionTarget,
    /// No state ends the machine.
    MissingEndState,
    /// A state name occurs twice in the machine.
    DuplicateStateName,
    /// A state name is empty or too long.
    InvalidStateName,
    /// Two Distributed Maps have the same label.
    DuplicateLabelName,
    /// A Distributed Map's label has characters that it may not have, too many or none.
    InvalidLabelName,
    /// A text is no JSONata expression.
    InvalidJsonataExpression,
    /// A JSONata expression refers to what AWS does not have where it stands.
    UnsupportedJsonataExpression,
    /// A warning: a value in a template looks like a path or a call, and its name does not end in
    /// `.$`.
    NoDollar,
    /// A warning: a value looks like a path, and its field's name does not end in `Path`.
    NoPath,
    /// A warning: a Pass state's `Result` looks like a path.
    PassResultIsStatic,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidJsonDescription => "INVALID_JSON_DESCRIPTION",
            Self::SchemaValidationFailed => "SCHEMA_VALIDATION_FAILED",
            Self::TooDeeplyNested => "TOO_DEEPLY_NESTED",
            Self::MissingTransitionTarget => "MISSING_TRANSITION_TARGET",
            Self::MissingEndState => "MISSING_END_STATE",
            Self::DuplicateStateName => "DUPLICATE_STATE_NAME",
            Self::InvalidStateName => "INVALID_STATE_NAME",
            Self::DuplicateLabelName => "DUPLICATE_LABEL_NAME",
            Self::InvalidLabelName => "INVALID_LABEL_NAME",
            Self::InvalidJsonataExpression => "INVALID_JSONATA_EXPRESSION",
            Self::UnsupportedJsonataExpression => "UNSUPPORTED_JSONATA_EXPRESSION",
            Self::NoDollar => "NO_DOLLAR",
            Self::NoPath => "NO_PATH",
            Self::PassResultIsStatic => "PASS_RESULT_IS_STATIC",
        })
    }
}

/// A place in a definition. Shown as AWS shows it: `/States/A/Choices[0]/Next`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// Steps from the root.
    At(Vec<Segment>),
    /// No one place: the definition as a whole.
    Nowhere,
}

/// One step down into a definition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// Into an object's field. Places share the names above them.
    Field(Arc<str>),
    /// Into an array's element.
    Index(usize),
}

/// The root.
impl Default for Location {
    fn default() -> Self {
        Self::At(Vec::new())
    }
}

impl Location {
    /// The place of `name` in the object here.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.then(Segment::Field(name.into()))
    }

    /// The place of element `index` in the array here.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Segment::Index(index))
    }

    /// The same place, told from `depth` steps below the root: `Output/total`, `Choices[0]/Next`.
    pub(crate) fn below(&self, depth: usize) -> String {
        let steps = self.segments().get(depth..).unwrap_or_default();
        let text = Self::At(steps.to_vec()).to_string();
        text.trim_start_matches('/').to_owned()
    }

    /// The steps from the root; none of no place.
    pub fn segments(&self) -> &[Segment] {
        match self {
            Self::At(segments) => segments,
            Self::Nowhere => &[],
        }
    }

    fn then(&self, segment: Segment) -> Self {
        Self::At(self.segments().iter().cloned().chain([segment]).collect())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(segments) if segments.is_empty() => f.write_str("/"),
            Self::At(segments) => segments.iter().try_for_each(|segment| match segment {
                Segment::Field(name) => write!(f, "/{name}"),
                Segment::Index(index) => write!(f, "[{index}]"),
            }),
            Self::Nowhere => f.write_str("null"),
        }
    }
}
