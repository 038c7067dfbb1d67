//! Express executions: in memory, for five minutes at most, and gone when the process is.
//!
//! They have a driver of their own, without a store: none waits for another's commit.

use stepyard_asl::{FactKind, HistoryEvent, StatesError, Status};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Engine, EngineError, ExecutionArn, Standing, StartError, StartExecution, Started, Watch,
    arn::{check_name, express_arn},
    driver::{Message, Start},
    start::started_fact,
};

impl Engine {
    /// Begins an Express execution. How it ends comes by the channel; nobody needs to listen. The
    /// same name is another execution.
    pub async fn start_express(
        &self,
        start: StartExecution,
    ) -> Result<(Started, oneshot::Receiver<Status>), StartError> {
        let arn = self.fresh_express_arn(&start)?;
        self.start_express_as(arn, start).await
    }

    /// Begins one as [`Self::start_express`] does, under an ARN of [`Self::fresh_express_arn`].
    pub(crate) async fn start_express_as(
        &self,
        arn: ExecutionArn,
        start: StartExecution,
    ) -> Result<(Started, oneshot::Receiver<Status>), StartError> {
        self.begin_express(arn, start, None).await
    }

    /// Begins one as [`Self::start_express`] does, for somebody who looks on from its first event.
    pub async fn start_express_watched(
        &self,
        start: StartExecution,
    ) -> Result<(Started, oneshot::Receiver<Status>, Watch), StartError> {
        let (watcher, events) = mpsc::unbounded_channel();
        let arn = self.fresh_express_arn(&start)?;
        let (started, end) = self.begin_express(arn, start, Some(watcher)).await?;
        Ok((started, end, Watch::new(Vec::new(), Some(events))))
    }

    /// An ARN that no execution has. One of the same name has another: its tasks are not this one's, whatever
    /// was done for them.
    pub(crate) fn fresh_express_arn(
        &self,
        start: &StartExecution,
    ) -> Result<ExecutionArn, StartError> {
        check_name(&start.name)?;
        let arn = express_arn(&start.machine_arn, &start.name, &self.fresh_uuid());
        arn.ok_or_else(|| StartError::InvalidArn { arn: start.machine_arn.clone() })
    }

    async fn begin_express(
        &self,
        arn: ExecutionArn,
        start: StartExecution,
        watcher: Option<mpsc::UnboundedSender<HistoryEvent>>,
    ) -> Result<(Started, oneshot::Receiver<Status>), StartError> {
        let machine = self.observer().map(|_| start.machine_arn.clone());
        let begun = self.add_express(arn, start, watcher).await;
        begun.inspect_err(|error| self.tell_throttled(machine, error))
    }

    async fn add_express(
        &self,
        arn: ExecutionArn,
        start: StartExecution,
        watcher: Option<mpsc::UnboundedSender<HistoryEvent>>,
    ) -> Result<(Started, oneshot::Receiver<Status>), StartError> {
        start.check_input()?;
        self.check_pressure()?;
        let (ended, end) = oneshot::channel();
        let (done, started) = oneshot::channel();
        let start = self.pinned(start);
        let mut live = start.live();
        live.waiters.push(ended);
        live.watchers.extend(watcher);
        let message = Start {
            arn: arn.clone(),
            name: start.name.as_str().into(),
            machine_arn: start.machine_arn.as_str().into(),
            definition: start.definition.clone(),
            live,
            fact: started_fact(&arn, start, self.seed()),
            held: None,
            done,
        };
        self.give_express(Message::Start(Box::new(message)))?;
        let started_at = started.await.map_err(|_| self.gone())?.ok_or(StartError::AtCapacity)?;
        Ok((Started { arn, started_at, standing: Standing::New }, end))
    }

    /// Stops an Express execution, if it is still there.
    pub async fn stop_express(
        &self,
        arn: &ExecutionArn,
        error: StatesError,
    ) -> Result<(), EngineError> {
        let (done, stopped) = oneshot::channel();
        let why = FactKind::ExecutionAborted { error };
        self.send_express(Message::Stop { arn: arn.clone(), why, done }).await?;
        stopped.await.map(drop).map_err(|_| self.gone())
    }
}
