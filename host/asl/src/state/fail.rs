//! Fail: ends its machine, and what contains it, with an error.

use super::{Context, Progress, StateType, flow::shown};
use crate::{
    EvaluationError, StatesError,
    fields::Fields,
    payload::{
        intrinsic::StringSource,
        query::{Kind, Moment, Query},
    },
};

/// A Fail state. Either part of its error may be absent.
#[derive(Debug)]
pub(crate) struct Fail {
    error: Option<Text>,
    cause: Option<Text>,
}

/// A text of the definition, or one made of the state's input.
#[derive(Debug)]
enum Text {
    Literal(String),
    Source(StringSource),
    Query(Query),
}

impl Fail {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            error: Text::read(fields, "Error", "ErrorPath"),
            cause: Text::read(fields, "Cause", "CausePath"),
        }
    }
}

impl Text {
    fn read(fields: &mut Fields<'_>, name: &'static str, path_name: &'static str) -> Option<Self> {
        fields.at_most_one(&[name, path_name]);
        if let Some(query) = fields.query(name, Moment::Entering) {
            return query.map(Self::Query);
        }
        let literal = fields.string(name).map(|text| Self::Literal(text.to_owned()));
        let at = fields.at().clone();
        let source = fields.value(path_name);
        let source =
            source.and_then(|value| StringSource::read(value, path_name, &at, fields.found()));
        literal.or(source.map(Self::Source))
    }

    fn evaluate(&self, cx: &Context<'_>) -> Result<String, EvaluationError> {
        let scope = cx.scope(cx.input.value());
        match self {
            Self::Literal(text) => Ok(text.clone()),
            Self::Source(source) => Ok(source.evaluate(&scope)?),
            Self::Query(query) => Ok(shown(&query.evaluate_as(Kind::String, &scope)?)),
        }
    }
}

impl StateType for Fail {
    fn enter(&self, cx: &Context<'_>) -> Result<Progress, EvaluationError> {
        cx.inspect(|it| it.after_input_path = Some(cx.input.clone()));
        let evaluate = |text: &Option<Text>| text.as_ref().map(|it| it.evaluate(cx)).transpose();
        Ok(Progress::Fail(StatesError {
            error: evaluate(&self.error)?,
            cause: evaluate(&self.cause)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::state::testing::check;
    use serde_json::json;

    #[test]
    fn its_fields_are_checked() {
        check(
            &json!({"Type": "Fail", "Error": "E", "CausePath": "States.Format('{}', $.a)"}),
            &[
                (
                    json!({"ErrorPath": "$.e"}),
                    &[
                        "There should only be one of the following fields: [Error, ErrorPath] at /States/A",
                    ],
                ),
                (json!({"Error": 7}), &["Expected value of type [STRING] at /States/A/Error"]),
                (json!({"InputPath": "$"}), &["Field 'InputPath' is not supported at /States/A"]),
                (json!({"Next": "A"}), &["Field 'Next' is not supported at /States/A"]),
            ],
        );
    }
}
