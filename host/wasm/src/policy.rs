//! What one function may reach and use up, whichever version of it runs.

use crate::{Grants, Limits, Outside, breach::Breaches, gate::Gate};

/// Everything about a function that does not change from task to task.
#[derive(Debug)]
pub struct Policy {
    pub(crate) function: String,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    pub(crate) outside: Outside,
    /// How many of its tasks run at once, and how many wait.
    pub(crate) gate: Gate,
    /// What ended its tasks other than by a result.
    pub(crate) breaches: Breaches,
}
