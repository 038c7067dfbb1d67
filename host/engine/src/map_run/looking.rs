//! What fronts ask about Map Runs, and what they may change of one that is under way.

use std::sync::Arc;

use super::child::AtWork;
use crate::{Engine, EngineError, MapRunChange, MapRunRecord, recall::blocking, store::Record};

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
            && let Some(record) = at_work.note(|ledger| ledger.record.clone())
        {
            return Ok(record);
        }
        let (store, run) = (self.shared.config.store.clone(), arn.to_owned());
        let found = blocking(move || Ok(store.map_run(&run)?)).await?;
        found.ok_or_else(|| MapRunError::DoesNotExist { arn: arn.to_owned() })
    }

    /// The Map Runs of an execution, those begun last first: those begun before the one of the ARN `after`,
    /// and at most `limit`.
    pub async fn map_runs(
        &self,
        execution: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<MapRunRecord>, EngineError> {
        let (store, execution) = (self.shared.config.store.clone(), execution.to_owned());
        let after = after.map(str::to_owned);
        blocking(move || Ok(store.map_runs(&execution, after.as_deref(), limit)?)).await
    }

    /// Changes a Map Run that is under way. It is durable when this returns, and holds for the children
    /// that begin after it.
    pub async fn update_map_run(&self, arn: &str, change: MapRunChange) -> Result<(), MapRunError> {
        // A run that begins or ends meanwhile does so before this, or after.
        let _held = self.hold(&arn.into()).await;
        let at_work = self.shared.map_runs.at_work(arn);
        let change_noted = |it: &Arc<AtWork>| it.note(|ledger| ledger.change(&change, self.now()));
        let noted = at_work.as_ref().and_then(change_noted);
        let records = match noted {
            Some(records) => records,
            None => {
                let mut record = self.map_run(arn).await?;
                let is_under_way = record.change(&change);
                is_under_way.then(|| vec![Record::MapRun(Box::new(record))])
            }
        };
        let completed = || MapRunError::Completed { arn: arn.to_owned() };
        let kept = match records {
            Some(records) => self.keep(records).await.map_err(MapRunError::from),
            None => Err(completed()),
        };
        if let Some(at_work) = at_work {
            at_work.changed.notify_one();
            // It may have ended meanwhile.
            self.shared.map_runs.forget(arn);
        }
        kept
    }
}
