//! What is asked of DynamoDB, always about what stands at that moment.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use stepyard_engine::outside::{KeyPage, KeyValueError};
use tokio::time::sleep;

use super::{
    ATTEMPTS, DynamoDbBuckets,
    item::{self, BUCKET, Item, KEY},
    pause,
};

/// The most keys that BatchGetItem takes.
const KEYS_MAX: usize = 100;

impl DynamoDbBuckets {
    pub(super) async fn value(
        &self,
        bucket: &str,
        key: &str,
    ) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.check_region()?;
        let request = self.client.get_item().table_name(self.table(bucket)).consistent_read(true);
        let found = request.set_key(Some(item::key(bucket, key))).send().await;
        let found = found.map_err(|error| self.failed(bucket, &error))?;
        found.item.map(|item| Ok(Item::read(item)?.value)).transpose()
    }

    pub(super) async fn values(
        &self,
        bucket: &str,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Vec<u8>>>, KeyValueError> {
        self.check_region()?;
        let mut found = HashMap::new();
        let unlike: Vec<&String> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
        for some in unlike.chunks(KEYS_MAX) {
            let keys = some.iter().map(|key| item::key(bucket, key)).collect();
            for item in self.batch(bucket, keys).await? {
                let Item { key, value } = Item::read(item)?;
                found.insert(key, value);
            }
        }
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    /// The items of these keys. What DynamoDB leaves out of an answer, because it is too long or comes
    /// too soon, is asked for again.
    async fn batch(
        &self,
        bucket: &str,
        mut keys: Vec<HashMap<String, AttributeValue>>,
    ) -> Result<Vec<HashMap<String, AttributeValue>>, KeyValueError> {
        let (table, mut items) = (self.table(bucket), Vec::new());
        for round in 0..ATTEMPTS {
            let asked = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
            let asked = asked.build().expect("the keys are there");
            let answer = self.client.batch_get_item().request_items(&table, asked).send().await;
            let answer = answer.map_err(|error| self.failed(bucket, &error))?;
            items.extend(
                answer.responses.into_iter().flat_map(|mut all| all.remove(&table)).flatten(),
            );
            let left = answer.unprocessed_keys.and_then(|mut all| all.remove(&table));
            let Some(left) = left.filter(|left| !left.keys.is_empty()) else { return Ok(items) };
            keys = left.keys;
            sleep(pause(round)).await;
        }
        Err(KeyValueError::Store(
            "Amazon DynamoDB had no capacity for all the keys that were asked for".to_owned(),
        ))
    }

    pub(super) async fn page(
        &self,
        bucket: &str,
        cursor: Option<String>,
    ) -> Result<KeyPage, KeyValueError> {
        self.check_region()?;
        let mut query = self
            .client
            .query()
            .table_name(self.table(bucket))
            .consistent_read(true)
            .projection_expression("#bucket, #key")
            .expression_attribute_names("#bucket", BUCKET)
            .expression_attribute_names("#key", KEY)
            .expression_attribute_values(":bucket", item::text(bucket));
        query = match cursor {
            None => query.key_condition_expression("#bucket = :bucket"),
            Some(cursor) => query
                .key_condition_expression("#bucket = :bucket AND #key > :after")
                .expression_attribute_values(":after", item::text(&cursor)),
        };
        let (mut keys, mut start) = (Vec::new(), None);
        loop {
            // An answer ends where the items that it is about have 1 MB together, values and all.
            let limit = i32::try_from(KeyPage::KEYS_MAX + 1 - keys.len()).unwrap_or(i32::MAX);
            let part = query.clone().limit(limit).set_exclusive_start_key(start).send().await;
            let part = part.map_err(|error| self.failed(bucket, &error))?;
            for item in part.items.into_iter().flatten() {
                keys.push(Item::key(&item)?);
            }
            start = part.last_evaluated_key;
            if start.is_none() || keys.len() > KeyPage::KEYS_MAX {
                return Ok(KeyPage::new(keys));
            }
        }
    }
}
