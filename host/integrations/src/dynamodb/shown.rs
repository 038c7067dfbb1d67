//! What DynamoDB answers besides items, in the JSON that Step Functions gives a workflow.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{Capacity, ConsumedCapacity, ItemCollectionMetrics};
use serde_json::{Map, Value, json};

use super::attribute_value::shown_all;

/// `ConsumedCapacity`.
pub(super) fn capacity(consumed: &ConsumedCapacity) -> Value {
    let (units, reads, writes) =
        (consumed.capacity_units, consumed.read_capacity_units, consumed.write_capacity_units);
    let table = consumed.table.as_ref().map(one_capacity);
    members([
        ("CapacityUnits", units.map(Value::from)),
        ("GlobalSecondaryIndexes", consumed.global_secondary_indexes.as_ref().map(indexes)),
        ("LocalSecondaryIndexes", consumed.local_secondary_indexes.as_ref().map(indexes)),
        ("ReadCapacityUnits", reads.map(Value::from)),
        ("Table", table),
        ("TableName", consumed.table_name.as_ref().map(|name| json!(name))),
        ("WriteCapacityUnits", writes.map(Value::from)),
    ])
}

fn indexes(indexes: &HashMap<String, Capacity>) -> Value {
    let mut sorted: Vec<_> = indexes.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    let shown = sorted.into_iter().map(|(name, capacity)| (name.clone(), one_capacity(capacity)));
    Value::from(shown.collect::<Map<_, _>>())
}

fn one_capacity(capacity: &Capacity) -> Value {
    members([
        ("CapacityUnits", capacity.capacity_units.map(Value::from)),
        ("ReadCapacityUnits", capacity.read_capacity_units.map(Value::from)),
        ("WriteCapacityUnits", capacity.write_capacity_units.map(Value::from)),
    ])
}

/// `ItemCollectionMetrics`.
pub(super) fn metrics(metrics: &ItemCollectionMetrics) -> Value {
    members([
        ("ItemCollectionKey", metrics.item_collection_key.as_ref().map(shown_all)),
        ("SizeEstimateRangeGB", metrics.size_estimate_range_gb.as_ref().map(|range| json!(range))),
    ])
}

fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::from(there.collect::<Map<_, _>>())
}
