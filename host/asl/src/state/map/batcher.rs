//! `ItemBatcher`: several items of a Distributed Map go to one child execution.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    EvaluationError, Payload, StatesError,
    execution::PAYLOAD_BYTES_MAX,
    fields::Fields,
    payload::{query::Moment, template::Template},
    state::{Context, flow::Number},
};

const ITEMS: &str = "MaxItemsPerBatch";
const ITEMS_PATH: &str = "MaxItemsPerBatchPath";
const BYTES: &str = "MaxInputBytesPerBatch";
const BYTES_PATH: &str = "MaxInputBytesPerBatchPath";

/// An `ItemBatcher`.
#[derive(Debug)]
pub(crate) struct Batcher {
    items: Option<Number>,
    bytes: Option<Number>,
    input: Option<Template>,
}

/// How large a batch may be. The smaller one decides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct BatchLimits {
    pub(crate) items: usize,
    /// Of the child's input.
    pub(crate) bytes: usize,
}

impl Batcher {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        const NAME: &str = "ItemBatcher";
        let (value, at) = (fields.value(NAME)?, fields.at().field(NAME));
        let mut fields = fields.inner(value, at)?;
        fields.at_least_one(&[ITEMS, ITEMS_PATH, BYTES, BYTES_PATH]);
        let batcher = Self {
            items: Number::read(&mut fields, ITEMS, ITEMS_PATH, 1..=u64::MAX),
            bytes: Number::read(&mut fields, BYTES, BYTES_PATH, 1..=PAYLOAD_BYTES_MAX as u64),
            input: fields.template("BatchInput", Moment::Entering),
        };
        fields.finish();
        Some(batcher)
    }

    pub(super) fn limits(
        &self,
        cx: &Context<'_>,
        input: &Payload,
    ) -> Result<BatchLimits, EvaluationError> {
        let limit =
            |number: &Option<Number>, name: &str, most: usize| -> Result<_, EvaluationError> {
                let Some(number) = number else { return Ok(most) };
                let limit = number.resolve(name, cx, input)?;
                if limit == 0 {
                    return Err(StatesError::runtime(format!("{name} must be positive.")).into());
                }
                Ok(usize::try_from(limit).unwrap_or(most).min(most))
            };
        Ok(BatchLimits {
            items: limit(&self.items, ITEMS, usize::MAX)?,
            bytes: limit(&self.bytes, BYTES, PAYLOAD_BYTES_MAX)?,
        })
    }

    /// What a child gets besides its items.
    pub(crate) fn envelope(
        &self,
        cx: &Context<'_>,
        input: &Payload,
    ) -> Result<Map<String, Value>, EvaluationError> {
        let mut envelope = Map::new();
        if let Some(template) = &self.input {
            let given = template.evaluate(&cx.scope(input.value()))?;
            envelope.insert("BatchInput".to_owned(), given);
        }
        Ok(envelope)
    }
}
