//! The commands that nobody has answered yet, found by their ids.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Command, CommandId};

/// Commands issued and neither answered nor cancelled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Outstanding {
    /// Each with the number under which it was issued.
    commands: BTreeMap<CommandId, (u64, Command)>,
    issued: u64,
}

impl Outstanding {
    pub(super) fn issue(&mut self, id: CommandId, command: Command) {
        self.issued += 1;
        let replaced = self.commands.insert(id, (self.issued, command));
        debug_assert_eq!(replaced, None, "an id names one command");
    }

    /// The command is answered or cancelled.
    pub(super) fn take(&mut self, id: &CommandId) -> Option<Command> {
        self.commands.remove(id).map(|(_, command)| command)
    }

    pub(super) fn get(&self, id: &CommandId) -> Option<&Command> {
        self.commands.get(id).map(|(_, command)| command)
    }

    pub(super) fn get_mut(&mut self, id: &CommandId) -> Option<&mut Command> {
        self.commands.get_mut(id).map(|(_, command)| command)
    }

    pub(super) fn len(&self) -> usize {
        self.commands.len()
    }

    /// In no order that means anything.
    pub(super) fn all(&self) -> impl Iterator<Item = &Command> {
        self.commands.values().map(|(_, command)| command)
    }

    /// In the order in which they were issued.
    pub(super) fn in_order(&self) -> Vec<(&CommandId, &Command)> {
        let mut commands: Vec<_> = self.commands.iter().collect();
        commands.sort_by_key(|(_, (number, _))| *number);
        commands.into_iter().map(|(id, (_, command))| (id, command)).collect()
    }

    /// Removes them all and gives their ids, in the order in which they were issued.
    pub(super) fn clear(&mut self) -> Vec<CommandId> {
        let ids = self.in_order().into_iter().map(|(id, _)| id.clone()).collect();
        self.commands.clear();
        ids
    }
}
