//! Buckets by `wasi:keyvalue`.

use crate::{
    bindings::wasi::keyvalue::{atomics, store},
    keyvalue::Failure,
};

/// A bucket of the host's.
#[derive(Debug)]
pub(crate) struct Bucket(store::Bucket);

/// A compare-and-swap in the making.
#[derive(Debug)]
pub(crate) struct Cas(atomics::Cas);

impl Bucket {
    pub(crate) fn open(name: &str) -> Result<Self, Failure> {
        Ok(Self(store::open(name)?))
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.0.get(key)?)
    }

    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), Failure> {
        Ok(self.0.set(key, value)?)
    }

    pub(crate) fn delete(&self, key: &str) -> Result<(), Failure> {
        Ok(self.0.delete(key)?)
    }

    pub(crate) fn begin(&self, key: &str) -> Result<Cas, Failure> {
        Ok(Cas(atomics::Cas::new(&self.0, key)?))
    }
}

impl Cas {
    pub(crate) fn current(&self) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.0.current()?)
    }

    /// Answers none when the value was written, else a fresh handle.
    pub(crate) fn swap(self, value: &[u8]) -> Result<Option<Self>, Failure> {
        match atomics::swap(self.0, value) {
            Ok(()) => Ok(None),
            Err(atomics::CasError::CasFailed(fresh)) => Ok(Some(Self(fresh))),
            Err(atomics::CasError::StoreError(error)) => Err(error.into()),
        }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NoSuchStore => Self::NoSuchBucket,
            store::Error::AccessDenied => Self::AccessDenied,
            store::Error::Other(reason) => Self::Other(reason),
        }
    }
}
