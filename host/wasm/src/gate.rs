//! How many tasks of one function run at once, and how many wait for their turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

#[derive(Debug)]
pub(crate) struct Gate {
    places: Semaphore,
    waiting: AtomicUsize,
    waiting_max: usize,
}

impl Gate {
    pub(crate) fn new(running_max: usize, waiting_max: usize) -> Self {
        let places = Semaphore::new(running_max.min(Semaphore::MAX_PERMITS));
        Self { places, waiting: AtomicUsize::new(0), waiting_max }
    }

    /// A place, in the order of asking; none when too many wait already.
    pub(crate) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(place) = self.places.try_acquire() {
            return Some(place);
        }
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waits = Waits(&self.waiting);
        if waiting >= self.waiting_max {
            return None;
        }
        self.places.acquire().await.ok()
    }
}

/// Counts a waiting task until it has its place or is given up.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn who_finds_the_queue_full_is_turned_away() {
        let gate = Gate::new(1, 1);
        let first = gate.enter().now_or_never().flatten();
        assert!(first.is_some());

        let mut second = Box::pin(gate.enter());
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        assert!(matches!(gate.enter().now_or_never(), Some(None)), "the queue is full");

        drop(first);
        let second = second.now_or_never().flatten();
        assert!(second.is_some());

        let third = Box::pin(gate.enter());
        drop(third);
        let mut fourth = Box::pin(gate.enter());
        assert!(
            fourth.as_mut().now_or_never().is_none(),
            "who gave up left its place in the queue"
        );
    }
}
