//! Makes texts and spans of what was shown, apart from the engine's own work.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::future::OptionFuture;
use stepyard_asl::Timestamp;
use stepyard_engine::{
    FactPlace, LogGroup, Shown,
    outside::{LogEvent, LogStream, Logs},
};
use time::{OffsetDateTime, macros::format_description};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    batch::Line,
    counts::Counts,
    delivery::{Delivery, Target},
    emf,
    marks::{Ledger, Marks, Receipt},
    meters::Meters,
    otlp::{Export, Spans, Tracer},
    record::record,
    room::{Room, Size},
    telemetry::{Closing, Message, MetricSettings, Settings},
};

/// How many messages are taken at once.
const MESSAGES: usize = 64;
/// How often the mark is kept.
const MARK_EVERY: Duration = Duration::from_secs(1);

/// The worker.
pub(crate) struct Worker {
    arrivals: mpsc::UnboundedReceiver<Message>,
    logs: Option<Arc<dyn Logs>>,
    metrics: Option<Metrics>,
    traces: Option<(Spans, Export)>,
    delivery: Delivery,
    /// The streams of state machines, by log group and by the machines' ARNs.
    streams: HashMap<(LogGroup, Arc<str>), usize>,
    room: Arc<Room>,
    marks: Arc<Marks>,
    ledger: Option<Ledger>,
    kept: Option<FactPlace>,
    mark_at: Instant,
    records: Arc<Counts>,
    spans: Option<Arc<Counts>>,
}

/// Metrics, and when they are told.
struct Metrics {
    settings: MetricSettings,
    meters: Meters,
    at: Instant,
    /// Its stream; none before the first.
    stream: Option<usize>,
    counts: Arc<Counts>,
}

type Parts = (Arc<Room>, Arc<Marks>, Option<Ledger>);

impl Worker {
    pub(crate) fn new(
        arrivals: mpsc::UnboundedReceiver<Message>,
        settings: Settings,
        tracer: Option<Tracer>,
        (room, marks, ledger): Parts,
        (records, spans): (Arc<Counts>, Option<Arc<Counts>>),
    ) -> Self {
        let now = Instant::now();
        let metrics = settings.metrics.map(|settings| Metrics {
            at: now + settings.interval,
            settings,
            meters: Meters::default(),
            stream: None,
            counts: Arc::new(Counts::new("metrics")),
        });
        let traces = settings.traces.zip(tracer).zip(spans.clone());
        let traces = traces.map(|(((exporter, _), tracer), spans)| {
            (Spans::new(tracer), Export::start(exporter, spans))
        });
        Self {
            arrivals,
            logs: settings.logs,
            metrics,
            traces,
            delivery: Delivery::default(),
            streams: HashMap::new(),
            room,
            marks,
            ledger,
            kept: None,
            mark_at: now,
            records,
            spans,
        }
    }

    /// Works until it is told to close, or the last who could tell it anything has gone.
    pub(crate) async fn run(mut self) {
        let mut messages = Vec::with_capacity(MESSAGES);
        loop {
            let next = self.due().await;
            tokio::select! {
                count = self.arrivals.recv_many(&mut messages, MESSAGES) => {
                    if count == 0 {
                        return;
                    }
                    let mut close = None;
                    for message in messages.drain(..) {
                        close = self.take(message).or(close);
                    }
                    if let Some(closing) = close {
                        return self.close(closing).await;
                    }
                }
                ended = self.delivery.ended() => self.delivery.settle(ended),
                () = sleep_until(next) => {}
            }
        }
    }

    /// Does what is due, and answers when the next will be.
    async fn due(&mut self) -> Instant {
        let now = Instant::now();
        if self.metrics.as_ref().is_some_and(|metrics| metrics.at <= now) {
            self.tell_metrics();
        }
        if self.mark_at <= now {
            self.keep_mark().await;
            self.mark_at = now + MARK_EVERY;
        }
        let due = self.delivery.put_due();
        let metrics = self.metrics.as_ref().map(|metrics| metrics.at);
        [due, metrics].into_iter().flatten().fold(self.mark_at, Instant::min)
    }

    /// Takes a message; answers when it is to close.
    fn take(&mut self, message: Message) -> Option<Closing> {
        match message {
            Message::Shown { shown, size, is_again, receipt } => {
                for shown in &shown {
                    self.show(shown, is_again, &receipt);
                }
                self.room.give_back(size);
            }
            Message::Throttled { machine } => {
                if let Some(metrics) = &mut self.metrics {
                    metrics.meters.throttled(machine);
                }
                self.room.give_back(Size::ONE);
            }
            Message::Close(closing) => return Some(closing),
        }
        None
    }

