//! Who looks on: logs, metrics and traces are made of what executions come to, once that is durable.

use std::{collections::HashMap, fmt, sync::Arc};

use stepyard_asl::{
    Execution, FactKind, HistoryEvent, Parent, ResourceKind, Span, SpanPlace, StateMachine,
    Timestamp,
};

use crate::{
    Engine, EngineError, ExecutionArn, ExecutionRecord, FactPlace, Logging, Store, live::Live,
    measures::Shipping, recall::blocking,
};

/// Is shown what executions come to. It keeps none waiting: what it has no room for, it drops and counts.
pub trait Observer: Send + Sync + fmt::Debug {
    /// What it wants to see of an execution that begins or goes on.
    fn interest(&self, subject: &Subject) -> Interest;

    /// Takes what was committed, in the order in which it was, and the last fact of it, also when nothing
    /// of it is wanted; no fact of what is in no journal.
    fn show(&self, shown: Vec<Shown>, last: Option<FactPlace>);

    /// Takes again what it may not have told before the last process ended.
    fn show_again(&self, shown: Vec<Shown>);

    /// The X-Ray trace header that an attempt at a task passes on; none: that which its execution was
    /// started with.
    fn trace_header(&self, subject: &Subject, task: &SpanPlace) -> Option<String>;

    /// An execution was not begun, as too much is at work.
    fn throttled(&self, machine: &str);

    /// What it counts of what it passes on.
    fn measures(&self) -> Vec<Shipping>;
}

/// What an observer wants to see of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Nothing.
    Nothing,
    /// The events of its history.
    Events,
    /// Its events, and what took time.
    EventsAndSpans,
}

/// Whose events and spans they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The execution.
    pub arn: ExecutionArn,
    /// Its state machine's unqualified ARN.
    pub machine: Arc<str>,
    /// The version it was started with, as an ARN.
    pub version: Option<Arc<str>>,
    /// The alias it was started through, as an ARN.
    pub alias: Option<Arc<str>>,
    /// When it began.
    pub started_at: Timestamp,
    /// The X-Ray trace header it was started with.
    pub trace: Option<String>,
    /// The Map Run that it is a child of.
    pub map_run: Option<String>,
    /// What is to be logged of it.
    pub logging: Option<Logging>,
}

impl Subject {
    pub(crate) fn of_start(
        arn: &ExecutionArn,
        machine: &Arc<str>,
        started_at: Timestamp,
        fact: &FactKind,
    ) -> Option<Self> {
        let FactKind::ExecutionStarted { version, alias, trace, parent, logging, .. } = fact else {
            return None;
        };
        Some(Self {
            arn: arn.clone(),
            machine: machine.clone(),
            version: version.as_deref().map(Arc::from),
            alias: alias.as_deref().map(Arc::from),
            started_at,
            trace: trace.clone(),
            map_run: map_run(parent.as_deref()),
            logging: logging.as_deref().and_then(Logging::read),
        })
    }

    fn of_record(record: &ExecutionRecord) -> Self {
        Self {
            arn: record.summary.arn.clone(),
            machine: record.summary.machine.clone(),
            version: record.summary.version.clone(),
            alias: record.summary.alias.clone(),
            started_at: record.summary.started_at,
            trace: record.trace.clone(),
            map_run: map_run(record.parent.as_ref()),
            logging: record.logging.as_deref().and_then(Logging::read),
        }
    }
}

fn map_run(parent: Option<&Parent>) -> Option<String> {
    parent.and_then(|parent| parent.map_run.clone())
}

/// What one fact led to.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Whose it is.
    pub subject: Arc<Subject>,
    /// The fact's number in the execution's journal.
    pub fact: u64,
    /// How often the execution had been redriven.
    pub redrive_count: u32,
    /// What its history shows of it.
    pub events: Vec<HistoryEvent>,
    /// What came to its end.
    pub spans: Vec<Span>,
    /// The ARN of the activity whose task a worker took, if one did: the event does not say.
    pub taken: Option<Arc<str>>,
}

