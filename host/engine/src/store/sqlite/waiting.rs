//! Tasks that wait for something by its name, in a table.

use rusqlite::{Connection, Row, params};
use stepyard_asl::CommandId;

use super::journal::unreadable;
use crate::store::{Awaited, WaitingTask};

pub(super) fn add(
    connection: &Connection,
    execution: &str,
    task: &CommandId,
    awaited: &Awaited,
) -> rusqlite::Result<usize> {
    // One that waits already keeps its place.
    let insert = "INSERT INTO waiting (execution, task, awaited, is_execution)
                  SELECT id, ?2, ?3, ?4 FROM execution WHERE arn = ?1
                  ON CONFLICT (execution, task) DO UPDATE SET awaited = excluded.awaited";
    let is_execution = matches!(awaited, Awaited::End(_));
    let values = params![execution, task.to_string(), awaited.name(), is_execution];
    connection.prepare_cached(insert)?.execute(values)
}

/// One that does not wait waits no longer already: a row either way.
pub(super) fn remove(
    connection: &Connection,
    execution: &str,
    task: &CommandId,
) -> rusqlite::Result<usize> {
    let delete = "DELETE FROM waiting
                  WHERE execution = (SELECT id FROM execution WHERE arn = ?1) AND task = ?2";
    connection.prepare_cached(delete)?.execute(params![execution, task.to_string()]).map(|_| 1)
}

pub(super) fn after(
    connection: &Connection,
    awaited: &str,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<WaitingTask>> {
    let select = "SELECT waiting.number, execution.arn, waiting.task FROM waiting
                  JOIN execution ON execution.id = waiting.execution
                  WHERE waiting.awaited = ?1 AND waiting.number > ?2
                  ORDER BY waiting.number LIMIT ?3";
    let values = params![awaited, after.cast_signed(), bounded(limit)];
    connection.prepare_cached(select)?.query_map(values, read)?.collect()
}

pub(super) fn for_ended(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<WaitingTask>> {
    let select = "SELECT waiting.number, execution.arn, waiting.task FROM waiting
                  JOIN execution ON execution.id = waiting.execution
                  LEFT JOIN execution AS ended ON ended.arn = waiting.awaited
                  WHERE waiting.is_execution AND waiting.number > ?1
                  AND (ended.id IS NULL OR ended.stopped_at IS NOT NULL)
                  ORDER BY waiting.number LIMIT ?2";
    let values = params![after.cast_signed(), bounded(limit)];
    connection.prepare_cached(select)?.query_map(values, read)?.collect()
}

pub(super) fn are_any_for_executions(connection: &Connection) -> rusqlite::Result<bool> {
    let select = "SELECT EXISTS (SELECT 1 FROM waiting WHERE is_execution)";
    connection.query_row(select, [], |row| row.get(0))
}

fn read(row: &Row<'_>) -> rusqlite::Result<WaitingTask> {
    let task: String = row.get(2)?;
    Ok(WaitingTask {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        execution: row.get::<_, String>(1)?.into(),
        task: task.parse().map_err(|_| unreadable(2, "a task that waits has no name"))?,
    })
}

fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
