//! Objects in buckets (Amazon S3): what Map Runs read items from and export results to.

use std::fmt;

use futures::{future::BoxFuture, stream::BoxStream};
use stepyard_asl::Timestamp;

/// Keeps objects in buckets.
pub trait Objects: Send + Sync + fmt::Debug {
    /// Reads an object, or what of it is behind a place.
    fn read(&self, from: ObjectPlace) -> BoxFuture<'_, Result<ObjectBody, ObjectError>>;

    /// The objects whose keys begin with `prefix`, after the key `after`, in the order of their keys: a
    /// page of them.
    fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> BoxFuture<'_, Result<ObjectPage, ObjectError>>;

    /// Begins an object that is there once it is finished; until then one of that key stays as it is.
    fn create(
        &self,
        bucket: &str,
        key: &str,
    ) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>, ObjectError>>;
}

/// Where reading an object begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectPlace {
    /// The bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// How many bytes are left out.
    pub offset: u64,
    /// Which content of the object is meant: another one is refused.
    pub etag: Option<String>,
}

/// An object's bytes.
pub struct ObjectBody {
    /// Tells this content of the object from another.
    pub etag: String,
    /// The bytes, piece by piece; none of them is read before it is asked for.
    pub bytes: BoxStream<'static, Result<Vec<u8>, ObjectError>>,
}

impl fmt::Debug for ObjectBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectBody").field("etag", &self.etag).finish_non_exhaustive()
    }
}

/// A page of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectPage {
    /// The objects, in the order of their keys.
    pub objects: Vec<ObjectSummary>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// What a list shows of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSummary {
    /// Its key.
    pub key: String,
    /// Tells its content from another, in quotation marks.
    pub etag: String,
    /// When it was written.
    pub last_modified: Timestamp,
    /// How many bytes it has.
    pub size: u64,
    /// `STANDARD`, …
    pub storage_class: String,
}

/// An object that is being written. Dropped before it is finished, it leaves nothing behind.
pub trait ObjectWriter: Send {
    /// Adds bytes.
    fn write(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), ObjectError>>;
    /// Lets it be there, whole and durable.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), ObjectError>>;
}

/// Why an object was not read or written, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ObjectError(pub String);

/// No buckets at all: for an engine that was given none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObjects;

impl Objects for NoObjects {
    fn read(&self, from: ObjectPlace) -> BoxFuture<'_, Result<ObjectBody, ObjectError>> {
        refused(&from.bucket)
    }

    fn list(
        &self,
        bucket: &str,
        _prefix: &str,
        _after: Option<&str>,
    ) -> BoxFuture<'_, Result<ObjectPage, ObjectError>> {
        refused(bucket)
    }

    fn create(
        &self,
        bucket: &str,
        _key: &str,
    ) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>, ObjectError>> {
        refused(bucket)
    }
}

fn refused<T: Send + 'static>(bucket: &str) -> BoxFuture<'static, Result<T, ObjectError>> {
    let error = ObjectError(format!("The bucket {bucket} is not reached from here"));
    Box::pin(std::future::ready(Err(error)))
}
