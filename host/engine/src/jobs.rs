//! Jobs that are executions here (`.sync`). One that waits for such a job's end may rest: it is found
//! by the name of what ended, and read back then.

use stepyard_asl::{CommandId, Status};

use crate::{
    Engine, EngineError, EngineHandle, ExecutionArn, StoreError, driver::Message, recall::blocking,
    store::WaitingTask,
};

/// How many that wait are found at a time.
const PAGE: usize = 256;

impl EngineHandle {
    /// Tells the execution of a task that its job is over, if it is.
    pub(crate) async fn look_after(
        self,
        awaited: ExecutionArn,
        execution: ExecutionArn,
        task: CommandId,
    ) {
        let Some(engine) = self.upgrade() else { return };
        let is_over = match engine.record(&awaited) {
            Ok(record) => record.status != Status::Running,
            Err(error) => matches!(error, EngineError::ExecutionDoesNotExist { .. }),
        };
        if is_over {
            engine.tell_ended(execution, task).await;
        }
    }

    /// Tells those that wait for an execution that it is over.
    pub(crate) async fn tell_awaiting(self, ended: ExecutionArn) {
        let Some(engine) = self.upgrade() else { return };
        let told = engine.tell_all(move |store, after| store.waiting(&ended, after, PAGE)).await;
        if let Err(error) = told
            && engine.is_running()
        {
            tracing::error!(%error, "executions may wait for one that is over");
        }
    }
}

impl Engine {
    /// Tells those that wait for executions that are over: the engine before may not have come to it.
    pub(crate) async fn tell_all_ended(&self) -> Result<(), EngineError> {
        self.tell_all(|store, after| store.waiting_for_ended(after, PAGE)).await
    }

    async fn tell_all(
        &self,
        find: impl Fn(&dyn crate::Store, u64) -> Result<Vec<WaitingTask>, StoreError>
        + Clone
        + Send
        + 'static,
    ) -> Result<(), EngineError> {
        let mut after = 0;
        loop {
            let (store, find) = (self.shared.config.store.clone(), find.clone());
            let page = blocking(move || Ok(find(&*store, after)?)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.number;
            for WaitingTask { execution, task, .. } in page {
                self.tell_ended(execution, task).await;
            }
        }
    }

    async fn tell_ended(&self, execution: ExecutionArn, task: CommandId) {
        let message =
            |done| Message::JobEnded { execution: execution.clone(), task: task.clone(), done };
        match self.ask(&execution, message).await {
            // Who goes on with what was interrupted finds it.
            Ok(_) | Err(EngineError::Interrupted { .. }) => {}
            Err(error) if self.is_running() => {
                tracing::error!(%execution, %error, "an execution does not learn of its job's end");
            }
            Err(_) => {}
        }
    }
}
