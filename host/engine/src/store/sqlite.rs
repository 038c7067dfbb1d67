//! A store in one SQLite file: executions, keys and values, and the log of topics.
//!
//! One thread writes, and commits whatever waits for it as one group; readers have connections of
//! their own and see what was committed.

mod activities;
mod ahead;
mod aliases;
mod functions;
mod journal;
mod key_value;
mod machines;
mod map_runs;
mod purge;
mod rest;
mod schema;
mod tags;
mod topics;
mod versions;
mod waiting;
mod writer;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use rusqlite::{Connection, ErrorCode};
use stepyard_asl::{Fact, Timestamp};

use self::{ahead::Ahead, writer::Writer};
use super::{
    Batch, Checkpoint, ExecutionRecord, ExecutionSummary, FactPlace, Quotas, Selection, Store,
    StoreError, WaitingTask,
};
use crate::{
    ActivityRecord, AliasRecord, ChildResult, ExecutionArn, FunctionRecord, MapRunRecord,
    StateMachineRecord, Tags, VersionRecord, VersionSummary, measures::StoreMeasures,
};

pub use topics::TopicMessage;
pub(crate) use topics::{Entry, Logged};

/// Keeps executions, keys and values, and the log of topics in a file. Clones share it; with the
/// last one the file is closed.
#[derive(Clone)]
pub struct SqliteStore(Arc<Database>);

struct Database {
    file: File,
    quotas: Arc<Quotas>,
    ahead: Arc<Ahead>,
    /// Connections that no reader uses at the moment.
    readers: Mutex<Vec<Connection>>,
    /// Dropped after the readers: the last connection moves the write-ahead log into the file, and
    /// that has to be one that may write.
    writer: Writer,
}

/// Idle readers that are kept for the next read.
const IDLE_READERS_MAX: usize = 8;

impl SqliteStore {
    /// Opens a store, and makes the file when it is absent; its folder must be there. A file that
    /// is no store, or of a later format, is refused and left as it is.
    pub fn open(path: impl Into<PathBuf>, quotas: Quotas) -> Result<Self, StoreError> {
        let file = File(path.into());
        let connection = schema::open(&file)?;
        let (quotas, readers) = (Arc::new(quotas), Mutex::default());
        let ahead = Arc::<Ahead>::default();
        let writer = Writer::start(connection, file.clone(), ahead.clone())?;
        Ok(Self(Arc::new(Database { file, quotas, ahead, readers, writer })))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.file.0
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        let idle = || self.0.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = idle().pop();
        let reader = reader.map_or_else(|| schema::open_reader(&self.0.file), Ok)?;
        let result = read(&reader).map_err(|error| self.0.file.error("reading", &error));
        let mut idle = idle();
        if idle.len() < IDLE_READERS_MAX {
            idle.push(reader);
        }
        result
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("file", &self.0.file.0).finish_non_exhaustive()
    }
}

impl Store for SqliteStore {
    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<(), StoreError>> {
        let file = self.0.file.clone();
        self.0.writer.submit(move |connection| journal::append(connection, &batch, &file))
    }

    fn settle(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        self.0.writer.settle()
    }

    fn facts_after(
        &self,
        execution: &str,
        told: u64,
        limit: usize,
    ) -> Result<Vec<Fact>, StoreError> {
        self.read(|connection| journal::facts_after(connection, execution, told, limit))
    }

    fn last_fact(&self) -> Result<Option<FactPlace>, StoreError> {
        self.read(journal::last_fact)
    }

    fn facts_kept_after(
        &self,
        after: Option<&FactPlace>,
        limit: usize,
    ) -> Result<Option<Vec<FactPlace>>, StoreError> {
        self.read(|connection| journal::facts_kept_after(connection, after, limit))
    }

    fn checkpoint(&self, execution: &str) -> Result<Option<Checkpoint>, StoreError> {
        self.read(|connection| rest::checkpoint(connection, execution))
    }

    fn execution(&self, arn: &str) -> Result<Option<ExecutionRecord>, StoreError> {
        self.read(|connection| journal::execution(connection, arn))
    }

    fn executions(&self, selection: &Selection) -> Result<Vec<ExecutionSummary>, StoreError> {
        self.read(|connection| journal::executions(connection, selection))
    }

