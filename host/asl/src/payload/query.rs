//! Query languages, and a JSONata expression in its field: what AWS checks of it when a definition is
//! read, and says of it when it fails.

use serde_json::Value;

use super::{
    Scope,
    jsonata::{Fault, Jsonata},
};
use crate::{
    Code, Diagnostic, EvaluationError, Location, StatesError, error_name, fields::problem,
    findings::Findings,
};

/// The language of a state's paths, templates and conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum QueryLanguage {
    #[default]
    JsonPath,
    Jsonata,
}

/// The fields that states have in JSONPath only, wherever they stand.
const OF_JSONPATH: [&str; 20] = [
    "CausePath",
    "ErrorPath",
    "HeartbeatSecondsPath",
    "InputPath",
    "ItemsPath",
    "MaxConcurrencyPath",
    "MaxInputBytesPerBatchPath",
    "MaxItemsPath",
    "MaxItemsPerBatchPath",
    "OutputPath",
    "Parameters",
    "Result",
    "ResultPath",
    "ResultSelector",
    "SecondsPath",
    "TimeoutSecondsPath",
    "TimestampPath",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
    "Variable",
];

/// And those that they have in JSONata only.
const OF_JSONATA: [&str; 4] = ["Arguments", "Condition", "Items", "Output"];

impl QueryLanguage {
    /// As `QueryLanguage` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JsonPath => "JSONPath",
            Self::Jsonata => "JSONata",
        }
    }

    /// Whether a field belongs to the other language.
    pub(crate) fn lacks(self, field: &str) -> bool {
        match self {
            Self::JsonPath => OF_JSONATA.contains(&field),
            Self::Jsonata => OF_JSONPATH.contains(&field),
        }
    }
}

/// When a field is evaluated, and so what `$states` has besides `input` and `context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Entering,
    /// With a `result`.
    Leaving,
    /// With an `errorOutput`.
    Catching,
}

/// A JSONata expression in a field.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// The field's place in its state: `Output/total`, `Choices[0]/Condition`.
    place: Box<str>,
    expression: Jsonata,
}

/// What kind of value a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Array,
    Boolean,
    Number,
    String,
}

/// The expression that a text marks: `{% ... %}`.
pub(crate) fn marked(text: &str) -> Option<&str> {
    Some(text.strip_prefix("{%")?.strip_suffix("%}")?.trim())
}

/// Whether a text has one of the two marks at its end, and is no expression.
pub(crate) fn is_half_marked(text: &str) -> bool {
    (text.starts_with("{%") || text.ends_with("%}")) && marked(text).is_none()
}

/// The variables that an expression reads; none when it is no expression.
pub(crate) fn variables(text: &str) -> Vec<String> {
    let expression = Jsonata::compile(text);
    expression.map_or_else(|_| Vec::new(), |it| it.variables().map(str::to_owned).collect())
}

impl Query {
    /// Reads an expression that stands at `at`, `place` within its state; what is wrong with it is
    /// added to `found`.
    pub(crate) fn read(
        text: &str,
        (at, place): (&Location, String),
        moment: Moment,
        found: &mut Findings,
    ) -> Option<Self> {
        let expression = match Jsonata::compile(text) {
            Ok(expression) => expression,
            Err(message) => {
                let mend = format!("correct the expression `{text}`");
                let problem = problem(message, at.clone(), mend);
                found.push(Diagnostic { code: Code::InvalidJsonataExpression, ..problem });
                return None;
            }
        };
        for name in expression.top_level_references() {
            let message = match &*name {
                "$$" => "Reference to '$$' is not supported.".to_owned(),
                name => format!("Reference to '{name}' at the top level is not supported."),
            };
            let mend = "begin with `$states.input`, or with a variable such as `$name`";
            let problem = problem(message, at.clone(), mend);
            found.push(Diagnostic { code: Code::UnsupportedJsonataExpression, ..problem });
        }
        for (member, only) in [("result", Moment::Leaving), ("errorOutput", Moment::Catching)] {
            if moment != only && expression.reads_of_states(member) {
                let message = format!("Field '$states.{member}' does not exist.");
                let mend = match only {
                    Moment::Catching => "use it in the Output or Assign of a catcher",
                    _ => "use it in the Output or Assign of a Task, Parallel or Map state",
                };
                let problem = problem(message, at.clone(), mend);
                found.push(Diagnostic { code: Code::UnsupportedJsonataExpression, ..problem });
            }
        }
        Some(Self { place: place.into(), expression })
    }

    /// Its value: none but JSON's, and never nothing.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        self.expression.evaluate(scope).map_err(|fault| {
            self.failure(match &fault {
                Fault::Undefined => "returned nothing (undefined).".to_owned(),
                Fault::Function => "returned an unsupported result type.".to_owned(),
                Fault::Error(error) => format!("threw an error during evaluation. {error}"),
                Fault::Limit(limit) => format!("threw an error during evaluation: {limit}"),
            })
        })
    }

    /// Its value, which must be of this kind.
    pub(crate) fn evaluate_as(
        &self,
        kind: Kind,
        scope: &Scope<'_>,
    ) -> Result<Value, EvaluationError> {
        let value = self.evaluate(scope)?;
        if Kind::of(&value) == Some(kind) {
            return Ok(value);
        }
        Err(self.unexpected(kind.name(), &value))
    }

    /// Its value is of a kind that the field does not take.
    pub(crate) fn unexpected(&self, expected: &str, value: &Value) -> EvaluationError {
        let found = kind_name(value);
        self.failure(format!(
            "returned an unexpected result type. Expected '{expected}', but was '{found}' for \
             value: {value}"
        ))
    }

    /// Its value is of the right kind, and still wrong.
    pub(crate) fn refuse(&self, cause: impl Into<String>) -> EvaluationError {
        query_failure(cause, Some(&self.place))
    }

    fn failure(&self, what: String) -> EvaluationError {
        let (text, place) = (self.expression.text(), &self.place);
        self.refuse(format!(
            "The JSONata expression '{text}' specified for the field '{place}' {what}"
        ))
    }
}

/// A `States.QueryEvaluationError`, of the field at `place` where there is one.
pub(crate) fn query_failure(cause: impl Into<String>, place: Option<&str>) -> EvaluationError {
    let error = StatesError::new(error_name::QUERY_EVALUATION_ERROR, cause);
    EvaluationError { error, place: place.map(Into::into) }
}

impl Kind {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Array(_) => Some(Self::Array),
            Value::Bool(_) => Some(Self::Boolean),
            Value::Number(_) => Some(Self::Number),
            Value::String(_) => Some(Self::String),
            Value::Null | Value::Object(_) => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
        }
    }
}

fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "object",
        value => Kind::of(value).map_or("null", Kind::name),
    }
}
