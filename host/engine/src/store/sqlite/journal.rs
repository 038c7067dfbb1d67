//! Executions and their facts, in tables.

use std::error::Error;

use rusqlite::{Connection, OptionalExtension, Row, named_params, params, types::Type};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use stepyard_asl::{Fact, Status, Timestamp};

use super::{
    File, activities, aliases, functions, machines, map_runs, rest, tags, versions, waiting,
};
use crate::{
    StoreError,
    store::{
        Batch, ExecutionRecord, ExecutionSummary, FactPlace, Record, Selection, execution::record,
    },
};

pub(super) fn append(
    connection: &Connection,
    batch: &Batch,
    file: &File,
) -> Result<(), StoreError> {
    for record in &batch.records {
        let rows = insert(connection, record).map_err(|error| refusal(record, &error, file))?;
        if rows == 0 {
            let arn = record.execution().map(|arn| arn.to_string()).unwrap_or_default();
            return Err(StoreError::ExecutionDoesNotExist { arn });
        }
    }
    Ok(())
}

/// Writes one record; answers how many rows it wrote: none when its execution does not exist.
fn insert(connection: &Connection, record: &Record) -> rusqlite::Result<usize> {
    match record {
        Record::Created { arn, name, machine, version, alias, definition, map_run, started_at } => {
            let definition = definition_id(connection, definition)?;
            let insert = "INSERT INTO execution
                          (arn, name, machine, version, alias, definition, map_run, started_at,
                           status)
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'RUNNING')";
            let started_at = started_at.as_millis();
            let values =
                params![arn, name, machine, version, alias, definition, map_run, started_at];
            connection.prepare_cached(insert)?.execute(values)
        }
        Record::Fact { execution, number, fact } => {
            let insert = "INSERT INTO fact (execution, number, body)
                          SELECT id, ?2, ?3 FROM execution WHERE arn = ?1";
            let values = params![execution, number.cast_signed(), json(fact)?];
            connection.prepare_cached(insert)?.execute(values)
        }
        Record::Finished { execution, status, stopped_at } => {
            let update = "UPDATE execution SET status = ?2, outcome = ?3, stopped_at = ?4,
                          wake_at = NULL WHERE arn = ?1";
            let outcome = json(status)?;
            let values = params![execution, status.name(), outcome, stopped_at.as_millis()];
            connection.prepare_cached(update)?.execute(values)
        }
        Record::Redriven { execution, at } => {
            let update = "UPDATE execution SET status = 'RUNNING', outcome = NULL,
                          stopped_at = NULL, redrive_count = redrive_count + 1, redriven_at = ?2
                          WHERE arn = ?1";
            connection.prepare_cached(update)?.execute(params![execution, at.as_millis()])
        }
        Record::Items { execution, items } => {
            let update = "UPDATE execution SET items = ?2 WHERE arn = ?1";
            connection.prepare_cached(update)?.execute(params![execution, items.cast_signed()])
        }
        Record::Rests { execution, until } => rest::rests(connection, execution, *until),
        Record::Wakes { execution } => rest::wakes(connection, execution),
        Record::Waits { execution, task, awaited } => {
            waiting::add(connection, execution, task, awaited)
        }
        Record::WaitsNoLonger { execution, task } => waiting::remove(connection, execution, task),
        Record::Checkpoint { execution, checkpoint } => {
            rest::keep(connection, execution, checkpoint)
        }
        Record::MapRun(run) => map_runs::keep(connection, run),
        Record::ChildResult { run, child, result } => {
            map_runs::keep_result(connection, run, *child, result)
        }
        Record::Activity(activity) => activities::keep(connection, activity),
        Record::ActivityDeleted { arn } => activities::delete(connection, arn),
        Record::StateMachine(machine) => machines::keep(connection, machine),
        Record::StateMachineDeleted { arn } => machines::delete(connection, arn),
        Record::Version(version) => versions::keep(connection, version),
        Record::VersionDeleted { machine, number } => {
            versions::delete(connection, machine, *number)
        }
        Record::Alias(alias) => aliases::keep(connection, alias),
        Record::AliasDeleted { machine, name } => aliases::delete(connection, machine, name),
        Record::Function(function) => functions::keep(connection, function),
        Record::Tags { resource, tags } => tags::replace(connection, resource, tags),
    }
}