/// The activity whose task a worker takes with this fact.
pub(crate) fn taken(execution: &Execution, fact: &FactKind) -> Option<Arc<str>> {
    let FactKind::TaskStarted { task, .. } = fact else { return None };
    let resource = &execution.task(task)?.resource;
    (*resource.kind() == ResourceKind::Activity).then(|| resource.text().into())
}

impl Engine {
    /// Shows the observer again what these facts led to, each execution's in the order of its journal: of a
    /// process that ended it is not known how much was passed on.
    pub async fn show_again(&self, facts: Vec<FactPlace>) -> Result<(), EngineError> {
        let Some(observer) = self.observer().cloned() else { return Ok(()) };
        for (execution, first, last) in runs(facts) {
            let record = match self.record(&execution) {
                Ok(record) => record,
                // Forgotten meanwhile.
                Err(EngineError::ExecutionDoesNotExist { .. }) => continue,
                Err(error) => return Err(error),
            };
            let subject = Arc::new(Subject::of_record(&record));
            if observer.interest(&subject) == Interest::Nothing {
                continue;
            }
            let (machine, store) = (self.machine_of(&record)?, self.shared.config.store.clone());
            let read = move || retold(&*store, machine, &subject, first, last);
            observer.show_again(blocking(read).await?);
        }
        Ok(())
    }

    /// What the observer counts of what it passes on.
    pub fn shipping(&self) -> Vec<Shipping> {
        self.observer().map(|observer| observer.measures()).unwrap_or_default()
    }

    pub(crate) fn observer(&self) -> Option<&Arc<dyn Observer>> {
        self.shared.config.observer.as_ref()
    }

    /// Lets the observer look on from here, if it wants to.
    pub(crate) fn observe(&self, live: &mut Live, record: &ExecutionRecord) {
        if let Some(observer) = self.observer() {
            live.observe(&**observer, Subject::of_record(record));
        }
    }
}

/// What the facts of an execution led to, from the first to the last of these numbers.
fn retold(
    store: &dyn Store,
    machine: Arc<StateMachine>,
    subject: &Arc<Subject>,
    first: u64,
    last: u64,
) -> Result<Vec<Shown>, EngineError> {
    let checkpoint = store.checkpoint(&subject.arn)?.filter(|it| it.facts < first);
    let restored = checkpoint.and_then(|checkpoint| {
        let restored = Execution::restore(machine.clone(), &checkpoint.body)?;
        Some((restored, checkpoint.facts))
    });
    let (mut execution, mut number) = restored.unwrap_or_else(|| (Execution::new(machine), 0));
    execution.trace();
    let wanted = usize::try_from(last - number).unwrap_or(usize::MAX);
    let mut shown = Vec::new();
    for fact in store.facts_after(&subject.arn, number, wanted)? {
        number += 1;
        let taken = taken(&execution, &fact.kind);
        let step = execution.step(&fact);
        if number >= first {
            shown.push(Shown {
                subject: subject.clone(),
                fact: number,
                redrive_count: execution.redrive_count(),
                events: step.history,
                spans: step.spans,
                taken,
            });
        }
    }
    Ok(shown)
}

/// The first and the last number of each execution, those of the first fact first.
fn runs(facts: Vec<FactPlace>) -> Vec<(ExecutionArn, u64, u64)> {
    let mut runs: Vec<(ExecutionArn, u64, u64)> = Vec::new();
    let mut places = HashMap::new();
    for FactPlace { execution, number } in facts {
        let place = *places.entry(execution.clone()).or_insert_with(|| {
            runs.push((execution, number, number));
            runs.len() - 1
        });
        let (_, first, last) = &mut runs[place];
        (*first, *last) = (number.min(*first), number.max(*last));
    }
    runs
}
