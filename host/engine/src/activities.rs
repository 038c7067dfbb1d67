//! Activities: tasks that workers outside ask for (`GetActivityTask`).
//!
//! A task waits in its activity's line in the store, a worker in its activity's line here; the driver
//! brings them together, and has the task's execution read back for it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use stepyard_asl::{CommandId, Payload, TaskToken, Timestamp};
use tokio::sync::oneshot;

use crate::{
    Engine, EngineError, EngineHandle, ExecutionArn, Store, StoreError, Tags,
    driver::Message,
    looking::Asked,
    store::{Record, WaitingTask},
};

/// The most workers that may ask for one activity's tasks at once (API reference,
/// `GetActivityTask`).
const WORKERS_MAX: usize = 1_000;

/// An activity that is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityRecord {
    /// Its ARN.
    pub arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A task as a worker gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityTask {
    /// What the worker completes it with.
    pub token: TaskToken,
    /// The task's input.
    pub input: Payload,
}

/// Why nothing was done with an activity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActivityError {
    /// There is no such activity.
    #[error("activity `{arn}` does not exist")]
    DoesNotExist {
        /// What was given.
        arn: String,
    },
    /// Too many workers ask for its tasks at once.
    #[error("{WORKERS_MAX} workers ask for the tasks of `{arn}` already: let fewer ask at once")]
    WorkerLimitExceeded {
        /// The activity.
        arn: String,
    },
    /// As many activities are registered as may be.
    #[error("{limit} activities are registered, and no more may be: delete one first")]
    LimitExceeded {
        /// How many may be.
        limit: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine takes no work.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A worker that waits for a task of an activity.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) name: Option<String>,
    /// Dropped without a word when there is no task for it; closed when the worker has gone.
    pub(crate) task: oneshot::Sender<ActivityTask>,
}

/// A task that waits for a worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Found {
    pub(crate) execution: ExecutionArn,
    pub(crate) task: CommandId,
}

/// Workers without a task. The tasks that wait for them are in the store.
#[derive(Debug, Default)]
pub(crate) struct Activities {
    /// Of the activities that were asked for since the engine began.
    lines: HashMap<Arc<str>, Line>,
}

#[derive(Debug, Default)]
struct Line {
    workers: VecDeque<Worker>,
    /// Workers whose task is being read back.
    assigned: HashMap<Found, Worker>,
    /// Tasks whose worker went before it had them. As each is put to every worker that comes, there
    /// are never more than workers that asked at once.
    given_back: VecDeque<Found>,
    /// The number in the store of the last task that was taken from there.
    taken: u64,
}

impl Activities {
    /// A worker waits for a task; it is handed back when too many do.
    pub(crate) fn ask(&mut self, activity: &Arc<str>, worker: Worker) -> Result<(), Worker> {
        let line = self.lines.entry(activity.clone()).or_default();
        line.workers.retain(|worker| !worker.task.is_closed());
        if line.workers.len() + line.assigned.len() >= WORKERS_MAX {
            return Err(worker);
        }
        line.workers.push_back(worker);
        Ok(())
    }

    /// The task and the worker of an activity that have waited longest.
    pub(crate) fn pair(
        &mut self,
        activity: &str,
        store: &dyn Store,
    ) -> Result<Option<(Found, Worker)>, StoreError> {
        let Some(line) = self.lines.get_mut(activity) else { return Ok(None) };
        line.workers.retain(|worker| !worker.task.is_closed());
        if line.workers.is_empty() {
            return Ok(None);
        }
        if line.given_back.is_empty() {
            let next = store.waiting(activity, line.taken, 1)?;
            line.given_back.extend(next.into_iter().map(
                |WaitingTask { number, execution, task }| {
                    line.taken = number;
                    Found { execution, task }
                },
            ));
        }
        let found = line.given_back.pop_front();
        Ok(found.and_then(|found| Some((found, line.workers.pop_front()?))))
    }

