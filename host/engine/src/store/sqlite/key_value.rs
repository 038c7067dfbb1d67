//! Keys and values in the same file. A change is decided in its turn within the open group, on
//! what the changes before it left, and answered at once: neither a key that everybody swaps nor a
//! step that writes several costs one fsync each.

use std::iter;

use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use crate::{
    StoreError,
    outside::{KeyPage, KeyValue, KeyValueError, KeyValueFuture, Swap},
    store::key_value::{self, Bucket, Change, ChangeKind, Changed},
};

impl SqliteStore {
    fn change(&self, bucket: &str, kind: ChangeKind) -> KeyValueFuture<'static, Changed> {
        let change = Change { bucket: bucket.to_owned(), kind };
        let (file, quotas) = (self.0.file.clone(), self.0.quotas.clone());
        let ahead = self.0.ahead.clone();
        let done = self.0.writer.submit_ahead(move |connection| {
            let rows = Rows::open(connection, &change.bucket);
            let changed = rows.and_then(|rows| {
                let mut bucket = Writing { rows, written: Vec::new() };
                let changed = key_value::apply(&change, &quotas, &mut bucket)?;
                ahead.show(&change.bucket, bucket.written);
                Ok(changed)
            });
            changed.map_err(|error| file.error("writing", &error))
        });
        Box::pin(async move { done.await.map_err(failed)? })
    }

    /// Reads a bucket; `None` when nothing was ever put into it.
    fn look<T>(
        &self,
        bucket: &str,
        look: impl FnOnce(&Rows<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, KeyValueError> {
        let read = self.read(|connection| match Rows::find(connection, bucket)? {
            Some(rows) => look(&rows).map(Some),
            None => Ok(None),
        });
        read.map_err(failed)
    }
}

fn failed(error: StoreError) -> KeyValueError {
    KeyValueError::Store(error.to_string())
}

impl KeyValue for SqliteStore {
    fn get(&self, bucket: &str, key: &str) -> KeyValueFuture<'_, Option<Vec<u8>>> {
        let ahead = self.0.ahead.values();
        let value = match ahead.get(bucket, key) {
            Some(value) => Ok(value.clone()),
            None => self.look(bucket, |rows| rows.value(key)).map(Option::flatten),
        };
        Box::pin(async { value })
    }

    fn get_many(
        &self,
        bucket: &str,
        keys: Vec<String>,
    ) -> KeyValueFuture<'_, Vec<Option<Vec<u8>>>> {
        let ahead = self.0.ahead.values();
        let values = self.look(bucket, |rows| rows.values(&keys)).map(|found| {
            let found = found.unwrap_or_else(|| iter::repeat_n(None, keys.len()).collect());
            let newest =
                |(key, value): (&String, _)| ahead.get(bucket, key).cloned().unwrap_or(value);
            keys.iter().zip(found).map(newest).collect()
        });
        Box::pin(async { values })
    }

    fn list_keys(&self, bucket: &str, cursor: Option<String>) -> KeyValueFuture<'_, KeyPage> {
        let (settled, bucket) = (self.0.writer.settle(), bucket.to_owned());
        Box::pin(async move {
            settled.await.map_err(failed)?;
            let keys = self.look(&bucket, |rows| rows.keys_after(cursor.as_deref()));
            Ok(KeyPage::new(keys?.unwrap_or_default()))
        })
    }

    fn write(
        &self,
        bucket: &str,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> KeyValueFuture<'_, ()> {
        let changed = self.change(bucket, ChangeKind::Write(changes));
        Box::pin(async { changed.await.map(|_| ()) })
    }

    fn increment(&self, bucket: &str, key: &str, delta: i64) -> KeyValueFuture<'_, i64> {
        let changed = self.change(bucket, ChangeKind::Increment { key: key.to_owned(), delta });
        Box::pin(async { changed.await.map(Changed::sum) })
    }

    fn compare_and_swap(
        &self,
        bucket: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> KeyValueFuture<'_, Swap> {
        let kind = ChangeKind::Swap { key: key.to_owned(), expected, value };
        let changed = self.change(bucket, kind);
        Box::pin(async { changed.await.map(Changed::swap) })
    }

    fn settle(&self) -> KeyValueFuture<'_, ()> {
        let settled = self.0.writer.settle();
        Box::pin(async { settled.await.map_err(failed) })
    }
}

