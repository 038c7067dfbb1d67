//! What validation reports: a code of AWS's, the place, what is wrong and how to mend it.

use std::fmt;

/// One problem of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the definition is refused.
    pub severity: Severity,
    /// AWS's code (`ValidateStateMachineDefinition`).
    pub code: Code,
    /// AWS's message.
    pub message: String,
    /// Where in the definition; the root when the problem has no one place.
    pub location: Location,
    /// What to do about it; ours, for people.
    pub mend: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// The definition is accepted.
    Warning,
}

/// AWS's diagnostic codes that this crate reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The text is not JSON.
    InvalidJsonDescription,
    /// A field is missing, unknown, or has a wrong value.
    SchemaValidationFailed,
    /// A `Next`, `Default` or `StartAt` names no state, or nothing leads to a state.
    MissingTransitionTarget,
    /// No state ends the machine.
    MissingEndState,
    /// A state name occurs twice in the machine.
    DuplicateStateName,
    /// A text is no JSONata expression.
    InvalidJsonataExpression,
    /// A JSONata expression refers to what AWS does not have where it stands.
    UnsupportedJsonataExpression,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidJsonDescription => "INVALID_JSON_DESCRIPTION",
            Self::SchemaValidationFailed => "SCHEMA_VALIDATION_FAILED",
            Self::MissingTransitionTarget => "MISSING_TRANSITION_TARGET",
            Self::MissingEndState => "MISSING_END_STATE",
            Self::DuplicateStateName => "DUPLICATE_STATE_NAME",
            Self::InvalidJsonataExpression => "INVALID_JSONATA_EXPRESSION",
            Self::UnsupportedJsonataExpression => "UNSUPPORTED_JSONATA_EXPRESSION",
        })
    }
}

/// A place in a definition, from the root. Shown as AWS shows it: `/States/A/Choices[0]/Next`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location(Vec<Segment>);

/// One step down into a definition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// Into an object's field.
    Field(String),
    /// Into an array's element.
    Index(usize),
}

impl Location {
    /// The place of `name` in the object here.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.then(Segment::Field(name.to_owned()))
    }

    /// The place of element `index` in the array here.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Segment::Index(index))
    }

    /// The same place, told from `depth` steps below the root: `Output/total`, `Choices[0]/Next`.
    pub(crate) fn below(&self, depth: usize) -> String {
        let steps = self.0.get(depth..).unwrap_or_default();
        let text = Self(steps.to_vec()).to_string();
        text.trim_start_matches('/').to_owned()
    }

    /// The steps from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    fn then(&self, segment: Segment) -> Self {
        Self(self.0.iter().cloned().chain([segment]).collect())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("/");
        }
        self.0.iter().try_for_each(|segment| match segment {
            Segment::Field(name) => write!(f, "/{name}"),
            Segment::Index(index) => write!(f, "[{index}]"),
        })
    }
}