    fn show(&mut self, shown: &Shown, is_again: bool, receipt: &Arc<Receipt>) {
        // What is told again was counted.
        if let Some(metrics) = self.metrics.as_mut().filter(|_| !is_again) {
            metrics.meters.show(shown);
        }
        if let Some((spans, export)) = &self.traces {
            let made = shown.spans.iter().filter_map(|span| spans.span(&shown.subject, span));
            made.for_each(|span| export.push(span, receipt.clone()));
        }
        self.log(shown, receipt);
    }

    fn log(&mut self, shown: &Shown, receipt: &Arc<Receipt>) {
        let (Some(logging), Some(logs)) = (&shown.subject.logging, &self.logs) else { return };
        let logged = shown.events.iter().filter(|event| logging.level.logs(event.kind));
        let mut logged = logged.peekable();
        if logged.peek().is_none() {
            return;
        }
        let key = (logging.group.clone(), shown.subject.machine.clone());
        let number = *self.streams.entry(key).or_insert_with_key(|(group, machine)| {
            let stream = LogStream {
                group: group.clone(),
                name: stream_name(&format!("states/{}", machine_name(machine))),
                has_metrics: false,
            };
            let (logs, counts) = (logs.clone(), self.records.clone());
            self.delivery.add(Target { stream, logs, counts })
        });
        for event in logged {
            let message = record(&shown.subject, shown.redrive_count, event);
            let (at, receipt) = (event.timestamp, Some(receipt.clone()));
            self.delivery.push(number, Line { event: LogEvent { at, message }, receipt });
        }
    }

    /// Tells what was counted since it was told last.
    fn tell_metrics(&mut self) {
        let Some(metrics) = &mut self.metrics else { return };
        metrics.at = Instant::now() + metrics.settings.interval;
        let counted = metrics.meters.take();
        if counted.is_empty() {
            return;
        }
        let MetricSettings { logs, group, namespace, .. } = &metrics.settings;
        let number = *metrics.stream.get_or_insert_with(|| {
            let name = stream_name("metrics");
            let stream = LogStream { group: group.clone(), name, has_metrics: true };
            let (logs, counts) = (logs.clone(), metrics.counts.clone());
            self.delivery.add(Target { stream, logs, counts })
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let at = Timestamp::from_millis(now);
        for message in emf::documents(&counted, namespace, now) {
            self.delivery.push(number, Line { event: LogEvent { at, message }, receipt: None });
        }
    }

    /// Keeps how far all was told, if that is further than what is kept.
    async fn keep_mark(&mut self) {
        let Some(ledger) = &self.ledger else { return };
        let reached = self.marks.reached();
        if reached.is_none() || reached == self.kept {
            return;
        }
        match ledger.keep(reached.as_ref()).await {
            Ok(()) => self.kept = reached,
            Err(error) => tracing::warn!(%error, "how far telemetry has come is not kept"),
        }
    }

    /// Tells what there is until `by`.
    async fn close(mut self, Closing { by, done }: Closing) {
        self.tell_metrics();
        self.delivery.close();
        let export = self.traces.take().map(|(_, export)| export);
        let exported = OptionFuture::from(export.map(|export| export.close(by)));
        let delivery = &mut self.delivery;
        let delivered = async {
            while !delivery.is_empty() {
                let next = delivery.put_due().unwrap_or(by).min(by);
                tokio::select! {
                    ended = delivery.ended() => delivery.settle(ended),
                    () = sleep_until(next) => if next == by { return },
                }
            }
        };
        let (rest, ()) = tokio::join!(exported, delivered);
        // What is left is not told: the receipts are let go of, and must not say that it was.
        self.marks.close();
        if let Some(rest) = rest {
            rest.abort();
        }
        self.keep_mark().await;
        let counts = [Some(&self.records), self.spans.as_ref()];
        counts.into_iter().flatten().for_each(|counts| counts.tell_rest());
        let _ = done.send(());
    }
}

/// `stateMachine:<name>`; of a Map Run's children, that of their parent.
fn machine_name(arn: &str) -> &str {
    let name = arn.rsplit(':').next().unwrap_or_default();
    name.split('/').next().unwrap_or_default()
}

/// `<prefix>/<yyyy-MM-dd-HH-mm>/<hash>`: no two processes write one stream.
fn stream_name(prefix: &str) -> String {
    let format = format_description!("[year]-[month]-[day]-[hour]-[minute]");
    let now = OffsetDateTime::from(SystemTime::now());
    let minute = now.format(format).expect("a moment has a minute");
    format!("{prefix}/{minute}/{:08x}", fastrand::u32(..))
}
