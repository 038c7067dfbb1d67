//! Map: runs its item processor once per item of an array.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Context, Fork, Progress, StateType,
    flow::{Filter, Number, ResultFlow, read_template, shown, whole},
};
use crate::{
    Payload, StateMachine, StatesError,
    fields::Fields,
    machine::read_processor,
    payload::{Scope, path::ReferencePath, template::Template},
    retry::{Catcher, Retrier},
};

/// How many iterations an inline Map runs at once, whatever its `MaxConcurrency` (Quotas).
const CONCURRENCY_MAX: usize = 40;

/// Fields that only a Distributed Map has.
const DISTRIBUTED_FIELDS: [&str; 8] = [
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
];

/// An inline Map state.
#[derive(Debug)]
pub(crate) struct Map {
    input_path: Filter,
    /// None: the whole effective input is the array.
    items_path: Option<ReferencePath>,
    item_selector: Option<Template>,
    max_concurrency: Option<Number>,
    /// `ItemProcessor`, or `Iterator` in older definitions.
    processor_field: &'static str,
    /// None only in a definition that is refused.
    processor: Option<Arc<StateMachine>>,
    result: ResultFlow,
    retry: Vec<Retrier>,
    catch: Vec<Catcher>,
}

impl Map {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        refuse_distributed(fields);
        let (processor_field, processor) = read_machine(fields);
        Self {
            input_path: Filter::read(fields, "InputPath"),
            items_path: read_items_path(fields),
            item_selector: read_selector(fields),
            max_concurrency: Number::read(
                fields,
                "MaxConcurrency",
                "MaxConcurrencyPath",
                0..=u64::MAX,
            ),
            processor_field,
            processor,
            result: ResultFlow::read(fields),
            retry: Retrier::read_all(fields),
            catch: Catcher::read_all(fields),
        }
    }

    /// The field that holds the item processor.
    pub(crate) fn processor_field(&self) -> &'static str {
        self.processor_field
    }
}

/// Reports all that a Distributed Map has in one sentence.
fn refuse_distributed(fields: &mut Fields<'_>) {
    let processor = fields.object().get("ItemProcessor").or(fields.object().get("Iterator"));
    let mode = processor.and_then(|processor| processor.pointer("/ProcessorConfig/Mode"));
    let mut used: Vec<&str> = Vec::new();
    for name in DISTRIBUTED_FIELDS {
        used.extend(fields.value(name).map(|_| name));
    }
    if mode.and_then(Value::as_str) == Some("DISTRIBUTED") {
        used.push("Mode DISTRIBUTED");
    }
    if !used.is_empty() {
        let what = format!("Distributed Map ({})", used.join(", "));
        let mend = "use an inline Map: ProcessorConfig.Mode INLINE and an array in the input";
        fields.not_built(what, mend);
    }
}

/// Reads `ItemProcessor`, or `Iterator` as it was called before.
fn read_machine(fields: &mut Fields<'_>) -> (&'static str, Option<Arc<StateMachine>>) {
    fields.at_most_one(&["ItemProcessor", "Iterator"]);
    let legacy = fields.value("Iterator");
    let (field, value) = match legacy {
        Some(_) => {
            fields.value("ItemProcessor");
            ("Iterator", legacy)
        }
        None => ("ItemProcessor", fields.required("ItemProcessor")),
    };
    let at = fields.at().field(field);
    (field, value.and_then(|value| read_processor(value, at, fields.found())))
}

fn read_items_path(fields: &mut Fields<'_>) -> Option<ReferencePath> {
    fields.any_reference_path("ItemsPath").filter(|path| path.text() != "$")
}

/// `ItemSelector`, or `Parameters` as it was called before.
fn read_selector(fields: &mut Fields<'_>) -> Option<Template> {
    fields.at_most_one(&["ItemSelector", "Parameters"]);
    let selector = read_template(fields, "ItemSelector");
    let parameters = read_template(fields, "Parameters");
    selector.or(parameters)
}

impl StateType for Map {
    fn enter(&self, cx: &Context<'_>) -> Result<Progress, StatesError> {
        let input = self.input_path.apply(cx, cx.input)?;
        let items = self.items(cx, &input)?;
        let concurrency = self.concurrency(cx, &input)?;
        let total = items.value().as_array().map_or(0, Vec::len);
        Ok(Progress::Fork(Fork { input, items: Some(items), total, concurrency }))
    }

    fn leave(&self, cx: &Context<'_>, result: Payload) -> Result<Payload, StatesError> {
        self.result.apply(cx, result)
    }

