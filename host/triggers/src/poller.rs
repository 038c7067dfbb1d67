//! A queue at work: each of its messages begins an execution, and is deleted once that is durable.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use stepyard_asl::{PAYLOAD_BYTES_MAX, Payload};
use stepyard_engine::{
    Engine, EventError, MachineArn, crash, event_name,
    outside::{Queue, QueueMessage},
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{Surroundings, pause::Pause};

/// How long messages that were received may still be dealt with when the server ends. What is not
/// deleted by then is given again.
const END_TIME: Duration = Duration::from_millis(800);

/// A queue whose messages start executions of a state machine.
#[derive(Clone, Debug)]
pub struct QueueSource {
    /// The state machine.
    pub machine: MachineArn,
    /// The queue, as it is named in logs.
    pub name: String,
    /// The queue.
    pub queue: Arc<dyn Queue>,
}

/// Starts executions of a queue's messages.
pub(crate) struct Poller {
    engine: Engine,
    source: QueueSource,
}

impl Poller {
    pub(crate) fn new(surroundings: &Surroundings, source: QueueSource) -> Self {
        Self { engine: surroundings.engine.clone(), source }
    }

    /// Takes messages until it is stopped.
    pub(crate) async fn run(self, mut stopped: watch::Receiver<bool>) {
        let queue = self.source.name.as_str();
        let mut pause = Pause::default();
        loop {
            let received = tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                received = self.source.queue.receive() => received,
            };
            let outcome = match received {
                Ok(messages) => {
                    if !messages.is_empty() {
                        crash::point("after-receive");
                    }
                    self.deal(messages, &mut stopped).await
                }
                Err(error) => Err(error.to_string()),
            };
            let Err(error) = outcome else {
                pause.over();
                continue;
            };
            let millis = pause.more_millis();
            tracing::warn!(queue, %error, millis, "a queue is asked again after a while");
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = sleep(Duration::from_millis(millis)) => {}
            }
        }
    }

    /// Deals with a batch; when the server ends meanwhile, within its time.
    async fn deal(
        &self,
        messages: Vec<QueueMessage>,
        stopped: &mut watch::Receiver<bool>,
    ) -> Result<(), String> {
        let mut work = std::pin::pin!(self.start_and_delete(messages));
        let done = tokio::select! {
            done = &mut work => Some(done),
            _ = stopped.wait_for(|stopped| *stopped) => None,
        };
        match done {
            Some(done) => done,
            None => timeout(END_TIME, work).await.unwrap_or(Ok(())),
        }
    }

    async fn start_and_delete(&self, messages: Vec<QueueMessage>) -> Result<(), String> {
        let (mut started, mut left) = (Vec::new(), BTreeSet::new());
        let mut trouble = None;
        for message in messages {
            if message.group.as_ref().is_some_and(|group| left.contains(group)) {
                continue;
            }
            match self.begin(&message).await {
                Ok(true) => started.push(message.receipt),
                Ok(false) => {
                    trouble = Some("messages were left in it".to_owned());
                    left.extend(message.group);
                }
                Err(error) => {
                    trouble = Some(error.to_string());
                    break;
                }
            }
        }
        if !started.is_empty() {
            crash::point("before-delete");
            self.source.queue.delete(started).await.map_err(|error| error.to_string())?;
        }
        trouble.map_or(Ok(()), Err)
    }

    /// Begins a message's execution, and says whether it could: a message that cannot is left to the
    /// queue's redrive policy. Fails when the engine takes nothing at the moment.
    async fn begin(&self, message: &QueueMessage) -> Result<bool, EventError> {
        let QueueSource { machine, name: queue, .. } = &self.source;
        let left = |reason: &dyn std::fmt::Display| {
            tracing::error!(queue, message = message.id, %machine, %reason, "a message starts no execution, and is left in its queue");
            Ok(false)
        };
        if message.body.len() > PAYLOAD_BYTES_MAX {
            return left(&format_args!("its body is longer than an execution's input"));
        }
        let input = match Payload::parse(message.body.as_str()) {
            Ok(input) => input,
            Err(error) => return left(&format_args!("its body is not JSON: {error}")),
        };
        let begun = match self.engine.route(machine).await {
            Ok(target) => self.engine.begin(target, event_name("sqs", &message.id), input).await,
            Err(error) => Err(error.into()),
        };
        match begun {
            Ok(started) => {
                tracing::debug!(queue, message = message.id, execution = %started.arn, "a message started an execution");
                Ok(true)
            }
            Err(error) if error.is_passing() => Err(error),
            Err(error) => left(&error),
        }
    }
}
