//! Intrinsic calls: `States.Format('order {}', $.id)`.

mod array;
mod encoding;
mod foreseeable;
mod function;
mod math;
mod parse;
mod string_source;

use std::borrow::Cow;

use serde_json::Value;

use self::function::{Fault, Function, Given};
pub(crate) use self::{encoding::hexadecimal_digest, string_source::StringSource};
use super::{
    Scope, measure,
    path::{Miss, Path, PathError, Root},
};
use crate::StatesError;

/// How deep calls may nest (Step Functions Developer Guide, "Intrinsic functions": "You can nest up
/// to 10 intrinsic functions within a field").
const DEPTH_MAX: usize = 10;

/// What one call may give, in the units of [`measure::weight`]: `States.Format` and
/// `States.JsonToString` multiply what they are given.
const WEIGHT_MAX: usize = 4 << 20;

/// An intrinsic call, read.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    text: Box<str>,
    invocation: Invocation,
}

#[derive(Clone, Debug)]
struct Invocation {
    function: &'static Function,
    arguments: Box<[Argument]>,
}

#[derive(Clone, Debug)]
enum Argument {
    /// `'...'`, and what stands between the quotes: `States.Format` tells `\{` from `{`.
    Text {
        raw: Box<str>,
        value: Value,
    },
    /// A number, `true`, `false` or `null`.
    Literal(Value),
    Path(Path),
    Invocation(Invocation),
}

/// Why a text is not a call that can be evaluated; says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    #[error("a path starts with `$`, an intrinsic call with `States.`")]
    NotACall,
    #[error("`{name}` is not an intrinsic function")]
    Unknown { name: String },
    #[error("`{name}` takes {expected}, not {given}")]
    Arguments { name: &'static str, expected: String, given: usize },
    #[error("character {position} of the call should be {expected}")]
    Unexpected { position: usize, expected: &'static str },
    #[error("the backslash at character {position} should be followed by `'`, `{{`, `}}` or `\\`")]
    Escape { position: usize },
    #[error("intrinsic calls nest at most {DEPTH_MAX} deep")]
    TooDeep,
    #[error(transparent)]
    Path(#[from] PathError),
}

impl Call {
    /// The call as the definition has it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The name of the outermost function.
    pub(crate) fn function(&self) -> &'static str {
        self.invocation.function.name
    }

    /// Whether it can stand where a string must.
    pub(crate) fn may_give_a_string(&self) -> bool {
        self.invocation.function.may_give_a_string
    }

    /// The variables that its arguments, and those of calls in it, read.
    pub(crate) fn variables(&self) -> Vec<&str> {
        let (mut variables, mut ready) = (Vec::new(), vec![&self.invocation]);
        while let Some(invocation) = ready.pop() {
            for argument in &invocation.arguments {
                match argument {
                    Argument::Path(path) => variables.extend(path.variable()),
                    Argument::Invocation(inner) => ready.push(inner),
                    Argument::Text { .. } | Argument::Literal(_) => {}
                }
            }
        }
        variables
    }

    /// Its value. Whatever goes wrong is `States.Runtime`, and names the whole call.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, StatesError> {
        self.invocation.evaluate(scope).map_err(|Fault(fault)| {
            let text = &self.text;
            StatesError::runtime(format!("The function '{text}' had the following error: {fault}"))
        })
    }
}

/// Recursion here is at most [`DEPTH_MAX`] deep.
impl Invocation {
    fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Fault> {
        let (mut arguments, mut weight) = (Vec::new(), 0);
        for argument in &self.arguments {
            let given = argument.evaluate(scope)?;
            // What is borrowed costs nothing until a function copies it.
            if let Cow::Owned(value) = &given.value {
                weight += measure::weight(value);
            }
            if weight > WEIGHT_MAX {
                return Err(self.function.too_large());
            }
            arguments.push(given);
        }
        let value = self.function.run(&arguments, scope.random)?;
        if measure::weight(&value) > WEIGHT_MAX {
            return Err(self.function.too_large());
        }
        Ok(value)
    }
}

impl Argument {
    fn evaluate<'a>(&'a self, scope: &Scope<'a>) -> Result<Given<'a>, Fault> {
        Ok(match self {
            Self::Text { raw, value } => Given { value: Cow::Borrowed(value), raw: Some(raw) },
            Self::Literal(value) => Given { value: Cow::Borrowed(value), raw: None },
            Self::Path(path) => {
                let found = path.evaluate(scope);
                let value = found.map_err(|miss| not_found(path, scope, &miss))?;
                Given { value, raw: None }
            }
            Self::Invocation(invocation) => {
                Given { value: Cow::Owned(invocation.evaluate(scope)?), raw: None }
            }
        })
    }
}

/// AWS shows a path into the context object as if it started at `$`, and shows the state's input.
fn not_found(path: &Path, scope: &Scope<'_>, miss: &Miss) -> Fault {
    if let Miss::NotAnArray { .. } | Miss::TooLarge = miss {
        return Fault(miss.to_string());
    }
    let text = match path.root() {
        Root::Input | Root::Variable(_) => path.text(),
        Root::Context => &path.text()[1..],
    };
    let input = scope.input;
    Fault(format!(
        "The JsonPath argument for the field '{text}' could not be found in the input '{input}'"
    ))
}

#[cfg(test)]
mod tests;
