//! What is changed in DynamoDB: each change is one request, with its condition where it has one.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
};

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    primitives::Blob,
    types::{AttributeValue, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use stepyard_engine::outside::{KeyValueError, Swap};
use tokio::{sync::Mutex, time::sleep};

use super::{
    DynamoDbBuckets,
    item::{self, Item, KEY, VALUE},
    pause,
};

/// The most changes that TransactWriteItems takes.
const CHANGES_MAX: usize = 100;

/// How often an increment begins anew because another host was quicker.
const INCREMENT_ATTEMPTS: u32 = 64;

impl DynamoDbBuckets {
    /// Makes changes to unlike keys, all or none.
    pub(super) async fn change(
        &self,
        bucket: &str,
        mut changes: BTreeMap<String, Option<Vec<u8>>>,
    ) -> Result<(), KeyValueError> {
        self.check_region()?;
        if changes.len() > CHANGES_MAX {
            let (bucket, changes, changes_max) = (bucket.to_owned(), changes.len(), CHANGES_MAX);
            return Err(KeyValueError::TooMany { bucket, changes, changes_max });
        }
        match (changes.len(), changes.pop_first()) {
            (_, None) => Ok(()),
            (1, Some((key, Some(value)))) => self.set(bucket, &key, value).await,
            (1, Some((key, None))) => self.delete(bucket, &key).await,
            (_, Some(first)) => {
                let changes = std::iter::once(first).chain(changes);
                self.transact(bucket, changes).await
            }
        }
    }

    async fn set(&self, bucket: &str, key: &str, value: Vec<u8>) -> Result<(), KeyValueError> {
        let item = item::written(bucket, key, value)?;
        let put = self.once.put_item().table_name(self.table(bucket)).set_item(Some(item));
        put.send().await.map_err(|error| self.unmade(bucket, &error))?;
        Ok(())
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), KeyValueError> {
        let delete = self.once.delete_item().table_name(self.table(bucket));
        let deleted = delete.set_key(Some(item::key(bucket, key))).send().await;
        deleted.map_err(|error| self.unmade(bucket, &error))?;
        Ok(())
    }

    async fn transact(
        &self,
        bucket: &str,
        changes: impl Iterator<Item = (String, Option<Vec<u8>>)>,
    ) -> Result<(), KeyValueError> {
        let table = self.table(bucket);
        let mut items = Vec::new();
        for (key, value) in changes {
            let change = TransactWriteItem::builder();
            let change = match value {
                Some(value) => {
                    let item = item::written(bucket, &key, value)?;
                    let put = Put::builder().table_name(&table).set_item(Some(item)).build();
                    change.put(put.expect("the table and the item are there"))
                }
                None => {
                    let key = item::key(bucket, &key);
                    let delete = Delete::builder().table_name(&table).set_key(Some(key)).build();
                    change.delete(delete.expect("the table and the key are there"))
                }
            };
            items.push(change.build());
        }
        let transaction = self.client.transact_write_items().set_transact_items(Some(items));
        transaction.send().await.map_err(|error| self.unmade(bucket, &error))?;
        Ok(())
    }

    pub(super) async fn swap(
        &self,
        bucket: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<Swap, KeyValueError> {
        self.check_region()?;
        let item = item::written(bucket, key, value)?;
        let put = self.once.put_item().table_name(self.table(bucket)).set_item(Some(item));
        let put = match expected {
            None => put
                .condition_expression("attribute_not_exists(#key)")
                .expression_attribute_names("#key", KEY),
            Some(expected) => put
                .condition_expression("#value = :expected")
                .expression_attribute_names("#value", VALUE)
                .expression_attribute_values(":expected", AttributeValue::B(Blob::new(expected))),
        };
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let Err(error) = put.return_values_on_condition_check_failure(old).send().await else {
            return Ok(Swap::Swapped);
        };
        let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error()
        else {
            return Err(self.unmade(bucket, &error));
        };
        let found = refused.item.clone().map(|item| Ok(Item::read(item)?.value));
        Ok(Swap::Changed(found.transpose()?))
    }

    pub(super) async fn add(
        &self,
        bucket: &str,
        key: &str,
        delta: i64,
    ) -> Result<i64, KeyValueError> {
        let _turn = self.turns.take(bucket, key).await;
        let mut found = self.value(bucket, key).await?;
        for round in 0..INCREMENT_ATTEMPTS {
            let number = found.as_deref().map_or(Some(0), number);
            let sum = number.and_then(|number| number.checked_add(delta)).ok_or_else(|| {
                KeyValueError::NotANumber { bucket: bucket.to_owned(), key: key.to_owned() }
            })?;
            match self.swap(bucket, key, found, sum.to_string().into_bytes()).await? {
                Swap::Swapped => return Ok(sum),
                Swap::Changed(value) => found = value,
            }
            sleep(pause(round)).await;
        }
        Err(KeyValueError::Store(format!(
            "`{key}` in bucket `{bucket}` was changed by others {INCREMENT_ATTEMPTS} times meanwhile"
        )))
    }
}

/// Those of this host that add to one number take turns: together they would only refuse each other,
/// and DynamoDB counts what it refuses as written.
#[derive(Debug, Default)]
pub(super) struct Turns {
    hasher: RandomState,
    turns: [Mutex<()>; 32],
}

impl Turns {
    async fn take(&self, bucket: &str, key: &str) -> impl Drop {
        let hash = self.hasher.hash_one((bucket, key));
        let turns = self.turns.len() as u64;
        self.turns[(hash % turns) as usize].lock().await
    }
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
