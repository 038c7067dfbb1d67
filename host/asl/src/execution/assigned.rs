//! What a state assigns to variables, held to the limits.

use super::{Execution, branch::BranchPath, visit::failure_of};
use crate::{
    StatesError, error_name,
    payload::variables::{Assignments, Variables},
    retry::Failure,
};

/// The most bytes that one `Assign` assigns, and so of one variable (Developer Guide, "Passing data
/// between states with variables": "Limits").
const ASSIGNED_BYTES_MAX: usize = 262_144;

/// The most bytes of all variables of an execution (ibid.).
const STORED_BYTES_MAX: usize = 10 << 20;

impl Execution {
    /// Refuses to assign more than there may be.
    pub(super) fn check_assigned(
        &self,
        path: &BranchPath,
        assigned: &Assignments,
    ) -> Result<(), Failure> {
        if assigned.is_empty() {
            return Ok(());
        }
        let bytes: usize = assigned.values().map(|value| value.len()).sum();
        if bytes > ASSIGNED_BYTES_MAX {
            return Err(self.too_much(path, "assigned variables", ASSIGNED_BYTES_MAX));
        }
        let none = Assignments::new();
        let stored = self.branches.iter().map(|(other, branch)| {
            let replaced = if other == path { assigned } else { &none };
            Variables::bytes_without(&branch.variables, replaced)
        });
        if stored.sum::<usize>() + bytes > STORED_BYTES_MAX {
            return Err(self.too_much(path, "variables of the execution", STORED_BYTES_MAX));
        }
        Ok(())
    }

    fn too_much(&self, path: &BranchPath, what: &str, most: usize) -> Failure {
        let branch = &self.branches[path];
        let cause = format!(
            "The state '{}' assigned variables with a size exceeding the maximum number of bytes \
             service limit: the {what} may have {most}.",
            branch.state_name()
        );
        failure_of(branch, StatesError::new(error_name::DATA_LIMIT_EXCEEDED, cause))
    }
}
