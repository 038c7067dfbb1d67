//! `wasi:keyvalue`: granted buckets of the store behind [`KeyValue`]. What a task reads and writes
//! is bounded here, what a bucket holds by the store's quota.

use std::sync::Arc;

use stepyard_engine::outside::{KeyValue, KeyValueError, Swap};
use wasmtime::{Result, component::Resource};

use super::bindings::wasi::keyvalue::{
    atomics::{self, CasError},
    batch,
    store::{self, Error, KeyResponse},
};
use crate::{Access, invocation::Invocation, state::State};

/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 1_024;

/// How many values are read before they are counted: a step may name one large value many times.
const KEYS_AT_ONCE: usize = 16;

/// An open bucket.
#[derive(Clone, Debug)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct Bucket {
    name: Arc<str>,
    access: Access,
}

/// A compare-and-swap in the making.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct Cas {
    bucket: Bucket,
    key: String,
    current: Option<Vec<u8>>,
}

/// What a step gets to see of an operation.
type Answer<T> = Result<Result<T, Error>>;

impl store::Host for State {
    async fn open(&mut self, identifier: String) -> Answer<Resource<Bucket>> {
        self.invocation.host_call()?;
        let Some(access) = self.invocation.policy.grants.bucket(&identifier) else {
            let grant = format!("keyvalue = [\"{identifier}\"]");
            self.invocation.denied("keyvalue", &grant);
            return Ok(Err(Error::AccessDenied));
        };
        Ok(Ok(self.table.push(Bucket { name: identifier.into(), access })?))
    }
}

