//! What is told to the loop, and what it is answered with.

use std::sync::Arc;

use stepyard_asl::{CommandId, FactKind, HistoryEvent, Status, TaskToken, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::{
    ExecutionArn, Outcome,
    activities::{Found, Worker},
    completion::{Completion, Standing},
    live::Live,
    reservation::Reservation,
};

/// What comes into the inbox.
pub(crate) enum Message {
    /// Begin an execution; answered once that is durable.
    Start(Box<Start>),
    /// Go on with an execution that was read back; answered once its commands are performed.
    Resume(Resumption),
    /// Let an execution that ended without success go on; answered once that is durable.
    Redrive {
        execution: ExecutionArn,
        live: Box<Live>,
        client_token: Option<String>,
        held: Reservation,
        done: oneshot::Sender<Timestamp>,
    },
    /// Somebody outside says how a task stands; answered once that is durable.
    Complete {
        execution: ExecutionArn,
        token: TaskToken,
        completion: Completion,
        done: Reply<Standing>,
    },
    /// A worker asks for a task; answered with whether it may.
    Ask { activity: Arc<str>, worker: Worker, done: oneshot::Sender<bool> },
    /// A worker was assigned to a task, whose execution is in memory.
    Assigned { activity: Arc<str>, found: Found, done: Reply<()> },
    /// A worker was assigned to a task that it cannot have.
    Unassigned { activity: Arc<str>, found: Found },
    /// Let all workers go that wait for a task.
    DismissWorkers,
    /// A task's work is done.
    TaskDone { execution: ExecutionArn, task: CommandId, outcome: Outcome },
    /// The execution is over that a task waits for.
    JobEnded { execution: ExecutionArn, task: CommandId, done: Reply<()> },
    /// An end from outside, as by `StopExecution`; answered once it is durable.
    Stop { arn: ExecutionArn, why: FactKind, done: Reply<Stopping> },
    /// Answer how the execution ends, once it does.
    Wait { arn: ExecutionArn, done: Reply<oneshot::Receiver<Status>> },
    /// Show what is committed from here on.
    Watch { arn: ExecutionArn, done: Reply<mpsc::UnboundedReceiver<HistoryEvent>> },
    /// Begin nothing more, and stop once no task is left.
    Shutdown,
}

/// The answer to what is asked of an execution; none when it is not in memory here.
pub(crate) type Reply<T> = oneshot::Sender<Option<T>>;

/// What `Stop` is answered with.
pub(crate) enum Stopping {
    /// It was stopped at this moment.
    Stopped(Timestamp),
    /// It is about to end anyhow.
    Ending,
}

/// An execution that was read back.
pub(crate) struct Resumption {
    pub(crate) arn: ExecutionArn,
    pub(crate) live: Box<Live>,
    /// What it was read back for, taken before it may rest again; none when it is to go on by itself.
    pub(crate) first: Option<Box<Message>>,
    pub(crate) held: Reservation,
    pub(crate) done: oneshot::Sender<()>,
}

/// An execution to begin.
pub(crate) struct Start {
    pub(crate) arn: ExecutionArn,
    pub(crate) name: Arc<str>,
    pub(crate) machine_arn: Arc<str>,
    pub(crate) definition: Arc<str>,
    pub(crate) live: Live,
    pub(crate) fact: FactKind,
    /// The hold on its name, where a name is one execution's.
    pub(crate) held: Option<Reservation>,
    /// Answered with none when too many are open.
    pub(crate) done: oneshot::Sender<Option<Timestamp>>,
}
