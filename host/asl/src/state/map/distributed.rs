//! Distributed Map: items are processed by executions of their own, the children of a Map Run.

use serde::{Deserialize, Serialize};

use super::{BatchLimits, Batcher, ItemSource, Reader, ResultDestination, Writer};
use crate::{
    Code, Diagnostic, EvaluationError, StatesError, error_name,
    fields::{Fields, problem},
    payload::{
        path::ReferencePath,
        query::{Kind, Moment, Query},
    },
    state::{
        Context, Fork,
        flow::{Number, shown},
    },
};

/// The most characters of a `Label` (Map state, "Distributed mode": "Label").
const LABEL_CHARACTERS_MAX: usize = 40;

/// What a `Label` may not contain, besides white space and control characters.
const FORBIDDEN_IN_LABEL: &str = "?*<>{}[]:;,\\|^~$#%&`\"/";

/// What a child execution of a Map Run promises (`ProcessorConfig.ExecutionType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ExecutionType {
    Standard,
    Express,
}

impl ExecutionType {
    pub(crate) const NAMES: [(&'static str, Self); 2] =
        [("STANDARD", Self::Standard), ("EXPRESS", Self::Express)];
}

/// The fields that only a Distributed Map has.
#[derive(Debug)]
pub(crate) struct Distributed {
    pub(crate) execution_type: ExecutionType,
    /// None: one is made of the state machine's ARN and the state's name.
    pub(crate) label: Option<String>,
    pub(crate) batcher: Option<Batcher>,
    reader: Option<Reader>,
    writer: Option<Writer>,
    tolerated_count: Option<Number>,
    tolerated_percentage: Option<Percentage>,
}

/// What a Map Run is to do with the items of its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) limits: Limits,
    /// Where the items are read from; none where the state's data has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<ItemSource>,
    /// What becomes of the results; none where their array is the state's result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) destination: Option<ResultDestination>,
}

/// What bounds a Map Run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Limits {
    /// How many items may fail.
    pub(crate) tolerated_count: Option<u64>,
    /// How many of a hundred items may fail.
    pub(crate) tolerated_percentage: Option<f64>,
    /// How large a child's batch of items may be; without it each item has a child.
    pub(crate) batch: Option<BatchLimits>,
}

impl Distributed {
    pub(super) fn read(fields: &mut Fields<'_>, execution_type: ExecutionType) -> Self {
        let (tolerated_count, tolerated_percentage) = read_thresholds(fields);
        Self {
            execution_type,
            label: read_label(fields),
            batcher: Batcher::read(fields),
            reader: Reader::read(fields),
            writer: Writer::read(fields),
            tolerated_count,
            tolerated_percentage,
        }
    }

    /// Whether its items are read from outside.
    pub(crate) fn has_reader(&self) -> bool {
        self.reader.is_some()
    }

    /// Whether its results are written outside.
    pub(crate) fn exports(&self) -> bool {
        self.writer.as_ref().is_some_and(Writer::exports)
    }

    /// What the Map Run over `fork` is to do.
    pub(crate) fn plan(&self, cx: &Context<'_>, fork: &Fork) -> Result<Plan, EvaluationError> {
        let limits = self.limits(cx, fork)?;
        let source = self.reader.as_ref().map(|it| it.source(cx, &fork.input));
        let destination = self.writer.as_ref().map(|it| it.destination(cx, &fork.input));
        Ok(Plan { limits, source: source.transpose()?, destination: destination.transpose()? })
    }

    fn limits(&self, cx: &Context<'_>, fork: &Fork) -> Result<Limits, EvaluationError> {
        let count = self.tolerated_count.as_ref();
        let count = count.map(|it| it.resolve("ToleratedFailureCount", cx, &fork.input));
        let percentage = self.tolerated_percentage.as_ref().map(|it| it.resolve(cx, fork));
        let batch = self.batcher.as_ref().map(|it| it.limits(cx, &fork.input));
        Ok(Limits {
            tolerated_count: count.transpose()?,
            tolerated_percentage: percentage.transpose()?,
            batch: batch.transpose()?,
        })
    }
}

