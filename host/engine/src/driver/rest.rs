//! Executions that only wait: what is kept of them, and how they leave memory.

use stepyard_asl::Timestamp;

use super::{Act, Driver};
use crate::{ExecutionArn, store::Record};

/// One that goes on sooner stays in memory: to read it back would cost more than to keep it.
const REST_MILLIS_MIN: i64 = 10_000;

impl Driver {
    /// Notes of an execution that was just told something, or read back, what else is to be kept of
    /// it: a checkpoint, and whether it rests.
    pub(super) fn note(&mut self, execution: ExecutionArn) {
        let Some(live) = self.live.get_mut(&execution) else { return };
        if let Some(checkpoint) = live.checkpoint() {
            self.batch
                .records
                .push(Record::Checkpoint { execution: execution.clone(), checkpoint });
        }
        let soon = self.clock.now().plus_millis(REST_MILLIS_MIN);
        let rest = self.next_wake.as_ref().and_then(|_| live.execution.rest());
        let rest = rest.filter(|rest| rest.until.is_none_or(|until| until > soon));
        let facts = live.facts;
        match rest {
            Some(rest) => {
                live.rests = true;
                let (resting, until) = (execution.clone(), rest.until);
                self.batch.records.push(Record::Rests { execution: resting, until });
                self.acts.push(Act::Rest { execution, facts, until });
            }
            // Of one that is over the store knows that it rests no longer.
            None if live.rests => {
                live.rests = false;
                if live.is_running() {
                    self.batch.records.push(Record::Wakes { execution });
                }
            }
            None => {}
        }
    }

    /// It is durable that an execution rests: it leaves memory, unless it was told something since,
    /// or somebody looks on.
    pub(super) fn lay_down(
        &mut self,
        execution: &ExecutionArn,
        facts: u64,
        until: Option<Timestamp>,
    ) {
        let Some(live) = self.live.get(execution) else { return };
        let (Some(next_wake), true) = (&self.next_wake, live.facts == facts && live.is_alone())
        else {
            return;
        };
        if let Some(until) = until {
            next_wake.tell(until);
        }
        self.timers.cancel_all(execution);
        self.live.remove(execution);
        self.elsewhere += 1;
    }
}