    /// A worker waits for a task to be read back.
    pub(crate) fn assign(&mut self, activity: &str, found: Found, worker: Worker) {
        self.line(activity).assigned.insert(found, worker);
    }

    /// The worker that was assigned to a task.
    pub(crate) fn assigned(&mut self, activity: &str, found: &Found) -> Option<Worker> {
        self.line(activity).assigned.remove(found)
    }

    /// A worker that was to have a task waits on, before those that came later.
    pub(crate) fn wait_on(&mut self, activity: &str, worker: Worker) {
        self.line(activity).workers.push_front(worker);
    }

    /// A task's worker went before it had it.
    pub(crate) fn give_back(&mut self, activity: &str, found: Found) {
        self.line(activity).given_back.push_back(found);
    }

    /// Lets all workers go.
    pub(crate) fn dismiss(&mut self) {
        self.lines.values_mut().for_each(|line| line.workers.clear());
    }

    fn line(&mut self, activity: &str) -> &mut Line {
        self.lines.entry(activity.into()).or_default()
    }
}

impl EngineHandle {
    /// Has the execution of a task read back that a worker was assigned to.
    pub(crate) async fn fetch(self, activity: Arc<str>, found: Found) {
        let Some(engine) = self.upgrade() else { return };
        let message = |done| {
            let (activity, found) = (activity.clone(), found.clone());
            Message::Assigned { activity, found, done }
        };
        match engine.rouse(&found.execution, message).await {
            Ok(Asked::Answered(())) => return,
            Ok(Asked::Over(_)) => {}
            Err(error) => engine.put_off(&found, &error).await,
        }
        // An engine that has gone keeps nobody.
        let _ = engine.send(Message::Unassigned { activity, found }).await;
    }
}

impl Engine {
    /// Registers an activity, or finds it; it is durable when this returns.
    pub async fn create_activity(
        &self,
        arn: String,
        name: String,
        tags: Tags,
    ) -> Result<ActivityRecord, ActivityError> {
        let _held = self.hold(&arn.as_str().into()).await;
        if let Some(found) = self.store().activity(&arn)? {
            return Ok(found);
        }
        // One after the other, so that each counts those before it.
        let _turn = self.hold(&"activities".into()).await;
        let limit = self.shared.config.activities_max;
        if self.store().activity_count()? >= limit {
            return Err(ActivityError::LimitExceeded { limit });
        }
        let record = ActivityRecord { arn: arn.into(), name: name.into(), created_at: self.now() };
        let mut records = vec![Record::Activity(record.clone())];
        if !tags.is_empty() {
            records.push(Record::Tags { resource: record.arn.clone(), tags });
        }
        self.keep(records).await?;
        Ok(record)
    }

    /// Removes an activity with its tags; one that is not there is removed already. Its tasks wait on.
    pub async fn delete_activity(&self, arn: &str) -> Result<(), ActivityError> {
        let _held = self.hold(&arn.into()).await;
        let arn: Arc<str> = arn.into();
        let untagged = Record::Tags { resource: arn.clone(), tags: Tags::new() };
        Ok(self.keep(vec![Record::ActivityDeleted { arn }, untagged]).await?)
    }

    /// The activity of this ARN.
    pub async fn activity(&self, arn: &str) -> Result<ActivityRecord, ActivityError> {
        let found = self.store().activity(arn)?;
        found.ok_or_else(|| ActivityError::DoesNotExist { arn: arn.to_owned() })
    }

    /// All activities, by name.
    pub async fn activities(&self) -> Result<Vec<ActivityRecord>, ActivityError> {
        Ok(self.store().activities()?)
    }

    /// A task that cannot be read back stands in no worker's way; its execution is tried again later.
    async fn put_off(&self, found: &Found, error: &EngineError) {
        if !self.is_running() {
            return;
        }
        let Found { execution, task } = found.clone();
        let left = Record::WaitsNoLonger { execution: execution.clone(), task };
        // A store that cannot keep this stops the engine.
        let _ = self.keep(vec![left]).await;
        self.try_again_later(execution, error).await;
    }

