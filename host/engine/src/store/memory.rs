//! A store in memory: for Express executions and tests. Nothing of it survives the process.

mod buckets;
mod map_runs;
mod waiting;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::{BoxFuture, ready};
use stepyard_asl::{Fact, Status, Timestamp};

use self::{buckets::KeptBucket, map_runs::MapRuns, waiting::Waiting};
use super::{
    Batch, Checkpoint, ExecutionRecord, ExecutionSummary, Record, Selection, Store, StoreError,
    WaitingTask, execution::record, key_value::Quotas,
};
use crate::{
    ActivityRecord, AliasRecord, ChildResult, ExecutionArn, FunctionRecord, MapRunRecord,
    StateMachineRecord, Tags, VersionRecord, VersionSummary,
};

/// Keeps executions, keys and values in memory. Clones share what they keep.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    quotas: Arc<Quotas>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    executions: HashMap<ExecutionArn, KeptExecution>,
    /// By their numbers: in the order in which they were created.
    created: BTreeMap<u64, ExecutionArn>,
    /// The last number given.
    last: u64,
    buckets: BTreeMap<String, KeptBucket>,
    machines: HashMap<Arc<str>, StateMachineRecord>,
    activities: HashMap<Arc<str>, ActivityRecord>,
    functions: BTreeMap<Arc<str>, FunctionRecord>,
    /// By state machine, then by number or name.
    versions: HashMap<Arc<str>, BTreeMap<u64, VersionRecord>>,
    aliases: HashMap<Arc<str>, BTreeMap<Arc<str>, AliasRecord>>,
    tags: HashMap<Arc<str>, Tags>,
    waiting: Waiting,
    map_runs: MapRuns,
}

#[derive(Debug)]
struct KeptExecution {
    number: u64,
    name: Arc<str>,
    machine: Arc<str>,
    version: Option<Arc<str>>,
    alias: Option<Arc<str>>,
    map_run: Option<Arc<str>>,
    definition: Arc<str>,
    started_at: Timestamp,
    facts: BTreeMap<u64, Fact>,
    finished: Option<(Status, Timestamp)>,
    redrives: Vec<Timestamp>,
    items: Option<u64>,
    rest: Rest,
    checkpoint: Option<Checkpoint>,
}

/// Whether an execution rests, and until when.
#[derive(Debug, Default, PartialEq)]
enum Rest {
    #[default]
    Awake,
    Until(Timestamp),
    Forever,
}

impl MemoryStore {
    /// An empty store whose buckets keep to `quotas`.
    pub fn new(quotas: Quotas) -> Self {
        Self { quotas: Arc::new(quotas), kept: Arc::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<(), StoreError>> {
        let mut kept = self.kept();
        let result = kept.check(&batch).map(|()| kept.take(batch));
        Box::pin(ready(result))
    }

    fn facts_after(
        &self,
        execution: &str,
        told: u64,
        limit: usize,
    ) -> Result<Vec<Fact>, StoreError> {
        let kept = self.kept();
        let found = kept.executions.get(execution).into_iter();
        let facts = found.flat_map(|it| it.facts.range(told + 1..)).take(limit);
        Ok(facts.map(|(_, fact)| fact.clone()).collect())
    }

    fn checkpoint(&self, execution: &str) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.kept().executions.get(execution).and_then(|it| it.checkpoint.clone()))
    }

    fn execution(&self, arn: &str) -> Result<Option<ExecutionRecord>, StoreError> {
        let kept = self.kept();
        Ok(kept.executions.get_key_value(arn).and_then(|(arn, execution)| {
            let first = execution.facts.values().next()?.clone();
            let status = execution.finished.as_ref().map(|(status, _)| status.clone());
            let status = status.unwrap_or(Status::Running);
            let rests = execution.rest != Rest::Awake;
            record(execution.summary(arn), execution.definition.clone(), first, rests, status)
        }))
    }

