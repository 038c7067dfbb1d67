//! `ErrorPath` and `CausePath` of a Fail state: a Reference Path, or an intrinsic call that gives a
//! string.

use serde_json::Value;

use super::Call;
use crate::{
    Location, StatesError,
    findings::Findings,
    payload::{
        Scope,
        expression::{ExpressionError, not_found, refusal},
        path::ReferencePath,
    },
};

/// Where a field's string comes from.
#[derive(Clone, Debug)]
pub(crate) struct StringSource {
    field: &'static str,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Path(ReferencePath),
    Call(Call),
}

impl StringSource {
    /// Reads the value of `field` of the state at `at`; what is wrong with it is added to `found`.
    pub(crate) fn read(
        value: &Value,
        field: &'static str,
        at: &Location,
        found: &mut Findings,
    ) -> Option<Self> {
        match Source::read(value) {
            Ok(source) => Some(Self { field, source }),
            Err(error) => {
                found.push(refusal(field, &error, at));
                None
            }
        }
    }

    /// The string it gives.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<String, StatesError> {
        let field = self.field;
        let (text, value) = match &self.source {
            Source::Call(call) => (call.text(), call.evaluate(scope)?),
            Source::Path(path) => {
                let text = path.text();
                let found = path.read(scope);
                let value =
                    found.map_err(|miss| not_found(text, field, path.subject(scope), &miss))?;
                (text, value.clone())
            }
        };
        match value {
            Value::String(string) => Ok(string),
            other => Err(StatesError::runtime(format!(
                "The {field} field refers to value {other} which is not a valid string: {text}"
            ))),
        }
    }
}

impl Source {
    fn read(value: &Value) -> Result<Self, ExpressionError> {
        let text = value.as_str().ok_or(ExpressionError::NotText)?;
        if text.starts_with('$') {
            return Ok(Self::Path(ReferencePath::parse(text)?));
        }
        let call = Call::parse(text)?;
        if !call.may_give_a_string() {
            return Err(ExpressionError::NotAString { name: call.function() });
        }
        Ok(Self::Call(call))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::payload::testing::in_scope;

    fn evaluated(source: &Value, input: &Value) -> String {
        let (mut found, at) = (Findings::default(), Location::default().field("States").field("F"));
        let Some(source) = StringSource::read(source, "CausePath", &at, &mut found) else {
            return format!("{} at {} ({})", found[0].message, found[0].location, found[0].mend);
        };
        assert_eq!(*found, []);
        match in_scope(input, |scope| source.evaluate(scope)) {
            Ok(text) => text,
            Err(error) => {
                format!("{}: {}", error.name(), error.cause.as_deref().unwrap_or_default())
            }
        }
    }

    #[test]
    fn a_string_comes_from_a_path_or_a_call() {
        let refused = "The value for the field 'CausePath' must be a valid JSONPath or a valid \
                       intrinsic function call at /States/F";
        let cases = [
            (json!("$.a"), "text".to_owned()),
            (json!("$$.State.Name"), "Pay".to_owned()),
            (json!("States.Format('{} at {}', $.a, $.n)"), "text at 5".to_owned()),
            (json!("States.JsonToString($)"), r#"{"a":"text","n":5}"#.to_owned()),
            (json!("States.UUID()"), "01010101-0101-4101-8101-010101010101".to_owned()),
            (
                json!("$.x"),
                "States.Runtime: The JSONPath '$.x' specified for the field 'CausePath' could not \
                 be found in the input '{\"a\":\"text\",\"n\":5}'"
                    .to_owned(),
            ),
            (
                json!("$.n"),
                "States.Runtime: The CausePath field refers to value 5 which is not a valid \
                 string: $.n"
                    .to_owned(),
            ),
            (
                json!("$.*"),
                format!(
                    "{refused} (a Reference Path holds names and indexes only, such as \
                     `$.a.b[0]`)"
                ),
            ),
            (
                json!("text"),
                format!("{refused} (a path starts with `$`, an intrinsic call with `States.`)"),
            ),
            (
                json!("States.StringSplit('a', 'b')"),
                format!(
                    "{refused} (`States.StringSplit` does not give a string, as an Error and a \
                     Cause must be)"
                ),
            ),
            (
                json!(null),
                format!(
                    "{refused} (write a string: a path such as `$.a`, or a call such as \
                     `States.UUID()`)"
                ),
            ),
        ];
        for (source, expected) in cases {
            assert_eq!(evaluated(&source, &json!({"a": "text", "n": 5})), expected, "{source}");
        }
    }
}
