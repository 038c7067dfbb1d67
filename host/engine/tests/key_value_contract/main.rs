//! The embedded key-value stores and their contract.

mod promises;
mod quota;

use std::{collections::BTreeMap, sync::Arc};

use stepyard_engine::{MemoryStore, Quotas, SqliteStore, outside::KeyValue};

/// What the bucket `small` may hold, in bytes.
const QUOTA: u64 = 64;

/// The stores there are, and what has to be kept while they are used.
async fn stores() -> Vec<(Arc<dyn KeyValue>, Option<tempfile::TempDir>)> {
    let quotas =
        Quotas { buckets: BTreeMap::from([("small".to_owned(), QUOTA)]), ..Quotas::default() };
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(folder.path().join("store.db"), quotas.clone()).unwrap();
    vec![(Arc::new(MemoryStore::new(quotas)), None), (Arc::new(sqlite), Some(folder))]
}