fn refusal(record: &Record, error: &rusqlite::Error, file: &File) -> StoreError {
    if error.sqlite_error_code() != Some(rusqlite::ErrorCode::ConstraintViolation) {
        return file.error("writing", error);
    }
    match record {
        Record::Created { arn, .. } => StoreError::ExecutionExists { arn: arn.to_string() },
        Record::Fact { execution, number, .. } => {
            StoreError::FactExists { execution: execution.to_string(), number: *number }
        }
        _ => file.error("writing", error),
    }
}

/// The row of a definition: executions and versions of one definition share it.
pub(super) fn definition_id(connection: &Connection, text: &str) -> rusqlite::Result<i64> {
    let sha256: [u8; 32] = Sha256::digest(text).into();
    let select = "SELECT id FROM definition WHERE sha256 = ?1";
    let found = connection.prepare_cached(select)?.query_row([sha256], |row| row.get(0));
    if let Some(id) = found.optional()? {
        return Ok(id);
    }
    let insert = "INSERT INTO definition (sha256, text) VALUES (?1, ?2)";
    connection.prepare_cached(insert)?.insert(params![sha256, text])
}

pub(super) fn facts_after(
    connection: &Connection,
    execution: &str,
    told: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Fact>> {
    let select = "SELECT body FROM fact
                  WHERE execution = (SELECT id FROM execution WHERE arn = ?1) AND number > ?2
                  ORDER BY number LIMIT ?3";
    let mut select = connection.prepare_cached(select)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = params![execution, told.cast_signed(), limit];
    select.query_map(values, |row| read_json(row, 0))?.collect()
}

/// Facts with whose they are: their rows are in the order in which they were kept.
const PLACES: &str = "SELECT execution.arn, fact.number FROM fact
    JOIN execution ON execution.id = fact.execution";

pub(super) fn last_fact(connection: &Connection) -> rusqlite::Result<Option<FactPlace>> {
    let select = format!("{PLACES} ORDER BY fact.rowid DESC LIMIT 1");
    connection.prepare_cached(&select)?.query_row([], place).optional()
}

pub(super) fn facts_kept_after(
    connection: &Connection,
    after: Option<&FactPlace>,
    limit: usize,
) -> rusqlite::Result<Option<Vec<FactPlace>>> {
    let mut row: i64 = 0;
    if let Some(FactPlace { execution, number }) = after {
        let select = "SELECT rowid FROM fact WHERE number = ?2
                      AND execution = (SELECT id FROM execution WHERE arn = ?1)";
        let values = params![execution, number.cast_signed()];
        let found = connection.prepare_cached(select)?.query_row(values, |row| row.get(0));
        let Some(found) = found.optional()? else { return Ok(None) };
        row = found;
    }
    let select = format!("{PLACES} WHERE fact.rowid > ?1 ORDER BY fact.rowid LIMIT ?2");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(&select)?
        .query_map([row, limit], place)?
        .collect::<Result<_, _>>()
        .map(Some)
}

fn place(row: &Row<'_>) -> rusqlite::Result<FactPlace> {
    let (execution, number): (String, i64) = (row.get(0)?, row.get(1)?);
    Ok(FactPlace { execution: execution.into(), number: number.cast_unsigned() })
}

const SUMMARY: &str = "SELECT execution.arn, execution.name, execution.machine,
    execution.started_at, execution.stopped_at, execution.status, execution.version,
    execution.alias, execution.redrive_count, execution.redriven_at, execution.id,
    execution.items";

pub(super) fn execution(
    connection: &Connection,
    arn: &str,
) -> rusqlite::Result<Option<ExecutionRecord>> {
    let select = format!(
        "{SUMMARY}, definition.text, execution.outcome, fact.body, execution.wake_at IS NOT NULL
         FROM execution
         JOIN definition ON definition.id = execution.definition
         JOIN fact ON fact.execution = execution.id AND fact.number = 1
         WHERE execution.arn = ?1"
    );
    let read = |row: &Row<'_>| {
        let outcome: Option<String> = row.get(13)?;
        let status = match outcome {
            Some(_) => read_json(row, 13)?,
            None => Status::Running,
        };
        let definition: String = row.get(12)?;
        let rests = row.get(15)?;
        record(summary(row)?, definition.into(), read_json(row, 14)?, rests, status)
            .ok_or_else(|| unreadable(14, "the first fact starts no execution"))
    };
    connection.prepare_cached(&select)?.query_row([arn], read).optional()
}

