//! Executions that keep to the versions that were current when they began.

use std::{fmt, sync::Arc};

use stepyard_asl::{Pins, StateMachine};

/// Says which executions those are.
pub trait Pinning: Send + Sync + fmt::Debug {
    /// The versions that the tasks of an execution run which begins now; none when each runs what is
    /// current then. `arn` is the state machine's, unqualified.
    fn pins(&self, arn: &str, machine: &StateMachine) -> Option<Arc<Pins>>;
}
