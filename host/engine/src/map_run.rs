//! Map Runs: a Distributed Map is one task to its execution, and its items are processed by executions
//! of their own.
//!
//! The children's names follow from the run, so a run that is performed again after a crash finds the
//! Standard ones that it had started: what they came to is taken, what is under way is awaited, and
//! none is begun twice. Express ones that were under way are begun anew, as they may be performed more than
//! once; those that succeeded are not, in a redrive either. How far a run has come is kept with its record, and
//! items are read on from there.

mod child;
mod csv;
mod earlier;
mod feed;
mod items;
mod json;
mod ledger;
mod looking;
mod manifest;
mod orphans;
mod progress;
mod record;
mod results;
mod run;
mod window;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use stepyard_asl::{Resource, ResourceKind, StatesError};

use crate::{EngineError, Integration, Outcome, Task};

use child::AtWork;
use run::Run;

pub use looking::MapRunError;
pub use record::{MapRunChange, MapRunRecord, MapRunStatus, RunCounts};
pub use results::ChildResult;

/// Performs Map Runs.
#[derive(Debug, Default)]
pub(crate) struct MapRuns {
    /// The children that are at work, by the ARN of their run.
    at_work: Mutex<HashMap<String, Arc<AtWork>>>,
}

/// Why a run came to no result.
enum Halt {
    /// It failed.
    Failed(StatesError),
    /// The engine stops: the run is performed again by the next one.
    Interrupted,
}

impl From<StatesError> for Halt {
    fn from(error: StatesError) -> Self {
        Self::Failed(error)
    }
}

impl From<EngineError> for Halt {
    fn from(error: EngineError) -> Self {
        tracing::info!(%error, "a map run is interrupted");
        Self::Interrupted
    }
}

impl Integration for MapRuns {
    fn claims(&self, resource: &Resource) -> bool {
        *resource.kind() == ResourceKind::MapRun
    }

    fn run(&self, task: Task) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let Some(run) = task.map_run.clone() else {
                return Outcome::failed(StatesError::runtime("The task is no Map Run."));
            };
            let at_work = self.children_of(run.arn());
            // Those that a run before this one left are stopped first.
            let turn = at_work.turn().await;
            let outcome = match Run::perform(&task, &run, &at_work).await {
                Ok(output) => Outcome::done(output),
                Err(Halt::Failed(error)) => Outcome::failed(error),
                Err(Halt::Interrupted) => {
                    if task.engine.upgrade().is_some_and(|engine| engine.is_running()) {
                        tracing::error!(
                            map_run = run.arn(),
                            "a map run goes on only when the server starts again"
                        );
                    }
                    std::future::pending().await
                }
            };
            drop(turn);
            self.forget(run.arn());
            outcome
        })
    }

    fn cancel(&self, task: Task) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Some(run) = &task.map_run else { return };
            let at_work = self.children_of(run.arn());
            let turn = at_work.turn().await;
            at_work.stop(&task.engine).await;
            if let Some(engine) = task.engine.upgrade()
                && let Err(error) = at_work.end(&engine, run.arn(), MapRunStatus::Aborted).await
            {
                tracing::warn!(map_run = run.arn(), %error, "the end of a map run was not kept");
            }
            drop(turn);
            self.forget(run.arn());
        })
    }
}

impl MapRuns {
    fn children_of(&self, run: &str) -> Arc<AtWork> {
        self.runs().entry(run.to_owned()).or_default().clone()
    }

    /// The run of this ARN, if it is at work.
    fn at_work(&self, run: &str) -> Option<Arc<AtWork>> {
        self.runs().get(run).cloned()
    }

    /// A run is over, unless somebody else waits for its turn.
    fn forget(&self, run: &str) {
        let mut runs = self.runs();
        if runs.get(run).is_some_and(|at_work| Arc::strong_count(at_work) <= 2) {
            runs.remove(run);
        }
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<String, Arc<AtWork>>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
