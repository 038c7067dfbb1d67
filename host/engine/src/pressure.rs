//! How much work the engine has taken and not done. Past a bound no execution begins, so that what is
//! in memory does not grow with what is asked: whoever asks is told to come again.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::EngineError;

/// Tasks at work, and what they hold.
#[derive(Debug)]
pub(crate) struct Pressure {
    tasks: AtomicUsize,
    bytes: AtomicUsize,
    tasks_max: usize,
    bytes_max: usize,
}

impl Pressure {
    pub(crate) fn new(tasks_max: usize, bytes_max: usize) -> Arc<Self> {
        let (tasks, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { tasks, bytes, tasks_max, bytes_max })
    }

    /// Whether one more execution may begin.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let is_free =
            self.tasks() < self.tasks_max && self.bytes.load(Ordering::Relaxed) < self.bytes_max;
        if is_free { Ok(()) } else { Err(EngineError::Throttled) }
    }

    /// How many tasks are at work.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks.load(Ordering::Relaxed)
    }

    /// A task is at work, with so many bytes of input, until what this answers is dropped.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> Burden {
        self.tasks.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Burden { on: self.clone(), bytes }
    }
}

/// A task's share of what the engine has taken.
#[derive(Debug)]
pub(crate) struct Burden {
    on: Arc<Pressure>,
    bytes: usize,
}

impl Drop for Burden {
    fn drop(&mut self) {
        self.on.tasks.fetch_sub(1, Ordering::Relaxed);
        self.on.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_begins_while_too_much_is_at_work_by_number_or_by_size() {
        for (tasks_max, bytes_max) in [(2, 100), (100, 20)] {
            let pressure = Pressure::new(tasks_max, bytes_max);
            let first = pressure.take(10);
            assert_eq!(pressure.check(), Ok(()));
            let second = pressure.take(10);
            assert_eq!(pressure.check(), Err(EngineError::Throttled));
            drop(first);
            assert_eq!(pressure.check(), Ok(()));
            drop(second);
            assert_eq!(pressure.tasks(), 0);
        }
    }
}
