//! One start or resumption of an execution at a time: so that "is it there?" and "then begin it"
//! are one act.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::ExecutionArn;

/// The executions that are being started or resumed.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    taken: Mutex<HashSet<ExecutionArn>>,
    freed: Notify,
}

/// Nobody else starts or resumes the execution until this is dropped. It travels with the request,
/// so it holds even when whoever asked has gone.
#[derive(Debug)]
pub(crate) struct Reservation {
    of: Arc<Reservations>,
    execution: ExecutionArn,
}

impl Reservations {
    /// Waits until nobody else holds the execution.
    pub(crate) async fn take(self: &Arc<Self>, execution: &ExecutionArn) -> Reservation {
        loop {
            // Asked for before the look: a release in between is then not missed.
            let freed = self.freed.notified();
            if self.taken().insert(execution.clone()) {
                return Reservation { of: self.clone(), execution: execution.clone() };
            }
            freed.await;
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<ExecutionArn>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.of.taken().remove(&self.execution);
        self.of.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn an_execution_is_held_by_one_at_a_time() {
        let (all, execution) = (Arc::new(Reservations::default()), ExecutionArn::from("one"));
        let first = all.take(&execution).now_or_never().unwrap();
        assert!(all.take(&ExecutionArn::from("other")).now_or_never().is_some());
        let mut second = Box::pin(all.take(&execution));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert!((&mut second).now_or_never().is_some());
    }
}