impl Limits {
    /// The error of a Map of which more iterations failed than may.
    pub(crate) fn exceeded() -> StatesError {
        StatesError::new(
            error_name::EXCEED_TOLERATED_FAILURE_THRESHOLD,
            "The specified tolerated failure threshold was exceeded",
        )
    }
}

/// How many items may fail. AWS takes these fields of an inline Map, too, and does nothing with them.
pub(super) fn read_thresholds(fields: &mut Fields<'_>) -> (Option<Number>, Option<Percentage>) {
    const COUNT: &str = "ToleratedFailureCount";
    let count = Number::read(fields, COUNT, "ToleratedFailureCountPath", 0..=u64::MAX);
    (count, Percentage::read(fields))
}

fn read_label(fields: &mut Fields<'_>) -> Option<String> {
    const NAME: &str = "Label";
    let label = fields.string(NAME)?;
    let length = label.chars().count();
    if !(1..=LABEL_CHARACTERS_MAX).contains(&length) {
        let message = format!("Label must be 1 to {LABEL_CHARACTERS_MAX} characters long");
        refuse_label(fields, message, format!("this one has {length}; choose another"));
        return None;
    }
    let is_forbidden =
        |it: &char| it.is_whitespace() || it.is_control() || FORBIDDEN_IN_LABEL.contains(*it);
    if let Some(character) = label.chars().find(is_forbidden) {
        let shown = character.escape_default();
        let message = format!("Label contains invalid character: '{shown}'");
        let mend =
            format!("leave out white space, control characters and any of {FORBIDDEN_IN_LABEL}");
        refuse_label(fields, message, mend);
        return None;
    }
    Some(label.to_owned())
}

fn refuse_label(fields: &mut Fields<'_>, message: String, mend: String) {
    let at = fields.at().field("Label");
    let problem = problem(message, at, mend);
    fields.found().push(Diagnostic { code: Code::InvalidLabelName, ..problem });
}

/// `ToleratedFailurePercentage`, or the path of one in the effective input.
#[derive(Debug)]
pub(super) enum Percentage {
    Literal(f64),
    Path(ReferencePath),
    Query(Query),
}

impl Percentage {
    const NAME: &str = "ToleratedFailurePercentage";
    const PATH: &str = "ToleratedFailurePercentagePath";

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.at_most_one(&[Self::NAME, Self::PATH]);
        if let Some(query) = fields.query(Self::NAME, Moment::Entering) {
            return query.map(Self::Query);
        }
        let literal = fields.number_in(Self::NAME, 0.0..=100.0).map(Self::Literal);
        let path = fields.reference_path(Self::PATH).map(Self::Path);
        literal.or(path)
    }

    fn resolve(&self, cx: &Context<'_>, fork: &Fork) -> Result<f64, EvaluationError> {
        let scope = cx.scope(fork.input.value());
        let path = match self {
            Self::Literal(percentage) => return Ok(*percentage),
            Self::Path(path) => path,
            Self::Query(query) => {
                let number = query.evaluate_as(Kind::Number, &scope)?.as_f64();
                return number.and_then(in_range).ok_or_else(|| query.refuse(out_of_range()));
            }
        };
        let value = path.apply(&scope)?;
        let text = shown(&value);
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        let number = number.ok_or_else(|| {
            let (field, path) = (Self::PATH, path.text());
            StatesError::runtime(format!(
                "The {field} field refers to value \"{text}\" which is not a valid float: {path}"
            ))
        })?;
        Ok(in_range(number).ok_or_else(|| StatesError::runtime(out_of_range()))?)
    }
}

fn in_range(percentage: f64) -> Option<f64> {
    (0.0..=100.0).contains(&percentage).then_some(percentage)
}

