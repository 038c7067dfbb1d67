//! Where executions are kept: what a store promises.

mod error;
mod execution;
mod key_value;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::{fmt, sync::Arc};

use futures::future::BoxFuture;
use stepyard_asl::{CommandId, Fact, Status, Timestamp};

use crate::{
    ActivityRecord, AliasRecord, ChildResult, ExecutionArn, FunctionRecord, MapRunRecord,
    StateMachineRecord, Tags, VersionRecord, VersionSummary, measures::StoreMeasures,
};

pub use error::StoreError;
pub use execution::{ExecutionRecord, ExecutionSummary, Selection};
pub use key_value::Quotas;
pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::{Entry, Logged};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteStore, TopicMessage};

/// Keeps executions: a journal of facts each, and how each ended.
///
/// One engine writes a store. Reads see what was appended before they began.
pub trait Store: Send + Sync + fmt::Debug {
    /// Appends a batch. Once the future yields `Ok`, the records survive a crash, all or none; after
    /// an error none of them was kept. The batch takes its place in the order of batches with the
    /// call, not with the first poll, and later batches may be appended while it is under way.
    ///
    /// Refuses a batch that creates an execution which exists, numbers a fact as another, or names
    /// an execution that does not exist.
    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Waits until whatever tasks wrote here so far survives a crash, as it does once a batch that
    /// was appended after it is kept.
    fn settle(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        self.append(Batch::default())
    }

    /// An execution's journal, from its first fact; empty when there is no such execution.
    fn facts(&self, execution: &str) -> Result<Vec<Fact>, StoreError> {
        self.facts_after(execution, 0, usize::MAX)
    }

    /// The facts of an execution's journal that come after its first `told`, at most `limit`.
    fn facts_after(
        &self,
        execution: &str,
        told: u64,
        limit: usize,
    ) -> Result<Vec<Fact>, StoreError>;

    /// The fact that was kept last, whichever execution's. A store that does not survive a crash has none.
    fn last_fact(&self) -> Result<Option<FactPlace>, StoreError> {
        Ok(None)
    }

    /// The facts that were kept after this one, in the order in which they were, and at most `limit`; all
    /// after none. None when that one is not there any more.
    fn facts_kept_after(
        &self,
        _after: Option<&FactPlace>,
        _limit: usize,
    ) -> Result<Option<Vec<FactPlace>>, StoreError> {
        Ok(None)
    }

    /// The last checkpoint of an execution, if there is one.
    fn checkpoint(&self, execution: &str) -> Result<Option<Checkpoint>, StoreError>;

    /// What is known of an execution without reading its journal.
    fn execution(&self, arn: &str) -> Result<Option<ExecutionRecord>, StoreError>;

    /// The executions that `selection` asks for, those created last first.
    fn executions(&self, selection: &Selection) -> Result<Vec<ExecutionSummary>, StoreError>;

