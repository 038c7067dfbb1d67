//! Map: runs its item processor once per item of an array.

mod batcher;
mod distributed;
mod item;
mod reader;
mod writer;

use std::sync::Arc;

use serde_json::{Value, json};

pub(crate) use batcher::{BatchLimits, Batcher};
pub(crate) use distributed::{Distributed, ExecutionType, Limits, Plan};
pub use item::Item;
pub(crate) use reader::Reader;
pub use reader::{Dataset, ItemFormat, ItemSource, ManifestType};
pub(crate) use writer::Writer;
pub use writer::{ExportPlace, OutputType, ResultDestination, Transformation};

use super::{
    Context, Exit, Fork, Progress, StateType,
    flow::{Filter, Number, ResultFlow},
};
use crate::{
    EvaluationError, Payload, StateMachine, StatesError,
    fields::{Fields, expected},
    machine::{Processor, read_processor},
    payload::{
        Scope,
        context_object::ItemContext,
        path::ReferencePath,
        query::{Moment, QueryLanguage, query_failure},
        template::Template,
    },
    retry::{Catcher, Retrier},
};

/// How many iterations an inline Map runs at once, whatever its `MaxConcurrency` (Quotas).
const CONCURRENCY_MAX: usize = 40;

/// How many child executions a Map Run has at once, whatever its `MaxConcurrency` (Quotas).
const CHILDREN_MAX: usize = 10_000;

/// How many it has without a `MaxConcurrency`: more are no faster on one machine.
const CHILDREN_DEFAULT: usize = 1_000;

/// Where a Map has its items from.
#[derive(Debug)]
enum Items {
    /// The effective input: `ItemsPath` is absent, or `$`.
    Input,
    /// `ItemsPath`.
    Path(ReferencePath),
    /// `Items`, in JSONata.
    Template(Template),
}

/// A Map state, inline or distributed.
#[derive(Debug)]
pub(crate) struct Map {
    language: QueryLanguage,
    input_path: Filter,
    items: Items,
    item_selector: Option<Template>,
    max_concurrency: Option<Number>,
    /// `ItemProcessor`, or `Iterator` in older definitions.
    processor_field: &'static str,
    /// None only in a definition that is refused.
    processor: Option<Arc<StateMachine>>,
    /// Set when items are processed by executions of their own.
    distributed: Option<Distributed>,
    /// Whether an inline Map has one of the fields that it cannot work with.
    is_mixed: bool,
    result: ResultFlow,
    retry: Vec<Retrier>,
    catch: Vec<Catcher>,
}

impl Map {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        let (processor_field, processor) = read_machine(fields);
        let Processor { machine, distributed } = processor;
        let mut is_mixed = false;
        if distributed.is_none() {
            distributed::read_thresholds(fields);
            // AWS takes these of an inline Map, and fails the state.
            for name in ["ItemReader", "ItemBatcher", "ResultWriter"] {
                is_mixed |= fields.value(name).is_some();
            }
        }
        Self {
            language: fields.language(),
            input_path: Filter::read(fields, "InputPath"),
            items: Items::read(fields, distributed.is_some()),
            item_selector: read_selector(fields),
            max_concurrency: Number::read(
                fields,
                "MaxConcurrency",
                "MaxConcurrencyPath",
                0..=u64::MAX,
            ),
            processor_field,
            processor: machine,
            distributed: distributed.map(|kind| Distributed::read(fields, kind)),
            is_mixed,
            result: ResultFlow::read(fields),
            retry: Retrier::read_all(fields),
            catch: Catcher::read_all(fields),
        }
    }

    /// Whether its `ItemSelector`, or `Parameters`, makes the input of each iteration.
    pub(crate) fn selects(&self) -> bool {
        self.item_selector.is_some()
    }

    /// Whether what its children come to is written somewhere, and is not its result.
    pub(crate) fn exports_results(&self) -> bool {
        self.distributed.as_ref().is_some_and(Distributed::exports)
    }

    /// The field that holds the item processor.
    pub(crate) fn processor_field(&self) -> &'static str {
        self.processor_field
    }
}

