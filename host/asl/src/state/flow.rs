//! How data flows through a state: `InputPath`, `ResultPath`, `OutputPath`, in JSONata `Output`; and
//! numbers that are written, or that data has.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::{Assign, Context, Exit};
use crate::{
    EvaluationError, Payload, StatesError,
    fields::Fields,
    payload::{
        Scope,
        path::{Path, ReferencePath},
        query::{Kind, Moment, Query},
        template::Template,
    },
};

/// An `InputPath` or `OutputPath`: which part of the data goes on.
#[derive(Debug, Default)]
pub(crate) enum Filter {
    /// `$`, or absent.
    #[default]
    Whole,
    /// `null`: an empty object in its place.
    Nothing,
    /// A part of it, or of the context object.
    Path(Path),
}

impl Filter {
    pub(crate) fn read(fields: &mut Fields<'_>, name: &'static str) -> Self {
        match fields.value(name) {
            None => Self::Whole,
            Some(Value::Null) => Self::Nothing,
            Some(Value::String(text)) if text == "$" => Self::Whole,
            Some(_) => fields.path(name).map_or(Self::Whole, Self::Path),
        }
    }

    pub(crate) fn apply(&self, cx: &Context<'_>, data: &Payload) -> Result<Payload, StatesError> {
        match self {
            Self::Whole => Ok(data.clone()),
            Self::Nothing => Ok(json!({}).into()),
            Self::Path(path) => {
                let scope = cx.scope(data.value());
                Ok(path.apply(&scope)?.into_owned().into())
            }
        }
    }
}

/// A `ResultPath`: where in the raw input the result goes.
#[derive(Debug, Default)]
pub(crate) enum ResultPath {
    /// `$`, or absent: the result takes the input's place.
    #[default]
    Whole,
    /// `null`: the result is dropped.
    Discard,
    /// Into the input.
    Path(ReferencePath),
}

impl ResultPath {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        const NAME: &str = "ResultPath";
        match fields.value(NAME) {
            None => Self::Whole,
            Some(Value::Null) => Self::Discard,
            Some(Value::String(text)) if text == "$" => Self::Whole,
            Some(_) => fields.writable_path(NAME).map_or(Self::Whole, Self::Path),
        }
    }

    pub(crate) fn apply(
        &self,
        raw_input: &Payload,
        result: Payload,
    ) -> Result<Payload, StatesError> {
        match self {
            Self::Whole => Ok(result),
            Self::Discard => Ok(raw_input.clone()),
            Self::Path(path) => {
                path.write(raw_input.value().clone(), result.value().clone()).map(Payload::from)
            }
        }
    }
}

/// What a template makes of `data`; `data` itself when there is no template.
pub(crate) fn fill(
    template: Option<&Template>,
    cx: &Context<'_>,
    data: Payload,
) -> Result<Payload, EvaluationError> {
    let Some(template) = template else { return Ok(data) };
    template.evaluate(&cx.scope(data.value())).map(Payload::from)
}

/// How the result of a state's work becomes its output, and what of it goes to variables.
#[derive(Debug, Default)]
pub(crate) struct ResultFlow {
    assign: Assign,
    selector: Option<Template>,
    result_path: ResultPath,
    output_path: Filter,
    /// In JSONata, which has none of the paths.
    output: Option<Template>,
}

impl ResultFlow {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            assign: Assign::read(fields, Moment::Leaving),
            selector: fields.template("ResultSelector", Moment::Leaving),
            result_path: ResultPath::read(fields),
            output_path: Filter::read(fields, "OutputPath"),
            output: fields.template("Output", Moment::Leaving),
        }
    }

    pub(crate) fn apply(&self, cx: &Context<'_>, result: Payload) -> Result<Exit, EvaluationError> {
        let scope = cx.scope_of_result(result.value());
        let assigned = self.assign.evaluate(&scope)?;
        if let Some(output) = &self.output {
            return Ok(Exit { output: output.evaluate(&scope)?.into(), assigned });
        }
        let result = fill(self.selector.as_ref(), cx, result.clone())?;
        cx.inspect(|it| it.after_result_selector = Some(result.clone()));
        let output = self.result_path.apply(cx.input, result)?;
        cx.inspect(|it| it.after_result_path = Some(output.clone()));
        Ok(Exit { output: self.output_path.apply(cx, &output)?, assigned })
    }
}