/// A bucket's rows, on one connection.
struct Rows<'a> {
    connection: &'a Connection,
    bucket: i64,
}

impl<'a> Rows<'a> {
    fn find(connection: &'a Connection, name: &str) -> rusqlite::Result<Option<Self>> {
        let mut select = connection.prepare_cached("SELECT id FROM bucket WHERE name = ?1")?;
        let bucket = select.query_row([name], |row| row.get(0)).optional()?;
        Ok(bucket.map(|bucket| Self { connection, bucket }))
    }

    fn open(connection: &'a Connection, name: &str) -> rusqlite::Result<Self> {
        if let Some(found) = Self::find(connection, name)? {
            return Ok(found);
        }
        let mut insert =
            connection.prepare_cached("INSERT INTO bucket (name, bytes) VALUES (?1, 0)")?;
        Ok(Self { connection, bucket: insert.insert([name])? })
    }

    /// Several values as of one moment: each statement alone would see a moment of its own.
    fn values(&self, keys: &[String]) -> rusqlite::Result<Vec<Option<Vec<u8>>>> {
        let moment = self.connection.unchecked_transaction()?;
        let values = keys.iter().map(|key| self.value(key)).collect();
        moment.finish()?;
        values
    }

    fn value(&self, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
        let select = "SELECT value FROM key_value WHERE bucket = ?1 AND key = ?2";
        let mut select = self.connection.prepare_cached(select)?;
        select.query_row(params![self.bucket, key], |row| row.get(0)).optional()
    }

    fn keys_after(&self, cursor: Option<&str>) -> rusqlite::Result<Vec<String>> {
        // The empty key may exist: only a cursor leaves out what it names.
        let select = "SELECT key FROM key_value WHERE bucket = ?1 AND key >= ?2 AND key IS NOT ?3
                      ORDER BY key LIMIT ?4";
        let limit = KeyPage::KEYS_MAX as i64 + 1;
        let values = params![self.bucket, cursor.unwrap_or_default(), cursor, limit];
        self.connection.prepare_cached(select)?.query_map(values, |row| row.get(0))?.collect()
    }
}

/// A bucket that is written to.
struct Writing<'a> {
    rows: Rows<'a>,
    written: Vec<(String, Option<Vec<u8>>)>,
}

impl Bucket for Writing<'_> {
    type Error = rusqlite::Error;

    fn value(&self, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
        self.rows.value(key)
    }

    fn bytes(&self) -> rusqlite::Result<u64> {
        let Rows { connection, bucket } = self.rows;
        let mut select = connection.prepare_cached("SELECT bytes FROM bucket WHERE id = ?1")?;
        select.query_row([bucket], |row| row.get(0)).map(i64::cast_unsigned)
    }

    fn put(&mut self, key: &str, value: Option<&[u8]>, bytes: u64) -> rusqlite::Result<()> {
        let Rows { connection, bucket } = self.rows;
        match value {
            Some(value) => {
                let insert = "INSERT INTO key_value (bucket, key, value) VALUES (?1, ?2, ?3)
                              ON CONFLICT DO UPDATE SET value = excluded.value";
                connection.prepare_cached(insert)?.execute(params![bucket, key, value])?;
            }
            None => {
                let delete = "DELETE FROM key_value WHERE bucket = ?1 AND key = ?2";
                connection.prepare_cached(delete)?.execute(params![bucket, key])?;
            }
        }
        let update = "UPDATE bucket SET bytes = ?2 WHERE id = ?1";
        connection.prepare_cached(update)?.execute(params![bucket, bytes.cast_signed()])?;
        self.written.push((key.to_owned(), value.map(<[u8]>::to_vec)));
        Ok(())
    }
}