/// Reads `ItemProcessor`, or `Iterator` as it was called before.
fn read_machine(fields: &mut Fields<'_>) -> (&'static str, Processor) {
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
    let fields = value.and_then(|value| fields.inner(value, at));
    let processor = fields.map(read_processor);
    (field, processor.unwrap_or_default())
}

impl Items {
    fn read(fields: &mut Fields<'_>, may_be_object: bool) -> Self {
        const NAME: &str = "Items";
        if let Some(path) = fields.any_reference_path("ItemsPath") {
            return if path.text() == "$" { Self::Input } else { Self::Path(path) };
        }
        let is_list = |it: &Value| it.is_array() || may_be_object && it.is_object();
        let is_list = fields.value(NAME).is_none_or(is_list);
        let Some(template) = fields.template(NAME, Moment::Entering) else { return Self::Input };
        if !is_list && template.as_query().is_none() {
            let at = fields.at().field(NAME);
            fields.found().push(expected("Array", at));
        }
        Self::Template(template)
    }
}

/// `ItemSelector`, or `Parameters` as it was called before.
fn read_selector(fields: &mut Fields<'_>) -> Option<Template> {
    fields.at_most_one(&["ItemSelector", "Parameters"]);
    let selector = fields.template("ItemSelector", Moment::Entering);
    let parameters = fields.template("Parameters", Moment::Entering);
    selector.or(parameters)
}

impl StateType for Map {
    fn enter(&self, cx: &Context<'_>) -> Result<Progress, EvaluationError> {
        // Before, such an inline Map ran as if they were not there.
        if self.is_mixed && cx.object.edition() >= 3 {
            return Err(StatesError::runtime(MIXED).into());
        }
        let input = self.input_path.apply(cx, cx.input)?;
        cx.inspect(|it| it.after_input_path = Some(input.clone()));
        // With a reader neither ItemsPath nor Items is looked at.
        let is_read = self.distributed.as_ref().is_some_and(Distributed::has_reader);
        let items = if is_read { None } else { Some(self.items(cx, &input)?) };
        cx.inspect(|it| it.after_items_path.clone_from(&items));
        let concurrency = self.concurrency(cx, &input)?;
        let members = items.as_ref().and_then(|it| it.value().as_object()).map(pairs);
        let (are_members, items) = (members.is_some(), members.or(items));
        let total = items.as_ref().and_then(|it| it.value().as_array()).map_or(0, Vec::len);
        let fork = Fork { input, items, are_members, total, concurrency };
        Ok(if self.distributed.is_some() { Progress::MapRun(fork) } else { Progress::Fork(fork) })
    }

    fn leave(&self, cx: &Context<'_>, result: Payload) -> Result<Exit, EvaluationError> {
        self.result.apply(cx, result)
    }

    fn child_input(
        &self,
        cx: &Context<'_>,
        fork: &Fork,
        slot: usize,
    ) -> Result<Payload, EvaluationError> {
        let item = fork.item(slot).expect("a fork has as many items as slots");
        self.item_input(cx, fork, item)
    }

    fn item_input(
        &self,
        cx: &Context<'_>,
        fork: &Fork,
        item: ItemContext<'_>,
    ) -> Result<Payload, EvaluationError> {
        let Some(selector) = &self.item_selector else { return Ok(item.input().into()) };
        let object = cx.object_of_item(item);
        let scope = Scope { context: &object, ..cx.scope(fork.input.value()) };
        selector.evaluate(&scope).map(Payload::from)
    }

