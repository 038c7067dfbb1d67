//! What an engine counts and times, for whoever watches it. To count is to add to an atomic: it keeps
//! nobody waiting and allocates nothing.

mod named;
mod timing;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use stepyard_asl::{EventType, HistoryEvent, Resource, ResourceKind, Status, Timestamp};

pub use self::{
    named::Named,
    timing::{Times, Timing},
};
use crate::{Answer, Outcome};

/// All that an engine counts, since it was made.
#[derive(Debug, Default)]
pub struct Measures {
    /// Its Standard executions.
    pub standard: Executions,
    /// Its Express executions.
    pub express: Executions,
    /// What histories show.
    pub events: Events,
    /// The tasks that integrations did, by the resource as the definition has it.
    pub tasks: Named<Tasks>,
}

/// What a store counts.
#[derive(Clone, Debug, Default)]
pub struct StoreMeasures {
    /// How long groups of writes took until they were durable; none where nothing is.
    pub commits: Option<Arc<Timing>>,
    /// How large its file is.
    pub database_bytes: u64,
    /// How large the log is that is not in the file yet.
    pub log_bytes: u64,
}

/// What an observer passes on to somebody outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipping {
    /// What it is: `log_records`, `spans`.
    pub what: &'static str,
    /// How many were taken outside.
    pub sent: u64,
    /// How many were not, and will not be.
    pub lost: u64,
    /// How many wait.
    pub waiting: u64,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Executions of one type. Each is counted once that is durable.
#[derive(Debug, Default)]
pub struct Executions {
    /// Those that began.
    pub started: Count,
    /// Those that went on: after a restart, a rest in the store, or a redrive.
    pub resumed: Count,
    open: AtomicUsize,
    /// How long those took that are over, from their start.
    pub duration: Timing,
    ended: [Count; ENDS.len()],
}

/// How an execution can end.
const ENDS: [&str; 4] = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];

impl Executions {
    /// How many ended, by AWS's names of how.
    pub fn ended(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ENDS.into_iter().zip(self.ended.iter().map(Count::get))
    }

    /// Those that are not over, at work or not.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn show_open(&self, count: usize) {
        self.open.store(count, Ordering::Relaxed);
    }

    pub(crate) fn end(&self, status: &Status, began: Option<Timestamp>, at: Timestamp) {
        if let Some(end) = ENDS.iter().position(|name| *name == status.name()) {
            self.ended[end].add();
        }
        let millis = at.as_millis().saturating_sub(began.unwrap_or(at).as_millis());
        self.duration.add(Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
    }
}

/// History events, by type: what AWS counts of states, activities, functions and services.
#[derive(Debug)]
pub struct Events([Count; EventType::ALL.len()]);

impl Default for Events {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Count::default()))
    }
}

impl Events {
    /// How many there were of each type.
    pub fn by_type(&self) -> impl Iterator<Item = (EventType, u64)> {
        EventType::ALL.iter().copied().zip(self.0.iter().map(Count::get))
    }

    pub(crate) fn show(&self, history: &[HistoryEvent]) {
        history.iter().for_each(|event| self.0[event.kind as usize].add());
    }
}

/// Attempts at tasks of one resource.
#[derive(Debug, Default)]
pub struct Tasks {
    /// Those that were begun.
    pub started: Count,
    /// How long those took that are over.
    pub duration: Timing,
    ended: [Count; OUTCOMES.len()],
}

/// What an attempt can come to: the last is the end of one that nobody waits for any more.
const OUTCOMES: [&str; 4] = ["succeeded", "submitted", "failed", "cancelled"];
const CANCELLED: usize = 3;

/// The name that all Map Runs have together.
const MAP_RUNS: &str = "mapRun";

impl Tasks {
    /// How many ended, and how.
    pub fn ended(&self) -> impl Iterator<Item = (&'static str, u64)> {
        OUTCOMES.into_iter().zip(self.ended.iter().map(Count::get))
    }
}

/// An attempt at a task, counted as cancelled when it is dropped before its end.
#[derive(Debug)]
pub(crate) struct Attempt {
    measures: Arc<Measures>,
    place: usize,
    begun: Instant,
    outcome: usize,
}

impl Attempt {
    pub(crate) fn begin(measures: &Arc<Measures>, resource: &Resource) -> Self {
        // Each Map Run has an ARN of its own, and a count of one.
        let name =
            if *resource.kind() == ResourceKind::MapRun { MAP_RUNS } else { resource.text() };
        let place = measures.tasks.place(name);
        measures.tasks.at(place).started.add();
        Self { measures: measures.clone(), place, begun: Instant::now(), outcome: CANCELLED }
    }

    pub(crate) fn end(mut self, outcome: &Outcome) {
        self.outcome = match outcome.result {
            Ok(Answer::Done(_)) => 0,
            Ok(Answer::Submitted(_)) => 1,
            Err(_) => 2,
        };
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let tasks = self.measures.tasks.at(self.place);
        tasks.ended[self.outcome].add();
        tasks.duration.add(self.begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepyard_asl::StatesError;

    #[test]
    fn an_attempt_ends_once_and_one_that_is_dropped_was_cancelled() {
        let measures = Arc::new(Measures::default());
        let resource: Resource = "arn:aws:states:::sns:publish".parse().unwrap();
        let attempt = || Attempt::begin(&measures, &resource);
        attempt().end(&Outcome::done(serde_json::json!(1)));
        attempt().end(&Outcome::failed(StatesError::runtime("no")));
        drop(attempt());
        let open = attempt();
        let tasks = measures.tasks.of(resource.text());
        assert_eq!(tasks.started.get(), 4);
        let ended: Vec<_> = tasks.ended().collect();
        let expected = [("succeeded", 1), ("submitted", 0), ("failed", 1), ("cancelled", 1)];
        assert_eq!(ended, expected);
        assert_eq!(tasks.duration.read().count(), 3);
        drop(open);
    }

    #[test]
    fn all_map_runs_are_counted_together() {
        let measures = Arc::new(Measures::default());
        for number in 0..3 {
            let arn = format!("arn:aws:states:us-east-1:1:mapRun:orders/each:{number}");
            drop(Attempt::begin(&measures, &arn.parse().unwrap()));
        }
        let counted: Vec<_> =
            measures.tasks.iter().map(|(name, tasks)| (name, tasks.started.get())).collect();
        assert_eq!(counted, [(MAP_RUNS, 3)]);
    }

    #[test]
    fn an_execution_ends_as_it_did_and_after_so_long() {
        let executions = Executions::default();
        let at = Timestamp::from_millis;
        executions.end(&Status::TimedOut, Some(at(1_000)), at(1_250));
        assert!(executions.ended().any(|end| end == ("TIMED_OUT", 1)));
        assert_eq!(executions.duration.read().seconds, 0.25);
    }
}
