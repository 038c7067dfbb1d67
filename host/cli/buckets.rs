//! Buckets of keys and values: where each is kept, how much it may hold and what it holds at first.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context, Result};
use stepyard_engine::{
    Quotas,
    outside::{KeyPage, KeyValue, KeyValueFuture, Swap},
};
use stepyard_integrations::Redis;

use crate::{
    manifest::{self, BucketStore, Manifest},
    secrets::ManifestSecrets,
};

/// What the names of keys in Redis begin with, where the manifest says nothing else.
const PREFIX: &str = "stepyard:";

/// The buckets of a manifest, each where it is kept: in the store that is `embedded`, or in Redis.
pub(crate) async fn open(
    manifest: &Manifest,
    embedded: Arc<dyn KeyValue>,
) -> Result<Arc<dyn KeyValue>> {
    let Some(redis) = &manifest.redis else { return Ok(embedded) };
    let kept = manifest.keyvalue.keys().filter(|name| is_embedded(manifest, name));
    let kept = kept.cloned().collect();
    Ok(Arc::new(Buckets { embedded, redis: connect(manifest, redis).await?, kept }))
}

/// Whether a bucket is in the store that is embedded.
pub(crate) fn is_embedded(manifest: &Manifest, bucket: &str) -> bool {
    let written = manifest.keyvalue.get(bucket).and_then(|it| it.store.as_ref());
    let is_sqlite = written.is_some_and(|store| *store.get_ref() == BucketStore::Sqlite);
    manifest.redis.is_none() || is_sqlite
}

async fn connect(manifest: &Manifest, written: &manifest::Redis) -> Result<Redis> {
    let secrets = ManifestSecrets::new(manifest);
    let password = written.password.as_ref();
    let password = password.map(|name| secrets.required(name.get_ref(), "[redis]")).transpose()?;
    let prefix = written.prefix.as_deref().unwrap_or(PREFIX);
    let redis = Redis::connect(&written.url, password.as_deref(), prefix, quotas(manifest)).await;
    redis.context("[redis] in the manifest")
}

/// How much each bucket may hold.
pub(crate) fn quotas(manifest: &Manifest) -> Quotas {
    let quota = |mib: u32| u64::from(mib) << 20;
    let written = manifest.keyvalue.iter();
    let buckets = written.filter_map(|(name, it)| Some((name.clone(), quota(it.quota_mib?))));
    Quotas { buckets: buckets.collect(), ..Quotas::default() }
}

/// Writes the seeds whose keys are absent.
pub(crate) async fn seed(manifest: &Manifest, keyvalue: &dyn KeyValue) -> Result<()> {
    for (bucket, settings) in &manifest.keyvalue {
        for (key, value) in &settings.seed {
            let text = match value {
                toml::Value::String(text) => text.clone(),
                other => serde_json::to_string(other)
                    .with_context(|| format!("keyvalue.{bucket}.seed.{key} is not JSON"))?,
            };
            let seeded = keyvalue.set_if_absent(bucket, key, text.into_bytes());
            seeded.await.with_context(|| format!("seeding `{key}` in bucket `{bucket}`"))?;
        }
    }
    keyvalue.settle().await.context("seeding buckets")
}

/// Buckets in two places.
#[derive(Debug)]
struct Buckets {
    embedded: Arc<dyn KeyValue>,
    redis: Redis,
    /// Those that are in the embedded store.
    kept: BTreeSet<String>,
}

impl Buckets {
    /// Where a bucket is. The host's own, whose names begin with `$`, are beside its executions.
    fn store(&self, bucket: &str) -> &dyn KeyValue {
        let embedded = bucket.starts_with('$') || self.kept.contains(bucket);
        if embedded { &*self.embedded } else { &self.redis }
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
            self.embedded.settle().await?;
            self.redis.settle().await
        })
    }
}
