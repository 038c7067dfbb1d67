//! Tasks that wait for something by its name, in memory.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::Arc,
};

use stepyard_asl::CommandId;

use crate::{
    ExecutionArn,
    store::{Awaited, WaitingTask},
};

/// Tasks that wait, each with its number in the order in which they began to.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    tasks: HashMap<(ExecutionArn, CommandId), (u64, Awaited)>,
    lines: HashMap<Arc<str>, BTreeMap<u64, (ExecutionArn, CommandId)>>,
    last: u64,
}

impl Waiting {
    /// It waits, after those that do; one that does already keeps its place.
    pub(super) fn add(&mut self, execution: ExecutionArn, task: CommandId, awaited: Awaited) {
        let key = (execution, task);
        if self.tasks.contains_key(&key) {
            return;
        }
        self.last += 1;
        self.lines.entry(awaited.name().clone()).or_default().insert(self.last, key.clone());
        self.tasks.insert(key, (self.last, awaited));
    }

    /// It waits no longer, if it did.
    pub(super) fn remove(&mut self, execution: &ExecutionArn, task: &CommandId) {
        let Some((number, awaited)) = self.tasks.remove(&(execution.clone(), task.clone())) else {
            return;
        };
        if let Some(line) = self.lines.get_mut(awaited.name()) {
            line.remove(&number);
            if line.is_empty() {
                self.lines.remove(awaited.name());
            }
        }
    }

    pub(super) fn after(&self, awaited: &str, after: u64, limit: usize) -> Vec<WaitingTask> {
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let line = self.lines.get(awaited).into_iter().flat_map(|line| line.range(behind));
        let found = line.map(|(number, (execution, task))| WaitingTask {
            number: *number,
            execution: execution.clone(),
            task: task.clone(),
        });
        found.take(limit).collect()
    }

    /// Those that wait for executions, of which `is_over` says which are over.
    pub(super) fn for_executions(
        &self,
        after: u64,
        limit: usize,
        is_over: impl Fn(&str) -> bool,
    ) -> Vec<WaitingTask> {
        let wanted = |awaited: &Awaited| match awaited {
            Awaited::End(execution) => is_over(execution),
            Awaited::Worker(_) => false,
        };
        let all = self.tasks.iter().filter(|(_, (number, it))| *number > after && wanted(it));
        let mut found: Vec<_> = all
            .map(|((execution, task), (number, _))| WaitingTask {
                number: *number,
                execution: execution.clone(),
                task: task.clone(),
            })
            .collect();
        found.sort_by_key(|task| task.number);
        found.truncate(limit);
        found
    }
}
