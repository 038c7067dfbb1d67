//! The file's format, and how a file is opened.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::File;
use crate::StoreError;

/// "STPY": SQLite's `application_id` tells whose file this is.
const APPLICATION: i64 = 0x5354_5059;

/// The format written here, SQLite's `user_version`: that of the tables first made, and one more for
/// each migration.
const FORMAT: i64 = 1 + MIGRATIONS.len() as i64;

/// What was added since, in the order in which a file of the first format is brought up to date.
const MIGRATIONS: &[&str] = &[
    STATE_MACHINES,
    VERSIONS,
    ACTIVITIES_AND_REDRIVES,
    REST_AND_RETENTION,
    FUNCTIONS,
    WAITING,
    MAP_RUNS,
    OPEN_RUNS_AND_COUNTS,
];

const STATE_MACHINES: &str = "
CREATE TABLE state_machine (
    arn TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    role TEXT NOT NULL,
    type TEXT NOT NULL,
    logging TEXT NOT NULL,
    tracing INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision TEXT
) STRICT, WITHOUT ROWID;
";

const VERSIONS: &str = "
ALTER TABLE state_machine ADD COLUMN versions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE execution ADD COLUMN version TEXT;
ALTER TABLE execution ADD COLUMN alias TEXT;
CREATE TABLE version (
    machine TEXT NOT NULL,
    number INTEGER NOT NULL,
    description TEXT,
    revision TEXT,
    created_at INTEGER NOT NULL,
    definition INTEGER NOT NULL REFERENCES definition,
    role TEXT NOT NULL,
    logging TEXT NOT NULL,
    tracing INTEGER NOT NULL,
    PRIMARY KEY (machine, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE alias (
    machine TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    routes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (machine, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE tag (
    resource TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (resource, key)
) STRICT, WITHOUT ROWID;
";

const ACTIVITIES_AND_REDRIVES: &str = "
CREATE TABLE activity (
    arn TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE execution ADD COLUMN redrive_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE execution ADD COLUMN redriven_at INTEGER;
";

/// `wake_at` is of those that rest alone, and `stopped_at` of those that are over.
const REST_AND_RETENTION: &str = "
ALTER TABLE execution ADD COLUMN wake_at INTEGER;
DROP INDEX execution_unfinished;
CREATE INDEX execution_open ON execution (machine) WHERE stopped_at IS NULL;
CREATE INDEX execution_awake ON execution (id) WHERE stopped_at IS NULL AND wake_at IS NULL;
CREATE INDEX execution_wake ON execution (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX execution_stopped ON execution (stopped_at) WHERE stopped_at IS NOT NULL;
CREATE TABLE checkpoint (
    execution INTEGER PRIMARY KEY REFERENCES execution,
    facts INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
";

const FUNCTIONS: &str = "
CREATE TABLE function (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Numbers are never given again: what was read up to one is not read again. The executions that an
/// index has are the children of Map Runs that are open: their state machine is `<name>/<label>`, and
/// no other has such a name.
const WAITING: &str = "
CREATE TABLE waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    execution INTEGER NOT NULL REFERENCES execution,
    task TEXT NOT NULL,
    awaited TEXT NOT NULL,
    is_execution INTEGER NOT NULL,
    UNIQUE (execution, task)
) STRICT;
CREATE INDEX waiting_line ON waiting (awaited, number);
CREATE INDEX waiting_execution ON waiting (number) WHERE is_execution;
CREATE INDEX execution_child ON execution (id)
    WHERE stopped_at IS NULL AND instr(machine, '/') > 0;
";

/// What a child came to is there where the store does not tell it otherwise.
const MAP_RUNS: &str = "
CREATE TABLE map_run (
    number INTEGER PRIMARY KEY,
    arn TEXT NOT NULL UNIQUE,
    execution TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX map_run_execution ON map_run (execution);
CREATE TABLE map_run_result (
    run TEXT NOT NULL,
    child INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, child)
) STRICT, WITHOUT ROWID;
ALTER TABLE execution ADD COLUMN map_run TEXT;
CREATE INDEX execution_map_run ON execution (map_run, id) WHERE map_run IS NOT NULL;
";

/// How far a run has come may be long, and is beside what is listed of it. Of Express children that failed
/// nothing was kept without an export: such a run begins anew. State machines are counted by their
/// names: their own rows are long.
const OPEN_RUNS_AND_COUNTS: &str = "
ALTER TABLE execution ADD COLUMN items INTEGER;
ALTER TABLE map_run ADD COLUMN progress TEXT;
UPDATE map_run SET progress = json_extract(body, '$.progress'),
    body = json_remove(body, '$.progress');
UPDATE map_run SET progress = NULL WHERE json_extract(body, '$.is_express')
    AND json_extract(body, '$.executions.failed') + json_extract(body, '$.executions.timed_out') > 0
    AND NOT EXISTS (SELECT 1 FROM map_run_result WHERE run = map_run.arn);
CREATE INDEX map_run_open ON map_run (arn) WHERE json_extract(body, '$.status') = 'Running';
CREATE INDEX state_machine_name ON state_machine (name);
";

/// How long another process may hold the file before a write gives up.
const BUSY: Duration = Duration::from_secs(10);

/// Prepared statements each connection keeps.
const STATEMENTS: usize = 64;

/// The first format, never changed: what a later one has besides is a migration.
///
/// Facts are a log in the order of their arrival with an index, not a tree by execution: a commit
/// then writes the log's last pages and not one page for each execution it touches.
const TABLES: &str = "
CREATE TABLE definition (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE execution (
    id INTEGER PRIMARY KEY,
    arn TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    machine TEXT NOT NULL,
    definition INTEGER NOT NULL REFERENCES definition,
    started_at INTEGER NOT NULL,
    stopped_at INTEGER,
    status TEXT NOT NULL,
    outcome TEXT
) STRICT;
CREATE INDEX execution_unfinished ON execution (id) WHERE stopped_at IS NULL;
CREATE INDEX execution_machine ON execution (machine);
CREATE TABLE fact (
    execution INTEGER NOT NULL REFERENCES execution,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (execution, number)
) STRICT;
CREATE TABLE bucket (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE key_value (
    bucket INTEGER NOT NULL REFERENCES bucket,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE topic_message (
    id INTEGER PRIMARY KEY,
    idempotency_key TEXT UNIQUE,
    destination TEXT NOT NULL,
    message_id TEXT NOT NULL,
    sequence INTEGER,
    at INTEGER NOT NULL,
    subject TEXT,
    message TEXT NOT NULL,
    structure TEXT,
    attributes TEXT NOT NULL,
    group_id TEXT,
    deduplication_id TEXT
) STRICT;
CREATE INDEX topic_message_fifo ON topic_message (destination, deduplication_id, at)
    WHERE deduplication_id IS NOT NULL;
CREATE INDEX topic_message_sequence ON topic_message (destination, sequence)
    WHERE sequence IS NOT NULL;
";

/// Opens the file for the writer, and makes its tables when it is empty.
pub(super) fn open(file: &File) -> Result<Connection, StoreError> {
    let connection = connect(file, OpenFlags::default())?;
    let fail = |error| file.error("opening", &error);
    // Nothing is written before it is known that the file is ours to write.
    if is_empty(&connection).map_err(fail)? {
        create(&connection).map_err(fail)?;
    } else {
        check(&connection, file)?;
    }
    migrate(&connection).map_err(fail)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(fail)?;
    if mode != "wal" {
        let detail = format!("a write-ahead log is not possible here, only `{mode}`");
        return Err(StoreError::Failed { action: "opening", file: file.name(), detail });
    }
    // FULL: a commit is on the disk, not only in the operating system, when it returns.
    let settings = "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
                    PRAGMA cache_size = -16000;";
    connection.execute_batch(settings).map_err(fail)?;
    Ok(connection)
}

/// Opens the file once more, to read what was committed.
pub(super) fn open_reader(file: &File) -> Result<Connection, StoreError> {
    connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn connect(file: &File, flags: OpenFlags) -> Result<Connection, StoreError> {
    // A name that begins with `file:` is a file's name here, never a URI.
    let flags = flags.difference(OpenFlags::SQLITE_OPEN_URI);
    let opened = Connection::open_with_flags(&file.0, flags).and_then(|connection| {
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    });
    opened.map_err(|error| file.error("opening", &error))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0
        && pragma(connection, "application_id")? == 0
        && pragma(connection, "user_version")? == 0)
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN EXCLUSIVE; {TABLES} PRAGMA application_id = {APPLICATION}; \
         PRAGMA user_version = 1; COMMIT;"
    ))
}

/// Brings a file up to the format written here, one format at a time and each as one act.
fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let found = pragma(connection, "user_version")?;
    for (migration, format) in MIGRATIONS.iter().zip(2..).filter(|(_, format)| *format > found) {
        connection.execute_batch(&format!(
            "BEGIN EXCLUSIVE; {migration} PRAGMA user_version = {format}; COMMIT;"
        ))?;
    }
    Ok(())
}

fn check(connection: &Connection, file: &File) -> Result<(), StoreError> {
    let pragma = |name| pragma(connection, name).map_err(|error| file.error("opening", &error));
    if pragma("application_id")? != APPLICATION {
        return Err(StoreError::NotADatabase { file: file.name() });
    }
    match pragma("user_version")? {
        1..=FORMAT => Ok(()),
        found if found > FORMAT => {
            Err(StoreError::NewerFormat { file: file.name(), found, known: FORMAT })
        }
        found => {
            let detail = format!("its format is said to be {found}");
            Err(StoreError::Damaged { file: file.name(), detail })
        }
    }
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
