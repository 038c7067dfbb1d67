//! Changes of keys and values, and the quota they keep: the same for every store.

use std::collections::BTreeMap;

use crate::outside::{KeyValueError, Swap};

/// How many bytes of keys and values each bucket may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Of a bucket that is not named in `buckets`.
    pub default_bytes: u64,
    /// Of those that are.
    pub buckets: BTreeMap<String, u64>,
}

impl Default for Quotas {
    /// 64 MiB a bucket.
    fn default() -> Self {
        Self { default_bytes: 64 << 20, buckets: BTreeMap::new() }
    }
}

impl Quotas {
    /// How many bytes `bucket` may hold.
    pub fn of(&self, bucket: &str) -> u64 {
        self.buckets.get(bucket).copied().unwrap_or(self.default_bytes)
    }
}

/// A change to one bucket.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) bucket: String,
    pub(super) kind: ChangeKind,
}

/// What is changed.
#[derive(Debug)]
pub(super) enum ChangeKind {
    Write(Vec<(String, Option<Vec<u8>>)>),
    Increment { key: String, delta: i64 },
    Swap { key: String, expected: Option<Vec<u8>>, value: Vec<u8> },
}

/// What a change came to.
#[derive(Debug)]
pub(super) enum Changed {
    Written,
    Sum(i64),
    Swap(Swap),
}

impl Changed {
    /// What an increment came to.
    pub(super) fn sum(self) -> i64 {
        let Self::Sum(sum) = self else { unreachable!("an increment comes to a sum") };
        sum
    }

    /// What a swap came to.
    pub(super) fn swap(self) -> Swap {
        let Self::Swap(swap) = self else { unreachable!("a swap comes to a swap") };
        swap
    }
}

/// A bucket at the moment of a change.
pub(super) trait Bucket {
    /// What the medium can fail with.
    type Error;

    /// The value of a key.
    fn value(&self, key: &str) -> Result<Option<Vec<u8>>, Self::Error>;
    /// Bytes of all keys and values.
    fn bytes(&self) -> Result<u64, Self::Error>;
    /// Sets or deletes a key, and states what the bucket holds then.
    fn put(&mut self, key: &str, value: Option<&[u8]>, bytes: u64) -> Result<(), Self::Error>;
}

/// Decides a change and makes it. When the inner result is an error, nothing was changed.
pub(super) fn apply<B: Bucket>(
    change: &Change,
    quotas: &Quotas,
    bucket: &mut B,
) -> Result<Result<Changed, KeyValueError>, B::Error> {
    let (writes, changed) = match &change.kind {
        ChangeKind::Write(writes) => (writes.clone(), Changed::Written),
        ChangeKind::Increment { key, delta } => match add(bucket.value(key)?, *delta) {
            Some(sum) => {
                (vec![(key.clone(), Some(sum.to_string().into_bytes()))], Changed::Sum(sum))
            }
            None => {
                let (bucket, key) = (change.bucket.clone(), key.clone());
                return Ok(Err(KeyValueError::NotANumber { bucket, key }));
            }
        },
        ChangeKind::Swap { key, expected, value } => {
            let found = bucket.value(key)?;
            if found != *expected {
                return Ok(Ok(Changed::Swap(Swap::Changed(found))));
            }
            (vec![(key.clone(), Some(value.clone()))], Changed::Swap(Swap::Swapped))
        }
    };
    Ok(put_all(&change.bucket, writes, quotas, bucket)?.map(|()| changed))
}

fn put_all<B: Bucket>(
    name: &str,
    writes: Vec<(String, Option<Vec<u8>>)>,
    quotas: &Quotas,
    bucket: &mut B,
) -> Result<Result<(), KeyValueError>, B::Error> {
    // Of several writes to one key the last stands.
    let writes: BTreeMap<String, Option<Vec<u8>>> = writes.into_iter().collect();
    let (before, mut freed, mut taken) = (bucket.bytes()?, 0, 0);
    for (key, value) in &writes {
        freed += bucket.value(key)?.map_or(0, |value| size(key, &value));
        taken += value.as_ref().map_or(0, |value| size(key, value));
    }
    let after = before.saturating_sub(freed) + taken;
    let quota_bytes = quotas.of(name);
    // A bucket over a quota that was lowered may still shrink.
    if after > quota_bytes && after > before {
        return Ok(Err(KeyValueError::QuotaExceeded { bucket: name.to_owned(), quota_bytes }));
    }
    for (key, value) in &writes {
        bucket.put(key, value.as_deref(), after)?;
    }
    Ok(Ok(()))
}

fn size(key: &str, value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}

/// The sum of the number in `value` and `delta`; none when there is no number or the sum has none.
fn add(value: Option<Vec<u8>>, delta: i64) -> Option<i64> {
    let number = match value {
        Some(value) => std::str::from_utf8(&value).ok()?.parse().ok()?,
        None => 0_i64,
    };
    number.checked_add(delta)
}