    fn child_input(
        &self,
        cx: &Context<'_>,
        fork: &Fork,
        slot: usize,
    ) -> Result<Payload, StatesError> {
        let items = fork.items.as_ref().and_then(|items| items.value().as_array());
        let item =
            items.and_then(|items| items.get(slot)).expect("a fork has as many items as slots");
        let Some(selector) = &self.item_selector else { return Ok(item.clone().into()) };
        let object = cx.object_of_item(slot, item);
        let scope = Scope { input: fork.input.value(), context: &object, random: cx.random };
        selector.evaluate(&scope).map(Payload::from)
    }

    fn machines(&self) -> &[Arc<StateMachine>] {
        self.processor.as_slice()
    }

    fn retriers(&self) -> &[Retrier] {
        &self.retry
    }

    fn catchers(&self) -> &[Catcher] {
        &self.catch
    }
}

impl Map {
    fn items(&self, cx: &Context<'_>, input: &Payload) -> Result<Payload, StatesError> {
        let items = match &self.items_path {
            None => input.clone(),
            Some(path) => path.apply(&cx.scope(input.value()))?.into_owned().into(),
        };
        if items.value().is_array() {
            return Ok(items);
        }
        let path = self.items_path.as_ref().map_or("$", ReferencePath::text);
        Err(StatesError::runtime(format!("Reference path \"{path}\" must point to array.")))
    }

    fn concurrency(&self, cx: &Context<'_>, input: &Payload) -> Result<usize, StatesError> {
        let wanted = match &self.max_concurrency {
            None => 0,
            Some(Number::Literal(number)) => *number,
            Some(Number::Path(path)) => read_concurrency(cx, path, input)?,
        };
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        Ok(if wanted == 0 { CONCURRENCY_MAX } else { wanted.min(CONCURRENCY_MAX) })
    }
}

fn read_concurrency(
    cx: &Context<'_>,
    path: &ReferencePath,
    input: &Payload,
) -> Result<u64, StatesError> {
    let scope = cx.scope(input.value());
    let value = path.apply(&scope)?;
    let number = whole(&value).ok_or_else(|| {
        let (path, text) = (path.text(), shown(&value));
        StatesError::runtime(format!(
            "The MaxConcurrencyPath field refers to value \"{text}\" which is not a valid integer: {path}"
        ))
    })?;
    u64::try_from(number).map_err(|_| StatesError::runtime("MaxConcurrency cannot be negative."))
}

#[cfg(test)]
mod tests {
    use crate::state::testing::check;
    use serde_json::json;

    #[test]
    fn its_fields_are_checked() {
        let processor = json!({"StartAt": "B", "States": {"B": {"Type": "Succeed"}}});
        let distributed = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "B", "States": {"B": {"Type": "Succeed"}}});
        check(
            &json!({"Type": "Map", "ItemProcessor": processor, "ItemsPath": "$$.Execution.Input",
                "MaxConcurrency": 1000, "ItemSelector": {"i.$": "$$.Map.Item.Index"}, "End": true}),
            &[
                (
                    json!({"ItemProcessor": "REMOVED", "Iterator": processor, "ItemSelector": "REMOVED",
                        "Parameters": {"v.$": "$$.Map.Item.Value"}}),
                    &[],
                ),
                (
                    json!({"ItemProcessor": "REMOVED"}),
                    &["These fields are required: [ItemProcessor] at /States/A"],
                ),
                (
                    json!({"Iterator": {"StartAt": "C", "States": {"C": {"Type": "Succeed"}}}}),
                    &[
                        "There should only be one of the following fields: [ItemProcessor, Iterator] at /States/A",
                    ],
                ),
                (
                    json!({"Parameters": {}}),
                    &[
                        "There should only be one of the following fields: [ItemSelector, Parameters] at /States/A",
                    ],
                ),
                (
                    json!({"MaxConcurrencyPath": "$.n"}),
                    &[
                        "There should only be one of the following fields: [MaxConcurrency, MaxConcurrencyPath] at /States/A",
                    ],
                ),
                (
                    json!({"MaxConcurrency": -1}),
                    &["Minimum value is 0 at /States/A/MaxConcurrency"],
                ),
                (
                    json!({"ItemsPath": "$.a[*]"}),
                    &["Value is not a Reference Path at /States/A/ItemsPath"],
                ),
                (
                    json!({"ItemProcessor": distributed, "Label": "L", "ItemReader": {}}),
                    &[
                        "Distributed Map (ItemReader, Label, Mode DISTRIBUTED) is not supported by this version of Stepyard yet at /States/A",
                    ],
                ),
            ],
        );
    }
}
