//! What a Map Run is to its host: the executions to run, what each is given, and what they come to.

mod filling;
mod tolerance;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    Started,
    branch::{Branch, BranchPath, Machine, child_path},
    outputs::Outputs,
    randomness::{Purpose, uuid},
    visit::Visit,
};
use crate::{
    CommandId, CommandKind, Payload, StateName, StatesError, Timestamp,
    outline::Outline,
    payload::{context_object::ItemContext, variables::Variables},
    retry::Failure,
    state::{
        ExecutionType, Fork, Item, ItemSource, Limits, Plan, ResultDestination, Transformation,
        children_at_once,
    },
};

pub use filling::Filling;
pub use tolerance::Tolerance;

/// A Map Run: the items of a Distributed Map, to be processed by executions of their own.
///
/// It follows from the facts that led to it, and so do its ARN and the names and inputs of its
/// children: a host that performs it again finds those that it started before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapRun {
    arn: String,
    machine: String,
    execution_type: ExecutionType,
    #[serde(flatten)]
    plan: Plan,
    redrive_count: u32,
    /// The task it began as.
    task: CommandId,
    fork: Fork,
    // What its children's inputs are evaluated against.
    started: Arc<Started>,
    redrives: (u32, Option<Timestamp>),
    path: BranchPath,
    branch: Branch,
    now: Timestamp,
}

/// An execution of a Map Run.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// Its name.
    pub name: String,
    /// How many items it processes.
    pub items: usize,
    /// Its input.
    pub input: Payload,
}

impl MapRun {
    pub(super) fn new(visit: &Visit<'_>, started: Arc<Started>, fork: Fork, plan: Plan) -> Self {
        let (path, branch) = (visit.path.clone(), visit.branch.clone());
        let task = branch.command(&path, CommandKind::Task);
        let distributed = branch.state().behavior().distributed();
        let distributed = distributed.expect("only a Distributed Map starts a Map Run");
        // Of a child's state machine, `<name>/<label>`, the name alone.
        let machine = started.machine.split('/').next().unwrap_or_default();
        let label = distributed.label.clone();
        let label = label.unwrap_or_else(|| made_label(machine, branch.state_name()));
        let id = uuid(&started.seed, Purpose::MapRun, &task, 0);
        Self {
            arn: format!("{}/{label}:{id}", machine.replacen(":stateMachine:", ":mapRun:", 1)),
            machine: format!("{machine}/{label}"),
            execution_type: distributed.execution_type,
            plan,
            redrive_count: 0,
            task,
            fork,
            redrives: visit.redrives,
            now: visit.now,
            started,
            path,
            branch,
        }
    }

    /// The same run, gone on with once more.
    pub(super) fn redriven(&self) -> Self {
        Self { redrive_count: self.redrive_count + 1, ..self.clone() }
    }

    /// The same run of a checkpoint, which knows of no machine and of no variables around.
    pub(super) fn bind(&mut self, machine: &Machine, variables: &Variables) {
        self.branch.machine = machine.clone();
        self.branch.variables = variables.clone();
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The ARN of its children's state machine: `…:stateMachine:<name>/<label>`.
    pub fn machine_arn(&self) -> &str {
        &self.machine
    }

    /// The name of its state.
    pub fn state(&self) -> &StateName {
        self.branch.state_name()
    }

    /// The role its children run under: its execution's.
    pub fn role(&self) -> &str {
        &self.started.role
    }

    /// Whether its children are Express executions.
    pub fn is_express(&self) -> bool {
        self.execution_type == ExecutionType::Express
    }

    /// How many children may run at once.
    pub fn concurrency(&self) -> usize {
        self.fork.concurrency
    }

    /// How many may with another `MaxConcurrency`.
    pub fn concurrency_of(max_concurrency: usize) -> usize {
        children_at_once(max_concurrency)
    }

    /// How many items there are, where the state's data has them; none where they are read from
    /// [`Self::source`].
    pub fn total(&self) -> Option<usize> {
        self.fork.items.as_ref().map(|_| self.fork.total)
    }

    /// An item that the state's data has.
    pub fn item(&self, index: usize) -> Option<Item> {
        self.fork.item(index).map(Item::from)
    }

    /// What its items are read from.
    pub fn source(&self) -> Option<&ItemSource> {
        self.plan.source.as_ref()
    }

    /// What becomes of its children's results; none where their outputs are the state's result.
    pub fn destination(&self) -> Option<&ResultDestination> {
        self.plan.destination.as_ref()
    }

    /// How many of its items may fail, as the state says.
    pub fn tolerance(&self) -> Tolerance {
        let Limits { tolerated_count, tolerated_percentage, .. } = self.plan.limits;
        Tolerance { count: tolerated_count, percentage: tolerated_percentage }
    }

    /// How many items a child gets at most.
    pub fn items_of_child(&self) -> usize {
        self.plan.limits.batch.map_or(1, |batch| batch.items)
    }

    /// How often it was redriven.
    pub fn redrive_count(&self) -> u32 {
        self.redrive_count
    }

    pub(super) fn input(&self) -> &Payload {
        &self.fork.input
    }

    /// What its children run: the item processor, of the definition that its own execution runs, in the
    /// query language of that.
    pub fn definition(&self, of_execution: &str) -> Option<String> {
        let definition: Value = serde_json::from_str(of_execution).ok()?;
        let outline = Outline::read(&definition);
        let mut states = outline.containers.iter().flat_map(|container| &container.states);
        let map = states.find(|state| state.name == &**self.state())?.fields;
        let processor = map.get("ItemProcessor").or(map.get("Iterator"))?;
        let mut machine = processor.as_object()?.clone();
        machine.shift_remove("ProcessorConfig");
        if let Some(language) = definition.get("QueryLanguage") {
            machine.insert("QueryLanguage".to_owned(), language.clone());
        }
        Some(Value::from(machine).to_string())
    }

    /// Its child number `index`, to be filled with items from the one numbered `first` on. Fails when
    /// what the child is given besides cannot be made, and so the run.
    pub fn fill(&self, index: usize, first: usize) -> Result<Filling<'_>, StatesError> {
        let batch = match self.plan.limits.batch {
            None => None,
            Some(limits) => Some((limits, self.envelope(first)?)),
        };
        Ok(Filling::new(self, index, first, batch))
    }

