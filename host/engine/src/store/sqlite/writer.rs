//! The one thread that writes. What waits for it is committed as one group, so that many pay for
//! one fsync; each is answered when its group is durable, or as soon as it is written where that is
//! enough.

use std::{
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use futures::future::{BoxFuture, ready};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{File, ahead::Ahead};
use crate::{StoreError, measures::Timing};

/// The most requests of one group, so that the first of them is not kept waiting for ever.
const GROUP_MAX: usize = 1_024;

/// How long a group that nobody waits for is kept open, for somebody who does to share its commit.
const LINGER: Duration = Duration::from_millis(5);

/// Hands work to the thread. Once dropped, the thread has finished and the file is closed.
pub(super) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    ahead: Arc<Ahead>,
    /// How long groups took, from their first request to the disk.
    pub(super) commits: Arc<Timing>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        file: File,
        ahead: Arc<Ahead>,
    ) -> Result<Self, StoreError> {
        let (jobs, waiting) = mpsc::channel();
        let name = file.name();
        let commits = Arc::<Timing>::default();
        let thread = Thread {
            connection,
            file,
            closed: None,
            ahead: ahead.clone(),
            commits: commits.clone(),
        };
        let thread = thread::Builder::new()
            .name("stepyard-store".to_owned())
            .spawn(move || thread.run(&waiting))
            .map_err(|error| StoreError::Failed {
                action: "starting the writer of",
                file: name,
                detail: error.to_string(),
            })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), ahead, commits })
    }

    /// Has `work` done in the next group, after whatever was submitted before. When it fails, what
    /// it wrote is undone, and only that. It is durable when it is answered.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        self.request(work, false)
    }

    /// As [`Self::submit`], but it is answered once it is written. It is durable no later than
    /// whatever is submitted after that.
    pub(super) fn submit_ahead<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        self.ahead.begin();
        self.request(work, true)
    }

    /// Waits until all that was answered is durable: not at all when it is.
    pub(super) fn settle(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        if self.ahead.is_settled() {
            return Box::pin(ready(Ok(())));
        }
        self.submit(|_| Ok(()))
    }

    fn request<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        is_ahead: bool,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let request = Request { work: Some(work), done: None, reply, is_ahead };
        let jobs = self.jobs.as_ref().expect("the writer has jobs until it is dropped");
        // A thread that has gone drops the request, and the answer tells.
        let _ = jobs.send(Box::new(request));
        Box::pin(async move {
            let gone = |_| Err(StoreError::Closed { reason: "its writer has gone".to_owned() });
            answer.await.unwrap_or_else(gone)
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by the thread itself.
            let _ = thread.join();
        }
    }
}

/// Something to write.
trait Job: Send {
    /// Writes it within the open transaction.
    fn write(&mut self, connection: &Connection) -> Result<(), StoreError>;
    /// Whether it is answered once it is written.
    fn is_ahead(&self) -> bool;
    /// Answers it: as it came out, or that the group was not kept.
    fn answer(self: Box<Self>, group: Result<(), StoreError>);
}

struct Request<T, W> {
    work: Option<W>,
    done: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    is_ahead: bool,
}

impl<T, W> Job for Request<T, W>
where
    T: Send,
    W: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn write(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let work = self.work.take().expect("a request is written once");
        let done = self.done.insert(work(connection));
        done.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    fn is_ahead(&self) -> bool {
        self.is_ahead
    }

    fn answer(mut self: Box<Self>, group: Result<(), StoreError>) {
        let done = self.done.take();
        let answer = group.and_then(|()| done.expect("a request is written before it is answered"));
        // Who asked may have gone; what was written stands.
        let _ = self.reply.send(answer);
    }
}

struct Thread {
    connection: Connection,
    file: File,
    /// Why nothing more is written.
    closed: Option<StoreError>,
    ahead: Arc<Ahead>,
    commits: Arc<Timing>,
}

/// What is committed together.
#[derive(Default)]
struct Group {
    /// Those who wait for the commit.
    waiting: Vec<Box<dyn Job>>,
    /// How many were answered already.
    ahead: usize,
}

impl Group {
    fn is_full(&self) -> bool {
        self.waiting.len() + self.ahead >= GROUP_MAX
    }
}

impl Thread {
    fn run(mut self, jobs: &Receiver<Box<dyn Job>>) {
        while let Ok(first) = jobs.recv() {
            let mut group = Group::default();
            let begun = Instant::now();
            let result = match &self.closed {
                Some(closed) => {
                    group.waiting.push(first);
                    Err(closed.clone())
                }
                None => self.write_group(first, &mut group, jobs),
            };
            self.commits.add(begun.elapsed());
            for job in group.waiting {
                job.answer(result.clone());
            }
        }
    }

    fn write_group(
        &mut self,
        first: Box<dyn Job>,
        group: &mut Group,
        jobs: &Receiver<Box<dyn Job>>,
    ) -> Result<(), StoreError> {
        let written = self.write_all(first, group, jobs).and_then(|()| self.statement("COMMIT"));
        written.map_err(|error| {
            // What of the group is on the disk is no longer certain (a failed fsync may have lost
            // pages that a later one would not report), so nothing is built upon it.
            let _ = self.statement("ROLLBACK");
            tracing::error!(file = %self.file.name(), %error, "a commit failed; the store is closed");
            let closed = StoreError::Closed { reason: error.to_string() };
            self.closed.insert(closed).clone()
        })?;
        self.ahead.settle(group.ahead);
        Ok(())
    }

    fn write_all(
        &self,
        first: Box<dyn Job>,
        group: &mut Group,
        jobs: &Receiver<Box<dyn Job>>,
    ) -> Result<(), StoreError> {
        let mut next = Some(first);
        let begun = self.statement("BEGIN IMMEDIATE");
        while let Some(mut job) = next {
            let written = begun.clone().and_then(|()| self.write(&mut *job));
            if written.is_ok() && job.is_ahead() {
                group.ahead += 1;
                job.answer(Ok(()));
            } else {
                group.waiting.push(job);
            }
            written?;
            next = if group.is_full() { None } else { Self::next(group, jobs) };
        }
        Ok(())
    }

    /// What joins a group: whatever waits; and where nobody waits for the commit, who comes soon.
    fn next(group: &Group, jobs: &Receiver<Box<dyn Job>>) -> Option<Box<dyn Job>> {
        match group.waiting.is_empty() {
            true => jobs.recv_timeout(LINGER).ok(),
            false => jobs.try_recv().ok(),
        }
    }

    /// Writes one job, or nothing of it; fails when the whole group is lost.
    fn write(&self, job: &mut dyn Job) -> Result<(), StoreError> {
        self.statement("SAVEPOINT job")?;
        if let Err(error) = job.write(&self.connection) {
            // SQLite ends a transaction by itself when the medium fails under it.
            if self.connection.is_autocommit() {
                return Err(error);
            }
            self.statement("ROLLBACK TO job")?;
        }
        self.statement("RELEASE job")
    }

    fn statement(&self, statement: &str) -> Result<(), StoreError> {
        let done = self.connection.prepare_cached(statement).and_then(|mut it| it.execute([]));
        done.map(|_| ()).map_err(|error| self.file.error("writing", &error))
    }
}
