//! An execution as a text and back: a cache, so that a long journal need not be told from its start.
//!
//! The journal stays what counts. A checkpoint that another version wrote, or that does not fit, is no
//! loss: the journal is told instead.

use std::{collections::BTreeMap, mem, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Execution, Started, Status,
    branch::{Branch, BranchPath, Machine, Waiting, parent_path},
    outstanding::Outstanding,
    pending::Pending,
    redrive::Redrives,
    turn::Turn,
};
use crate::{
    Command, CommandKind, StateKind, StateMachine, Timestamp, payload::variables::Variables,
};

/// Who can read a checkpoint: the version that wrote it. The number is raised when what is kept comes
/// to mean something else.
const FORMAT: &str = concat!("5 of ", env!("CARGO_PKG_VERSION"));

#[derive(Serialize)]
struct Written<'a> {
    format: &'a str,
    status: &'a Status,
    started: &'a Option<Arc<Started>>,
    now: Timestamp,
    last_event: u64,
    #[serde(serialize_with = "write_pairs")]
    branches: &'a BTreeMap<BranchPath, Branch>,
    outstanding: &'a Outstanding,
    redrives: &'a Redrives,
    pending: &'a Pending,
}

#[derive(Deserialize)]
struct Read {
    format: String,
    status: Status,
    started: Option<Arc<Started>>,
    now: Timestamp,
    last_event: u64,
    #[serde(deserialize_with = "read_pairs")]
    branches: BTreeMap<BranchPath, Branch>,
    outstanding: Outstanding,
    redrives: Redrives,
    pending: Pending,
}

impl Execution {
    /// What [`Execution::restore`] makes an equal execution of.
    pub fn checkpoint(&self) -> String {
        let Self { status, started, now, last_event, branches, .. } = self;
        let Self { outstanding, redrives, pending, .. } = self;
        let (now, last_event) = (*now, *last_event);
        let written = Written {
            format: FORMAT,
            status,
            started,
            now,
            last_event,
            branches,
            outstanding,
            redrives,
            pending,
        };
        serde_json::to_string(&written).expect("an execution has nothing that JSON cannot hold")
    }

    /// The execution of `machine` that a checkpoint was made of. None when the checkpoint is another
    /// version's, or of another machine.
    pub fn restore(machine: Arc<StateMachine>, checkpoint: &str) -> Option<Self> {
        let read: Read = serde_json::from_str(checkpoint).ok()?;
        let Read { format, status, started, now, last_event, .. } = read;
        let Read { mut branches, mut redrives, .. } = read;
        let Read { mut outstanding, pending, .. } = read;
        let machine = Machine(machine);
        let fits = format == FORMAT
            && bind(&mut branches, &machine)
            && bind(&mut redrives.stood, &machine);
        bind_runs(&branches, &mut outstanding);
        let turn = Turn::default();
        fits.then_some(Self {
            machine,
            status,
            started,
            now,
            last_event,
            branches,
            outstanding,
            redrives,
            pending,
            turn,
            is_traced: false,
        })
    }
}

/// Gives each branch its machine: the root the whole one, any other that of its place in its parent's
/// state; and the variables around its own. False when there is no such machine.
fn bind(branches: &mut BTreeMap<BranchPath, Branch>, root: &Machine) -> bool {
    // A parent comes before its descendants.
    let paths: Vec<BranchPath> = branches.keys().cloned().collect();
    paths.iter().all(|path| {
        let (machine, outer) = match parent_path(path) {
            None => (Some(root.clone()), Variables::default()),
            Some((parent, slot)) => {
                let Some(parent) = branches.get(&parent) else { return false };
                (machine_within(parent, slot), parent.variables.clone())
            }
        };
        let (Some(machine), Some(branch)) = (machine, branches.get_mut(path)) else { return false };
        branch.machine = machine;
        branch.variables = mem::take(&mut branch.variables).within(&outer);
        if let Waiting::MapRun(run) = &mut branch.waiting {
            Arc::make_mut(run).bind(&branch.machine, &branch.variables);
        }
        let next = if let Waiting::Turn(next, _) = branch.waiting { next } else { branch.state };
        [branch.state, next].into_iter().all(|state| branch.machine.has_state_at(state))
    })
}

/// Gives each task that is a Map Run the run that its state waits for.
fn bind_runs(branches: &BTreeMap<BranchPath, Branch>, outstanding: &mut Outstanding) {
    for (path, branch) in branches {
        if let Waiting::MapRun(run) = &branch.waiting
            && let Some(Command::ScheduleTask(task)) =
                outstanding.get_mut(&branch.command(path, CommandKind::Task))
        {
            task.map_run = Some(run.clone());
        }
    }
}

fn machine_within(parent: &Branch, slot: usize) -> Option<Machine> {
    let state = parent.state();
    let place = if state.kind() == StateKind::Map { 0 } else { slot };
    state.behavior().machines().get(place).cloned().map(Machine)
}

/// JSON has texts alone for keys, so a map is written as its pairs.
pub(super) fn write_pairs<S: Serializer>(
    branches: &BTreeMap<BranchPath, Branch>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(branches)
}

pub(super) fn read_pairs<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<BranchPath, Branch>, D::Error> {
    let pairs: Vec<(BranchPath, Branch)> = Vec::deserialize(deserializer)?;
    Ok(pairs.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_of_another_version_or_machine_is_none() {
        let machine = |states: &str| {
            let text = format!(r#"{{"StartAt": "A", "States": {{{states}}}}}"#);
            Arc::new(StateMachine::parse(&text).unwrap())
        };
        let one = machine(r#""A": {"Type": "Succeed"}"#);
        let execution = Execution::new(one.clone());
        let checkpoint = execution.checkpoint();
        assert_eq!(Execution::restore(one.clone(), &checkpoint), Some(execution));
        let other = checkpoint.replace(FORMAT, "0 of 0.0.1");
        for text in ["", "{}", &other, &checkpoint[1..]] {
            assert_eq!(Execution::restore(one.clone(), text), None, "{text}");
        }
    }
}
