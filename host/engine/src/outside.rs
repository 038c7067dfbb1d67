//! What a step reaches outside itself, each behind a trait. The embedded ones are implemented by
//! this crate's stores, those of services by `integrations`; the step runtime checks the grant and
//! calls the trait. So every capability passes through one narrow door. A queue is the other way
//! round: what is outside reaches the engine by it.

mod objects;

use std::{fmt, io, net::SocketAddr, sync::Arc};

use futures::future::{BoxFuture, ready};
use stepyard_asl::Timestamp;

use crate::LogGroup;

pub use objects::{
    NoObjects, ObjectBody, ObjectError, ObjectPage, ObjectPlace, ObjectSummary, ObjectWriter,
    Objects,
};

/// Keys and values in named buckets. A change is seen by all once it is answered; it may be durable
/// only later, but before anything that the engine's store keeps after it.
pub trait KeyValue: Send + Sync + fmt::Debug {
    /// The value of a key.
    fn get(&self, bucket: &str, key: &str) -> KeyValueFuture<'_, Option<Vec<u8>>>;
    /// The values of several keys, in their order.
    fn get_many(&self, bucket: &str, keys: Vec<String>)
    -> KeyValueFuture<'_, Vec<Option<Vec<u8>>>>;
    /// Up to [`KeyPage::KEYS_MAX`] keys after `cursor`, in the order of their bytes; with a cursor if there are more.
    fn list_keys(&self, bucket: &str, cursor: Option<String>) -> KeyValueFuture<'_, KeyPage>;
    /// Sets and deletes (`None`) several keys at once, all or none: a hundred, or more where the store
    /// takes more.
    fn write(
        &self,
        bucket: &str,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> KeyValueFuture<'_, ()>;
    /// Adds to a decimal number kept as text (0 when absent) and answers the sum.
    fn increment(&self, bucket: &str, key: &str, delta: i64) -> KeyValueFuture<'_, i64>;
    /// Sets a key if its value is still `expected` (`None`: absent). Answers the value found when it
    /// is another.
    fn compare_and_swap(
        &self,
        bucket: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> KeyValueFuture<'_, Swap>;
    /// Sets a key if it is absent, and answers whether it was: for values to begin with.
    fn set_if_absent(&self, bucket: &str, key: &str, value: Vec<u8>) -> KeyValueFuture<'_, bool> {
        let swap = self.compare_and_swap(bucket, key, None, value);
        Box::pin(async move { Ok(swap.await? == Swap::Swapped) })
    }
    /// Waits until all that was seen here is durable: for whoever tells of it outside. A store that
    /// answers no sooner has nothing to wait for.
    fn settle(&self) -> KeyValueFuture<'_, ()> {
        Box::pin(ready(Ok(())))
    }
}

/// An answer of a key-value store.
pub type KeyValueFuture<'a, T> = BoxFuture<'a, Result<T, KeyValueError>>;

/// A page of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<String>,
    /// Where the next page begins; none on the last.
    pub cursor: Option<String>,
}

impl KeyPage {
    /// The most keys of a page.
    pub const KEYS_MAX: usize = 1_000;

    /// The page of up to [`Self::KEYS_MAX`] + 1 keys: that there is one more shows that it is not
    /// the last.
    pub fn new(mut keys: Vec<String>) -> Self {
        let more = keys.len() > Self::KEYS_MAX;
        keys.truncate(Self::KEYS_MAX);
        let cursor = keys.last().filter(|_| more).cloned();
        Self { keys, cursor }
    }
}

/// What became of a compare-and-swap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The new value stands.
    Swapped,
    /// Another value was found, and stands.
    Changed(Option<Vec<u8>>),
}

/// Why a key-value store refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyValueError {
    /// The bucket would hold more than it may.
    #[error("bucket `{bucket}` would hold more than its quota of {quota_bytes} bytes")]
    QuotaExceeded {
        /// The bucket.
        bucket: String,
        /// Its quota.
        quota_bytes: u64,
    },
    /// A value is longer than the store takes.
    #[error(
        "the value of `{key}` in bucket `{bucket}` is too long: with its key it takes {bytes} bytes, \
         and where the bucket is kept it may take {bytes_max}"
    )]
    TooLong {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// What it would take.
        bytes: usize,
        /// The most it may.
        bytes_max: usize,
    },
    /// More changes at once than the store makes all or none of.
    #[error(
        "{changes} keys of bucket `{bucket}` cannot be changed at once; change at most {changes_max}"
    )]
    TooMany {
        /// The bucket.
        bucket: String,
        /// How many there are.
        changes: usize,
        /// The most there may be.
        changes_max: usize,
    },
    /// `increment` met a value that is no number.
    #[error("the value of `{key}` in bucket `{bucket}` is not a decimal number within 64 bits")]
    NotANumber {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// The store failed.
    #[error("the key-value store failed: {0}")]
    Store(String),
}

/// Sends messages to people.
pub trait Mail: Send + Sync + fmt::Debug {
    /// Hands a message over; once answered it is kept or accepted. The same `message_id` of the same
    /// function again is the same message.
    fn send(&self, message: MailMessage) -> BoxFuture<'_, Result<(), MailError>>;
}

/// A message in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailMessage {
    /// The function whose step sends it: no other can take a message id of its away.
    pub function: String,
    /// Identifies the message, without angle brackets: `order-12345@stepyard.local`.
    pub message_id: String,
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses.
    pub to: Vec<String>,
    /// The subject, in Unicode.
    pub subject: String,
    /// The text, in Unicode.
    pub text: String,
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// It will never be: an address or a header is malformed, or the recipient was refused.
    #[error("the message was refused: {0}")]
    Refused(String),
    /// It may be later.
    #[error("the message could not be sent: {0}")]
    Unavailable(String),
}