impl store::HostBucket for State {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<Option<Vec<u8>>> {
        let bucket = self.bucket(&bucket)?;
        let task = &*self.invocation;
        if let Err(error) = admit(task, &bucket, Access::Read, &[&key], 0)? {
            return Ok(Err(error));
        }
        read(task, &bucket, &key).await
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Answer<()> {
        self.write(&bucket, vec![(key, Some(value))]).await
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<()> {
        self.write(&bucket, vec![(key, None)]).await
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<bool> {
        Ok(self.get(bucket, key).await?.map(|value| value.is_some()))
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<String>,
    ) -> Answer<KeyResponse> {
        let bucket = self.bucket(&bucket)?;
        let task = &*self.invocation;
        if let Err(error) = admit(task, &bucket, Access::Read, &[], 0)? {
            return Ok(Err(error));
        }
        let page = match task.keyvalue_store().list_keys(&bucket.name, cursor).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(told(&error))),
        };
        task.keyvalue(page.keys.iter().map(String::len).sum())?;
        Ok(Ok(KeyResponse { keys: page.keys, cursor: page.cursor }))
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl batch::Host for State {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Answer<Vec<(String, Option<Vec<u8>>)>> {
        let bucket = self.bucket(&bucket)?;
        let task = &*self.invocation;
        let names: Vec<&str> = keys.iter().map(String::as_str).collect();
        if let Err(error) = admit(task, &bucket, Access::Read, &names, 0)? {
            return Ok(Err(error));
        }
        let mut found = Vec::with_capacity(keys.len());
        for some in keys.chunks(KEYS_AT_ONCE) {
            let values = match task.keyvalue_store().get_many(&bucket.name, some.to_vec()).await {
                Ok(values) => values,
                Err(error) => return Ok(Err(told(&error))),
            };
            task.keyvalue(values.iter().flatten().map(Vec::len).sum())?;
            found.extend(values);
        }
        Ok(Ok(keys.into_iter().zip(found).collect()))
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        key_values: Vec<(String, Vec<u8>)>,
    ) -> Answer<()> {
        let changes = key_values.into_iter().map(|(key, value)| (key, Some(value))).collect();
        self.write(&bucket, changes).await
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Answer<()> {
        self.write(&bucket, keys.into_iter().map(|key| (key, None)).collect()).await
    }
}

impl atomics::Host for State {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: i64,
    ) -> Answer<i64> {
        let bucket = self.bucket(&bucket)?;
        let task = &*self.invocation;
        if let Err(error) = admit(task, &bucket, Access::ReadWrite, &[&key], 0)? {
            return Ok(Err(error));
        }
        let sum = task.keyvalue_store().increment(&bucket.name, &key, delta).await;
        Ok(sum.map_err(|error| told(&error)))
    }

    async fn swap(&mut self, cas: Resource<Cas>, value: Vec<u8>) -> Result<Result<(), CasError>> {
        let Cas { bucket, key, current } = self.table.delete(cas)?;
        let task = &*self.invocation;
        if let Err(error) = admit(task, &bucket, Access::ReadWrite, &[&key], value.len())? {
            return Ok(Err(CasError::StoreError(error)));
        }
        let store = task.keyvalue_store();
        let current = match store.compare_and_swap(&bucket.name, &key, current, value).await {
            Ok(Swap::Swapped) => return Ok(Ok(())),
            Ok(Swap::Changed(current)) => current,
            Err(error) => return Ok(Err(CasError::StoreError(told(&error)))),
        };
        task.keyvalue(current.as_ref().map_or(0, Vec::len))?;
        Ok(Err(CasError::CasFailed(self.table.push(Cas { bucket, key, current })?)))
    }
}

impl atomics::HostCas for State {
    async fn new(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<Resource<Cas>> {
        let bucket = self.bucket(&bucket)?;
        let task = &*self.invocation;
        if let Err(error) = admit(task, &bucket, Access::Read, &[&key], 0)? {
            return Ok(Err(error));
        }
        match read(task, &bucket, &key).await? {
            Ok(current) => Ok(Ok(self.table.push(Cas { bucket, key, current })?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn current(&mut self, cas: Resource<Cas>) -> Answer<Option<Vec<u8>>> {
        self.invocation.host_call()?;
        Ok(Ok(self.table.get(&cas)?.current.clone()))
    }

    async fn drop(&mut self, cas: Resource<Cas>) -> Result<()> {
        self.table.delete(cas)?;
        Ok(())
    }
}

impl State {
    fn bucket(&self, bucket: &Resource<Bucket>) -> Result<Bucket> {
        Ok(self.table.get(bucket)?.clone())
    }

    async fn write(
        &mut self,
        bucket: &Resource<Bucket>,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> Answer<()> {
        let bucket = self.bucket(bucket)?;
        let task = &*self.invocation;
        let keys: Vec<&str> = changes.iter().map(|(key, _)| key.as_str()).collect();
        let bytes = changes.iter().filter_map(|(_, value)| value.as_ref()).map(Vec::len).sum();
        if let Err(error) = admit(task, &bucket, Access::ReadWrite, &keys, bytes)? {
            return Ok(Err(error));
        }
        let written = task.keyvalue_store().write(&bucket.name, changes).await;
        Ok(written.map_err(|error| told(&error)))
    }
}

impl Invocation {
    fn keyvalue_store(&self) -> &dyn KeyValue {
        &*self.policy.outside.keyvalue
    }
}

async fn read(task: &Invocation, bucket: &Bucket, key: &str) -> Answer<Option<Vec<u8>>> {
    match task.keyvalue_store().get(&bucket.name, key).await {
        Ok(value) => {
            task.keyvalue(value.as_ref().map_or(0, Vec::len))?;
            Ok(Ok(value))
        }
        Err(error) => Ok(Err(told(&error))),
    }
}

/// Lets an operation through that the grant covers, with keys of fair length, within the budgets.
fn admit(
    task: &Invocation,
    bucket: &Bucket,
    access: Access,
    keys: &[&str],
    value_bytes: usize,
) -> Answer<()> {
    task.outside_call()?;
    task.keyvalue(value_bytes + keys.iter().map(|key| key.len()).sum::<usize>())?;
    if access > bucket.access {
        let name = &bucket.name;
        let grant = format!("keyvalue = [{{ bucket = \"{name}\", access = \"read-write\" }}]");
        task.denied("keyvalue", &grant);
        return Ok(Err(Error::AccessDenied));
    }
    if keys.iter().any(|key| key.len() > KEY_BYTES_MAX) {
        return Ok(Err(Error::Other(format!("a key has at most {KEY_BYTES_MAX} bytes"))));
    }
    Ok(Ok(()))
}

fn told(error: &KeyValueError) -> Error {
    Error::Other(error.to_string())
}
