//! What was answered before it is durable: the writes of the open group. All see them at once.
//!
//! There is one writer, so whatever it is given later is durable no sooner. Who tells of such a
//! write, or builds upon it, gives the writer something first and waits for that.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The writes that are ahead of their commit.
#[derive(Default)]
pub(super) struct Ahead {
    /// How many were asked for and are not durable.
    count: AtomicUsize,
    values: RwLock<Values>,
}

/// What keys have in the open group; none: they are deleted.
#[derive(Default)]
pub(super) struct Values(HashMap<String, HashMap<String, Option<Vec<u8>>>>);

impl Values {
    /// What the open group has of a key, if it wrote it.
    pub(super) fn get(&self, bucket: &str, key: &str) -> Option<&Option<Vec<u8>>> {
        self.0.get(bucket)?.get(key)
    }
}

impl Ahead {
    /// Whether all that was answered is durable.
    pub(super) fn is_settled(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// The open group's values. While they are held, what becomes durable stays among them: what is
    /// not there is in the file.
    pub(super) fn values(&self) -> RwLockReadGuard<'_, Values> {
        self.values.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more is asked for.
    pub(super) fn begin(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    /// The open group has these values.
    pub(super) fn show(&self, bucket: &str, writes: Vec<(String, Option<Vec<u8>>)>) {
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        values.0.entry(bucket.to_owned()).or_default().extend(writes);
    }

    /// The group that had so many of them is durable.
    pub(super) fn settle(&self, count: usize) {
        self.values.write().unwrap_or_else(PoisonError::into_inner).0.clear();
        self.count.fetch_sub(count, Ordering::AcqRel);
    }
}