fn out_of_range() -> String {
    format!("{} must be between 0 and 100.", Percentage::NAME)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::state::testing::check;

    fn processor(config: Value) -> Value {
        json!({ "ProcessorConfig": config,
            "StartAt": "B", "States": { "B": { "Type": "Succeed" } } })
    }

    #[test]
    fn its_fields_are_checked() {
        let standard = processor(json!({ "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" }));
        check(
            &json!({"Type": "Map", "ItemProcessor": standard, "Label": "orders_of-the.day",
                "ToleratedFailureCount": 3, "ToleratedFailurePercentage": 2.5, "End": true,
                "ItemBatcher": {"MaxItemsPerBatch": 10, "BatchInput": {"day.$": "$.day"}}}),
            &[
                (
                    json!({"ItemProcessor": processor(json!({"Mode": "DISTRIBUTED"}))}),
                    &[
                        "These fields are required: [ExecutionType] at /States/A/ItemProcessor/ProcessorConfig",
                    ],
                ),
                (
                    json!({"ItemProcessor": processor(json!({"Mode": "SPREAD", "ExecutionType": "FAST"})),
                        "Label": "REMOVED", "ToleratedFailureCount": "REMOVED",
                        "ToleratedFailurePercentage": "REMOVED", "ItemBatcher": "REMOVED"}),
                    &[
                        "The field 'Mode' should have one of these values: [INLINE, DISTRIBUTED] at /States/A/ItemProcessor/ProcessorConfig/Mode",
                        "The field 'ExecutionType' should have one of these values: [STANDARD, EXPRESS] at /States/A/ItemProcessor/ProcessorConfig/ExecutionType",
                    ],
                ),
                (
                    json!({"ToleratedFailureCountPath": "$.n", "ToleratedFailurePercentage": 100.5}),
                    &[
                        "There should only be one of the following fields: [ToleratedFailureCount, ToleratedFailureCountPath] at /States/A",
                        "Maximum value is 100.0 at /States/A/ToleratedFailurePercentage",
                    ],
                ),
                (
                    json!({"ItemBatcher": {"MaxInputBytesPerBatch": 262_145, "Size": 1}}),
                    &[
                        "Maximum value is 262144 at /States/A/ItemBatcher/MaxInputBytesPerBatch",
                        "Field 'Size' is not supported at /States/A/ItemBatcher",
                    ],
                ),
                (
                    json!({"ItemBatcher": {"BatchInput": {}}}),
                    &[
                        "At least one of the following fields is required: [MaxItemsPerBatch, MaxItemsPerBatchPath, MaxInputBytesPerBatch, MaxInputBytesPerBatchPath] at /States/A/ItemBatcher",
                    ],
                ),
            ],
        );
    }

    #[test]
    fn a_label_is_short_and_stands_in_an_arn() {
        let standard = processor(json!({ "Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS" }));
        let map = |label: &str| json!({"Label": label});
        let long = "x".repeat(41);
        check(
            &json!({"Type": "Map", "ItemProcessor": standard, "End": true}),
            &[
                (map("Zählung"), &[]),
                (map(&"x".repeat(40)), &[]),
                (
                    map(&long),
                    &[
                        "INVALID_LABEL_NAME: Label must be 1 to 40 characters long at /States/A/Label",
                    ],
                ),
                (
                    map(""),
                    &[
                        "INVALID_LABEL_NAME: Label must be 1 to 40 characters long at /States/A/Label",
                    ],
                ),
                (
                    map("a b"),
                    &[
                        "INVALID_LABEL_NAME: Label contains invalid character: ' ' at /States/A/Label",
                    ],
                ),
                (
                    map("a*"),
                    &[
                        "INVALID_LABEL_NAME: Label contains invalid character: '*' at /States/A/Label",
                    ],
                ),
                (
                    map("a\u{1f}"),
                    &[
                        "INVALID_LABEL_NAME: Label contains invalid character: '\\u{1f}' at /States/A/Label",
                    ],
                ),
                (
                    map("\u{9f}"),
                    &[
                        "INVALID_LABEL_NAME: Label contains invalid character: '\\u{9f}' at /States/A/Label",
                    ],
                ),
            ],
        );
    }

    #[test]
    fn an_inline_map_has_no_label_and_may_say_how_many_may_fail() {
        check(
            &json!({"Type": "Map", "ItemProcessor": processor(json!({"Mode": "INLINE"})), "End": true}),
            &[
                (json!({"Label": "L"}), &["Field 'Label' is not supported at /States/A"]),
                // It fails when it runs.
                (json!({"ItemBatcher": {"MaxItemsPerBatch": 2}}), &[]),
                (json!({"ResultWriter": {}}), &[]),
                (json!({"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 1.5}), &[]),
            ],
        );
    }
}