/// What a state that has no result is left with.
#[derive(Debug, Default)]
pub(crate) struct OutputFlow {
    assign: Assign,
    path: Filter,
    /// In JSONata.
    template: Option<Template>,
}

impl OutputFlow {
    /// Of a state without variables.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            assign: Assign::default(),
            path: Filter::read(fields, "OutputPath"),
            template: fields.template("Output", Moment::Entering),
        }
    }

    pub(crate) fn read_with_assign(fields: &mut Fields<'_>) -> Self {
        let assign = Assign::read(fields, Moment::Entering);
        Self { assign, ..Self::read(fields) }
    }

    /// The state's exit with its effective input.
    pub(crate) fn apply(&self, cx: &Context<'_>, input: &Payload) -> Result<Exit, EvaluationError> {
        let assigned = self.assign.evaluate(&cx.scope(input.value()))?;
        Ok(Exit { output: self.output(cx, input)?, assigned })
    }

    /// The state's output, made of `data`.
    pub(crate) fn output(
        &self,
        cx: &Context<'_>,
        data: &Payload,
    ) -> Result<Payload, EvaluationError> {
        match &self.template {
            Some(template) => template.evaluate(&cx.scope(data.value())).map(Payload::from),
            None => self.filtered(cx, data),
        }
    }

    /// What `OutputPath` alone makes of `data`.
    pub(crate) fn filtered(
        &self,
        cx: &Context<'_>,
        data: &Payload,
    ) -> Result<Payload, EvaluationError> {
        Ok(self.path.apply(cx, data)?)
    }
}

/// A whole number: `TimeoutSeconds`, `TimeoutSecondsPath`.
#[derive(Debug)]
pub(crate) enum Number {
    /// As the definition has it.
    Literal(u64),
    /// As the effective input has it, at a path.
    Path(ReferencePath),
    /// As a JSONata expression gives it.
    Query(Query),
}

impl Number {
    /// Reads the one of two fields that is there.
    pub(crate) fn read(
        fields: &mut Fields<'_>,
        name: &'static str,
        path_name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<Self> {
        fields.at_most_one(&[name, path_name]);
        if let Some(query) = fields.query(name, Moment::Entering) {
            return query.map(Self::Query);
        }
        let literal = fields.integer(name, range).map(Self::Literal);
        let path = fields.reference_path(path_name).map(Self::Path);
        literal.or(path)
    }

    /// The number; `name` is the field that it is the value of.
    pub(crate) fn resolve(
        &self,
        name: &str,
        cx: &Context<'_>,
        input: &Payload,
    ) -> Result<u64, EvaluationError> {
        let scope = cx.scope(input.value());
        let path = match self {
            Self::Literal(number) => return Ok(*number),
            Self::Path(path) => path,
            Self::Query(query) => {
                let number = whole_number(query, &scope)?;
                return u64::try_from(number)
                    .map_err(|_| query.refuse(format!("{name} cannot be negative.")));
            }
        };
        let value = path.apply(&scope)?;
        let number = whole(&value).ok_or_else(|| {
            let (path, text) = (path.text(), shown(&value));
            StatesError::runtime(format!(
                "The {name}Path field refers to value \"{text}\" which is not a valid integer: {path}"
            ))
        })?;
        u64::try_from(number)
            .map_err(|_| StatesError::runtime(format!("{name} cannot be negative.")).into())
    }
}

/// The whole number that an expression gives.
pub(crate) fn whole_number(query: &Query, scope: &Scope<'_>) -> Result<i64, EvaluationError> {
    let value = query.evaluate_as(Kind::Number, scope)?;
    whole(&value).ok_or_else(|| query.unexpected("integer", &value))
}

/// A value as a number path reads it: a whole number, or text that is one.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A value as a cause shows it: text bare, anything else as JSON.
pub(crate) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