    fn executions(&self, selection: &Selection) -> Result<Vec<ExecutionSummary>, StoreError> {
        let kept = self.kept();
        let before = selection.before.map_or(Bound::Unbounded, Bound::Excluded);
        let newest_first = kept.created.range((Bound::Unbounded, before)).rev();
        let found = newest_first.map(|(_, arn)| (arn, &kept.executions[arn]));
        let found = found.filter(|(_, it)| {
            (!selection.awake || it.is_awake())
                && (!selection.children || it.is_open_child())
                && (selection.map_run.is_none()
                    || selection.map_run.as_deref() == it.map_run.as_deref())
                && selection.redriven.is_none_or(|is_so| is_so != it.redrives.is_empty())
        });
        let summaries = found.map(|(arn, execution)| execution.summary(arn));
        let selected = summaries.filter(|summary| {
            let wanted = |wanted: &Option<String>, is: Option<&str>| {
                wanted.as_deref().is_none_or(|wanted| is == Some(wanted))
            };
            wanted(&selection.machine, Some(&summary.machine))
                && wanted(&selection.version, summary.version.as_deref())
                && wanted(&selection.alias, summary.alias.as_deref())
                && wanted(&selection.status, Some(summary.status))
        });
        Ok(selected.take(selection.limit.unwrap_or(usize::MAX)).collect())
    }

