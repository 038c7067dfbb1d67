//! Executions that only wait: what is kept of them, and how they leave memory.

use stepyard_asl::Timestamp;

use super::{Act, Driver};
use crate::{ExecutionArn, live::Live, store::Record};

/// One that goes on sooner stays in memory: to read it back would cost more than to keep it.
const REST_MILLIS_MIN: i64 = 10_000;

/// One that waits for more is likely to be told something soon, and to read it back takes as long as it
/// is large: it leaves memory once it was told nothing for a while.
const WAITS_FOR_FEW: usize = 64;
const LINGER_MILLIS: i64 = 60_000;

/// An execution that rests, and stays in memory for a while.
pub(super) struct Lingering {
    pub(super) until: Timestamp,
    execution: ExecutionArn,
    /// How many facts it had been told.
    facts: u64,
}

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
        let may_rest = self.next_wake.is_some() && !live.follows;
        let rest = may_rest.then(|| live.execution.rest()).flatten();
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

    /// It is durable that an execution rests: it leaves memory, unless it was told something since.
    pub(super) fn lay_down(
        &mut self,
        execution: &ExecutionArn,
        facts: u64,
        until: Option<Timestamp>,
    ) {
        let Some(live) = self.live.get(execution).filter(|live| live.facts == facts) else {
            return;
        };
        if live.execution.waits_for() > WAITS_FOR_FEW || !self.may_leave(execution) {
            self.linger(execution);
        } else {
            self.leave(execution, until);
        }
    }

    /// What rests and was told nothing for a while leaves memory.
    pub(super) fn lay_down_lingering(&mut self) {
        let now = self.clock.now();
        while self.lingering.front().is_some_and(|lingering| lingering.until <= now) {
            let Some(Lingering { execution, facts, .. }) = self.lingering.pop_front() else {
                return;
            };
            let Some(live) = self.live.get_mut(&execution) else { continue };
            live.lingers = false;
            if !live.rests {
                continue;
            }
            let is_quiet = live.facts == facts;
            match live.execution.rest() {
                Some(rest) if is_quiet && self.may_leave(&execution) => {
                    self.leave(&execution, rest.until);
                }
                _ => self.linger(&execution),
            }
        }
    }

    fn linger(&mut self, execution: &ExecutionArn) {
        let Some(live) = self.live.get_mut(execution).filter(|live| !live.lingers) else { return };
        live.lingers = true;
        let (until, facts) = (self.clock.now().plus_millis(LINGER_MILLIS), live.facts);
        self.lingering.push_back(Lingering { until, execution: execution.clone(), facts });
    }

    /// Nobody looks on, and no job's end is being found out.
    fn may_leave(&self, execution: &ExecutionArn) -> bool {
        self.live.get(execution).is_some_and(Live::is_alone) && !self.tasks.are_at_work(execution)
    }

    fn leave(&mut self, execution: &ExecutionArn, until: Option<Timestamp>) {
        if let (Some(next_wake), Some(until)) = (&self.next_wake, until) {
            next_wake.tell(until);
        }
        self.tasks.cancel_all(execution);
        self.timers.cancel_all(execution);
        self.live.remove(execution);
        self.elsewhere += 1;
    }
}