    fn resting(
        &self,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(ExecutionArn, Timestamp)>, StoreError> {
        self.read(|connection| rest::resting(connection, until, limit))
    }

    fn oldest_open(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, ExecutionArn, Timestamp)>, StoreError> {
        self.read(|connection| rest::oldest_open(connection, after, limit))
    }

    fn waiting(
        &self,
        awaited: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<WaitingTask>, StoreError> {
        self.read(|connection| waiting::after(connection, awaited, after, limit))
    }

    fn waiting_for_ended(&self, after: u64, limit: usize) -> Result<Vec<WaitingTask>, StoreError> {
        self.read(|connection| waiting::for_ended(connection, after, limit))
    }

    fn are_executions_awaited(&self) -> Result<bool, StoreError> {
        self.read(waiting::are_any_for_executions)
    }

    fn map_run(&self, arn: &str) -> Result<Option<MapRunRecord>, StoreError> {
        self.read(|connection| map_runs::one(connection, arn))
    }

    fn map_runs(
        &self,
        execution: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<MapRunRecord>, StoreError> {
        self.read(|connection| map_runs::of(connection, execution, after, limit))
    }

    fn open_map_runs(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<MapRunRecord>, StoreError> {
        self.read(|connection| map_runs::open(connection, after, limit))
    }

    fn map_run_results(
        &self,
        run: &str,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, ChildResult)>, StoreError> {
        self.read(|connection| map_runs::results(connection, run, after, limit))
    }

    fn open_count(&self) -> Result<usize, StoreError> {
        self.read(rest::open_count)
    }

    fn purge(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'static, Result<usize, StoreError>> {
        let file = self.0.file.clone();
        self.0.writer.submit(move |connection| {
            purge::purge(connection, before, limit).map_err(|error| file.error("writing", &error))
        })
    }

    fn measures(&self) -> StoreMeasures {
        let bytes = |file: &Path| fs::metadata(file).map_or(0, |file| file.len());
        let mut log = self.path().as_os_str().to_owned();
        log.push("-wal");
        StoreMeasures {
            commits: Some(self.0.writer.commits.clone()),
            database_bytes: bytes(self.path()),
            log_bytes: bytes(log.as_ref()),
        }
    }

    fn bytes(&self) -> Result<u64, StoreError> {
        self.read(purge::bytes)
    }

    fn state_machine(&self, arn: &str) -> Result<Option<StateMachineRecord>, StoreError> {
        self.read(|connection| machines::one(connection, arn))
    }

    fn activity(&self, arn: &str) -> Result<Option<ActivityRecord>, StoreError> {
        self.read(|connection| activities::one(connection, arn))
    }

    fn activity_count(&self) -> Result<usize, StoreError> {
        self.read(activities::count)
    }

    fn state_machine_count(&self) -> Result<usize, StoreError> {
        self.read(machines::count)
    }

    fn functions(&self) -> Result<Vec<FunctionRecord>, StoreError> {
        self.read(functions::all)
    }

    fn activities(&self) -> Result<Vec<ActivityRecord>, StoreError> {
        self.read(activities::all)
    }

    fn state_machines(&self) -> Result<Vec<StateMachineRecord>, StoreError> {
        self.read(machines::all)
    }

    fn version(&self, machine: &str, number: u64) -> Result<Option<VersionRecord>, StoreError> {
        self.read(|connection| versions::one(connection, machine, number))
    }

    fn versions(&self, machine: &str) -> Result<Vec<VersionSummary>, StoreError> {
        self.read(|connection| versions::all(connection, machine))
    }

    fn alias(&self, machine: &str, name: &str) -> Result<Option<AliasRecord>, StoreError> {
        self.read(|connection| aliases::one(connection, machine, name))
    }

    fn aliases(&self, machine: &str) -> Result<Vec<AliasRecord>, StoreError> {
        self.read(|connection| aliases::all(connection, machine))
    }

    fn tags(&self, resource: &str) -> Result<Tags, StoreError> {
        self.read(|connection| tags::of(connection, resource))
    }
}

/// The file a store is in, and what its errors say.
#[derive(Clone, Debug)]
struct File(PathBuf);

impl File {
    fn name(&self) -> String {
        self.0.display().to_string()
    }

    fn error(&self, action: &'static str, error: &rusqlite::Error) -> StoreError {
        let file = self.name();
        let mut detail = error.to_string();
        match error {
            rusqlite::Error::FromSqlConversionFailure(..) => StoreError::Damaged { file, detail },
            error => match error.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => StoreError::NotADatabase { file },
                Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { file, detail },
                Some(ErrorCode::DiskFull) => StoreError::Full { file },
                Some(ErrorCode::SystemIoFailure) => {
                    detail += ": look in the system's log for what is wrong with the disk";
                    StoreError::Failed { action, file, detail }
                }
                // Of a folder that may not be written to, and of a disk that fails while SQLite opens.
                Some(ErrorCode::ReadOnly) => {
                    detail += ": see that the file and its folder may be written to, and look in the \
                               system's log for what is wrong with the disk";
                    StoreError::Failed { action, file, detail }
                }
                _ => StoreError::Failed { action, file, detail },
            },
        }
    }
}
