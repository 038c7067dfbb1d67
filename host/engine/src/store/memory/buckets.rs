//! Keys and values in memory.

use std::{collections::BTreeMap, convert::Infallible, ops::Bound};

use futures::future::ready;

use super::MemoryStore;
use crate::{
    outside::{KeyPage, KeyValue, KeyValueError, KeyValueFuture, Swap},
    store::key_value::{self, Bucket, Change, ChangeKind, Changed},
};

#[derive(Debug, Default)]
pub(super) struct KeptBucket {
    values: BTreeMap<String, Vec<u8>>,
    bytes: u64,
}

impl Bucket for KeptBucket {
    type Error = Infallible;

    fn value(&self, key: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.values.get(key).cloned())
    }

    fn bytes(&self) -> Result<u64, Infallible> {
        Ok(self.bytes)
    }

    fn put(&mut self, key: &str, value: Option<&[u8]>, bytes: u64) -> Result<(), Infallible> {
        match value {
            Some(value) => self.values.insert(key.to_owned(), value.to_vec()),
            None => self.values.remove(key),
        };
        self.bytes = bytes;
        Ok(())
    }
}

impl MemoryStore {
    fn change(&self, bucket: &str, kind: ChangeKind) -> Result<Changed, KeyValueError> {
        let change = Change { bucket: bucket.to_owned(), kind };
        let mut kept = self.kept();
        let bucket = kept.buckets.entry(change.bucket.clone()).or_default();
        match key_value::apply(&change, &self.quotas, bucket) {
            Ok(changed) => changed,
            Err(never) => match never {},
        }
    }
}

impl KeyValue for MemoryStore {
    fn get(&self, bucket: &str, key: &str) -> KeyValueFuture<'_, Option<Vec<u8>>> {
        let kept = self.kept();
        let found = kept.buckets.get(bucket).and_then(|bucket| bucket.values.get(key).cloned());
        Box::pin(ready(Ok(found)))
    }

    fn get_many(
        &self,
        bucket: &str,
        keys: Vec<String>,
    ) -> KeyValueFuture<'_, Vec<Option<Vec<u8>>>> {
        let kept = self.kept();
        let bucket = kept.buckets.get(bucket);
        let value = |key: &String| bucket.and_then(|bucket| bucket.values.get(key).cloned());
        Box::pin(ready(Ok(keys.iter().map(value).collect())))
    }

    fn list_keys(&self, bucket: &str, cursor: Option<String>) -> KeyValueFuture<'_, KeyPage> {
        let kept = self.kept();
        let after = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let keys = kept.buckets.get(bucket).into_iter().flat_map(|bucket| {
            bucket.values.range((after.clone(), Bound::Unbounded)).map(|(key, _)| key.clone())
        });
        let page = KeyPage::new(keys.take(KeyPage::KEYS_MAX + 1).collect());
        Box::pin(ready(Ok(page)))
    }

    fn write(
        &self,
        bucket: &str,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> KeyValueFuture<'_, ()> {
        let changed = self.change(bucket, ChangeKind::Write(changes));
        Box::pin(ready(changed.map(|_| ())))
    }

    fn increment(&self, bucket: &str, key: &str, delta: i64) -> KeyValueFuture<'_, i64> {
        let changed = self.change(bucket, ChangeKind::Increment { key: key.to_owned(), delta });
        Box::pin(ready(changed.map(Changed::sum)))
    }

    fn compare_and_swap(
        &self,
        bucket: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> KeyValueFuture<'_, Swap> {
        let kind = ChangeKind::Swap { key: key.to_owned(), expected, value };
        Box::pin(ready(self.change(bucket, kind).map(Changed::swap)))
    }
}