    /// The error of a run of which more items failed than it tolerates.
    pub fn exceeded(&self) -> StatesError {
        Limits::exceeded()
    }

    /// What the run comes to: an array of the outputs, by child. Of a child that failed there is
    /// none.
    pub fn result(&self, outputs: &Outputs) -> Result<Payload, StatesError> {
        let result = outputs.result(self.state())?;
        let transformation = self.destination().map(|it| it.transformation);
        match (transformation, result.value()) {
            (Some(Transformation::Flatten), Value::Array(outputs)) => Ok(flat(outputs)),
            _ => Ok(result),
        }
    }

    /// What a child gets of one item.
    fn input_of(&self, index: usize, item: &Item) -> Result<Payload, StatesError> {
        // Before, the member of an object was its name and value in one, and nothing told where it is from.
        let whole = (self.started.edition < 1).then(|| item.input());
        let item = match &whole {
            Some(value) => ItemContext { index, key: None, value, source: None },
            None => item.context(index),
        };
        let branch = child_path(&self.path, &self.branch, item.index);
        let place = CommandId { branch, visit: 0, attempt: 0, kind: CommandKind::Task };
        let input = self.visit().evaluate(&place, Purpose::Item, |state, cx| {
            state.behavior().item_input(cx, &self.fork, item)
        });
        input.map_err(|Failure { error, .. }| error)
    }

    /// What the child that begins with an item is given besides its items.
    fn envelope(&self, first: usize) -> Result<Map<String, Value>, StatesError> {
        let branch = child_path(&self.path, &self.branch, first);
        let place = CommandId { branch, visit: 0, attempt: 0, kind: CommandKind::Task };
        let envelope = self.visit().evaluate(&place, Purpose::Batch, |state, cx| {
            let batcher = state.behavior().distributed().and_then(|it| it.batcher.as_ref());
            batcher.expect("a run with batches has a batcher").envelope(cx, self.input())
        });
        envelope.map_err(|Failure { error, .. }| error)
    }

    fn visit(&self) -> Visit<'_> {
        Visit {
            started: &self.started,
            redrives: self.redrives,
            path: &self.path,
            branch: &self.branch,
            now: self.now,
            test: None,
        }
    }
}

/// The elements of outputs that are arrays, and the other outputs.
fn flat(outputs: &[Value]) -> Payload {
    let mut all = Vec::with_capacity(outputs.len());
    for output in outputs {
        match output {
            Value::Array(elements) => all.extend(elements.iter().cloned()),
            other => all.push(other.clone()),
        }
    }
    Value::Array(all).into()
}

/// The label of a Map state that has none of its own: the same for each of its runs.
fn made_label(machine: &str, state: &StateName) -> String {
    let digest: [u8; 32] = Sha256::digest(format!("{machine}\0{state}")).into();
    let bytes = *digest.first_chunk().expect("a digest has 32 bytes");
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests;
