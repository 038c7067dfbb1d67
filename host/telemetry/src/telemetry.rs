//! The observer of an engine: takes what was committed, and hands it to a worker.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use stepyard_asl::SpanPlace;
use stepyard_engine::{
    FactPlace, Interest, LogGroup, Logging, Observer, Shown, Store, Subject,
    measures::Shipping,
    outside::{KeyValue, Logs},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

use crate::{
    counts::Counts,
    marks::{Ledger, Marks, Receipt},
    otlp::{Exporter, Sampler, Tracer},
    room::{Room, Size},
    worker::Worker,
};

/// What is told outside, and where. What is none is not told, and costs nothing.
#[derive(Debug, Default)]
pub struct Settings {
    /// Where log records go, of those state machines that log.
    pub logs: Option<Arc<dyn Logs>>,
    /// Where metrics go.
    pub metrics: Option<MetricSettings>,
    /// Where spans go, and which are kept.
    pub traces: Option<(Exporter, Sampler)>,
    /// Where it is kept how far all was told: the embedded store of the executions. None: what a process
    /// did not tell is not told by the next.
    pub mark: Option<Arc<dyn KeyValue>>,
}

/// Where metrics go.
#[derive(Clone, Debug)]
pub struct MetricSettings {
    /// What takes them.
    pub logs: Arc<dyn Logs>,
    /// The log group that CloudWatch finds them in.
    pub group: LogGroup,
    /// CloudWatch's namespace for them.
    pub namespace: String,
    /// How long is counted until it is told.
    pub interval: Duration,
}

/// Tells outside what executions come to.
#[derive(Debug)]
pub struct Telemetry {
    inbox: mpsc::UnboundedSender<Message>,
    has_logs: bool,
    has_metrics: bool,
    tracer: Option<Tracer>,
    room: Arc<Room>,
    marks: Arc<Marks>,
    ledger: Option<Ledger>,
    /// Held until what an earlier process did not tell is told again: the mark stays before it, and then
    /// moves behind it, also where nobody wanted anything of it.
    left: Mutex<Option<Arc<Receipt>>>,
    records: Arc<Counts>,
    spans: Option<Arc<Counts>>,
}

/// What the worker is told.
#[derive(Debug)]
pub(crate) enum Message {
    Shown { shown: Vec<Shown>, size: Size, is_again: bool, receipt: Arc<Receipt> },
    Throttled { machine: Arc<str> },
    Close(Closing),
}

/// Until when what waits is told, and who waits for that.
#[derive(Debug)]
pub(crate) struct Closing {
    pub(crate) by: Instant,
    pub(crate) done: oneshot::Sender<()>,
}

impl Telemetry {
    /// Begins to take what is to be told. Call it within a tokio runtime.
    pub fn start(settings: Settings) -> Self {
        let (inbox, arrivals) = mpsc::unbounded_channel();
        let (has_logs, has_metrics) = (settings.logs.is_some(), settings.metrics.is_some());
        let tracer = settings.traces.as_ref().map(|(_, sampler)| Tracer(*sampler));
        let ledger = settings.mark.clone().map(Ledger);
        let (room, marks) = (Arc::<Room>::default(), Arc::<Marks>::default());
        let left = Mutex::default();
        let records = Arc::new(Counts::new("log_records"));
        let spans = tracer.map(|_| Arc::new(Counts::new("spans")));
        let parts = (room.clone(), marks.clone(), ledger.clone());
        let counts = (records.clone(), spans.clone());
        tokio::spawn(Worker::new(arrivals, settings, tracer, parts, counts).run());
        Self { inbox, has_logs, has_metrics, tracer, room, marks, ledger, left, records, spans }
    }

    /// The facts of which it is not known whether what they led to was told: to be given to
    /// [`Engine::show_again`](stepyard_engine::Engine::show_again) before [`Self::caught_up`]. Ask before
    /// the engine begins.
    pub async fn left(&self, store: &dyn Store) -> Vec<FactPlace> {
        let Some(ledger) = &self.ledger else { return Vec::new() };
        let left = ledger.left(store).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what was not told before the last end is not told again");
            Vec::new()
        });
        *self.held() = Some(self.marks.issue(left.last().cloned()));
        left
    }

    /// What was left has been shown again.
    pub fn caught_up(&self) {
        self.held().take();
    }

    /// Tells what waits, as far as that is done within `bound`, and then nothing more. What is left of
    /// Standard executions is told by the next process.
    pub async fn close(&self, bound: Duration) {
        let by = Instant::now() + bound;
        let (done, closed) = oneshot::channel();
        if self.inbox.send(Message::Close(Closing { by, done })).is_ok() {
            // It comes to its end a little later by itself.
            let _ = timeout_at(by + Duration::from_secs(1), closed).await;
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Arc<Receipt>>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wanted of an execution's log.
    fn logged<'a>(&self, subject: &'a Subject) -> Option<&'a Logging> {
        subject.logging.as_ref().filter(|_| self.has_logs)
    }

    /// Hands it on, if there is room; what nobody wants of it is left out.
    fn hand_on(&self, mut shown: Vec<Shown>, receipt: Arc<Receipt>, is_again: bool) {
        shown.retain_mut(|shown| self.is_wanted(shown));
        if shown.is_empty() {
            return;
        }
        let size = Size::of(&shown);
        if !self.room.take(size) {
            return self.lose(&shown);
        }
        // A worker that has gone tells nothing more.
        let _ = self.inbox.send(Message::Shown { shown, size, is_again, receipt });
    }

    /// Leaves out the events and the data that nobody wants; whether anything is left.
    fn is_wanted(&self, shown: &mut Shown) -> bool {
        let logging = self.logged(&shown.subject);
        if !self.has_metrics {
            let level = logging.map(|logging| logging.level);
            shown.events.retain(|event| level.is_some_and(|level| level.logs(event.kind)));
        }
        if logging.is_none_or(|logging| !logging.include_execution_data) {
            for event in &mut shown.events {
                let details = &mut event.details;
                (details.input, details.output, details.parameters) = (None, None, None);
                details.assigned_variables.clear();
            }
        }
        !shown.events.is_empty() || !shown.spans.is_empty()
    }

    fn lose(&self, shown: &[Shown]) {
        let why = "more comes to pass than can be told";
        let logged = |shown: &Shown| {
            let level = self.logged(&shown.subject).map(|logging| logging.level);
            let events = shown.events.iter();
            events.filter(|event| level.is_some_and(|level| level.logs(event.kind))).count()
        };
        self.records.lose(shown.iter().map(logged).sum(), why);
        if let Some(spans) = &self.spans {
            spans.lose(shown.iter().map(|shown| shown.spans.len()).sum(), why);
        }
    }
}