    fn resting(
        &self,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(ExecutionArn, Timestamp)>, StoreError> {
        let kept = self.kept();
        let resting = kept.executions.iter().filter_map(|(arn, execution)| match execution.rest {
            Rest::Until(at) if at <= until => Some((arn.clone(), at)),
            _ => None,
        });
        let mut resting: Vec<_> = resting.collect();
        resting.sort_by_key(|(_, at)| *at);
        resting.truncate(limit);
        Ok(resting)
    }

    fn oldest_open(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, ExecutionArn, Timestamp)>, StoreError> {
        let kept = self.kept();
        let behind = kept.created.range((Bound::Excluded(after), Bound::Unbounded));
        let all =
            behind.filter_map(|(number, arn)| Some((*number, arn, kept.executions.get(arn)?)));
        let open = all.filter(|(.., execution)| execution.finished.is_none());
        Ok(open.map(|(number, arn, it)| (number, arn.clone(), it.started_at)).take(limit).collect())
    }

    fn waiting(
        &self,
        awaited: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<WaitingTask>, StoreError> {
        Ok(self.kept().waiting.after(awaited, after, limit))
    }

    fn waiting_for_ended(&self, after: u64, limit: usize) -> Result<Vec<WaitingTask>, StoreError> {
        let kept = self.kept();
        let is_over = |arn: &str| kept.executions.get(arn).is_none_or(|it| it.finished.is_some());
        Ok(kept.waiting.for_executions(after, limit, is_over))
    }

    fn are_executions_awaited(&self) -> Result<bool, StoreError> {
        Ok(!self.kept().waiting.for_executions(0, 1, |_| true).is_empty())
    }

    fn open_count(&self) -> Result<usize, StoreError> {
        Ok(self.kept().executions.values().filter(|it| it.finished.is_none()).count())
    }

    fn purge(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'static, Result<usize, StoreError>> {
        let mut kept = self.kept();
        let ended = |(number, arn): (&u64, &ExecutionArn)| {
            let (_, stopped_at) = kept.executions[arn].finished.as_ref()?;
            (*stopped_at < before).then_some((*stopped_at, *number))
        };
        let mut past: Vec<_> = kept.created.iter().filter_map(ended).collect();
        past.sort_unstable();
        past.truncate(limit);
        for (_, number) in &past {
            let arn = kept.created.remove(number).expect("what is past was created");
            kept.executions.remove(&arn);
            kept.map_runs.forget(&arn);
        }
        Box::pin(ready(Ok(past.len())))
    }

    fn map_run(&self, arn: &str) -> Result<Option<MapRunRecord>, StoreError> {
        Ok(self.kept().map_runs.one(arn))
    }

    fn map_runs(
        &self,
        execution: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<MapRunRecord>, StoreError> {
        Ok(self.kept().map_runs.of(execution, after, limit))
    }

    fn open_map_runs(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<MapRunRecord>, StoreError> {
        Ok(self.kept().map_runs.open(after, limit))
    }

    fn map_run_results(
        &self,
        run: &str,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, ChildResult)>, StoreError> {
        Ok(self.kept().map_runs.results(run, after, limit))
    }

    /// Of the journals alone, and roughly: what limits this store is the machine's memory.
    fn bytes(&self) -> Result<u64, StoreError> {
        let kept = self.kept();
        let facts = kept.executions.values().map(|execution| execution.facts.len() as u64);
        Ok(facts.sum::<u64>() * size_of::<Fact>() as u64)
    }

    fn state_machine(&self, arn: &str) -> Result<Option<StateMachineRecord>, StoreError> {
        Ok(self.kept().machines.get(arn).cloned())
    }

    fn activity(&self, arn: &str) -> Result<Option<ActivityRecord>, StoreError> {
        Ok(self.kept().activities.get(arn).cloned())
    }

    fn activity_count(&self) -> Result<usize, StoreError> {
        Ok(self.kept().activities.len())
    }

    fn state_machine_count(&self) -> Result<usize, StoreError> {
        Ok(self.kept().machines.len())
    }

    fn functions(&self) -> Result<Vec<FunctionRecord>, StoreError> {
        Ok(self.kept().functions.values().cloned().collect())
    }

    fn activities(&self) -> Result<Vec<ActivityRecord>, StoreError> {
        let mut all: Vec<_> = self.kept().activities.values().cloned().collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    fn state_machines(&self) -> Result<Vec<StateMachineRecord>, StoreError> {
        let mut all: Vec<_> = self.kept().machines.values().cloned().collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    fn version(&self, machine: &str, number: u64) -> Result<Option<VersionRecord>, StoreError> {
        let kept = self.kept();
        Ok(kept.versions.get(machine).and_then(|versions| versions.get(&number).cloned()))
    }

    fn versions(&self, machine: &str) -> Result<Vec<VersionSummary>, StoreError> {
        let kept = self.kept();
        let versions = kept.versions.get(machine).into_iter().flat_map(BTreeMap::values);
        Ok(versions.rev().map(|version| version.summary.clone()).collect())
    }

    fn alias(&self, machine: &str, name: &str) -> Result<Option<AliasRecord>, StoreError> {
        let kept = self.kept();
        Ok(kept.aliases.get(machine).and_then(|aliases| aliases.get(name).cloned()))
    }

    fn aliases(&self, machine: &str) -> Result<Vec<AliasRecord>, StoreError> {
        let kept = self.kept();
        Ok(kept.aliases.get(machine).into_iter().flat_map(BTreeMap::values).cloned().collect())
    }

    fn tags(&self, resource: &str) -> Result<Tags, StoreError> {
        Ok(self.kept().tags.get(resource).cloned().unwrap_or_default())
    }
}

impl Kept {
    /// Finds what would be refused, so that nothing is taken of a batch that is.
    fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut created: HashSet<&ExecutionArn> = HashSet::new();
        let mut numbered: HashSet<(&ExecutionArn, u64)> = HashSet::new();
        for record in &batch.records {
            let Some(arn) = record.execution() else { continue };
            let found = self.executions.get(arn);
            let exists = found.is_some() || created.contains(arn);
            match record {
                Record::Created { .. } if exists => {
                    return Err(StoreError::ExecutionExists { arn: arn.to_string() });
                }
                Record::Created { .. } => {
                    created.insert(arn);
                }
                _ if !exists => {
                    return Err(StoreError::ExecutionDoesNotExist { arn: arn.to_string() });
                }
                &Record::Fact { number, .. } => {
                    let kept = found.is_some_and(|found| found.facts.contains_key(&number));
                    if kept || !numbered.insert((arn, number)) {
                        let execution = arn.to_string();
                        return Err(StoreError::FactExists { execution, number });
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, batch: Batch) {
        for record in batch.records {
            match record {
                Record::Created {
                    arn,
                    name,
                    machine,
                    version,
                    alias,
                    definition,
                    map_run,
                    started_at,
                } => {
                    self.last += 1;
                    let kept = KeptExecution {
                        number: self.last,
                        name,
                        machine,
                        version,
                        alias,
                        map_run,
                        definition,
                        started_at,
                        facts: BTreeMap::new(),
                        finished: None,
                        redrives: Vec::new(),
                        items: None,
                        rest: Rest::Awake,
                        checkpoint: None,
                    };
                    self.executions.insert(arn.clone(), kept);
                    self.created.insert(self.last, arn);
                }
                Record::Fact { execution, number, fact } => {
                    if let Some(kept) = self.executions.get_mut(&execution) {
                        kept.facts.insert(number, fact);
                    }
                }
                Record::Finished { execution, status, stopped_at } => {
                    if let Some(kept) = self.executions.get_mut(&execution) {
                        kept.finished = Some((status, stopped_at));
                        kept.rest = Rest::Awake;
                    }
                }
                Record::Redriven { execution, at } => {
                    if let Some(kept) = self.executions.get_mut(&execution) {
                        kept.finished = None;
                        kept.redrives.push(at);
                    }
                }
                Record::Items { execution, items } => {
                    if let Some(kept) = self.executions.get_mut(&execution) {
                        kept.items = Some(items);
                    }
                }
                Record::Rests { execution, until } => {
                    if let Some(kept) = self.executions.get_mut(&execution) {
                        kept.rest = until.map_or(Rest::Forever, Rest::Until);
                    }
                }
                Record::Wakes { execution } => {
                    if let Some(kept) = self.executions.get_mut(&execution) {
                        kept.rest = Rest::Awake;
                    }
                }
                Record::Waits { execution, task, awaited } => {
                    self.waiting.add(execution, task, awaited);
                }
                Record::WaitsNoLonger { execution, task } => {
                    self.waiting.remove(&execution, &task);
                }
                Record::Checkpoint { execution, checkpoint } => {
                    if let Some(kept) = self.executions.get_mut(&execution) {
                        kept.checkpoint = Some(checkpoint);
                    }
                }
                Record::MapRun(run) => self.map_runs.keep(*run),
                Record::ChildResult { run, child, result } => {
                    self.map_runs.keep_result(run, child, result);
                }
                Record::Activity(activity) => {
                    self.activities.insert(activity.arn.clone(), activity);
                }
                Record::Function(function) => {
                    self.functions.insert(function.name.clone(), *function);
                }
                Record::ActivityDeleted { arn } => {
                    self.activities.remove(&arn);
                }
                Record::StateMachine(machine) => {
                    self.machines.insert(machine.arn.clone(), *machine);
                }
                Record::StateMachineDeleted { arn } => {
                    self.machines.remove(&arn);
                    self.versions.remove(&arn);
                    self.aliases.remove(&arn);
                    self.tags.remove(&arn);
                }
                Record::Version(version) => {
                    let summary = &version.summary;
                    let versions = self.versions.entry(summary.machine.clone()).or_default();
                    versions.insert(summary.number, *version);
                }
                Record::VersionDeleted { machine, number } => {
                    self.versions.entry(machine).or_default().remove(&number);
                }
                Record::Alias(alias) => {
                    let aliases = self.aliases.entry(alias.machine.clone()).or_default();
                    aliases.insert(alias.name.clone(), *alias);
                }
                Record::AliasDeleted { machine, name } => {
                    self.aliases.entry(machine).or_default().remove(&name);
                }
                Record::Tags { resource, tags } => {
                    self.tags.insert(resource, tags);
                }
            }
        }
    }
}

impl KeptExecution {
    /// The state machine of a Map Run's child is `<name>/<label>`; no other has such a name.
    fn is_open_child(&self) -> bool {
        self.finished.is_none() && self.machine.contains('/')
    }

    fn is_awake(&self) -> bool {
        self.finished.is_none() && self.rest == Rest::Awake
    }

    fn summary(&self, arn: &ExecutionArn) -> ExecutionSummary {
        let finished = self.finished.as_ref();
        ExecutionSummary {
            number: self.number,
            arn: arn.clone(),
            name: self.name.clone(),
            machine: self.machine.clone(),
            version: self.version.clone(),
            alias: self.alias.clone(),
            started_at: self.started_at,
            stopped_at: finished.map(|(_, stopped_at)| *stopped_at),
            status: finished.map_or(&Status::Running, |(status, _)| status).name(),
            redrive_count: self.redrives.len().try_into().unwrap_or(u32::MAX),
            redriven_at: self.redrives.last().copied(),
            items: self.items,
        }
    }
}
