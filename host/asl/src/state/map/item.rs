//! An item of a Map, and what the context object tells of it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::payload::context_object::ItemContext;

/// An item of a Map that was read from outside, or taken out of the state's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name, where a JSON object's members are the items.
    pub key: Option<String>,
    /// The element, row or line, or the member's value.
    pub value: Value,
    /// The URI of the object that it was read from, or of the bucket that lists it; none where the state's
    /// data has it.
    pub source: Option<Arc<str>>,
}

impl Item {
    /// What a child gets of it where nothing is selected: of a member both its name and its value.
    pub fn input(&self) -> Value {
        self.context(0).input()
    }

    /// The source of items that an object holds, or of those that a bucket lists. AWS's documentation has
    /// `S3://` there, and AWS answers `s3://`.
    pub fn source_of(bucket: &str, key: Option<&str>) -> Arc<str> {
        match key {
            Some(key) => format!("s3://{bucket}/{key}").into(),
            None => format!("s3://{bucket}").into(),
        }
    }

    /// As the context object shows it, the item number `index`.
    pub(crate) fn context(&self, index: usize) -> ItemContext<'_> {
        let Self { key, value, source } = self;
        ItemContext { index, key: key.as_deref(), value, source: source.as_deref() }
    }
}

impl From<ItemContext<'_>> for Item {
    fn from(item: ItemContext<'_>) -> Self {
        let ItemContext { key, value, source, .. } = item;
        Self { key: key.map(str::to_owned), value: value.clone(), source: source.map(Arc::from) }
    }
}

impl ItemContext<'_> {
    /// "If the input to the Map state is a JSON object, it runs an iteration for each key-value pair in the
    /// object, passing the pair to the iteration as input" (`ItemsPath`).
    pub(crate) fn input(&self) -> Value {
        match self.key {
            Some(key) => json!({ "Key": key, "Value": self.value }),
            None => self.value.clone(),
        }
    }
}
