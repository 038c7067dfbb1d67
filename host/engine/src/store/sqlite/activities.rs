//! Activities, in a table.

use rusqlite::{Connection, OptionalExtension, Row, params};
use stepyard_asl::Timestamp;

use crate::ActivityRecord;

const COLUMNS: &str = "SELECT arn, name, created_at FROM activity";

pub(super) fn keep(connection: &Connection, it: &ActivityRecord) -> rusqlite::Result<usize> {
    let insert = "INSERT INTO activity (arn, name, created_at) VALUES (?1, ?2, ?3)";
    let values = params![it.arn, it.name, it.created_at.as_millis()];
    connection.prepare_cached(insert)?.execute(values)
}

/// One that is not there is deleted already: a row either way.
pub(super) fn delete(connection: &Connection, arn: &str) -> rusqlite::Result<usize> {
    let delete = "DELETE FROM activity WHERE arn = ?1";
    connection.prepare_cached(delete)?.execute([arn]).map(|_| 1)
}

pub(super) fn one(connection: &Connection, arn: &str) -> rusqlite::Result<Option<ActivityRecord>> {
    let select = format!("{COLUMNS} WHERE arn = ?1");
    connection.prepare_cached(&select)?.query_row([arn], read).optional()
}

pub(super) fn count(connection: &Connection) -> rusqlite::Result<usize> {
    let select = "SELECT count(*) FROM activity";
    let count: i64 = connection.prepare_cached(select)?.query_row([], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
}

pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<ActivityRecord>> {
    let select = format!("{COLUMNS} ORDER BY name");
    connection.prepare_cached(&select)?.query_map([], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<ActivityRecord> {
    Ok(ActivityRecord {
        arn: row.get::<_, String>(0)?.into(),
        name: row.get::<_, String>(1)?.into(),
        created_at: Timestamp::from_millis(row.get(2)?),
    })
}
