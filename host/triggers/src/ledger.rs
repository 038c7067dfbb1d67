//! Which moments of a schedule are behind it: kept in the store, so that a restart neither repeats one
//! nor takes a new schedule for one that missed all of its past.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;
use stepyard_engine::outside::{KeyValue, KeyValueError};

/// The bucket that holds it, which no step may be granted.
pub const BUCKET: &str = "$schedules";

/// Keeps how far schedules have come.
#[derive(Clone, Debug)]
pub(crate) struct Ledger(Arc<dyn KeyValue>);

/// How far a schedule has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// When it began to be.
    pub(crate) begun: Timestamp,
    /// Its moments up to here are dealt with.
    pub(crate) done: Timestamp,
}

impl Ledger {
    pub(crate) fn new(keyvalue: Arc<dyn KeyValue>) -> Self {
        Self(keyvalue)
    }

    /// How far the schedule has come; one that is not known begins to be at `now`.
    pub(crate) async fn open(&self, id: &str, now: Timestamp) -> Result<Progress, KeyValueError> {
        if let Some(kept) = self.0.get(BUCKET, id).await? {
            return serde_json::from_slice(&kept).map_err(|error| {
                KeyValueError::Store(format!("`{id}` in bucket `{BUCKET}` is damaged: {error}"))
            });
        }
        // Moments are of whole seconds, and one that is just now is not behind it.
        let begun = Timestamp::from_millis(now.as_millis().div_euclid(1_000) * 1_000);
        let progress = Progress { begun, done: begun.plus_millis(-1) };
        self.keep(id, progress).await?;
        Ok(progress)
    }

    /// Keeps how far the schedule has come; it is durable when this returns.
    pub(crate) async fn keep(&self, id: &str, progress: Progress) -> Result<(), KeyValueError> {
        let text = serde_json::to_vec(&progress)
            .map_err(|error| KeyValueError::Store(error.to_string()))?;
        self.0.write(BUCKET, vec![(id.to_owned(), Some(text))]).await?;
        self.0.settle().await
    }

    /// Forgets the schedules that are not among these.
    pub(crate) async fn forget_all_but(
        &self,
        kept: &BTreeSet<String>,
    ) -> Result<(), KeyValueError> {
        let mut cursor = None;
        loop {
            let page = self.0.list_keys(BUCKET, cursor).await?;
            let gone = page.keys.into_iter().filter(|key| !kept.contains(key));
            let changes: Vec<_> = gone.map(|key| (key, None)).collect();
            if !changes.is_empty() {
                self.0.write(BUCKET, changes).await?;
            }
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}
