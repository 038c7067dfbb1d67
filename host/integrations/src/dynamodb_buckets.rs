//! Keys and values in Amazon DynamoDB: what functions of AWS Lambda share, and hosts anywhere.
//!
//! A bucket is a table of its own, so that a role can name it; `item.rs` is how a key and its value are
//! kept there. All of a bucket has one partition key, so that its keys are listed in their order: how
//! much it does in a second is what DynamoDB lets one partition do, until it splits it.
//!
//! Every read (`reads.rs`) is strongly consistent, and every change (`changes.rs`) one request that
//! DynamoDB makes or refuses as a whole; `again.rs` is which of them is sent again. Nothing bounds how
//! much a table holds.

mod again;
mod changes;
mod item;
mod reads;

use std::{error::Error, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{self, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
};
use stepyard_engine::outside::{KeyPage, KeyValue, KeyValueError, KeyValueFuture, Swap};

pub use item::dynamodb_table;

use crate::{
    aws::{Aws, AwsService, NO_REGION, said, why_unanswered},
    dynamodb_buckets::{again::Again, changes::Turns},
};

/// What reading a bucket asks of a role, on the bucket's table.
pub const DYNAMODB_READ_ACTIONS: [&str; 3] =
    ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"];

/// What writing a bucket asks of a role besides, on the bucket's table: several changes at once are a
/// transaction, which is allowed by the actions that it is made of.
pub const DYNAMODB_WRITE_ACTIONS: [&str; 2] = ["dynamodb:DeleteItem", "dynamodb:PutItem"];

/// How long an answer may take, unless the settings say otherwise; twice that all attempts together.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a request is sent that DynamoDB has no capacity for, and the pauses between.
const ATTEMPTS: u32 = 8;
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Buckets in Amazon DynamoDB.
#[derive(Debug)]
pub struct DynamoDbBuckets {
    /// For what may be sent again: reads, and transactions, which have a token.
    client: Client,
    /// For changes that are not to be made twice.
    once: Client,
    table_prefix: String,
    turns: Turns,
}

impl DynamoDbBuckets {
    /// The buckets whose tables' names begin with `table_prefix`. Nothing is asked yet: a table that is
    /// missing fails the first call.
    pub async fn open(aws: &Aws, table_prefix: &str) -> Self {
        let config = aws.prompt_config(AwsService::DynamoDb, ANSWER_TIMEOUT).await;
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(PAUSE)
            .with_max_backoff(PAUSE_MAX);
        let client = |again: Again| {
            let config = config::Builder::from(&config)
                .retry_config(retries.clone())
                .retry_classifier(again);
            Client::from_conf(config.build())
        };
        let (client, once) = (client(Again::Always), client(Again::UnlessItMayBeDone));
        Self { client, once, table_prefix: table_prefix.to_owned(), turns: Turns::default() }
    }

    fn table(&self, bucket: &str) -> String {
        dynamodb_table(&self.table_prefix, bucket)
    }

    /// Without a region the SDK fails later and in other words.
    fn check_region(&self) -> Result<(), KeyValueError> {
        match self.client.config().region() {
            Some(_) => Ok(()),
            None => Err(KeyValueError::Store(format!("Amazon DynamoDB: {NO_REGION}"))),
        }
    }

    /// Why a question about a bucket has no answer.
    fn failed<E>(&self, bucket: &str, error: &SdkError<E>) -> KeyValueError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        KeyValueError::Store(self.told(bucket, error))
    }

    /// Why a change of a bucket was not made, or may not have been.
    fn unmade<E>(&self, bucket: &str, error: &SdkError<E>) -> KeyValueError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let unknown =
            if again::may_be_done(error) { "; whether it made the change is unknown" } else { "" };
        KeyValueError::Store(self.told(bucket, error) + unknown)
    }

    fn told<E>(&self, bucket: &str, error: &SdkError<E>) -> String
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let Some(response) = error.raw_response() else {
            return format!("Amazon DynamoDB: {}", why_unanswered(error));
        };
        let status = || format!("status {}", response.status().as_u16());
        let code = error.code().map_or_else(status, str::to_owned);
        if code == "ResourceNotFoundException" {
            let region = self.client.config().region().map_or("", |region| region.as_ref());
            return item::no_table(&self.table(bucket), bucket, region);
        }
        format!("Amazon DynamoDB: {code}: {}", said(error))
    }
}

impl KeyValue for DynamoDbBuckets {
    fn get(&self, bucket: &str, key: &str) -> KeyValueFuture<'_, Option<Vec<u8>>> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        Box::pin(async move { self.value(&bucket, &key).await })
    }

    fn get_many(
        &self,
        bucket: &str,
        keys: Vec<String>,
    ) -> KeyValueFuture<'_, Vec<Option<Vec<u8>>>> {
        let bucket = bucket.to_owned();
        Box::pin(async move { self.values(&bucket, keys).await })
    }

    fn list_keys(&self, bucket: &str, cursor: Option<String>) -> KeyValueFuture<'_, KeyPage> {
        let bucket = bucket.to_owned();
        Box::pin(async move { self.page(&bucket, cursor).await })
    }

    fn write(
        &self,
        bucket: &str,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> KeyValueFuture<'_, ()> {
        let bucket = bucket.to_owned();
        // Of several writes to one key the last stands.
        let changes = changes.into_iter().collect();
        Box::pin(async move { self.change(&bucket, changes).await })
    }

    fn increment(&self, bucket: &str, key: &str, delta: i64) -> KeyValueFuture<'_, i64> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        Box::pin(async move { self.add(&bucket, &key, delta).await })
    }

    fn compare_and_swap(
        &self,
        bucket: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> KeyValueFuture<'_, Swap> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        Box::pin(async move { self.swap(&bucket, &key, expected, value).await })
    }
}

/// How long to wait before the next attempt: by chance, and longer each time.
fn pause(round: u32) -> Duration {
    let longest = PAUSE.saturating_mul(1 << round.min(10)).min(PAUSE_MAX);
    longest.mul_f64(fastrand::f64())
}
