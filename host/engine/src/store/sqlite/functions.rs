//! Functions, in a table: a record each, as JSON.

use rusqlite::{Connection, params};

use super::journal::{json, read_json};
use crate::FunctionRecord;

pub(super) fn keep(connection: &Connection, it: &FunctionRecord) -> rusqlite::Result<usize> {
    let insert = "INSERT INTO function (name, body) VALUES (?1, ?2)
                  ON CONFLICT (name) DO UPDATE SET body = excluded.body";
    connection.prepare_cached(insert)?.execute(params![it.name, json(it)?])
}

pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<FunctionRecord>> {
    let select = "SELECT body FROM function ORDER BY name";
    connection.prepare_cached(select)?.query_map([], |row| read_json(row, 0))?.collect()
}
