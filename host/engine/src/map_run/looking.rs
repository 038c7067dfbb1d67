//! What fronts ask about Map Runs, and what they may change of one that is under way.

use crate::{Engine, EngineError, MapRunChange, MapRunRecord, recall::blocking, store::Record};

use super::MapRunStatus;

/// Why nothing was done with a Map Run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapRunError {
    /// There is none of that ARN.
    #[error("map run `{arn}` does not exist")]
    DoesNotExist {
        /// What was given.
        arn: String,
    },
    /// It is over, and nothing of it can be changed.
    #[error("map run `{arn}` is over: nothing of it can be changed")]
    Completed {
        /// The run.
        arn: String,
    },
    /// The engine could not do it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// What is known of a Map Run.
    pub async fn map_run(&self, arn: &str) -> Result<MapRunRecord, MapRunError> {
        if let Some(at_work) = self.shared.map_runs.at_work(arn)
            && let Some(record) = at_work.record().clone()
        {
            return Ok(record);
        }
        let (store, run) = (self.shared.config.store.clone(), arn.to_owned());
        let found = blocking(move || Ok(store.map_run(&run)?)).await?;
        found.ok_or_else(|| MapRunError::DoesNotExist { arn: arn.to_owned() })
    }

    /// The Map Runs of an execution, those begun last first.
    pub async fn map_runs(&self, execution: &str) -> Result<Vec<MapRunRecord>, EngineError> {
        let (store, execution) = (self.shared.config.store.clone(), execution.to_owned());
        blocking(move || Ok(store.map_runs(&execution)?)).await
    }

    /// Changes a Map Run that is under way. It is durable when this returns, and holds for the children
    /// that begin after it.
    pub async fn update_map_run(&self, arn: &str, change: MapRunChange) -> Result<(), MapRunError> {
        let at_work = self.shared.map_runs.at_work(arn);
        let mut record = self.map_run(arn).await?;
        if record.status != MapRunStatus::Running {
            return Err(MapRunError::Completed { arn: arn.to_owned() });
        }
        record.change(&change);
        if let Some(at_work) = &at_work
            && let Some(known) = &mut *at_work.record()
        {
            known.change(&change);
            record = known.clone();
        }
        self.keep(vec![Record::MapRun(Box::new(record))]).await?;
        if let Some(at_work) = at_work {
            at_work.changed.notify_one();
        }
        Ok(())
    }
}
