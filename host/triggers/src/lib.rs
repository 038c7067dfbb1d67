//! What starts executions by itself: a schedule's moments and a queue's messages.
//!
//! ```text
//!   schedule.rs   rate(…), cron(…), at(…) ─► moments ─┐
//!     ledger.rs   which moments are behind us         ├─► Engine::begin, under a name that follows
//!   poller.rs     Queue ─► messages ──────────────────┘   from the moment or the message
//! ```
//!
//! The name is what makes it once: a moment or a message that comes again, after a crash or a
//! redelivery, begins the execution that is there. This crate knows the engine and no service's
//! client: queues are a trait of [`stepyard_engine::outside`], time is the engine's clock.
#![forbid(unsafe_code)]

mod expression;
mod input;
mod ledger;
mod pause;
mod poller;
mod schedule;

use std::{future::Future, sync::Arc};

use futures::future::{BoxFuture, join_all};
use stepyard_engine::{
    Engine, Identity,
    clock::Clock,
    outside::{KeyValue, KeyValueError},
};
use tokio::sync::watch;

use self::{ledger::Ledger, poller::Poller, schedule::Scheduler};

pub use self::{
    expression::{Expression, ExpressionError},
    input::{ScheduleInput, ScheduleInputError},
    ledger::BUCKET,
    poller::QueueSource,
    schedule::Schedule,
};

/// What triggers work with.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Runs executions.
    pub engine: Engine,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Keeps which moments of a schedule are behind it.
    pub keyvalue: Arc<dyn KeyValue>,
    /// Whose schedules they are.
    pub identity: Identity,
}

/// Schedules and queues at work.
#[derive(Debug)]
pub struct Triggers {
    stopping: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Triggers {
    /// Sets schedules and queues to work. Schedules that are not among these are forgotten: one of
    /// them that comes back later is a new one.
    pub async fn start(
        surroundings: &Surroundings,
        schedules: Vec<Schedule>,
        queues: Vec<QueueSource>,
    ) -> Result<Self, KeyValueError> {
        let ledger = Ledger::new(surroundings.keyvalue.clone());
        ledger.forget_all_but(&schedules.iter().map(Schedule::id).collect()).await?;
        for schedule in &schedules {
            // It begins to be here, not when its work gets its turn.
            ledger.open(&schedule.id(), surroundings.clock.now()).await?;
        }
        let (stopping, stopped) = watch::channel(false);
        let schedules = schedules.into_iter().map(|schedule| {
            let work = Scheduler::new(surroundings, ledger.clone(), schedule).run();
            // Wherever it is left, its moments come again when it is next set to work.
            Box::pin(until(stopped.clone(), work)) as BoxFuture<'static, ()>
        });
        let queues = queues.into_iter().map(|source| {
            Box::pin(Poller::new(surroundings, source).run(stopped.clone()))
                as BoxFuture<'static, ()>
        });
        let tasks = schedules.chain(queues).map(tokio::spawn).collect();
        Ok(Self { stopping, tasks })
    }

    /// Ends them: nothing more is begun, and this returns within a second.
    pub async fn stop(self) {
        self.stopping.send_replace(true);
        join_all(self.tasks).await;
    }
}

/// Does the work until it is stopped.
async fn until(mut stopped: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        // The sender's end is a stop, too.
        _ = stopped.wait_for(|stopped| *stopped) => {}
        () = work => {}
    }
}
