//! `ResultWriter`: what the children of a Distributed Map come to is exported to Amazon S3, or made
//! into the state's result in another way (Map state, "ResultWriter").

use serde::{Deserialize, Serialize};

use super::reader::word;
use crate::{
    EvaluationError, Payload, StatesError, error_name,
    fields::Fields,
    payload::{query::Moment, template::Template},
    state::Context,
};

const PUT_OBJECT: &str = "arn:aws:states:::s3:putObject";

/// What becomes of the results of a Map Run's children: a `ResultWriter`, evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultDestination {
    /// Where they are exported; none where they are the state's result.
    pub export: Option<ExportPlace>,
    /// What is made of each (`Transformation`).
    pub transformation: Transformation,
    /// How they stand in a file (`OutputType`).
    pub output_type: OutputType,
}

/// Where results are exported to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportPlace {
    /// The bucket.
    pub bucket: String,
    /// What the keys begin with; may be empty.
    pub prefix: String,
}

/// What is made of a child's result (`Transformation`). What became of a child that failed is told
/// as with `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transformation {
    /// All that is known of the execution.
    None,
    /// Its output.
    Compact,
    /// Its output, and of an array the elements.
    Flatten,
}

/// How results stand in a file (`OutputType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputType {
    /// As one array.
    Json,
    /// One on each line.
    JsonLines,
}

/// A `ResultWriter` as the definition has it.
#[derive(Debug)]
pub(crate) struct Writer {
    exports: bool,
    arguments: Option<Template>,
    config: Option<(Transformation, OutputType)>,
}

const TRANSFORMATIONS: [(&str, Transformation); 3] = [
    ("NONE", Transformation::None),
    ("COMPACT", Transformation::Compact),
    ("FLATTEN", Transformation::Flatten),
];
const OUTPUT_TYPES: [(&str, OutputType); 2] =
    [("JSON", OutputType::Json), ("JSONL", OutputType::JsonLines)];

impl Writer {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        const NAME: &str = "ResultWriter";
        const RESOURCE: &str = "Resource";
        const CONFIG: &str = "WriterConfig";
        let (value, at) = (fields.value(NAME)?, fields.at().field(NAME));
        if value.as_object().is_some_and(serde_json::Map::is_empty) {
            fields.wrong(NAME, "Value cannot be empty", "give it Resource, WriterConfig or both");
            return None;
        }
        let mut fields = fields.inner(value, at)?;
        let resource = fields.string(RESOURCE);
        if let Some(other) = resource.filter(|it| *it != PUT_OBJECT) {
            let message = format!(
                "The resource provided {other} is not recognized. The value is not a valid resource ARN, \
                 or the resource is not available in this region."
            );
            fields.wrong(RESOURCE, message, format!("use {PUT_OBJECT}"));
        }
        let config = fields.value(CONFIG).and_then(|value| {
            let at = fields.at().field(CONFIG);
            let mut config = fields.inner(value, at)?;
            config.required("OutputType");
            config.required("Transformation");
            let output_type = word(&mut config, "OutputType", &OUTPUT_TYPES);
            let transformation = word(&mut config, "Transformation", &TRANSFORMATIONS);
            config.finish();
            transformation.zip(output_type)
        });
        let arguments = fields.template("Parameters", Moment::Entering);
        let arguments = arguments.or(fields.template("Arguments", Moment::Entering));
        if arguments.is_some() && resource.is_none() {
            fields.required(RESOURCE);
        }
        fields.finish();
        Some(Self { exports: resource.is_some(), arguments, config })
    }

    /// Whether the results are written outside.
    pub(super) fn exports(&self) -> bool {
        self.exports
    }

    /// Where the results go.
    pub(crate) fn destination(
        &self,
        cx: &Context<'_>,
        input: &Payload,
    ) -> Result<ResultDestination, EvaluationError> {
        let default = (Transformation::None, OutputType::Json);
        let (transformation, output_type) = self.config.unwrap_or(default);
        let export = match self.exports {
            true => Some(self.place(cx, input)?),
            false => None,
        };
        Ok(ResultDestination { export, transformation, output_type })
    }

    fn place(&self, cx: &Context<'_>, input: &Payload) -> Result<ExportPlace, EvaluationError> {
        let arguments = self.arguments.as_ref();
        let arguments = arguments.map(|it| it.evaluate(&cx.scope(input.value()))).transpose()?;
        let text = |name: &str| arguments.as_ref()?.get(name)?.as_str().map(str::to_owned);
        let missing = || {
            let cause = "The argument Bucket of the ResultWriter must be a string.";
            StatesError::new(error_name::RESULT_WRITER_FAILED, cause)
        };
        Ok(ExportPlace {
            bucket: text("Bucket").ok_or_else(missing)?,
            prefix: text("Prefix").unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::state::testing::check;

    #[test]
    fn its_fields_are_checked() {
        let processor = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "B", "States": {"B": {"Type": "Succeed"}}});
        let put = "arn:aws:states:::s3:putObject";
        let compact = json!({"Transformation": "COMPACT", "OutputType": "JSONL"});
        check(
            &json!({"Type": "Map", "ItemProcessor": processor, "End": true, "ResultWriter":
                {"Resource": put, "Parameters": {"Bucket": "b", "Prefix.$": "$.p"}, "WriterConfig": compact}}),
            &[
                (json!({"ResultWriter": {"WriterConfig": compact}}), &[]),
                (json!({"ResultWriter": {}}), &["Value cannot be empty at /States/A/ResultWriter"]),
                (
                    json!({"ResultWriter": {"WriterConfig": {"OutputType": "JSON"}}}),
                    &[
                        "These fields are required: [Transformation] at /States/A/ResultWriter/WriterConfig",
                    ],
                ),
                (
                    json!({"ResultWriter": {"WriterConfig": {"OutputType": "CSV", "Transformation": "NONE"}}}),
                    &[
                        "The field 'OutputType' should have one of these values: [JSON, JSONL] at /States/A/ResultWriter/WriterConfig/OutputType",
                    ],
                ),
                (
                    json!({"ResultWriter": {"Parameters": {"Bucket": "b"}}}),
                    &["These fields are required: [Resource] at /States/A/ResultWriter"],
                ),
            ],
        );
    }
}
