//! Buckets of objects: those that the manifest has as folders, and all others in Amazon S3.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::BoxFuture;
use stepyard_engine::{
    ObjectFolder,
    outside::{ObjectBody, ObjectError, ObjectPage, ObjectPlace, ObjectWriter, Objects},
};
use stepyard_integrations::{Aws, S3Objects};

use crate::manifest::Manifest;

/// The buckets of a manifest, and Amazon S3.
pub(crate) fn open(manifest: &Manifest, aws: &Aws) -> Arc<dyn Objects> {
    let folders = manifest.s3.iter().map(|(name, bucket)| {
        let folder = ObjectFolder::new(manifest.resolve(&bucket.folder), bucket.write);
        (name.clone(), folder)
    });
    Arc::new(ObjectBuckets { folders: folders.collect(), s3: S3Objects::new(aws.clone()) })
}

/// Each bucket where it is.
#[derive(Debug)]
struct ObjectBuckets {
    folders: BTreeMap<String, ObjectFolder>,
    s3: S3Objects,
}

impl ObjectBuckets {
    fn of(&self, bucket: &str) -> &dyn Objects {
        match self.folders.get(bucket) {
            Some(folder) => folder,
            None => &self.s3,
        }
    }
}

impl Objects for ObjectBuckets {
    fn read(&self, from: ObjectPlace) -> BoxFuture<'_, Result<ObjectBody, ObjectError>> {
        self.of(&from.bucket).read(from)
    }

    fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> BoxFuture<'_, Result<ObjectPage, ObjectError>> {
        self.of(bucket).list(bucket, prefix, after)
    }

    fn create(
        &self,
        bucket: &str,
        key: &str,
    ) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>, ObjectError>> {
        self.of(bucket).create(bucket, key)
    }
}