    /// Executions that rest and go on by themselves at `until` or before: the soonest first, and at
    /// most `limit`.
    fn resting(
        &self,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(ExecutionArn, Timestamp)>, StoreError>;

    /// Unfinished executions with the moment at which each began: those with a number above `after`, those
    /// created first, and at most `limit`.
    fn oldest_open(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, ExecutionArn, Timestamp)>, StoreError>;

    /// Tasks that wait for what is named `awaited`, an activity or an execution: those with a number
    /// above `after`, the longest waiting first, and at most `limit`.
    fn waiting(
        &self,
        awaited: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<WaitingTask>, StoreError>;

    /// Tasks that wait for an execution that is over, or is there no longer; otherwise as
    /// [`Self::waiting`].
    fn waiting_for_ended(&self, after: u64, limit: usize) -> Result<Vec<WaitingTask>, StoreError>;

    /// Whether any task waits for an execution.
    fn are_executions_awaited(&self) -> Result<bool, StoreError>;

    /// The Map Run of this ARN.
    fn map_run(&self, arn: &str) -> Result<Option<MapRunRecord>, StoreError>;

    /// The Map Runs of an execution, those begun last first: those begun before the one of the ARN `after`,
    /// and at most `limit`. How far they have come is left out.
    fn map_runs(
        &self,
        execution: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<MapRunRecord>, StoreError>;

    /// The Map Runs that are under way, as far as that was kept, in the order of their ARNs: those behind the
    /// ARN `after`, and at most `limit`. How far they have come is left out.
    fn open_map_runs(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<MapRunRecord>, StoreError>;

    /// What became of a Map Run's children, by their numbers: of those above `after`, at most `limit`.
    fn map_run_results(
        &self,
        run: &str,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, ChildResult)>, StoreError>;

    /// How many executions are unfinished.
    fn open_count(&self) -> Result<usize, StoreError>;

    /// Forgets executions that were over before `before`, and what was published before it: the
    /// longest past first, of each at most `limit`. Yields how many executions that were, or `limit` when
    /// there is so much of one that it is forgotten in more than one act.
    fn purge(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'static, Result<usize, StoreError>>;

    /// How many bytes the store takes. What was freed and is yet to be used again does not count.
    fn bytes(&self) -> Result<u64, StoreError>;

    /// The state machine of this ARN.
    fn state_machine(&self, arn: &str) -> Result<Option<StateMachineRecord>, StoreError>;

    /// The activity of this ARN.
    fn activity(&self, arn: &str) -> Result<Option<ActivityRecord>, StoreError>;

    /// How many activities there are.
    fn activity_count(&self) -> Result<usize, StoreError>;

    /// How many state machines there are.
    fn state_machine_count(&self) -> Result<usize, StoreError>;

    /// All activities, by name.
    fn activities(&self) -> Result<Vec<ActivityRecord>, StoreError>;

    /// All state machines, by name.
    fn state_machines(&self) -> Result<Vec<StateMachineRecord>, StoreError>;

    /// A state machine's version of this number.
    fn version(&self, machine: &str, number: u64) -> Result<Option<VersionRecord>, StoreError>;

    /// A state machine's versions, newest first.
    fn versions(&self, machine: &str) -> Result<Vec<VersionSummary>, StoreError>;

    /// A state machine's alias of this name.
    fn alias(&self, machine: &str, name: &str) -> Result<Option<AliasRecord>, StoreError>;

    /// A state machine's aliases, by name.
    fn aliases(&self, machine: &str) -> Result<Vec<AliasRecord>, StoreError>;

    /// What is kept of every function, by name.
    fn functions(&self) -> Result<Vec<FunctionRecord>, StoreError>;

    /// What it counts. A store that keeps nothing on a disk counts nothing.
    fn measures(&self) -> StoreMeasures {
        StoreMeasures::default()
    }

    /// The tags of a resource; none when nothing has the ARN.
    fn tags(&self, resource: &str) -> Result<Tags, StoreError>;
}

/// Records that are kept together or not at all, in their order.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The records.
    pub records: Vec<Record>,
}

/// One thing to keep.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Record {
    /// An execution begins; its first fact follows in the same batch.
    Created {
        /// Its ARN.
        arn: ExecutionArn,
        /// Its name.
        name: Arc<str>,
        /// Its state machine's unqualified ARN.
        machine: Arc<str>,
        /// The version it is started with, as an ARN.
        version: Option<Arc<str>>,
        /// The alias it is started through, as an ARN.
        alias: Option<Arc<str>>,
        /// The definition it runs, as it was written.
        definition: Arc<str>,
        /// The Map Run that it is a child of, as an ARN.
        map_run: Option<Arc<str>>,
        /// When it began.
        started_at: Timestamp,
    },
    /// An execution was told something.
    Fact {
        /// The execution.
        execution: ExecutionArn,
        /// 1 for its first fact, then 1 more for each.
        number: u64,
        /// What it was told.
        fact: Fact,
    },
    /// An execution is over.
    Finished {
        /// The execution.
        execution: ExecutionArn,
        /// How it ended.
        status: Status,
        /// When.
        stopped_at: Timestamp,
    },
    /// An execution that was over goes on.
    Redriven {
        /// The execution.
        execution: ExecutionArn,
        /// When.
        at: Timestamp,
    },
    /// A child of a Map Run processes so many items.
    Items {
        /// The child.
        execution: ExecutionArn,
        /// How many.
        items: u64,
    },
    /// An execution only waits: nothing need be at work on it until `until`, or until somebody tells
    /// it something.
    Rests {
        /// The execution.
        execution: ExecutionArn,
        /// When it goes on by itself; none when it does not.
        until: Option<Timestamp>,
    },
    /// An execution rests no longer, if it did.
    Wakes {
        /// The execution.
        execution: ExecutionArn,
    },
    /// A task of an execution waits for something by its name, after those that do; one that does
    /// already keeps its place.
    Waits {
        /// The execution.
        execution: ExecutionArn,
        /// The task.
        task: CommandId,
        /// What it waits for.
        awaited: Awaited,
    },
    /// A task waits so no longer, if it did.
    WaitsNoLonger {
        /// The execution.
        execution: ExecutionArn,
        /// The task.
        task: CommandId,
    },
    /// What an execution is after so many facts; it takes the place of an earlier one.
    Checkpoint {
        /// The execution.
        execution: ExecutionArn,
        /// What it is.
        checkpoint: Checkpoint,
    },
    /// A Map Run begins, or how it stands has changed. It is forgotten with its execution.
    MapRun(Box<MapRunRecord>),
    /// A child of a Map Run is over, and this becomes of it. It is forgotten with the run.
    ChildResult {
        /// The run's ARN.
        run: Arc<str>,
        /// The child's number.
        child: u64,
        /// What becomes of it.
        result: ChildResult,
    },
    /// An activity is registered.
    Activity(ActivityRecord),
    /// An activity is registered no longer, if it was.
    ActivityDeleted {
        /// Its ARN.
        arn: Arc<str>,
    },
    /// A state machine is registered, or changed.
    StateMachine(Box<StateMachineRecord>),
    /// A state machine is registered no longer, if it was; nor its versions, aliases and tags.
    StateMachineDeleted {
        /// Its ARN.
        arn: Arc<str>,
    },
    /// A version is published.
    Version(Box<VersionRecord>),
    /// A version is there no longer, if it was.
    VersionDeleted {
        /// Its state machine's ARN.
        machine: Arc<str>,
        /// Its number.
        number: u64,
    },
    /// An alias is created, or changed.
    Alias(Box<AliasRecord>),
    /// An alias is there no longer, if it was.
    AliasDeleted {
        /// Its state machine's ARN.
        machine: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
    /// A function is bound for the first time, or changed.
    Function(Box<FunctionRecord>),
    /// A resource has these tags and no others.
    Tags {
        /// The resource's ARN.
        resource: Arc<str>,
        /// All its tags.
        tags: Tags,
    },
}

impl Record {
    /// The execution it is about; none when it is about something else.
    fn execution(&self) -> Option<&ExecutionArn> {
        match self {
            Self::Created { arn, .. } => Some(arn),
            Self::Fact { execution, .. }
            | Self::Finished { execution, .. }
            | Self::Redriven { execution, .. }
            | Self::Items { execution, .. }
            | Self::Rests { execution, .. }
            | Self::Wakes { execution }
            | Self::Waits { execution, .. }
            | Self::WaitsNoLonger { execution, .. }
            | Self::Checkpoint { execution, .. } => Some(execution),
            _ => None,
        }
    }
}

/// What a task waits for by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A worker of the activity of this ARN.
    Worker(Arc<str>),
    /// The end of this execution.
    End(ExecutionArn),
}

impl Awaited {
    /// The ARN of what is awaited.
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Worker(arn) | Self::End(arn) => arn,
        }
    }
}

/// A task that waits for something by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingTask {
    /// Its place in the order in which tasks began to wait; no other was ever given it.
    pub number: u64,
    /// Its execution.
    pub execution: ExecutionArn,
    /// The task.
    pub task: CommandId,
}

/// Which fact of which execution.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FactPlace {
    /// The execution.
    pub execution: ExecutionArn,
    /// The fact's number in its journal.
    pub number: u64,
}

/// What an execution is after some of its facts: told the rest of them, it is what it is after all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many facts it was told.
    pub facts: u64,
    /// The execution, as [`stepyard_asl::Execution::restore`] reads it.
    pub body: String,
}
