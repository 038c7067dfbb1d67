//! Map Runs: a Distributed Map is one task to its execution, and its items are processed by executions
//! of their own.
//!
//! The children's names follow from the run, so a run that is performed again after a crash finds the
//! Standard ones that it had started: what they came to is taken, what is under way is awaited, and
//! none is begun twice. Express ones are begun anew, as they may be performed more than once.

mod child;
mod orphans;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use stepyard_asl::{MapRun, Outputs, Payload, Resource, ResourceKind, StatesError, Status};

use crate::{EngineError, Integration, Outcome, Task};

use child::{AtWork, Children};

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
        tracing::debug!(%error, "a map run is interrupted");
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
            let result = perform(&task, &run, &at_work).await;
            let outcome = match result {
                Ok(output) => Outcome::done(output),
                Err(Halt::Failed(error)) => {
                    at_work.stop(&task.engine).await;
                    Outcome::failed(error)
                }
                Err(Halt::Interrupted) => std::future::pending().await,
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
            drop(turn);
            self.forget(run.arn());
        })
    }
}

impl MapRuns {
    fn children_of(&self, run: &str) -> Arc<AtWork> {
        self.runs().entry(run.to_owned()).or_default().clone()
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

/// Runs the children, as many at once as the run says, until all are over or too many failed.
async fn perform(task: &Task, run: &Arc<MapRun>, at_work: &AtWork) -> Result<Payload, Halt> {
    let children = Children::prepare(task, run)?;
    let mut under_way = FuturesUnordered::new();
    let (mut outputs, mut failed) = (Outputs::default(), 0);
    let (mut index, mut first) = (0, 0);
    loop {
        while under_way.len() < run.concurrency()
            && let Some(child) = run.child(index, first)
        {
            let child = child?;
            first += child.items;
            under_way.push(children.run(index, child, at_work));
            index += 1;
        }
        let Some(ended) = under_way.next().await else { break };
        let (index, items, status) = ended?;
        match status {
            Status::Succeeded { output } => outputs.keep(index, output),
            _ => failed += items,
        }
        if !run.tolerates(failed) {
            return Err(run.exceeded().into());
        }
    }
    Ok(run.result(&outputs)?)
}
