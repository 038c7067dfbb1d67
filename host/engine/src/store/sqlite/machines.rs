//! State machines, in a table.

use rusqlite::{Connection, OptionalExtension, Row, params, types::Type};
use stepyard_asl::Timestamp;

use crate::{MachineType, StateMachineRecord};

const COLUMNS: &str = "SELECT arn, name, definition, role, type, logging, tracing, created_at,
    updated_at, revision, versions FROM state_machine";

pub(super) fn keep(connection: &Connection, it: &StateMachineRecord) -> rusqlite::Result<usize> {
    let insert = "INSERT OR REPLACE INTO state_machine
        (arn, name, definition, role, type, logging, tracing, created_at, updated_at, revision,
         versions)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let values = params![
        it.arn,
        it.name,
        it.definition,
        it.role,
        it.kind.name(),
        it.logging,
        it.tracing,
        it.created_at.as_millis(),
        it.updated_at.as_millis(),
        it.revision,
        it.versions.cast_signed(),
    ];
    connection.prepare_cached(insert)?.execute(values)
}

/// With all that hangs on it. One that is not there is deleted already: a row either way.
pub(super) fn delete(connection: &Connection, arn: &str) -> rusqlite::Result<usize> {
    for delete in [
        "DELETE FROM state_machine WHERE arn = ?1",
        "DELETE FROM version WHERE machine = ?1",
        "DELETE FROM alias WHERE machine = ?1",
        "DELETE FROM tag WHERE resource = ?1",
    ] {
        connection.prepare_cached(delete)?.execute([arn])?;
    }
    Ok(1)
}

pub(super) fn one(
    connection: &Connection,
    arn: &str,
) -> rusqlite::Result<Option<StateMachineRecord>> {
    let select = format!("{COLUMNS} WHERE arn = ?1");
    connection.prepare_cached(&select)?.query_row([arn], read).optional()
}

pub(super) fn count(connection: &Connection) -> rusqlite::Result<usize> {
    let select = "SELECT count(*) FROM state_machine";
    let count: i64 = connection.prepare_cached(select)?.query_row([], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
}

pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<StateMachineRecord>> {
    let select = format!("{COLUMNS} ORDER BY name");
    connection.prepare_cached(&select)?.query_map([], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<StateMachineRecord> {
    let text = |column| row.get::<_, String>(column);
    let unknown = || {
        let error = "a state machine has an unknown type".into();
        rusqlite::Error::FromSqlConversionFailure(4, Type::Text, error)
    };
    Ok(StateMachineRecord {
        arn: text(0)?.into(),
        name: text(1)?.into(),
        definition: text(2)?.into(),
        role: text(3)?,
        kind: MachineType::named(&text(4)?).ok_or_else(unknown)?,
        logging: text(5)?.into(),
        tracing: row.get(6)?,
        created_at: Timestamp::from_millis(row.get(7)?),
        updated_at: Timestamp::from_millis(row.get(8)?),
        revision: row.get(9)?,
        versions: row.get::<_, i64>(10)?.cast_unsigned(),
    })
}
