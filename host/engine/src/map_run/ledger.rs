//! What a Map Run at work has come to: its record, and what of it is yet to be kept. That is kept now and
//! then, and whole when the run ends: what the store has of a run is of one moment.

use std::{collections::BTreeMap, mem};

use stepyard_asl::{MapRun, Status, Timestamp, Transformation};

use super::{
    child::{AtWork, EndedChild},
    progress::{Mark, Progress, Unkept},
    record::{MapRunRecord, MapRunStatus},
    results::ChildResult,
};
use crate::{Engine, EngineError, EngineHandle, MapRunChange, store::Record};

/// What a run at work has come to.
#[derive(Debug)]
pub(super) struct Ledger {
    /// What is shown of it; how far it has come is beside it.
    pub(super) record: MapRunRecord,
    /// The next child.
    next: Mark,
    /// Where those begin that are under way.
    begun: BTreeMap<usize, Mark>,
    progress: Progress,
    unkept: Unkept,
}

impl Ledger {
    /// That of a run that begins, or goes on.
    pub(super) fn new(mut record: MapRunRecord) -> Self {
        let progress = record.progress.take().unwrap_or_default();
        let next = progress.next.clone();
        Self { record, next, begun: BTreeMap::new(), progress, unkept: Unkept::default() }
    }

    /// Where the next child begins.
    pub(super) fn next(&self) -> &Mark {
        &self.next
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The next child begins with so many items, and the one behind it is at `then`.
    pub(super) fn begin_next(&mut self, items: usize, then: Mark) {
        let begins = mem::replace(&mut self.next, then);
        self.record.child_begins(items as u64);
        self.begun.insert(begins.child, begins);
    }

    /// The next child is over already; the one behind it is at `then`.
    pub(super) fn pass_by_next(&mut self, then: Mark) {
        self.next = then;
    }

    /// A child is over.
    pub(super) fn child_ended(&mut self, run: &MapRun, ended: EndedChild) {
        let EndedChild { index, items, status, is_final, told } = ended;
        self.begun.remove(&index);
        self.progress.ended.insert(index, index + 1);
        self.record.child_ends(items as u64, &status, is_final);
        self.unkept.children += 1;
        if let Some(result) = ChildResult::of(run, told.as_ref(), &status) {
            self.unkept.bytes += result.text.len();
            self.unkept.results.push((index as u64, result));
        }
        if run.destination().is_some_and(|it| it.export.is_some()) {
            return;
        }
        let transformation = run.destination().map(|it| it.transformation);
        match (status, told, transformation) {
            (status @ Status::Succeeded { .. }, Some(told), Some(Transformation::None)) => {
                let told = told.record(run.machine_arn(), &status);
                self.progress.outputs.keep(index, told.into());
            }
            (Status::Succeeded { output }, ..) => self.progress.outputs.keep(index, output),
            _ => {}
        }
    }

    /// Changes the run, and gives what is to be kept of it; none when it is over.
    pub(super) fn change(&mut self, change: &MapRunChange, now: Timestamp) -> Option<Vec<Record>> {
        self.record.change(change).then(|| self.records(now))
    }

    /// Whether it is time to keep what is not kept yet.
    pub(super) fn is_due(&mut self, now: Timestamp) -> bool {
        self.unkept.is_due(now)
    }

    /// When it will be, though nothing happens until then; none while all is kept.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        self.unkept.due_at()
    }

    /// All that is to be kept of the run as it is.
    pub(super) fn records(&mut self, now: Timestamp) -> Vec<Record> {
        self.records_with(self.record.clone(), now)
    }

    /// All that is to be kept of the run with this record.
    fn records_with(&mut self, record: MapRunRecord, now: Timestamp) -> Vec<Record> {
        let next = self.begun.first_key_value().map_or(&self.next, |(_, mark)| mark);
        self.progress.next = next.clone();
        self.progress.ended.forget_before(self.progress.next.child);
        let unkept = mem::replace(&mut self.unkept, Unkept::since(now));
        let run = &self.record.arn;
        let result = |(child, result)| Record::ChildResult { run: run.clone(), child, result };
        let mut records: Vec<Record> = unkept.results.into_iter().map(result).collect();
        let progress = record.keeps_progress().then(|| self.progress.clone());
        records.push(Record::MapRun(Box::new(MapRunRecord { progress, ..record })));
        records
    }
}

impl AtWork {
    /// Notes something in the run's ledger; none before the run has begun.
    pub(super) fn note<T>(&self, note: impl FnOnce(&mut Ledger) -> T) -> Option<T> {
        self.ledger().as_mut().map(note)
    }

    /// Keeps what the run has come to.
    pub(super) async fn keep(&self, engine: &EngineHandle, run: &str) -> Result<(), EngineError> {
        let engine = engine.engine()?;
        let _held = engine.hold(&run.into()).await;
        let records = self.note(|ledger| ledger.records(engine.now()));
        engine.keep(records.unwrap_or_default()).await
    }

    /// Keeps how a run ended, unless it is over already. It is shown once it is durable.
    pub(super) async fn end(
        &self,
        engine: &Engine,
        run: &str,
        status: MapRunStatus,
    ) -> Result<(), EngineError> {
        let _held = engine.hold(&run.into()).await;
        let is_known = self.ledger().is_some();
        if !is_known {
            let Some(record) = engine.store().map_run(run)? else { return Ok(()) };
            *self.ledger() = Some(Ledger::new(record));
        }
        let now = engine.now();
        let ended = self.note(|ledger| {
            let is_under_way = ledger.record.status == MapRunStatus::Running;
            is_under_way.then(|| {
                let mut ended = ledger.record.clone();
                ended.end(status, now);
                (ledger.records_with(ended.clone(), now), ended)
            })
        });
        let Some((records, ended)) = ended.flatten() else { return Ok(()) };
        engine.keep(records).await?;
        self.note(|ledger| ledger.record = ended);
        Ok(())
    }
}
