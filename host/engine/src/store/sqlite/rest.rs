//! Executions that rest, and checkpoints: what of an execution need not be in memory.

use rusqlite::{Connection, OptionalExtension, params};
use stepyard_asl::Timestamp;

use crate::{ExecutionArn, store::Checkpoint};

/// The moment of what does not go on by itself.
const NEVER: i64 = i64::MAX;

pub(super) fn rests(
    connection: &Connection,
    execution: &str,
    until: Option<Timestamp>,
) -> rusqlite::Result<usize> {
    let update = "UPDATE execution SET wake_at = ?2 WHERE arn = ?1";
    let wake_at = until.map_or(NEVER, Timestamp::as_millis);
    connection.prepare_cached(update)?.execute(params![execution, wake_at])
}

pub(super) fn wakes(connection: &Connection, execution: &str) -> rusqlite::Result<usize> {
    let update = "UPDATE execution SET wake_at = NULL WHERE arn = ?1";
    connection.prepare_cached(update)?.execute([execution])
}

pub(super) fn resting(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<(ExecutionArn, Timestamp)>> {
    let select = "SELECT arn, wake_at FROM execution WHERE wake_at <= ?1 AND wake_at < ?2
                  ORDER BY wake_at LIMIT ?3";
    let mut select = connection.prepare_cached(select)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select.query_map(params![until.as_millis(), NEVER, limit], |row| {
        let arn: String = row.get(0)?;
        Ok((arn.into(), Timestamp::from_millis(row.get(1)?)))
    })?;
    rows.collect()
}

pub(super) fn oldest_open(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<(u64, ExecutionArn, Timestamp)>> {
    // Else all that ever ended would be read.
    let select = "SELECT id, arn, started_at FROM execution WHERE id IN
                  (SELECT id FROM execution INDEXED BY execution_open
                   WHERE stopped_at IS NULL AND id > ?1 ORDER BY id LIMIT ?2) ORDER BY id";
    let mut select = connection.prepare_cached(select)?;
    let [after, limit] =
        [i64::try_from(after), i64::try_from(limit)].map(|it| it.unwrap_or(i64::MAX));
    let rows = select.query_map([after, limit], |row| {
        let (id, arn): (i64, String) = (row.get(0)?, row.get(1)?);
        Ok((id.cast_unsigned(), arn.into(), Timestamp::from_millis(row.get(2)?)))
    })?;
    rows.collect()
}

pub(super) fn open_count(connection: &Connection) -> rusqlite::Result<usize> {
    let select = "SELECT count(*) FROM execution WHERE stopped_at IS NULL";
    let count: i64 = connection.query_row(select, [], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
}

pub(super) fn keep(
    connection: &Connection,
    execution: &str,
    checkpoint: &Checkpoint,
) -> rusqlite::Result<usize> {
    let insert = "INSERT OR REPLACE INTO checkpoint (execution, facts, body)
                  SELECT id, ?2, ?3 FROM execution WHERE arn = ?1";
    let values = params![execution, checkpoint.facts.cast_signed(), checkpoint.body];
    connection.prepare_cached(insert)?.execute(values)
}

pub(super) fn checkpoint(
    connection: &Connection,
    execution: &str,
) -> rusqlite::Result<Option<Checkpoint>> {
    let select = "SELECT facts, body FROM checkpoint
                  WHERE execution = (SELECT id FROM execution WHERE arn = ?1)";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Checkpoint { facts: row.get::<_, i64>(0)?.cast_unsigned(), body: row.get(1)? })
    };
    connection.prepare_cached(select)?.query_row([execution], read).optional()
}
