//! The items of a Map under test: what its iterations would be given, and how many of them may fail.

use std::mem;

use serde_json::{Map, Value};

use super::TestState;
use crate::{
    Dataset, Item, ItemFormat, ItemSource, Payload, StatesError, error_name,
    execution::{PAYLOAD_BYTES_MAX, Tolerance},
    retry::Failure,
    state::{BatchLimits, Fork},
};

/// The iterations of a Map under test.
#[derive(Default)]
pub(super) struct Iterations {
    /// How many there are, where that is known.
    count: Option<usize>,
    tolerance: Tolerance,
}

impl Iterations {
    /// Whether so many can have failed.
    pub(super) fn can_have_failed(&self, failed: u64) -> bool {
        self.count.is_none_or(|count| failed <= count as u64)
    }

    /// Whether the Map succeeds although so many failed. Where the state says nothing of it, it does: AWS
    /// tests a Map so.
    pub(super) fn tolerate(&self, failed: u64) -> bool {
        let is_said = self.tolerance != Tolerance::default();
        !is_said || self.tolerance.allows(failed, self.count.map(|count| count as u64))
    }
}

impl TestState {
    /// Takes note of what the iterations of a Map would be given, and of how many may fail.
    pub(super) fn inspect_items(&self, fork: &Fork) -> Result<Iterations, Failure> {
        let Some(map) = self.alone.state().map() else { return Ok(Iterations::default()) };
        let plan = self.alone.plan(fork).transpose()?;
        let (limits, source) = plan.map(|plan| (plan.limits, plan.source)).unzip();
        let tolerance = limits.map_or_else(Tolerance::default, |limits| Tolerance {
            count: limits.tolerated_count,
            percentage: limits.tolerated_percentage,
        });
        self.alone.inspect(|it| {
            it.tolerated_failure_count = tolerance.count;
            it.tolerated_failure_percentage = tolerance.percentage;
        });
        let items = match source.flatten() {
            Some(source) => self.read(&source)?,
            None => Some(given(fork)),
        };
        let count = items.as_ref().map(Vec::len);
        let batch = limits.and_then(|limits| limits.batch);
        if let Some(items) = items.filter(|_| map.selects() || batch.is_some())
            && let Some(inputs) = self.inputs(fork, &items)?
        {
            self.inspect_inputs(fork, &inputs, map.selects(), batch)?;
        }
        Ok(Iterations { count, tolerance })
    }

    fn inspect_inputs(
        &self,
        fork: &Fork,
        items: &[Payload],
        are_selected: bool,
        batch: Option<BatchLimits>,
    ) -> Result<(), Failure> {
        if are_selected {
            let selected = items.iter().map(|item| item.value().clone()).collect();
            self.alone.inspect(|it| it.after_item_selector = Some(Value::Array(selected).into()));
        }
        if let Some(batch) = batch {
            let batches = batched(items, batch, &self.alone.envelope(fork)?);
            self.alone.inspect(|it| it.after_item_batcher = batches);
        }
        Ok(())
    }

    /// The items that the Map's reader is said to have read; none where these are not known.
    fn read(&self, source: &ItemSource) -> Result<Option<Vec<Item>>, Failure> {
        let Some(data) = &self.configuration.map_item_reader_data else { return Ok(None) };
        let read = read_items(data, source).map_err(|cause| {
            Failure::of_work(StatesError::new(error_name::ITEM_READER_FAILED, cause))
        })?;
        let Some(mut items) = read else { return Ok(None) };
        if let Some(most) = usize::try_from(source.max_items).ok().filter(|most| *most > 0) {
            items.truncate(most);
        }
        if source.pointer.is_some() {
            let pointed = Value::from_iter(items.iter().map(Item::input));
            self.alone.inspect(|it| it.after_items_pointer = Some(pointed.into()));
        }
        Ok(Some(items))
    }

    /// What each iteration would be given of its item; none when that is more than is shown.
    fn inputs(&self, fork: &Fork, items: &[Item]) -> Result<Option<Vec<Payload>>, Failure> {
        let (mut inputs, mut bytes) = (Vec::new(), 0);
        for (index, item) in items.iter().enumerate() {
            let input = self.alone.item(fork, item.context(index))?;
            bytes += input.len() + 1;
            if bytes > PAYLOAD_BYTES_MAX {
                return Ok(None);
            }
            inputs.push(input);
        }
        Ok(Some(inputs))
    }
}

/// The items that the state's data has.
fn given(fork: &Fork) -> Vec<Item> {
    (0..fork.total).filter_map(|index| fork.item(index).map(Item::from)).collect()
}

/// The items in what was read, by how they stand there: of JSON, the elements of an array or the members
/// of an object. Those of a CSV file and of a manifest are not looked at.
fn read_items(data: &str, source: &ItemSource) -> Result<Option<Vec<Item>>, String> {
    if let Dataset::Manifest { .. } = source.dataset {
        return Ok(None);
    }
    let key = match &source.dataset {
        Dataset::Object { key } => Some(&**key),
        Dataset::Objects { .. } | Dataset::Manifest { .. } => None,
    };
    let read_from = Item::source_of(&source.bucket, key);
    let item = |key, value| Item { key, value, source: Some(read_from.clone()) };
    let parse = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
    match source.format {
        Some(ItemFormat::Csv) => Ok(None),
        Some(ItemFormat::JsonLines) => data
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| parse(line).map(|value| item(None, value)))
            .collect::<Result<_, _>>()
            .map(Some),
        Some(ItemFormat::Json) | None => {
            let whole = parse(data)?;
            let found = whole.pointer(source.pointer.as_deref().unwrap_or_default());
            match found {
                Some(Value::Array(elements)) => {
                    Ok(Some(elements.iter().map(|value| item(None, value.clone())).collect()))
                }
                Some(Value::Object(members)) => {
                    let member =
                        |(key, value): (&String, &Value)| item(Some(key.clone()), value.clone());
                    Ok(Some(members.iter().map(member).collect()))
                }
                _ => Err("Attempting to map over non-iterable node.".to_owned()),
            }
        }
    }
}

/// What each child would be given, an array; none when that is more than is shown.
fn batched(
    items: &[Payload],
    limits: BatchLimits,
    envelope: &Map<String, Value>,
) -> Option<Payload> {
    let with = |items: Vec<Value>| {
        let mut batch = envelope.clone();
        batch.insert("Items".to_owned(), Value::Array(items));
        Value::Object(batch)
    };
    let empty = Payload::from(with(Vec::new())).len();
    let (mut batches, mut batch, mut bytes, mut shown) = (Vec::new(), Vec::new(), empty, 0);
    for item in items {
        let more = item.len() + usize::from(!batch.is_empty());
        let is_full = batch.len() >= limits.items || bytes + more > limits.bytes;
        if is_full && !batch.is_empty() {
            batches.push(with(mem::take(&mut batch)));
            shown += bytes;
            bytes = empty;
        }
        if shown + empty > PAYLOAD_BYTES_MAX {
            return None;
        }
        bytes += item.len() + usize::from(!batch.is_empty());
        batch.push(item.value().clone());
    }
    if !batch.is_empty() {
        batches.push(with(batch));
    }
    Some(Value::Array(batches).into())
}
