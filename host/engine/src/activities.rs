//! Activities: tasks that workers outside ask for (`GetActivityTask`).
//!
//! A task waits in its activity's queue, a worker in its activity's line; the driver brings them
//! together. The queue is made anew of what is outstanding after a restart.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use stepyard_asl::{CommandId, Payload, ScheduleTask, TaskToken, Timestamp};
use tokio::sync::oneshot;

use crate::{Engine, EngineError, ExecutionArn, StoreError, Tags, driver::Message, store::Record};

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

/// Tasks without a worker, and workers without a task.
#[derive(Debug, Default)]
pub(crate) struct Activities {
    lines: HashMap<Arc<str>, Line>,
    /// Where each task stands that waits.
    places: HashMap<(ExecutionArn, CommandId), (Arc<str>, u64)>,
    last: u64,
}

#[derive(Debug, Default)]
struct Line {
    tasks: BTreeMap<u64, (ExecutionArn, ScheduleTask)>,
    workers: VecDeque<Worker>,
}

impl Activities {
    /// A task waits for a worker of the activity that its resource is.
    pub(crate) fn offer(&mut self, execution: &ExecutionArn, task: ScheduleTask) {
        self.withdraw(execution, &task.task);
        self.last += 1;
        let (activity, number) = (Arc::from(task.resource.text()), self.last);
        self.places.insert((execution.clone(), task.task.clone()), (Arc::clone(&activity), number));
        let line = self.lines.entry(activity).or_default();
        line.tasks.insert(number, (execution.clone(), task));
    }

    /// A task waits no longer, if it did.
    pub(crate) fn withdraw(&mut self, execution: &ExecutionArn, task: &CommandId) {
        let place = self.places.remove(&(execution.clone(), task.clone()));
        if let Some((activity, number)) = place
            && let Some(line) = self.lines.get_mut(&activity)
        {
            line.tasks.remove(&number);
            self.tidy(&activity);
        }
    }

    /// A worker waits for a task; it is handed back when too many do.
    pub(crate) fn ask(&mut self, activity: &Arc<str>, worker: Worker) -> Result<(), Worker> {
        let line = self.lines.entry(activity.clone()).or_default();
        line.workers.retain(|worker| !worker.task.is_closed());
        if line.workers.len() >= WORKERS_MAX {
            return Err(worker);
        }
        line.workers.push_back(worker);
        Ok(())
    }

    /// The task and the worker of an activity that have waited longest.
    pub(crate) fn pair(&mut self, activity: &str) -> Option<(ExecutionArn, ScheduleTask, Worker)> {
        let line = self.lines.get_mut(activity)?;
        line.workers.retain(|worker| !worker.task.is_closed());
        let both = (line.tasks.first_key_value().is_some()).then(|| line.workers.pop_front());
        let pair = both.flatten().and_then(|worker| Some((line.tasks.pop_first()?.1, worker)));
        self.tidy(activity);
        let ((execution, task), worker) = pair?;
        self.places.remove(&(execution.clone(), task.task.clone()));
        Some((execution, task, worker))
    }

    /// Lets all workers go.
    pub(crate) fn dismiss(&mut self) {
        self.lines.values_mut().for_each(|line| line.workers.clear());
    }

    fn tidy(&mut self, activity: &str) {
        let is_empty = |line: &Line| line.tasks.is_empty() && line.workers.is_empty();
        if self.lines.get(activity).is_some_and(is_empty) {
            self.lines.remove(activity);
        }
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

    fn worker() -> (Worker, oneshot::Receiver<ActivityTask>) {
        let (task, comes) = oneshot::channel();
        (Worker { name: None, task }, comes)
    }

    fn task(id: &str, activity: &str) -> ScheduleTask {
        let id: CommandId = id.parse().unwrap();
        ScheduleTask {
            task: id.clone(),
            visit: id,
            attempt: 0,
            state: "Pack".into(),
            resource: activity.parse().unwrap(),
            input: Payload::parse("{}").unwrap(),
            token: None,
            timeout_seconds: None,
            heartbeat_seconds: None,
            credentials: None,
            map_run: None,
        }
    }

    #[test]
    fn the_first_task_goes_to_the_first_worker_that_is_still_there() {
        let mut activities = Activities::default();
        let pack: Arc<str> = "arn:aws:states:us-east-1:123456789012:activity:pack".into();
        let one = ExecutionArn::from("one");
        let tasks = ["1.0:task", "2.0:task", "3.0:task"].map(|id| task(id, &pack));
        for task in &tasks {
            activities.offer(&one, task.clone());
        }
        activities.withdraw(&one, &tasks[0].task);
        assert!(activities.pair(&pack).is_none());
        let (gone, _) = worker();
        activities.ask(&pack, gone).unwrap();
        let (here, _comes) = worker();
        activities.ask(&pack, here).unwrap();
        let (execution, task, handed) = activities.pair(&pack).unwrap();
        assert_eq!((execution, &task), (one.clone(), &tasks[1]));
        assert!(!handed.task.is_closed());
        assert!(activities.pair(&pack).is_none());
        activities.withdraw(&one, &tasks[2].task);
        assert!(activities.lines.is_empty() && activities.places.is_empty());
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
