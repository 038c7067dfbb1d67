//! Map Runs, and what became of their children, in tables.

use rusqlite::{Connection, OptionalExtension, params};

use super::journal::{json, read_json};
use crate::{ChildResult, MapRunRecord};

pub(super) fn keep(connection: &Connection, it: &MapRunRecord) -> rusqlite::Result<usize> {
    let insert = "INSERT INTO map_run (arn, execution, body) VALUES (?1, ?2, ?3)
                  ON CONFLICT (arn) DO UPDATE SET body = excluded.body";
    connection.prepare_cached(insert)?.execute(params![it.arn, it.execution, json(it)?])
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
    let select = "SELECT body FROM map_run WHERE arn = ?1";
    connection.prepare_cached(select)?.query_row([arn], |row| read_json(row, 0)).optional()
}

pub(super) fn of(connection: &Connection, execution: &str) -> rusqlite::Result<Vec<MapRunRecord>> {
    let select = "SELECT body FROM map_run WHERE execution = ?1 ORDER BY number DESC";
    connection.prepare_cached(select)?.query_map([execution], |row| read_json(row, 0))?.collect()
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
