//! A Map Run at work, from its first item to its result.

use std::{collections::BTreeMap, mem, sync::Arc};

use futures::{
    StreamExt,
    future::{BoxFuture, FutureExt},
    stream::FuturesUnordered,
};
use stepyard_asl::{Child, Filling, Item, MapRun, Payload, StatesError, Status, Transformation};

use super::{
    Halt,
    child::{AtWork, Children, EndedChild},
    items::{Items, Place},
    progress::{Mark, Progress, Unkept},
    record::{MapRunRecord, MapRunStatus},
    results,
};
use crate::{EngineError, Task, store::Record};

/// A run at work.
pub(super) struct Run<'a> {
    task: &'a Task,
    run: &'a MapRun,
    at_work: &'a AtWork,
    items: Source<'a>,
    /// How many items there are, once that is known.
    total: Option<u64>,
    /// An item that was read and is for the next child.
    ahead: Option<Item>,
    /// The next child.
    next: Mark,
    /// Those that are under way.
    begun: BTreeMap<usize, Mark>,
    progress: Progress,
    unkept: Unkept,
}

/// Where the items are.
enum Source<'a> {
    /// In the state's data.
    Given(&'a MapRun),
    /// Outside.
    Read(Box<Items>),
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
        at_work.end(&task.engine, run.arn(), status).await?;
        result
    }

    /// Has it on record that the run is under way, and finds where it was left.
    async fn begin(task: &'a Task, run: &'a MapRun, at_work: &'a AtWork) -> Result<Self, Halt> {
        let engine = task.engine.engine()?;
        let found = engine.store().map_run(run.arn()).map_err(EngineError::from)?;
        let mut record = match found {
            Some(record) => record.resumed(run, engine.now()),
            None => MapRunRecord::new(run, &task.execution.as_str().into(), engine.now()),
        };
        let progress = record.progress.clone().unwrap_or_default();
        let total = run.total().map(|total| total as u64);
        if let Some(total) = total {
            let begun = record.items.succeeded + record.items.failures();
            record.items.pending = total.saturating_sub(begun);
            record.executions.pending = record.items.pending.div_ceil(run.items_of_child() as u64);
        }
        *at_work.record() = Some(record.clone());
        engine.keep(vec![Record::MapRun(Box::new(record))]).await?;
        let items = match run.source() {
            None => Source::Given(run),
            Some(source) => {
                let objects = engine.shared.config.objects.clone();
                let (place, count) = (progress.next.place.clone(), progress.next.item as u64);
                Source::Read(Box::new(Items::new(objects, source.clone(), place, count)?))
            }
        };
        let next = progress.next.clone();
        let (ahead, begun, unkept) = (None, BTreeMap::new(), Unkept::default());
        Ok(Self { task, run, at_work, items, total, ahead, next, begun, progress, unkept })
    }

    async fn go_on(&mut self) -> Result<Payload, Halt> {
        let children = Children::prepare(self.task, self.run)?;
        let mut under_way = UnderWay::new();
        let result = self.run_children(&children, &mut under_way).await;
        drop(under_way);
        match result {
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

    async fn run_children<'c>(
        &mut self,
        children: &'c Children<'c>,
        under_way: &mut UnderWay<'c>,
    ) -> Result<(), Halt>
    where
        'a: 'c,
    {
        let mut are_all_begun = false;
        loop {
            while !are_all_begun && under_way.len() < self.concurrency() {
                let at_work = self.at_work;
                match self.next_child().await? {
                    Some((index, child)) => {
                        under_way.push(children.run(index, child, at_work).boxed());
                    }
                    None => are_all_begun = true,
                }
            }
            if are_all_begun {
                self.know_all();
            }
            self.check_failures()?;
            let ended = tokio::select! {
                ended = under_way.next(), if !under_way.is_empty() => ended,
                () = self.at_work.changed.notified(), if !are_all_begun || !under_way.is_empty() => continue,
                else => None,
            };
            let Some(ended) = ended else { return Ok(()) };
            self.child_ended(ended?);
            self.check_failures()?;
            if self.unkept.is_due(self.task.engine.engine()?.now()) {
                self.keep().await?;
            }
        }
    }

    /// The next child that is not over yet, with its number.
    async fn next_child(&mut self) -> Result<Option<(usize, Child)>, Halt> {
        loop {
            let Mark { child: index, item: first, .. } = self.next;
            let run = self.run;
            let mut filling = run.fill(index, first)?;
            // Where this child begins: an item read ahead is its first.
            let begins = self.next.clone();
            let mut place = begins.place.clone();
            while !filling.is_full() {
                let item = match self.ahead.take() {
                    Some(item) => item,
                    None => match self.items.next(first, &filling).await? {
                        Some(item) => item,
                        None => break,
                    },
                };
                if !filling.take(&item)? {
                    self.ahead = Some(item);
                    break;
                }
                place = self.items.place();
            }
            if filling.is_empty() {
                return Ok(None);
            }
            let child = filling.finish()?;
            let item = first + child.items;
            self.next = Mark { child: index + 1, item, place };
            if self.progress.ended.contains(index) {
                continue;
            }
            if let Some(record) = &mut *self.at_work.record() {
                record.child_begins(child.items as u64);
            }
            self.begun.insert(index, begins);
            return Ok(Some((index, child)));
        }
    }

    fn child_ended(&mut self, ended: EndedChild) {
        let EndedChild { index, items, status, told } = ended;
        self.begun.remove(&index);
        self.progress.ended.insert(index);
        if let Some(record) = &mut *self.at_work.record() {
            record.child_ends(items as u64, &status);
        }
        self.unkept.children += 1;
        match (told, self.run.destination()) {
            (Some(told), Some(destination)) if destination.export.is_some() => {
                let result = told.result(self.run, destination, &status, items as u64);
                self.unkept.bytes += result.text.len();
                self.unkept.results.push((index as u64, result));
            }
            (Some(told), Some(destination)) => {
                let output = match (&status, destination.transformation) {
                    (Status::Succeeded { output }, it) if it != Transformation::None => {
                        output.clone()
                    }
                    _ => told.record(self.run.machine_arn(), &status).into(),
                };
                self.progress.outputs.keep(index, output);
            }
            _ => {
                if let Status::Succeeded { output } = status {
                    self.progress.outputs.keep(index, output);
                }
            }
        }
    }

    fn know_all(&mut self) {
        if let Some(record) = &mut *self.at_work.record() {
            (record.items.pending, record.executions.pending) = (0, 0);
            self.total.get_or_insert(record.items.total());
        }
    }

    fn check_failures(&self) -> Result<(), StatesError> {
        let record = self.at_work.record();
        let Some(record) = &*record else { return Ok(()) };
        match record.tolerance.allows(record.items.failures(), self.total) {
            true => Ok(()),
            false => Err(self.run.exceeded()),
        }
    }

    fn concurrency(&self) -> usize {
        let wanted = self.at_work.record().as_ref().map(|record| record.concurrency);
        MapRun::concurrency_of(wanted.unwrap_or(self.run.concurrency()))
    }

    /// Keeps how far it has come, and what became of the children since.
    async fn keep(&mut self) -> Result<(), EngineError> {
        let next = self.begun.first_key_value().map_or(&self.next, |(_, mark)| mark);
        self.progress.next = next.clone();
        self.progress.ended.forget_before(self.progress.next.child);
        let unkept = mem::take(&mut self.unkept);
        let engine = self.task.engine.engine()?;
        self.unkept.since = Some(engine.now());
        let run: Arc<str> = self.run.arn().into();
        let result = |(child, result)| Record::ChildResult { run: run.clone(), child, result };
        let mut records: Vec<Record> = unkept.results.into_iter().map(result).collect();
        if let Some(record) = &mut *self.at_work.record() {
            record.progress = Some(self.progress.clone());
            records.push(Record::MapRun(Box::new(record.clone())));
        }
        engine.keep(records).await
    }

    /// What the run comes to.
    async fn result(&mut self) -> Result<Payload, Halt> {
        match self.export().await? {
            Some(exported) => Ok(exported),
            None => Ok(self.run.result(&self.progress.outputs)?),
        }
    }

    /// Exports the results, where that is asked for.
    async fn export(&mut self) -> Result<Option<Payload>, Halt> {
        let Some(destination) = self.run.destination() else { return Ok(None) };
        let Some(place) = &destination.export else { return Ok(None) };
        let engine = self.task.engine.engine()?;
        let exported = results::export(&engine, self.run, destination, place).await?;
        if let Some(record) = &mut *self.at_work.record() {
            for counts in [&mut record.items, &mut record.executions] {
                counts.results_written = counts.succeeded + counts.failures();
            }
        }
        Ok(Some(exported))
    }
}

impl Source<'_> {
    /// The item that is for `filling`, whose first is the one numbered `first`.
    async fn next(
        &mut self,
        first: usize,
        filling: &Filling<'_>,
    ) -> Result<Option<Item>, StatesError> {
        match self {
            Self::Given(run) => Ok(run.item(first + filling.len())),
            Self::Read(items) => items.next().await,
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Given(_) => Place::default(),
            Self::Read(items) => items.place().clone(),
        }
    }
}
