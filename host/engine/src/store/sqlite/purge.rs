//! What is forgotten once it is long past.

use rusqlite::{Connection, params};
use stepyard_asl::Timestamp;

/// How many results of Map Runs' children are forgotten in one act: a run may have millions.
const RESULTS_AT_ONCE: usize = 10_000;

pub(super) fn purge(
    connection: &Connection,
    before: Timestamp,
    limit: usize,
) -> rusqlite::Result<usize> {
    let (before, rows) = (before.as_millis(), i64::try_from(limit).unwrap_or(i64::MAX));
    let select = "SELECT id FROM execution WHERE stopped_at < ?1 ORDER BY stopped_at LIMIT ?2";
    let mut select = connection.prepare_cached(select)?;
    let past = select.query_map(params![before, rows], |row| row.get(0))?;
    let past: Vec<i64> = past.collect::<rusqlite::Result<_>>()?;
    let mut results = RESULTS_AT_ONCE;
    for execution in &past {
        results -= forget_results(connection, *execution, results)?;
        if results == 0 {
            // Redriven meanwhile, the run takes no child for done of which nothing is known any more.
            let update = "UPDATE map_run SET progress = NULL
                          WHERE execution = (SELECT arn FROM execution WHERE id = ?1)";
            connection.prepare_cached(update)?.execute([execution])?;
            return Ok(limit);
        }
        for delete in [
            "DELETE FROM fact WHERE execution = ?1",
            "DELETE FROM checkpoint WHERE execution = ?1",
            "DELETE FROM waiting WHERE execution = ?1",
            "DELETE FROM map_run WHERE execution = (SELECT arn FROM execution WHERE id = ?1)",
            "DELETE FROM execution WHERE id = ?1",
        ] {
            connection.prepare_cached(delete)?.execute([execution])?;
        }
    }
    // Messages are numbered in the order of their time.
    let delete = "DELETE FROM topic_message WHERE at < ?1
                  AND id < (SELECT min(id) FROM topic_message) + ?2";
    connection.prepare_cached(delete)?.execute(params![before, rows])?;
    // Found by looking through all executions: done once, when none is left that is past.
    if !past.is_empty() && past.len() < limit {
        let delete = "DELETE FROM definition WHERE id NOT IN
                      (SELECT definition FROM execution UNION SELECT definition FROM version)";
        connection.prepare_cached(delete)?.execute([])?;
    }
    Ok(past.len())
}

/// Forgets what the children of an execution's Map Runs came to, so many of them at most.
fn forget_results(
    connection: &Connection,
    execution: i64,
    limit: usize,
) -> rusqlite::Result<usize> {
    let delete = "DELETE FROM map_run_result WHERE (run, child) IN
                  (SELECT run, child FROM map_run
                   JOIN map_run_result ON map_run_result.run = map_run.arn
                   WHERE map_run.execution = (SELECT arn FROM execution WHERE id = ?1) LIMIT ?2)";
    let rows = i64::try_from(limit).unwrap_or(i64::MAX);
    connection.prepare_cached(delete)?.execute(params![execution, rows])
}

pub(super) fn bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")? - pragma("freelist_count")?;
    Ok((pages * pragma("page_size")?).cast_unsigned())
}
