//! The log of topics in the same file: what was published, once for each identity.

use futures::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension, Row, params};
use stepyard_asl::Timestamp;

use super::{
    SqliteStore,
    journal::{json, read_json},
};
use crate::{StoreError, outside::Publication};

/// How long a FIFO topic knows a deduplication id again (SNS: five minutes).
const DEDUPLICATION_MILLIS: i64 = 5 * 60 * 1_000;

/// A message in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMessage {
    /// Its place in the log.
    pub number: i64,
    /// The topic's ARN, or what else it was sent to.
    pub destination: String,
    /// Its id.
    pub message_id: String,
    /// Of a FIFO topic.
    pub sequence_number: Option<String>,
    /// When it was published.
    pub at: Timestamp,
    /// The subject of an e-mail delivery.
    pub subject: Option<String>,
    /// Its text.
    pub message: String,
    /// `json` when the text is one per protocol.
    pub message_structure: Option<String>,
    /// Its attributes as SNS writes them: `{"name": {"Type": "String", "Value": "…"}}`.
    pub attributes: serde_json::Value,
    /// Of a FIFO topic: what is delivered in order.
    pub group_id: Option<String>,
    /// Of a FIFO topic: its identity.
    pub deduplication_id: Option<String>,
}

/// A message to log, checked.
pub(crate) struct Entry {
    pub(crate) publication: Publication,
    pub(crate) destination: String,
    pub(crate) fifo: bool,
    pub(crate) message_id: String,
    pub(crate) at: Timestamp,
    pub(crate) attributes: serde_json::Value,
}

/// What the log has of a message: this one, or the one before with the same identity.
pub(crate) struct Logged {
    pub(crate) message_id: String,
    pub(crate) sequence_number: Option<String>,
}

impl SqliteStore {
    /// The log of topics from the message after number `after`, up to `limit` messages, oldest
    /// first; of one destination when it is given.
    pub fn topic_messages(
        &self,
        destination: Option<&str>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<TopicMessage>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            let select = "SELECT id, destination, message_id, sequence, at, subject, message,
                              structure, attributes, group_id, deduplication_id
                          FROM topic_message
                          WHERE id > ?1 AND (?2 IS NULL OR destination = ?2) ORDER BY id LIMIT ?3";
            let values = params![after, destination, limit];
            connection.prepare_cached(select)?.query_map(values, message)?.collect()
        })
    }

    pub(crate) fn log(&self, entry: Entry) -> BoxFuture<'static, Result<Logged, StoreError>> {
        let file = self.0.file.clone();
        self.0.writer.submit_ahead(move |connection| {
            log(connection, &entry).map_err(|error| file.error("writing", &error))
        })
    }
}

fn log(connection: &Connection, entry: &Entry) -> rusqlite::Result<Logged> {
    if let Some(found) = find(connection, entry)? {
        return Ok(found);
    }
    let Entry { publication, destination, message_id, at, .. } = entry;
    let sequence = if entry.fifo { Some(next_sequence(connection, destination)?) } else { None };
    let insert =
        "INSERT INTO topic_message (idempotency_key, destination, message_id, sequence, at,
                      subject, message, structure, attributes, group_id, deduplication_id)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    connection.prepare_cached(insert)?.execute(params![
        idempotency_key(publication),
        destination,
        message_id,
        sequence,
        at.as_millis(),
        publication.subject,
        publication.message,
        publication.message_structure,
        json(&entry.attributes)?,
        publication.group_id,
        publication.deduplication_id,
    ])?;
    let sequence_number = sequence.map(sequence_number);
    Ok(Logged { message_id: message_id.clone(), sequence_number })
}

/// The message that this one is again.
fn find(connection: &Connection, entry: &Entry) -> rusqlite::Result<Option<Logged>> {
    let select = "SELECT message_id, sequence FROM topic_message WHERE idempotency_key = ?1
                  UNION ALL
                  SELECT message_id, sequence FROM topic_message
                  WHERE ?2 AND destination = ?3 AND deduplication_id = ?4 AND at > ?5";
    let publication = &entry.publication;
    let values = params![
        idempotency_key(publication),
        entry.fifo,
        entry.destination,
        publication.deduplication_id,
        entry.at.plus_millis(-DEDUPLICATION_MILLIS).as_millis(),
    ];
    let logged = |row: &Row<'_>| {
        let sequence: Option<i64> = row.get(1)?;
        let sequence_number = sequence.map(sequence_number);
        Ok(Logged { message_id: row.get(0)?, sequence_number })
    };
    connection.prepare_cached(select)?.query_row(values, logged).optional()
}

fn idempotency_key(publication: &Publication) -> Option<&str> {
    Some(publication.idempotency_key.as_str()).filter(|key| !key.is_empty())
}

fn next_sequence(connection: &Connection, destination: &str) -> rusqlite::Result<i64> {
    let select = "SELECT coalesce(max(sequence), 0) + 1 FROM topic_message
                  WHERE destination = ?1 AND sequence IS NOT NULL";
    connection.prepare_cached(select)?.query_row([destination], |row| row.get(0))
}

/// SNS's sequence numbers have 20 digits and begin with a 1.
fn sequence_number(sequence: i64) -> String {
    format!("1{sequence:019}")
}

fn message(row: &Row<'_>) -> rusqlite::Result<TopicMessage> {
    let sequence: Option<i64> = row.get(3)?;
    Ok(TopicMessage {
        number: row.get(0)?,
        destination: row.get(1)?,
        message_id: row.get(2)?,
        sequence_number: sequence.map(sequence_number),
        at: Timestamp::from_millis(row.get(4)?),
        subject: row.get(5)?,
        message: row.get(6)?,
        message_structure: row.get(7)?,
        attributes: read_json(row, 8)?,
        group_id: row.get(9)?,
        deduplication_id: row.get(10)?,
    })
}
