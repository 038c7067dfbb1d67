//! Map Runs, and what became of their children, in memory.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::Arc,
};

use crate::{ChildResult, MapRunRecord, MapRunStatus};

/// Map Runs in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct MapRuns {
    runs: BTreeMap<u64, MapRunRecord>,
    numbers: HashMap<Arc<str>, u64>,
    results: HashMap<Arc<str>, BTreeMap<u64, ChildResult>>,
    last: u64,
}

impl MapRuns {
    pub(super) fn keep(&mut self, run: MapRunRecord) {
        self.last += 1;
        let number = *self.numbers.entry(run.arn.clone()).or_insert(self.last);
        self.runs.insert(number, run);
    }

    pub(super) fn keep_result(&mut self, run: Arc<str>, child: u64, result: ChildResult) {
        self.results.entry(run).or_default().insert(child, result);
    }

    pub(super) fn one(&self, arn: &str) -> Option<MapRunRecord> {
        self.numbers.get(arn).and_then(|number| self.runs.get(number)).cloned()
    }

    pub(super) fn of(
        &self,
        execution: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<MapRunRecord> {
        let number = |arn| self.numbers.get(arn).copied().unwrap_or_default();
        let newest_first = self.runs.range(..after.map_or(u64::MAX, number)).rev();
        let of_execution = newest_first.filter(|(_, run)| &*run.execution == execution);
        of_execution.take(limit).map(|(_, run)| run.shown()).collect()
    }

    pub(super) fn open(&self, after: Option<&str>, limit: usize) -> Vec<MapRunRecord> {
        let open = self.runs.values().filter(|run| run.status == MapRunStatus::Running);
        let behind = open.filter(|run| after.is_none_or(|after| &*run.arn > after));
        let mut open: Vec<_> = behind.map(MapRunRecord::shown).collect();
        open.sort_by(|one, other| one.arn.cmp(&other.arn));
        open.truncate(limit);
        open
    }

    pub(super) fn results(
        &self,
        run: &str,
        after: Option<u64>,
        limit: usize,
    ) -> Vec<(u64, ChildResult)> {
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let results = self.results.get(run).into_iter().flat_map(|all| all.range(behind));
        results.take(limit).map(|(child, result)| (*child, result.clone())).collect()
    }

    /// Forgets those of an execution.
    pub(super) fn forget(&mut self, execution: &str) {
        self.runs.retain(|_, run| {
            let is_kept = &*run.execution != execution;
            if !is_kept {
                self.numbers.remove(&run.arn);
                self.results.remove(&run.arn);
            }
            is_kept
        });
    }
}
