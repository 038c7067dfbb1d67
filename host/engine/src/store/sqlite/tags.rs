//! Tags of resources, in a table by the resource's ARN.

use rusqlite::Connection;

use crate::Tags;

/// A resource may be left without any: a row either way.
pub(super) fn replace(
    connection: &Connection,
    resource: &str,
    tags: &Tags,
) -> rusqlite::Result<usize> {
    connection.prepare_cached("DELETE FROM tag WHERE resource = ?1")?.execute([resource])?;
    let insert = "INSERT INTO tag (resource, key, value) VALUES (?1, ?2, ?3)";
    let mut insert = connection.prepare_cached(insert)?;
    for (key, value) in tags {
        insert.execute([resource, key, value])?;
    }
    Ok(1)
}

pub(super) fn of(connection: &Connection, resource: &str) -> rusqlite::Result<Tags> {
    let select = "SELECT key, value FROM tag WHERE resource = ?1";
    let mut select = connection.prepare_cached(select)?;
    select.query_map([resource], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