    fn distributed(&self) -> Option<&Distributed> {
        self.distributed.as_ref()
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
    fn items(&self, cx: &Context<'_>, input: &Payload) -> Result<Payload, EvaluationError> {
        let scope = cx.scope(input.value());
        let items: Payload = match &self.items {
            Items::Input => input.clone(),
            Items::Path(path) => path.apply(&scope)?.into_owned().into(),
            Items::Template(template) => template.evaluate(&scope)?.into(),
        };
        // "In Inline mode, the Map state accepts only a JSON array as input."
        let may_be_object = self.distributed.is_some() && cx.object.edition() >= 1;
        if items.value().is_array() || may_be_object && items.value().is_object() {
            return Ok(items);
        }
        Err(match &self.items {
            Items::Template(template) => match template.as_query() {
                Some(query) => query.unexpected("array", items.value()),
                None => not_a_list(&items),
            },
            Items::Input if self.language == QueryLanguage::Jsonata => not_a_list(&items),
            Items::Input => must_point_to_array("$"),
            Items::Path(path) => must_point_to_array(path.text()),
        })
    }

    fn concurrency(&self, cx: &Context<'_>, input: &Payload) -> Result<usize, EvaluationError> {
        let wanted = match &self.max_concurrency {
            None => 0,
            Some(number) => number.resolve("MaxConcurrency", cx, input)?,
        };
        cx.inspect(|it| it.max_concurrency = Some(wanted));
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        Ok(match self.distributed {
            None if wanted == 0 => CONCURRENCY_MAX,
            None => wanted.min(CONCURRENCY_MAX),
            Some(_) => children_at_once(wanted),
        })
    }
}

/// Why an inline Map with fields of a distributed one fails.
const MIXED: &str =
    "The ItemReader, ItemBatcher and ResultWriter fields are not supported for INLINE maps";

/// The members of an object as items.
fn pairs(members: &serde_json::Map<String, Value>) -> Payload {
    let pair = |(key, value)| json!({ "Key": key, "Value": value });
    Value::from_iter(members.iter().map(pair)).into()
}

/// How many children a Map Run of this `MaxConcurrency` has at once.
pub(crate) fn children_at_once(wanted: usize) -> usize {
    if wanted == 0 { CHILDREN_DEFAULT } else { wanted.min(CHILDREN_MAX) }
}

fn must_point_to_array(path: &str) -> EvaluationError {
    StatesError::runtime(format!("Reference path \"{path}\" must point to array.")).into()
}

fn not_a_list(items: &Payload) -> EvaluationError {
    query_failure(format!("Map state input must be an array but was: {}", items.value()), None)
}

#[cfg(test)]
mod tests {
    use crate::state::testing::check;
    use serde_json::json;

    #[test]
    fn its_fields_are_checked() {
        let processor = json!({"StartAt": "B", "States": {"B": {"Type": "Succeed"}}});
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
                (json!({"ToleratedFailureCount": 1, "ToleratedFailurePercentagePath": "$.p"}), &[]),
                (
                    json!({"MaxConcurrency": -1}),
                    &["Minimum value is 0 at /States/A/MaxConcurrency"],
                ),
                (
                    json!({"ItemsPath": "$.a[*]"}),
                    &["Value is not a Reference Path at /States/A/ItemsPath"],
                ),
            ],
        );
    }

    #[test]
    fn the_members_of_an_object_are_items_of_a_distributed_map_alone() {
        let machine = json!({"StartAt": "B", "States": {"B": {"Type": "Succeed"}}});
        let mut children = machine.clone();
        children["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"});
        let refused = ["Expected value of type [ARRAY] at /States/A/Items"];
        check(
            &json!({"Type": "Map", "QueryLanguage": "JSONata", "ItemProcessor": machine,
                "Items": ["{% 1 %}"], "End": true}),
            &[
                (json!({"Items": {"a": 1}}), &refused),
                (json!({"Items": {"a": 1}, "ItemProcessor": children}), &[]),
                (json!({"Items": "each", "ItemProcessor": children}), &refused),
            ],
        );
    }
}