pub(super) fn executions(
    connection: &Connection,
    selection: &Selection,
) -> rusqlite::Result<Vec<ExecutionSummary>> {
    // What is not asked for is left out, so that an index serves what is.
    let asked =
        |value: &Option<String>, equal, absent| if value.is_some() { equal } else { absent };
    let machine = asked(&selection.machine, "machine = :machine", ":machine IS NULL");
    let version = asked(&selection.version, "version = :version", ":version IS NULL");
    let alias = asked(&selection.alias, "alias = :alias", ":alias IS NULL");
    let map_run = asked(&selection.map_run, "map_run = :map_run", ":map_run IS NULL");
    let redriven = match selection.redriven {
        Some(true) => "redrive_count > 0",
        Some(false) => "redrive_count = 0",
        None => "TRUE",
    };
    // Said twice of those that run: an index has them alone.
    let status = match selection.status.as_deref() {
        Some("RUNNING") => "stopped_at IS NULL AND status = :status",
        Some(_) => "status = :status",
        None => ":status IS NULL",
    };
    // Of these an index has no others: it is named, so that one that does not serve is an error.
    let index = match (selection.awake, selection.children) {
        (_, true) => "INDEXED BY execution_child",
        (true, false) => "INDEXED BY execution_awake",
        (false, false) => "",
    };
    let awake = if selection.awake { "stopped_at IS NULL AND wake_at IS NULL" } else { "TRUE" };
    let child =
        if selection.children { "stopped_at IS NULL AND instr(machine, '/') > 0" } else { "TRUE" };
    let select = format!(
        "{SUMMARY} FROM execution {index}
         WHERE {machine} AND {version} AND {alias} AND {map_run} AND {redriven} AND {status} AND {awake} AND {child}
         AND id < :before ORDER BY id DESC LIMIT :limit"
    );
    let before = selection.before.and_then(|number| i64::try_from(number).ok());
    let limit = selection.limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(-1);
    let values = named_params! {
        ":machine": selection.machine,
        ":version": selection.version,
        ":alias": selection.alias,
        ":map_run": selection.map_run,
        ":status": selection.status,
        ":before": before.unwrap_or(i64::MAX),
        ":limit": limit,
    };
    connection.prepare_cached(&select)?.query_map(values, summary)?.collect()
}

fn summary(row: &Row<'_>) -> rusqlite::Result<ExecutionSummary> {
    let status: String = row.get(5)?;
    const NAMES: [&str; 5] = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];
    let status = NAMES.into_iter().find(|name| *name == status);
    let stopped_at: Option<i64> = row.get(4)?;
    Ok(ExecutionSummary {
        number: row.get::<_, i64>(10)?.cast_unsigned(),
        arn: row.get::<_, String>(0)?.into(),
        name: row.get::<_, String>(1)?.into(),
        machine: row.get::<_, String>(2)?.into(),
        version: row.get::<_, Option<String>>(6)?.map(Into::into),
        alias: row.get::<_, Option<String>>(7)?.map(Into::into),
        started_at: Timestamp::from_millis(row.get(3)?),
        stopped_at: stopped_at.map(Timestamp::from_millis),
        status: status.ok_or_else(|| unreadable(5, "an execution has an unknown status"))?,
        redrive_count: row.get(8)?,
        redriven_at: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_millis),
        items: row.get::<_, Option<i64>>(11)?.map(i64::cast_unsigned),
    })
}

pub(super) fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

pub(super) fn read_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| unreadable(column, error))
}

pub(super) fn unreadable(
    column: usize,
    error: impl Into<Box<dyn Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}
