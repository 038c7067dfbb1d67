//! Versions of state machines, in a table. Their definitions are in the one that executions share.

use rusqlite::{Connection, OptionalExtension, Row, params};
use stepyard_asl::Timestamp;

use super::journal::definition_id;
use crate::{VersionRecord, VersionSummary};

const SUMMARY: &str =
    "SELECT version.machine, version.number, version.description, version.revision,
    version.created_at";

pub(super) fn keep(connection: &Connection, it: &VersionRecord) -> rusqlite::Result<usize> {
    let definition = definition_id(connection, &it.definition)?;
    let insert = "INSERT OR REPLACE INTO version
        (machine, number, description, revision, created_at, definition, role, logging, tracing)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = params![
        it.summary.machine,
        it.summary.number.cast_signed(),
        it.summary.description,
        it.summary.revision,
        it.summary.created_at.as_millis(),
        definition,
        it.role,
        it.logging,
        it.tracing,
    ];
    connection.prepare_cached(insert)?.execute(values)
}

/// One that is not there is deleted already: a row either way.
pub(super) fn delete(
    connection: &Connection,
    machine: &str,
    number: u64,
) -> rusqlite::Result<usize> {
    let delete = "DELETE FROM version WHERE machine = ?1 AND number = ?2";
    connection.prepare_cached(delete)?.execute(params![machine, number.cast_signed()]).map(|_| 1)
}

pub(super) fn one(
    connection: &Connection,
    machine: &str,
    number: u64,
) -> rusqlite::Result<Option<VersionRecord>> {
    let select = format!(
        "{SUMMARY}, definition.text, version.role, version.logging, version.tracing
         FROM version JOIN definition ON definition.id = version.definition
         WHERE version.machine = ?1 AND version.number = ?2"
    );
    let read = |row: &Row<'_>| {
        Ok(VersionRecord {
            summary: summary(row)?,
            definition: row.get::<_, String>(5)?.into(),
            role: row.get(6)?,
            logging: row.get::<_, String>(7)?.into(),
            tracing: row.get(8)?,
        })
    };
    let values = params![machine, number.cast_signed()];
    connection.prepare_cached(&select)?.query_row(values, read).optional()
}

pub(super) fn all(connection: &Connection, machine: &str) -> rusqlite::Result<Vec<VersionSummary>> {
    let select = format!("{SUMMARY} FROM version WHERE machine = ?1 ORDER BY number DESC");
    connection.prepare_cached(&select)?.query_map([machine], summary)?.collect()
}

fn summary(row: &Row<'_>) -> rusqlite::Result<VersionSummary> {
    Ok(VersionSummary {
        machine: row.get::<_, String>(0)?.into(),
        number: row.get::<_, i64>(1)?.cast_unsigned(),
        description: row.get(2)?,
        revision: row.get(3)?,
        created_at: Timestamp::from_millis(row.get(4)?),
    })
}
