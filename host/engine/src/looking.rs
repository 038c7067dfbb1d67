//! What fronts ask about executions, and the stop they may put to one. One that is not in memory is
//! read back where it has to hear of it.

use stepyard_asl::{FactKind, HistoryEvent, StatesError, Status, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Engine, EngineError, ExecutionRecord, ExecutionSummary, Selection, Watch,
    driver::{Message, Reply, Stopping},
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

/// What came of asking something of an execution.
pub(crate) enum Asked<T> {
    /// It answered.
    Answered(T),
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
    /// Asks something of an execution. One that is not in memory is read back for it, where that is
    /// this engine's to do; what is over is left as it is.
    pub(crate) async fn ask<T>(
        &self,
        arn: &str,
        message: impl Fn(Reply<T>) -> Message,
    ) -> Result<Asked<T>, EngineError> {
        match self.put(&message).await? {
            Some(answer) => Ok(Asked::Answered(answer)),
            None => self.rouse(arn, message).await,
        }
    }

    /// Asks something of an execution; none when it is not in memory.
    pub(crate) async fn put<T>(
        &self,
        message: impl Fn(Reply<T>) -> Message,
    ) -> Result<Option<T>, EngineError> {
        let (done, answer) = oneshot::channel();
        self.send(message(done)).await?;
        answer.await.map_err(|_| self.gone())
    }

    /// Has an execution read back that is not in memory, for what is asked of it.
    pub(crate) async fn rouse<T>(
        &self,
        arn: &str,
        message: impl Fn(Reply<T>) -> Message,
    ) -> Result<Asked<T>, EngineError> {
        loop {
            let (done, answer) = oneshot::channel();
            match self.record(arn)?.status {
                Status::Running if self.shared.config.custody.is_some() => {
                    self.resume_if(arn, |_| true, Some(message(done))).await?;
                }
                Status::Running => return Err(EngineError::Interrupted { arn: arn.to_owned() }),
                ended => return Ok(Asked::Over(ended)),
            }
            if let Ok(Some(answer)) = answer.await {
                return Ok(Asked::Answered(answer));
            }
            // Somebody else had it read back; it may rest again already.
            if let Some(answer) = self.put(&message).await? {
                return Ok(Asked::Answered(answer));
            }
        }
    }

    /// How an execution ends, or the channel by which that comes.
    pub(crate) async fn ending(&self, arn: &str) -> Result<Waiting, EngineError> {
        let asked = self.ask(arn, |done| Message::Wait { arn: arn.into(), done }).await?;
        Ok(match asked {
            Asked::Answered(ended) => Waiting::For(ended),
            Asked::Over(ended) => Waiting::Over(ended),
        })
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
        if live.is_none() && self.shared.config.custody.is_some() {
            let watch = |done| Message::Watch { arn: arn.into(), done };
            if let Asked::Answered(events) = self.rouse(arn, watch).await? {
                live = Some(events);
            }
        }
        Ok(Watch::new(self.history(arn).await?, live))
    }

    /// Stops an execution, and says when it was stopped, or when it had ended before.
    pub async fn stop(&self, arn: &str, error: StatesError) -> Result<Timestamp, EngineError> {
        self.end(arn, &FactKind::ExecutionAborted { error }).await
    }

    /// Ends an execution for a reason from outside; says when it ended.
    pub(crate) async fn end(&self, arn: &str, why: &FactKind) -> Result<Timestamp, EngineError> {
        let stop = |done| Message::Stop { arn: arn.into(), why: why.clone(), done };
        match self.ask(arn, stop).await? {
            Asked::Answered(Stopping::Stopped(at)) => return Ok(at),
            // That is waited for.
            Asked::Answered(Stopping::Ending) => drop(self.wait(arn).await?),
            Asked::Over(_) => {}
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
        self.put(|done| Message::Watch { arn: arn.into(), done }).await
    }
}
