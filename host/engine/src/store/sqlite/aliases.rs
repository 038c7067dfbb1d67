//! Aliases of state machines, in a table.

use rusqlite::{Connection, OptionalExtension, Row, params};
use stepyard_asl::Timestamp;

use super::journal::{json, read_json};
use crate::AliasRecord;

const COLUMNS: &str =
    "SELECT machine, name, description, routes, created_at, updated_at FROM alias";

pub(super) fn keep(connection: &Connection, it: &AliasRecord) -> rusqlite::Result<usize> {
    let insert = "INSERT OR REPLACE INTO alias
        (machine, name, description, routes, created_at, updated_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![
        it.machine,
        it.name,
        it.description,
        json(&it.routes)?,
        it.created_at.as_millis(),
        it.updated_at.as_millis(),
    ];
    connection.prepare_cached(insert)?.execute(values)
}

/// One that is not there is deleted already: a row either way.
pub(super) fn delete(
    connection: &Connection,
    machine: &str,
    name: &str,
) -> rusqlite::Result<usize> {
    let delete = "DELETE FROM alias WHERE machine = ?1 AND name = ?2";
    connection.prepare_cached(delete)?.execute([machine, name]).map(|_| 1)
}

pub(super) fn one(
    connection: &Connection,
    machine: &str,
    name: &str,
) -> rusqlite::Result<Option<AliasRecord>> {
    let select = format!("{COLUMNS} WHERE machine = ?1 AND name = ?2");
    connection.prepare_cached(&select)?.query_row([machine, name], read).optional()
}

pub(super) fn all(connection: &Connection, machine: &str) -> rusqlite::Result<Vec<AliasRecord>> {
    let select = format!("{COLUMNS} WHERE machine = ?1 ORDER BY name");
    connection.prepare_cached(&select)?.query_map([machine], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<AliasRecord> {
    Ok(AliasRecord {
        machine: row.get::<_, String>(0)?.into(),
        name: row.get::<_, String>(1)?.into(),
        description: row.get(2)?,
        routes: read_json(row, 3)?,
        created_at: Timestamp::from_millis(row.get(4)?),
        updated_at: Timestamp::from_millis(row.get(5)?),
    })
}
