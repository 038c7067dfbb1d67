//! What a state assigns to variables, held to the limits.

use super::{
    Execution,
    branch::{Branch, BranchPath},
    visit::failure_of,
};
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
        let none = Assignments::new();
        let others = self.branches.iter().filter(|(other, _)| *other != path);
        let stored = others.map(|(_, branch)| Variables::bytes_without(&branch.variables, &none));
        check(&self.branches[path], assigned, stored.sum())
    }
}

/// Refuses to assign more than there may be, where other branches have `stored` bytes of variables.
pub(super) fn check(branch: &Branch, assigned: &Assignments, stored: usize) -> Result<(), Failure> {
    let bytes: usize = assigned.values().map(|value| value.len()).sum();
    if bytes > ASSIGNED_BYTES_MAX {
        return Err(too_much(branch, "assigned variables", ASSIGNED_BYTES_MAX));
    }
    let kept = Variables::bytes_without(&branch.variables, assigned);
    if stored + kept + bytes > STORED_BYTES_MAX {
        return Err(too_much(branch, "variables of the execution", STORED_BYTES_MAX));
    }
    Ok(())
}

fn too_much(branch: &Branch, what: &str, most: usize) -> Failure {
    let cause = format!(
        "The state '{}' assigned variables with a size exceeding the maximum number of bytes \
         service limit: the {what} may have {most}.",
        branch.state_name()
    );
    failure_of(branch, StatesError::new(error_name::DATA_LIMIT_EXCEEDED, cause))
}
