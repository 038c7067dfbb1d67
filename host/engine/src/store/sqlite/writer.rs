//! The one thread that writes. What waits for it is committed as one group, so that many pay for
//! one fsync; each is answered when its group is durable.

use std::{
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use futures::future::BoxFuture;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::File;
use crate::{StoreError, measures::Timing};

/// The most requests of one group, so that the first of them is not kept waiting for ever.
const GROUP_MAX: usize = 1_024;

/// Hands work to the thread. Once dropped, the thread has finished and the file is closed.
pub(super) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    /// How long groups took, from their first request to the disk.
    pub(super) commits: Arc<Timing>,
}

impl Writer {
    pub(super) fn start(connection: Connection, file: File) -> Result<Self, StoreError> {
        let (jobs, waiting) = mpsc::channel();
        let name = file.name();
        let commits = Arc::<Timing>::default();
        let counted = commits.clone();
        let thread = thread::Builder::new()
            .name("stepyard-store".to_owned())
            .spawn(move || {
                Thread { connection, file, closed: None, commits: counted }.run(&waiting)
            })
            .map_err(|error| StoreError::Failed {
                action: "starting the writer of",
                file: name,
                detail: error.to_string(),
            })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), commits })
    }

    /// Has `work` done in the next group, after whatever was submitted before. When it fails, what
    /// it wrote is undone, and only that.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let request = Request { work: Some(work), done: None, reply };
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
    /// Answers it: as it came out, or that the group was not kept.
    fn answer(self: Box<Self>, group: Result<(), StoreError>);
}

struct Request<T, W> {
    work: Option<W>,
    done: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
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
    commits: Arc<Timing>,
}

impl Thread {
    fn run(mut self, waiting: &Receiver<Box<dyn Job>>) {
        while let Ok(first) = waiting.recv() {
            let mut group = vec![first];
            let begun = Instant::now();
            let result = match &self.closed {
                Some(closed) => Err(closed.clone()),
                None => self.write_group(&mut group, waiting),
            };
            self.commits.add(begun.elapsed());
            for job in group {
                job.answer(result.clone());
            }
        }
    }

    fn write_group(
        &mut self,
        group: &mut Vec<Box<dyn Job>>,
        waiting: &Receiver<Box<dyn Job>>,
    ) -> Result<(), StoreError> {
        self.statement("BEGIN IMMEDIATE")?;
        let written = self.write_all(group, waiting).and_then(|()| self.statement("COMMIT"));
        written.map_err(|error| {
            // What of the group is on the disk is no longer certain (a failed fsync may have lost
            // pages that a later one would not report), so nothing is built upon it.
            let _ = self.statement("ROLLBACK");
            tracing::error!(file = %self.file.name(), %error, "a commit failed; the store is closed");
            let closed = StoreError::Closed { reason: error.to_string() };
            self.closed.insert(closed).clone()
        })
    }

    fn write_all(
        &self,
        group: &mut Vec<Box<dyn Job>>,
        waiting: &Receiver<Box<dyn Job>>,
    ) -> Result<(), StoreError> {
        let mut next = 0;
        loop {
            while let Some(job) = group.get_mut(next) {
                self.write(&mut **job)?;
                next += 1;
            }
            if next >= GROUP_MAX {
                return Ok(());
            }
            let Ok(job) = waiting.try_recv() else { return Ok(()) };
            group.push(job);
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
