//! Map Runs, and what became of their children, in tables.

use rusqlite::{Connection, OptionalExtension, Row, params, types::ValueRef};

use super::journal::{json, read_json};
use crate::{ChildResult, MapRunRecord};

pub(super) fn keep(connection: &Connection, it: &MapRunRecord) -> rusqlite::Result<usize> {
    let insert = "INSERT INTO map_run (arn, execution, body, progress) VALUES (?1, ?2, ?3, ?4)
                  ON CONFLICT (arn) DO UPDATE SET body = excluded.body, progress = excluded.progress";
    let progress = it.progress.as_ref().map(json).transpose()?;
    connection.prepare_cached(insert)?.execute(params![it.arn, it.execution, json(it)?, progress])
}

pub(super) fn keep_result(
    connection: &Connection,
    run: &str,
    child: u64,
    result: &ChildResult,
) -> rusqlite::Result<usize> {
    let insert = "INSERT OR REPLACE INTO map_run_result (run, child, body) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(insert)?.execute(params![run, child.cast_signed(), json(result)?])
}

pub(super) fn one(connection: &Connection, arn: &str) -> rusqlite::Result<Option<MapRunRecord>> {
    let select = "SELECT body, progress FROM map_run WHERE arn = ?1";
    let read = |row: &Row<'_>| {
        let is_known = row.get_ref(1)? != ValueRef::Null;
        let progress = is_known.then(|| read_json(row, 1)).transpose()?;
        Ok(MapRunRecord { progress, ..read_json(row, 0)? })
    };
    connection.prepare_cached(select)?.query_row([arn], read).optional()
}

pub(super) fn of(
    connection: &Connection,
    execution: &str,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<MapRunRecord>> {
    let mut before = i64::MAX;
    if let Some(after) = after {
        let select = "SELECT number FROM map_run WHERE arn = ?1";
        let number = connection.prepare_cached(select)?.query_row([after], |row| row.get(0));
        before = number.optional()?.unwrap_or_default();
    }
    let select = "SELECT body FROM map_run WHERE execution = ?1 AND number < ?2
                  ORDER BY number DESC LIMIT ?3";
    let values = params![execution, before, i64::try_from(limit).unwrap_or(i64::MAX)];
    connection.prepare_cached(select)?.query_map(values, |row| read_json(row, 0))?.collect()
}

pub(super) fn open(
    connection: &Connection,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<MapRunRecord>> {
    // An index has these alone: it is named, so that one that does not serve is an error.
    let select = "SELECT body FROM map_run INDEXED BY map_run_open
                  WHERE json_extract(body, '$.status') = 'Running' AND arn > ?1
                  ORDER BY arn LIMIT ?2";
    let values = params![after.unwrap_or_default(), i64::try_from(limit).unwrap_or(i64::MAX)];
    connection.prepare_cached(select)?.query_map(values, |row| read_json(row, 0))?.collect()
}

pub(super) fn results(
    connection: &Connection,
    run: &str,
    after: Option<u64>,
    limit: usize,
) -> rusqlite::Result<Vec<(u64, ChildResult)>> {
    let select = "SELECT child, body FROM map_run_result WHERE run = ?1 AND child > ?2
                  ORDER BY child LIMIT ?3";
    let after = after.map_or(-1, u64::cast_signed);
    let values = params![run, after, i64::try_from(limit).unwrap_or(i64::MAX)];
    let mut select = connection.prepare_cached(select)?;
    let found = select
        .query_map(values, |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), read_json(row, 1)?)))?;
    found.collect()
}
