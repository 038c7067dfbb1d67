//! The commands that nobody has answered yet, found by their ids; and, of them all, whether any is at
//! work and when the first timer fires.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Command, CommandId, ResourceKind, Timestamp};

/// Commands issued and neither answered nor cancelled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub(super) struct Outstanding {
    commands: BTreeMap<CommandId, Issued>,
    issued: u64,
    /// How many are tasks that the host is at.
    #[serde(skip)]
    at_work: usize,
    /// When timers fire, and how many do then.
    #[serde(skip)]
    moments: BTreeMap<Timestamp, usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Issued {
    number: u64,
    command: Command,
    /// Whether it is a task that was accepted outside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_accepted: bool,
}

impl Issued {
    /// Whether the host is at it. A worker asks for an activity's task by itself.
    fn is_at_work(&self) -> bool {
        let Command::ScheduleTask(task) = &self.command else { return false };
        !self.is_accepted && *task.resource.kind() != ResourceKind::Activity
    }
}

/// What a checkpoint has of them.
#[derive(Deserialize)]
struct Written {
    commands: BTreeMap<CommandId, Issued>,
    issued: u64,
}

impl From<Written> for Outstanding {
    fn from(Written { commands, issued }: Written) -> Self {
        let mut all = Self { issued, ..Self::default() };
        commands.values().for_each(|issued| all.count(issued));
        Self { commands, ..all }
    }
}

impl Outstanding {
    pub(super) fn issue(&mut self, id: CommandId, command: Command) {
        self.issued += 1;
        let issued = Issued { number: self.issued, command, is_accepted: false };
        self.count(&issued);
        let replaced = self.commands.insert(id, issued);
        debug_assert_eq!(replaced, None, "an id names one command");
    }

    /// A task was accepted outside: the host is at it no longer.
    pub(super) fn accepted(&mut self, id: &CommandId) {
        if let Some(issued) = self.commands.get_mut(id) {
            self.at_work -= usize::from(issued.is_at_work());
            issued.is_accepted = true;
        }
    }

    /// The command is answered or cancelled.
    pub(super) fn take(&mut self, id: &CommandId) -> Option<Command> {
        let issued = self.commands.remove(id)?;
        self.at_work -= usize::from(issued.is_at_work());
        if let Command::StartTimer { at, .. } = &issued.command
            && let Some(timers) = self.moments.get_mut(at)
        {
            *timers -= 1;
            if *timers == 0 {
                self.moments.remove(at);
            }
        }
        Some(issued.command)
    }

    pub(super) fn get(&self, id: &CommandId) -> Option<&Command> {
        self.commands.get(id).map(|issued| &issued.command)
    }

    pub(super) fn get_mut(&mut self, id: &CommandId) -> Option<&mut Command> {
        self.commands.get_mut(id).map(|issued| &mut issued.command)
    }

    pub(super) fn len(&self) -> usize {
        self.commands.len()
    }

    /// How many are tasks that the host is at.
    pub(super) fn at_work(&self) -> usize {
        self.at_work
    }

    /// When the first timer fires.
    pub(super) fn first_moment(&self) -> Option<Timestamp> {
        self.moments.keys().next().copied()
    }

    /// In the order in which they were issued.
    pub(super) fn in_order(&self) -> Vec<(&CommandId, &Command)> {
        let mut commands: Vec<_> = self.commands.iter().collect();
        commands.sort_by_key(|(_, issued)| issued.number);
        commands.into_iter().map(|(id, issued)| (id, &issued.command)).collect()
    }

    /// Removes them all and gives their ids, in the order in which they were issued.
    pub(super) fn clear(&mut self) -> Vec<CommandId> {
        let ids = self.in_order().into_iter().map(|(id, _)| id.clone()).collect();
        *self = Self { issued: self.issued, ..Self::default() };
        ids
    }

    fn count(&mut self, issued: &Issued) {
        self.at_work += usize::from(issued.is_at_work());
        if let Command::StartTimer { at, .. } = issued.command {
            *self.moments.entry(at).or_default() += 1;
        }
    }
}
