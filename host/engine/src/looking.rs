//! What fronts ask about executions, and the stop they may put to one. One that is not in memory is
//! read back where it has to hear of it.

use stepyard_asl::{HistoryEvent, StatesError, Status, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Engine, EngineError, ExecutionRecord, ExecutionSummary, Selection, Watch,
    driver::{Message, Stopping},
    recall::blocking,
};

/// What is known of an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// What the store has.
    pub execution: ExecutionRecord,
    /// Whether it is at work in this engine. Unfinished and not at work, it was interrupted.
    pub live: bool,
}

/// What came of having an execution read back.
pub(crate) enum Roused {
    /// It is in memory.
    AtWork,
    /// It is over, and so it ended.
    Over(Status),
}

/// How an execution's end comes.
pub(crate) enum Waiting {
    /// By this channel.
    For(oneshot::Receiver<Status>),
    /// It is over, and so it ended.
    Over(Status),
}

impl Engine {
    /// Has an execution that is not in memory read back, where that is this engine's to do. Fails when
    /// it is not; what is over is left as it is.
    pub(crate) async fn rouse(&self, arn: &str) -> Result<Roused, EngineError> {
        match self.record(arn)?.status {
            Status::Running if self.shared.config.custody.is_some() => {
                self.resume(arn).await?;
                Ok(Roused::AtWork)
            }
            Status::Running => Err(EngineError::Interrupted { arn: arn.to_owned() }),
            ended => Ok(Roused::Over(ended)),
        }
    }

    /// How an execution ends, or the channel by which that comes.
    pub(crate) async fn ending(&self, arn: &str) -> Result<Waiting, EngineError> {
        loop {
            let (done, waiting) = oneshot::channel();
            self.send(Message::Wait { arn: arn.into(), done }).await?;
            if let Some(ended) = waiting.await.map_err(|_| self.gone())? {
                return Ok(Waiting::For(ended));
            }
            // At work again, it may rest again before it is asked.
            if let Roused::Over(ended) = self.rouse(arn).await? {
                return Ok(Waiting::Over(ended));
            }
        }
    }

    /// Waits until an execution is over, and says how it ended.
    pub async fn wait(&self, arn: &str) -> Result<Status, EngineError> {
        match self.ending(arn).await? {
            Waiting::For(ended) => ended.await.map_err(|_| self.gone()),
            Waiting::Over(ended) => Ok(ended),
        }
    }

    /// All events of an execution: those there are, then each as it is committed, to the last.
    pub async fn watch(&self, arn: &str) -> Result<Watch, EngineError> {
        // Subscribed before the journal is read, so that nothing falls between.
        let mut live = self.subscribe(arn).await?;
        while live.is_none() && self.shared.config.custody.is_some() {
            match self.rouse(arn).await? {
                Roused::AtWork => live = self.subscribe(arn).await?,
                Roused::Over(_) => break,
            }
        }
        Ok(Watch::new(self.history(arn).await?, live))
    }

    /// Stops an execution, and says when it was stopped, or when it had ended before.
    pub async fn stop(&self, arn: &str, error: StatesError) -> Result<Timestamp, EngineError> {
        loop {
            let (done, stopped) = oneshot::channel();
            let message = Message::Stop { arn: arn.into(), error: error.clone(), done };
            self.send(message).await?;
            match stopped.await.map_err(|_| self.gone())? {
                Stopping::Stopped(at) => return Ok(at),
                // That is waited for.
                Stopping::Ending => {
                    self.wait(arn).await?;
                    break;
                }
                Stopping::NotLive => {}
            }
            if let Roused::Over(_) = self.rouse(arn).await? {
                break;
            }
        }
        let ended = self.record(arn)?.summary.stopped_at;
        ended.ok_or_else(|| EngineError::Interrupted { arn: arn.to_owned() })
    }

    /// What is known of an execution.
    pub async fn describe(&self, arn: &str) -> Result<Description, EngineError> {
        // Asked in this order, one that ends meanwhile is not taken for interrupted.
        let live = self.is_at_work(arn).await?;
        Ok(Description { execution: self.record(arn)?, live })
    }

    /// The executions that `selection` asks for, those created last first.
    pub async fn list(&self, selection: Selection) -> Result<Vec<ExecutionSummary>, EngineError> {
        let store = self.shared.config.store.clone();
        blocking(move || Ok(store.executions(&selection)?)).await
    }

    /// Whether this engine is at work on it, or has it rest.
    pub(crate) async fn is_at_work(&self, arn: &str) -> Result<bool, EngineError> {
        let is_kept = self.shared.config.custody.is_some();
        Ok(self.is_live(arn).await? || (is_kept && self.record(arn)?.status == Status::Running))
    }

    pub(crate) async fn is_live(&self, arn: &str) -> Result<bool, EngineError> {
        Ok(self.subscribe(arn).await?.is_some())
    }

    async fn subscribe(
        &self,
        arn: &str,
    ) -> Result<Option<mpsc::UnboundedReceiver<HistoryEvent>>, EngineError> {
        let (done, events) = oneshot::channel();
        self.send(Message::Watch { arn: arn.into(), done }).await?;
        events.await.map_err(|_| self.gone())
    }
}