    /// Lets the workers go that wait for a task: each channel closes without one.
    pub async fn dismiss_workers(&self) {
        // An engine that has gone keeps nobody.
        let _ = self.send(Message::DismissWorkers).await;
    }

    /// Asks for a task of an activity. It comes by the channel once it is durable that the worker has
    /// it; the channel closes without one when the engine shuts down. A task that comes when nobody
    /// listens any more goes to the next worker.
    pub async fn activity_task(
        &self,
        arn: &str,
        worker: Option<String>,
    ) -> Result<oneshot::Receiver<ActivityTask>, ActivityError> {
        let activity = self.activity(arn).await?.arn;
        let (task, comes) = oneshot::channel();
        let (done, asked) = oneshot::channel();
        let worker = Worker { name: worker, task };
        self.send(Message::Ask { activity, worker, done }).await?;
        match asked.await.map_err(|_| self.gone())? {
            true => Ok(comes),
            false => Err(ActivityError::WorkerLimitExceeded { arn: arn.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Awaited, Batch, MemoryStore};

    fn worker() -> (Worker, oneshot::Receiver<ActivityTask>) {
        let (task, comes) = oneshot::channel();
        (Worker { name: None, task }, comes)
    }

    fn worker_that_stays() -> Worker {
        let (worker, comes) = worker();
        // Never dropped, so never closed.
        std::mem::forget(comes);
        worker
    }

    async fn keep(store: &MemoryStore, activity: &Arc<str>, tasks: &[Found]) {
        let execution = ExecutionArn::from("one");
        let created = Record::Created {
            arn: execution.clone(),
            name: "one".into(),
            machine: "orders".into(),
            version: None,
            alias: None,
            definition: "{}".into(),
            map_run: None,
            started_at: Timestamp::default(),
        };
        let waits = tasks.iter().map(|found| Record::Waits {
            execution: execution.clone(),
            task: found.task.clone(),
            awaited: Awaited::Worker(activity.clone()),
        });
        let records = std::iter::once(created).chain(waits).collect();
        store.append(Batch { records }).await.unwrap();
    }

    #[tokio::test]
    async fn the_first_task_goes_to_the_first_worker_that_is_still_there() {
        let (mut activities, store) = (Activities::default(), MemoryStore::default());
        let pack: Arc<str> = "arn:aws:states:us-east-1:123456789012:activity:pack".into();
        let found = |id: &str| Found { execution: "one".into(), task: id.parse().unwrap() };
        let tasks = ["1.0:task", "2.0:task", "3.0:task"].map(found);
        keep(&store, &pack, &tasks).await;
        assert!(activities.pair(&pack, &store).unwrap().is_none());
        let (gone, _) = worker();
        activities.ask(&pack, gone).unwrap();
        let (here, _comes) = worker();
        activities.ask(&pack, here).unwrap();
        let (first, handed) = activities.pair(&pack, &store).unwrap().unwrap();
        assert_eq!(first, tasks[0]);
        assert!(!handed.task.is_closed());
        assert!(activities.pair(&pack, &store).unwrap().is_none());

        // What is given back comes before what the store still has.
        activities.give_back(&pack, first);
        let mut taken = Vec::new();
        for _ in 0..4 {
            activities.wait_on(&pack, worker_that_stays());
            taken.extend(activities.pair(&pack, &store).unwrap().map(|(found, _)| found));
        }
        assert_eq!(taken, tasks);
    }

    #[test]
    fn more_than_a_thousand_workers_are_refused() {
        let mut activities = Activities::default();
        let pack = Arc::from("pack");
        let mut waiting = Vec::new();
        for _ in 0..WORKERS_MAX {
            let (worker, comes) = worker();
            activities.ask(&pack, worker).unwrap();
            waiting.push(comes);
        }
        assert!(activities.ask(&pack, worker().0).is_err());
        waiting.pop();
        let (late, _comes) = worker();
        assert!(activities.ask(&pack, late).is_ok());
    }
}
