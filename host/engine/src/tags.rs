//! Tags: what users write on resources, kept by the resource's ARN whatever it names.

use std::collections::BTreeMap;

use crate::{Engine, EngineError, StoreError, store::Record};

/// A resource's tags: key → value.
pub type Tags = BTreeMap<String, String>;

/// The most tags of a resource (Quotas: "Tags per resource").
pub const TAGS_MAX: usize = 50;

/// Why a resource was not tagged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// Nothing that can have tags has the ARN.
    #[error("nothing that can have tags is named `{arn}`")]
    ResourceNotFound {
        /// What was given.
        arn: String,
    },
    /// It would have more tags than it may.
    #[error("`{arn}` would have more than {TAGS_MAX} tags: remove some first")]
    TooMany {
        /// The resource.
        arn: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine takes no work.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// A resource's tags.
    pub async fn tags(&self, resource: &str) -> Result<Tags, TagError> {
        self.check_resource(resource)?;
        Ok(self.store().tags(resource)?)
    }

    /// Adds tags to a resource; a key that it has gets the new value. Durable when this returns.
    pub async fn tag(&self, resource: &str, tags: Tags) -> Result<(), TagError> {
        self.retag(resource, |before| before.extend(tags)).await
    }

    /// Takes the tags of these keys from a resource, as far as it has them.
    pub async fn untag(&self, resource: &str, keys: &[String]) -> Result<(), TagError> {
        self.retag(resource, |tags| tags.retain(|key, _| !keys.contains(key))).await
    }

    async fn retag(&self, resource: &str, change: impl FnOnce(&mut Tags)) -> Result<(), TagError> {
        // Held as for any change of the resource: it is not deleted between the look and the write.
        let _held = self.hold(&resource.into()).await;
        let before = self.tags(resource).await?;
        let mut tags = before.clone();
        change(&mut tags);
        if tags.len() > TAGS_MAX {
            return Err(TagError::TooMany { arn: resource.to_owned() });
        }
        if tags == before {
            return Ok(());
        }
        let record = Record::Tags { resource: resource.into(), tags };
        Ok(self.keep(vec![record]).await?)
    }

    /// Checks that something that can have tags has this ARN: an activity, or a state machine
    /// but none of its versions and aliases.
    fn check_resource(&self, arn: &str) -> Result<(), TagError> {
        let store = self.store();
        // Another kind of resource that can have tags is one more `||`.
        let is_there = store.state_machine(arn)?.is_some() || store.activity(arn)?.is_some();
        if is_there { Ok(()) } else { Err(TagError::ResourceNotFound { arn: arn.to_owned() }) }
    }
}
