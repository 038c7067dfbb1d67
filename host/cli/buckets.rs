//! Buckets of keys and values: where each is kept, how much it may hold and what it holds at first.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, Result};
use stepyard_engine::{
    Quotas,
    outside::{KeyPage, KeyValue, KeyValueFuture, Swap},
};
use stepyard_integrations::{Aws, DynamoDbBuckets, Redis};

use crate::{
    manifest::{self, BucketStore, Manifest},
    secrets::ManifestSecrets,
};

/// What the names of keys in Redis begin with, where the manifest says nothing else.
const PREFIX: &str = "stepyard:";

/// The buckets of a manifest, each where it is kept: in the store that is `embedded`, in Redis or in
/// DynamoDB.
pub(crate) async fn open(
    manifest: &Manifest,
    embedded: Arc<dyn KeyValue>,
    secrets: &ManifestSecrets,
    aws: &Aws,
) -> Result<Arc<dyn KeyValue>> {
    let other = manifest.default_store();
    let places: BTreeMap<String, BucketStore> = manifest
        .buckets()
        .into_iter()
        .map(|name| (name.clone(), manifest.store_of(name)))
        .collect();
    let mut stores = BTreeMap::from([(BucketStore::Sqlite, embedded)]);
    if let Some(redis) = &manifest.redis {
        let redis = connect(manifest, redis, secrets).await?;
        stores.insert(BucketStore::Redis, Arc::new(redis));
    }
    if places.values().chain([&other]).any(|place| *place == BucketStore::DynamoDb) {
        let buckets = DynamoDbBuckets::open(aws, manifest.table_prefix()).await;
        stores.insert(BucketStore::DynamoDb, Arc::new(buckets));
    }
    Ok(Arc::new(Buckets { stores, places, other }))
}

/// Whether a bucket is in the store that is embedded.
pub(crate) fn is_embedded(manifest: &Manifest, bucket: &str) -> bool {
    manifest.store_of(bucket) == BucketStore::Sqlite
}

async fn connect(
    manifest: &Manifest,
    written: &manifest::Redis,
    secrets: &ManifestSecrets,
) -> Result<Redis> {
    let password = match &written.password {
        Some(name) => Some(secrets.required(name.get_ref(), "[redis]").await?),
        None => None,
    };
    let prefix = written.prefix.as_deref().unwrap_or(PREFIX);
    let redis = Redis::connect(&written.url, password.as_deref(), prefix, quotas(manifest)).await;
    redis.context("[redis] in the manifest")
}

/// How much each bucket may hold.
pub(crate) fn quotas(manifest: &Manifest) -> Quotas {
    let quota = |mib: u32| u64::from(mib) << 20;
    let quota = |bucket: &manifest::Bucket| Some(quota(*bucket.quota_mib.as_ref()?.get_ref()));
    let written = manifest.keyvalue.iter();
    let buckets = written.filter_map(|(name, bucket)| Some((name.clone(), quota(bucket)?)));
    Quotas { buckets: buckets.collect(), ..Quotas::default() }
}

/// What became of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "full"), allow(dead_code, reason = "only a command shows it"))]
pub(crate) struct Seeded {
    /// Its bucket.
    pub(crate) bucket: String,
    /// Its key.
    pub(crate) key: String,
    /// Whether it was written; otherwise the key had a value, which stands.
    pub(crate) written: bool,
}

/// Writes the seeds of these buckets whose keys are absent.
pub(crate) async fn seed(
    manifest: &Manifest,
    keyvalue: &dyn KeyValue,
    buckets: impl Fn(&str) -> bool,
) -> Result<Vec<Seeded>> {
    let mut all = Vec::new();
    for (bucket, settings) in manifest.keyvalue.iter().filter(|(bucket, _)| buckets(bucket)) {
        for (key, value) in &settings.seed {
            let text = match value {
                toml::Value::String(text) => text.clone(),
                other => serde_json::to_string(other)
                    .with_context(|| format!("keyvalue.{bucket}.seed.{key} is not JSON"))?,
            };
            let written = keyvalue.set_if_absent(bucket, key, text.into_bytes()).await;
            let written =
                written.with_context(|| format!("seeding `{key}` in bucket `{bucket}`"))?;
            all.push(Seeded { bucket: bucket.clone(), key: key.clone(), written });
        }
    }
    keyvalue.settle().await.context("seeding buckets")?;
    Ok(all)
}

/// Buckets in several places.
#[derive(Debug)]
struct Buckets {
    stores: BTreeMap<BucketStore, Arc<dyn KeyValue>>,
    places: BTreeMap<String, BucketStore>,
    /// Where the others are.
    other: BucketStore,
}

impl Buckets {
    /// Where a bucket is. The host's own, whose names begin with `$`, are beside its executions.
    fn store(&self, bucket: &str) -> &dyn KeyValue {
        let place = match bucket.starts_with('$') {
            true => &BucketStore::Sqlite,
            false => self.places.get(bucket).unwrap_or(&self.other),
        };
        &*self.stores[place]
    }
}

impl KeyValue for Buckets {
    fn get(&self, bucket: &str, key: &str) -> KeyValueFuture<'_, Option<Vec<u8>>> {
        self.store(bucket).get(bucket, key)
    }

    fn get_many(
        &self,
        bucket: &str,
        keys: Vec<String>,
    ) -> KeyValueFuture<'_, Vec<Option<Vec<u8>>>> {
        self.store(bucket).get_many(bucket, keys)
    }

    fn list_keys(&self, bucket: &str, cursor: Option<String>) -> KeyValueFuture<'_, KeyPage> {
        self.store(bucket).list_keys(bucket, cursor)
    }

    fn write(
        &self,
        bucket: &str,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> KeyValueFuture<'_, ()> {
        self.store(bucket).write(bucket, changes)
    }

    fn increment(&self, bucket: &str, key: &str, delta: i64) -> KeyValueFuture<'_, i64> {
        self.store(bucket).increment(bucket, key, delta)
    }

    fn compare_and_swap(
        &self,
        bucket: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> KeyValueFuture<'_, Swap> {
        self.store(bucket).compare_and_swap(bucket, key, expected, value)
    }

    fn settle(&self) -> KeyValueFuture<'_, ()> {
        Box::pin(async {
            for store in self.stores.values() {
                store.settle().await?;
            }
            Ok(())
        })
    }
}
