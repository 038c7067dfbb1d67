//! What outlived a Map Run: the server was killed before it had stopped the children, or kept that the run is
//! over.

use std::{collections::HashMap, sync::Arc};

use stepyard_asl::{Command, Parent, StatesError, Status};

use crate::{
    Engine, EngineError, ExecutionArn, MapRunRecord, MapRunStatus, Selection, recall::blocking,
};

/// How many executions are looked at at a time.
const PAGE: usize = 1_024;

impl Engine {
    /// Stops the children of Map Runs that are over, and has it on record that the runs are.
    pub async fn stop_orphans(&self) -> Result<(), EngineError> {
        self.stop_children().await?;
        self.end_runs().await
    }

    async fn end_runs(&self) -> Result<(), EngineError> {
        let mut after: Option<Arc<str>> = None;
        loop {
            let store = self.shared.config.store.clone();
            let page = move || Ok(store.open_map_runs(after.as_deref(), PAGE)?);
            let page = blocking(page).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.arn.clone());
            for MapRunRecord { arn, execution, .. } in page {
                // A redrive comes before this, or after.
                let _held = self.hold(&execution).await;
                if !self.is_under_way(&execution, &arn).await? {
                    let at_work = self.shared.map_runs.children_of(&arn);
                    at_work.end(self, &arn, MapRunStatus::Aborted).await?;
                    self.shared.map_runs.forget(&arn);
                }
            }
        }
    }

    async fn stop_children(&self) -> Result<(), EngineError> {
        let mut before = None;
        loop {
            let (children, limit) = (true, Some(PAGE));
            let selection = Selection { children, before, limit, ..Selection::default() };
            let page = self.list(selection).await?;
            let Some(last) = page.last() else { return Ok(()) };
            before = Some(last.number);
            self.stop_orphans_among(page.iter().map(|it| &it.arn)).await?;
        }
    }

    async fn stop_orphans_among(
        &self,
        children: impl Iterator<Item = &ExecutionArn>,
    ) -> Result<(), EngineError> {
        let mut families = HashMap::<(String, String), Vec<ExecutionArn>>::new();
        for child in children {
            if let Some(Parent { execution, map_run: Some(run), .. }) = self.record(child)?.parent {
                families.entry((execution, run)).or_default().push(child.clone());
            }
        }
        for ((parent, run), children) in families {
            if !self.is_under_way(&parent, &run).await? {
                for child in children {
                    self.stop_any(&child).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether an execution waits for a Map Run.
    async fn is_under_way(&self, execution: &str, run: &str) -> Result<bool, EngineError> {
        let record = match self.record(execution) {
            Err(EngineError::ExecutionDoesNotExist { .. }) => return Ok(false),
            record => record?,
        };
        if record.status != Status::Running {
            return Ok(false);
        }
        let live = self.replayed(&record).await?;
        let runs = live.execution.outstanding().into_iter().filter_map(|command| match command {
            Command::ScheduleTask(task) => task.map_run.as_ref(),
            _ => None,
        });
        Ok(runs.into_iter().any(|it| it.arn() == run))
    }

    /// Stops an execution of either kind, if it is not over.
    pub(crate) async fn stop_any(&self, arn: &ExecutionArn) -> Result<(), EngineError> {
        let nothing = StatesError::default();
        if arn.contains(":express:") {
            return self.stop_express(arn, nothing).await;
        }
        self.stop(arn, nothing).await.map(drop)
    }
}
