//! A host in memory, for a step's own tests.
//!
//! [`Host::run`] runs a step's function on it. A task can be killed before any of its host calls
//! ([`Host::run_killed`]), and several can run at once in an order drawn from a seed
//! ([`interleave`]), so that a test can show what holds between any two host calls.

pub(crate) mod imports;
mod schedule;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

#[cfg(feature = "http")]
use crate::http;
use crate::{keyvalue::Failure, mail};

use schedule::Gate;
pub use schedule::interleave;

/// A host in memory. A clone is the same host.
#[derive(Debug, Clone, Default)]
pub struct Host(Arc<Mutex<State>>);

/// What became of a task that may have been killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<Answer> {
    /// It came to its end and answered.
    Done(Answer),
    /// It was killed: what it had done by then stays done.
    Killed,
}

#[cfg(feature = "http")]
type Server = Arc<dyn Fn(&http::Request) -> Result<http::Response, http::Error> + Send + Sync>;

/// A value that a task wrote, or none where it took the key away.
struct Write {
    bucket: String,
    key: String,
    value: Option<Vec<u8>>,
}

#[derive(Default)]
struct State {
    buckets: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    rivals: BTreeSet<(String, String)>,
    failures: BTreeMap<String, Failure>,
    config: BTreeMap<String, String>,
    mail: Vec<mail::Message>,
    mail_failure: Option<mail::Error>,
    #[cfg(feature = "http")]
    server: Option<Server>,
    writes: Vec<Write>,
}

impl Host {
    /// A host that has nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an empty bucket.
    #[must_use]
    pub fn with_bucket(self, bucket: &str) -> Self {
        self.state().buckets.entry(bucket.to_owned()).or_default();
        self
    }

    /// Gives a key this value, adding the bucket where it is missing.
    #[must_use]
    pub fn with_value(self, bucket: &str, key: &str, value: &str) -> Self {
        self.state().set(bucket, key, value.into());
        self
    }

    /// Makes a bucket one that the step has no grant for.
    #[must_use]
    pub fn with_denied_bucket(self, bucket: &str) -> Self {
        self.state().failures.insert(bucket.to_owned(), Failure::AccessDenied);
        self
    }

    /// Makes every operation on a bucket fail for this reason.
    #[must_use]
    pub fn with_broken_bucket(self, bucket: &str, reason: &str) -> Self {
        self.state().failures.insert(bucket.to_owned(), Failure::Other(reason.to_owned()));
        self
    }

    /// Adds another writer who always gets in between the beginning and the swap of a
    /// compare-and-swap of this key.
    #[must_use]
    pub fn with_rival(self, bucket: &str, key: &str, value: &str) -> Self {
        self.state().rivals.insert((bucket.to_owned(), key.to_owned()));
        self.with_value(bucket, key, value)
    }

    /// Gives a setting this value.
    #[must_use]
    pub fn with_config(self, key: &str, value: &str) -> Self {
        self.state().config.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Answers every message with this error.
    #[must_use]
    pub fn with_mail_failure(self, failure: mail::Error) -> Self {
        self.state().mail_failure = Some(failure);
        self
    }

    /// Answers every HTTP request as `server` does.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn with_server(
        self,
        server: impl Fn(&http::Request) -> Result<http::Response, http::Error> + Send + Sync + 'static,
    ) -> Self {
        self.state().server = Some(Arc::new(server));
        self
    }

    /// Runs a task.
    pub fn run<Answer>(&self, task: impl FnOnce() -> Answer) -> Answer {
        Task { host: self.clone(), doom: Doom::None }.run(task)
    }

    /// Runs a task and kills it before its host call number `calls`, counting from 0. A task that
    /// makes exactly `calls` of them is killed after the last one, before its answer is known.
    pub fn run_killed<Answer>(
        &self,
        calls: usize,
        task: impl FnOnce() -> Answer,
    ) -> Outcome<Answer> {
        let doomed = Task { host: self.clone(), doom: Doom::After(calls) };
        catch(|| {
            doomed.run(|| {
                let answer = task();
                imports::call();
                answer
            })
        })
    }

    /// The value of a key, as text.
    pub fn value(&self, bucket: &str, key: &str) -> Option<String> {
        let state = self.state();
        let value = state.buckets.get(bucket)?.get(key)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// The keys of a bucket, in order.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.state().buckets.get(bucket).into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// Every value that tasks have given a key, in order.
    pub fn history(&self, bucket: &str, key: &str) -> Vec<String> {
        let state = self.state();
        let writes = state.writes.iter().filter(|write| write.bucket == bucket && write.key == key);
        writes
            .filter_map(|write| write.value.as_deref())
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// The messages sent, each once.
    pub fn mail(&self) -> Vec<mail::Message> {
        self.state().mail.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn set(&mut self, bucket: &str, key: &str, value: Vec<u8>) {
        let keys = self.buckets.entry(bucket.to_owned()).or_default();
        keys.insert(key.to_owned(), value);
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("buckets", &self.buckets)
            .field("config", &self.config)
            .field("mail", &self.mail)
            .finish_non_exhaustive()
    }
}

thread_local! {
    static TASK: RefCell<Option<Task>> = const { RefCell::new(None) };
}

/// The task that this thread runs.
#[derive(Clone)]
struct Task {
    host: Host,
    doom: Doom,
}

/// When a task is killed.
#[derive(Clone)]
enum Doom {
    None,
    After(usize),
    Scheduled(Gate),
}

/// What a killed task unwinds with.
struct Killed;

impl Task {
    fn run<Answer>(self, task: impl FnOnce() -> Answer) -> Answer {
        struct Restore(Option<Task>);
        impl Drop for Restore {
            fn drop(&mut self) {
                TASK.set(self.0.take());
            }
        }
        let _restore = Restore(TASK.replace(Some(self)));
        task()
    }
}

impl Doom {
    /// Called before each host call: may not return.
    fn pass(&mut self) {
        match self {
            Self::None => {}
            Self::After(0) => panic::resume_unwind(Box::new(Killed)),
            Self::After(calls) => *calls -= 1,
            Self::Scheduled(gate) => {
                if gate.pass() {
                    panic::resume_unwind(Box::new(Killed));
                }
            }
        }
    }
}

fn catch<Answer>(task: impl FnOnce() -> Answer) -> Outcome<Answer> {
    match panic::catch_unwind(AssertUnwindSafe(task)) {
        Ok(answer) => Outcome::Done(answer),
        Err(payload) if payload.is::<Killed>() => Outcome::Killed,
        Err(payload) => panic::resume_unwind(payload),
    }
}
