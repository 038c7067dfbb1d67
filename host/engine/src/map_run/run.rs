//! A Map Run at work, from its first item to its result.

use std::pin::pin;

use futures::{
    StreamExt,
    future::{BoxFuture, FutureExt, OptionFuture},
    stream::FuturesUnordered,
};
use stepyard_asl::{MapRun, Payload, StatesError};

use super::{
    Halt,
    child::{AtWork, Children, EndedChild},
    feed::Feed,
    ledger::Ledger,
    record::{MapRunRecord, MapRunStatus},
    results,
};
use crate::{EngineError, Task, store::Record};

/// How often a run may be redriven (Quotas: "Redrives of a Map Run"; Map Run redrive: past that "you'll receive
/// the States.Runtime error").
const REDRIVES_MAX: u32 = 1_000;

/// A run at work.
pub(super) struct Run<'a> {
    task: &'a Task,
    run: &'a MapRun,
    at_work: &'a AtWork,
    /// How many items there are, once that is known.
    total: Option<u64>,
}

type UnderWay<'a> = FuturesUnordered<BoxFuture<'a, Result<EndedChild, Halt>>>;

impl<'a> Run<'a> {
    /// Runs the children, as many at once as the run says, until all are over or too many failed.
    pub(super) async fn perform(
        task: &'a Task,
        run: &'a MapRun,
        at_work: &'a AtWork,
    ) -> Result<Payload, Halt> {
        let result = match Self::begin(task, run, at_work).await {
            Ok(mut run) => run.go_on().await,
            Err(halt) => Err(halt),
        };
        let status = match &result {
            Ok(_) => MapRunStatus::Succeeded,
            Err(Halt::Failed(_)) => {
                at_work.stop(&task.engine).await;
                MapRunStatus::Failed
            }
            Err(Halt::Interrupted) => return result,
        };
        at_work.end(&task.engine.engine()?, run.arn(), status).await?;
        result
    }

    /// Has it on record that the run is under way, from where it was left.
    async fn begin(task: &'a Task, run: &'a MapRun, at_work: &'a AtWork) -> Result<Self, Halt> {
        if run.redrive_count() > REDRIVES_MAX {
            let often =
                format!("The Map Run was redriven {REDRIVES_MAX} times, and can be no more.");
            return Err(StatesError::runtime(often).into());
        }
        let engine = task.engine.engine()?;
        let _held = engine.hold(&run.arn().into()).await;
        let found = engine.store().map_run(run.arn()).map_err(EngineError::from)?;
        let mut record = match found {
            Some(record) => record.resumed(run, engine.now()),
            None => MapRunRecord::new(run, &task.execution.as_str().into(), engine.now()),
        };
        let total = run.total().map(|total| total as u64);
        if let Some(total) = total {
            let begun = record.items.succeeded + record.items.failures();
            record.items.pending = total.saturating_sub(begun);
            record.executions.pending = record.items.pending.div_ceil(run.items_of_child() as u64);
        }
        *at_work.ledger() = Some(Ledger::new(record.clone()));
        engine.keep(vec![Record::MapRun(Box::new(record))]).await?;
        Ok(Self { task, run, at_work, total })
    }

    async fn go_on(&mut self) -> Result<Payload, Halt> {
        let children = Children::prepare(self.task, self.run)?;
        match self.run_children(&children).await {
            Ok(()) => {
                self.keep().await?;
                self.result().await
            }
            Err(Halt::Failed(error)) => {
                self.at_work.stop(&self.task.engine).await;
                self.keep().await?;
                // What the run failed of is told rather than what its export may fail of.
                if let Err(Halt::Failed(unexported)) = self.export().await {
                    tracing::warn!(map_run = self.run.arn(), error = ?unexported, "the results of a map run that failed were not exported");
                }
                Err(Halt::Failed(error))
            }
            Err(Halt::Interrupted) => Err(Halt::Interrupted),
        }
    }

    /// Children begin while others are at work, however long it takes to read what they are given.
    async fn run_children(&mut self, children: &Children<'_>) -> Result<(), Halt> {
        let (run, at_work) = (self.run, self.at_work);
        let mut under_way = UnderWay::new();
        let feed = Feed::new(&self.task.engine, run, at_work)?;
        let mut feed = pin!(feed.children());
        let mut are_all_begun = false;
        loop {
            self.check_failures()?;
            let has_room = !are_all_begun && under_way.len() < self.concurrency();
            let is_done = are_all_begun && under_way.is_empty();
            let due = self.due()?;
            tokio::select! {
                biased;
                Some(ended) = under_way.next() => {
                    let ended = ended?;
                    at_work.note(|ledger| ledger.child_ended(run, ended));
                }
                next = feed.next(), if has_room => match next.transpose()? {
                    Some((index, child)) => {
                        under_way.push(children.run(index, child, at_work).boxed());
                    }
                    None => {
                        are_all_begun = true;
                        self.know_all();
                    }
                },
                () = at_work.changed.notified(), if !is_done => {}
                Some(()) = due, if !is_done => {}
                else => return Ok(()),
            }
            let now = self.task.engine.engine()?.now();
            if at_work.note(|ledger| ledger.is_due(now)).unwrap_or_default() {
                self.keep().await?;
            }
        }
    }

    /// Comes when it is time to keep what is over by now, though nothing happens until then.
    fn due(&self) -> Result<OptionFuture<BoxFuture<'static, ()>>, EngineError> {
        let engine = self.task.engine.engine()?;
        let due = self.at_work.note(|ledger| ledger.due_at()).flatten();
        Ok(due.map(|at| engine.sleep_until(at)).into())
    }

    fn know_all(&mut self) {
        let total = self.at_work.note(|Ledger { record, .. }| {
            (record.items.pending, record.executions.pending) = (0, 0);
            record.items.total()
        });
        self.total = self.total.or(total);
    }

    fn check_failures(&self) -> Result<(), StatesError> {
        let is_allowed = self.at_work.note(|Ledger { record, .. }| {
            record.tolerance.allows(record.items.failures(), self.total)
        });
        if is_allowed.unwrap_or(true) { Ok(()) } else { Err(self.run.exceeded()) }
    }

    fn concurrency(&self) -> usize {
        let wanted = self.at_work.note(|ledger| ledger.record.concurrency);
        MapRun::concurrency_of(wanted.unwrap_or(self.run.concurrency()))
    }

    async fn keep(&self) -> Result<(), EngineError> {
        self.at_work.keep(&self.task.engine, self.run.arn()).await
    }

    /// What the run comes to.
    async fn result(&mut self) -> Result<Payload, Halt> {
        if let Some(exported) = self.export().await? {
            return Ok(exported);
        }
        let outputs = self.at_work.note(|ledger| ledger.progress().outputs.clone());
        let mut outputs = outputs.unwrap_or_default();
        if self.run.destination().is_some() {
            let engine = self.task.engine.engine()?;
            results::add_unsuccessful(&engine, self.run.arn(), &mut outputs).await?;
        }
        Ok(self.run.result(&outputs)?)
    }

    /// Exports the results, where that is asked for.
    async fn export(&mut self) -> Result<Option<Payload>, Halt> {
        let Some(destination) = self.run.destination() else { return Ok(None) };
        let Some(place) = &destination.export else { return Ok(None) };
        let engine = self.task.engine.engine()?;
        let exported = results::export(&engine, self.run, destination, place).await?;
        self.at_work.note(|Ledger { record, .. }| {
            for counts in [&mut record.items, &mut record.executions] {
                counts.results_written = counts.succeeded + counts.failures();
            }
        });
        Ok(Some(exported))
    }
}