impl Observer for Telemetry {
    fn interest(&self, subject: &Subject) -> Interest {
        let is_traced = self.tracer.is_some_and(|tracer| tracer.trace(subject).is_some());
        if self.has_metrics || is_traced {
            Interest::EventsAndSpans
        } else if self.logged(subject).is_some() {
            Interest::Events
        } else {
            Interest::Nothing
        }
    }

    fn show(&self, shown: Vec<Shown>, last: Option<FactPlace>) {
        self.hand_on(shown, self.marks.issue(last), false);
    }

    fn show_again(&self, shown: Vec<Shown>) {
        let left = self.held().clone();
        self.hand_on(shown, left.unwrap_or_else(|| self.marks.issue(None)), true);
    }

    fn trace_header(&self, subject: &Subject, task: &SpanPlace) -> Option<String> {
        self.tracer?.header(subject, task)
    }

    fn throttled(&self, machine: &str) {
        if self.has_metrics && self.room.take(Size::ONE) {
            let _ = self.inbox.send(Message::Throttled { machine: machine.into() });
        }
    }

    fn measures(&self) -> Vec<Shipping> {
        let records = self.has_logs.then_some(&self.records);
        [records, self.spans.as_ref()].into_iter().flatten().map(|counts| counts.read()).collect()
    }
}
