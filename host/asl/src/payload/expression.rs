//! What may stand where a definition wants a value computed: a path or an intrinsic call.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    Scope, foreseen,
    intrinsic::{Call, CallError},
    path::{Miss, Path, PathError},
};
use crate::{Diagnostic, Location, StatesError, fields::problem};

/// The value of a field whose name ends in `.$`.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Path(Path),
    Call(Call),
}

/// Why a value is neither a path nor an intrinsic call that can be evaluated here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExpressionError {
    #[error("write a string: a path such as `$.a`, or a call such as `States.UUID()`")]
    NotText,
    #[error("`{name}` does not give a string, as an Error and a Cause must be")]
    NotAString { name: &'static str },
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Call(#[from] CallError),
}

/// The diagnostic for `field`, a member of what stands at `at`.
pub(super) fn refusal(field: &str, error: &ExpressionError, at: &Location) -> Diagnostic {
    let message = format!(
        "The value for the field '{field}' must be a valid JSONPath or a valid intrinsic function \
         call"
    );
    problem(message, at.clone(), error.to_string())
}

impl Expression {
    /// The variables it reads.
    pub(crate) fn variables(&self) -> Vec<&str> {
        match self {
            Self::Path(path) => path.variable().into_iter().collect(),
            Self::Call(call) => call.variables(),
        }
    }

    pub(crate) fn read(value: &Value) -> Result<Self, ExpressionError> {
        let text = value.as_str().ok_or(ExpressionError::NotText)?;
        if text.starts_with('$') {
            Ok(Self::Path(Path::parse(text)?))
        } else {
            Ok(Self::Call(Call::parse(text)?))
        }
    }

    /// Whether its value can be told before there is an execution.
    pub(super) fn is_foreseeable(&self) -> bool {
        match self {
            Self::Path(path) => foreseen::is_known(path.text()),
            Self::Call(call) => call.is_foreseeable(),
        }
    }

    /// Its value, for the field named `field`. AWS gives null for an index past an array's end
    /// where it ends the path, and fails for anything else that is not there.
    pub(super) fn evaluate<'a>(
        &self,
        field: &str,
        scope: &Scope<'a>,
    ) -> Result<Cow<'a, Value>, StatesError> {
        let path = match self {
            Self::Call(call) => return call.evaluate(scope).map(Cow::Owned),
            Self::Path(path) => path,
        };
        match path.evaluate(scope) {
            Ok(value) => Ok(value),
            Err(Miss::NoResults { out_of_range: true, .. }) => Ok(Cow::Owned(Value::Null)),
            Err(miss) => Err(not_found(path.text(), field, path.subject(scope), &miss)),
        }
    }
}

pub(super) fn not_found(path: &str, field: &str, input: &Value, miss: &Miss) -> StatesError {
    StatesError::runtime(match miss {
        Miss::TooLarge => {
            format!("The JSONPath '{path}' specified for the field '{field}': {miss}")
        }
        _ => format!(
            "The JSONPath '{path}' specified for the field '{field}' could not be found in the \
             input '{input}'"
        ),
    })
}