/// Publishes to topics (Amazon SNS `Publish`).
pub trait Topics: Send + Sync + fmt::Debug {
    /// Publishes one message; once answered it is accepted, or kept no later than what the engine's
    /// store keeps after it.
    fn publish(&self, publication: Publication) -> BoxFuture<'_, Result<Published, TopicError>>;
}

/// The arguments of SNS `Publish`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// Exactly one of these three names the destination.
    pub topic_arn: Option<String>,
    /// A platform endpoint or a topic.
    pub target_arn: Option<String>,
    /// A telephone, in E.164.
    pub phone_number: Option<String>,
    /// The message's text.
    pub message: String,
    /// The subject of an e-mail delivery.
    pub subject: Option<String>,
    /// `json` when the message has a text per protocol.
    pub message_structure: Option<String>,
    /// Attributes, in the order given.
    pub attributes: Vec<(String, MessageAttribute)>,
    /// FIFO topics: the identity of the message.
    pub deduplication_id: Option<String>,
    /// FIFO topics: what is delivered in order.
    pub group_id: Option<String>,
    /// Identifies the task, for a log that must hold it once; never sent to AWS.
    pub idempotency_key: String,
}

/// A message attribute of SNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageAttribute {
    /// `String`, `Number`, `Binary`, `String.Array` or a custom type.
    pub data_type: String,
    /// The value.
    pub value: AttributeValue,
}

/// The value of a message attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    /// Of a `String` or `Number`.
    Text(String),
    /// Of a `Binary`.
    Binary(Vec<u8>),
}

/// What SNS answers to `Publish`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The message's id.
    pub message_id: String,
    /// Of a FIFO topic.
    pub sequence_number: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// Status and headers of the answer, where there was one.
    pub http: Option<HttpMetadata>,
}

/// What Step Functions adds to a result as `SdkHttpMetadata`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpMetadata {
    /// The status code.
    pub status: u16,
    /// The headers, in their order.
    pub headers: Vec<(String, String)>,
}

/// Why a publication failed, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct TopicError {
    /// SNS's error code (`NotFound`, `InvalidParameter`); none when no answer came.
    pub code: String,
    /// SNS's message.
    pub message: String,
    /// The HTTP status; 0 when no answer came.
    pub status: u16,
    /// The request's id; empty when no answer came.
    pub request_id: String,
}

/// Gives messages, each again and again until it is deleted (Amazon SQS).
pub trait Queue: Send + Sync + fmt::Debug {
    /// Waits for messages, for a while, and answers those that came: a batch, or none.
    fn receive(&self) -> BoxFuture<'_, Result<Vec<QueueMessage>, QueueError>>;
    /// Deletes messages by their receipts. After an error some of them may be given again.
    fn delete(&self, receipts: Vec<String>) -> BoxFuture<'_, Result<(), QueueError>>;
}

/// A message of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueMessage {
    /// Identifies the message, however often it is given.
    pub id: String,
    /// Identifies this giving of it: what it is deleted by.
    pub receipt: String,
    /// What it says.
    pub body: String,
    /// What it is given in order with: nothing of a group is dealt with while one before it is left.
    pub group: Option<String>,
}

/// Why a queue gave or deleted nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(pub String);

/// Keeps log events in the streams of log groups (Amazon CloudWatch Logs).
pub trait Logs: Send + Sync + fmt::Debug {
    /// Puts events into a stream, which is made where it is not there yet; answers how many of them are
    /// not taken and never will be. They are in the order of time, and no more than one call may bring.
    /// After an error all or none of them were taken.
    fn put(
        &self,
        stream: &LogStream,
        events: Arc<[LogEvent]>,
    ) -> BoxFuture<'_, Result<usize, LogsError>>;

    /// Whether a log group is there.
    fn has_group(&self, group: &LogGroup) -> BoxFuture<'_, Result<bool, LogsError>>;
}

/// A stream of a log group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    /// The group.
    pub group: LogGroup,
    /// The stream's name.
    pub name: String,
    /// Whether its events are metrics in CloudWatch's embedded format.
    pub has_metrics: bool,
}

/// One event of a log stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// When it happened.
    pub at: Timestamp,
    /// What it says.
    pub message: String,
}

/// Why log events were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogsError {
    /// They never will be.
    #[error("{0}")]
    Refused(String),
    /// They may be later.
    #[error("{0}")]
    Unavailable(String),
}

/// Secrets by name; their values never reach a step, a log or the history.
pub trait Secrets: Send + Sync {
    /// The value of a secret, if it has one now. Whoever keeps it may have to be asked.
    fn secret(&self, name: &str) -> BoxFuture<'_, Result<Option<String>, SecretError>>;
    /// Its value as far as it is known here, without asking anyone: what is to be covered.
    fn known(&self, name: &str) -> Option<String>;
}

/// Why it is not known which value a secret has; nothing of the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(pub String);

/// Says where a host is (the Domain Name System). What it says may be another thing the next time:
/// who checks an address connects to that address, and does not ask again.
pub trait Names: Send + Sync + fmt::Debug {
    /// The addresses of a host, each with `port`.
    fn addresses(&self, host: &str, port: u16) -> BoxFuture<'_, io::Result<Vec<SocketAddr>>>;
}
