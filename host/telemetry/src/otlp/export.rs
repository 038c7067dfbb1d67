//! Export of spans to a collector: a queue, batches, and another attempt for what was not taken.

use std::{collections::HashMap, fmt, path::PathBuf, sync::Arc, time::Duration};

use opentelemetry_otlp::{
    ExporterBuildError, Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::{AbortHandle, JoinHandle},
    time::{Instant, sleep, timeout_at},
};

use super::client::{Client, Last};
use crate::{backoff::backoff, counts::Counts, marks::Receipt};

/// How many spans wait at most, and are sent at once.
const SPANS_MAX: usize = 32_768;
const BATCH_MAX: usize = 512;
/// How long a span waits for others that go with it.
const LINGER: Duration = Duration::from_secs(1);
/// How soon it is noticed that the process ends while the next attempt is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Where spans are sent, and as whose.
#[derive(Clone, Debug)]
pub struct ExporterSettings {
    /// The collector's URL for traces, its path included: `http://127.0.0.1:4318/v1/traces`.
    pub endpoint: String,
    /// Headers of each request.
    pub headers: HashMap<String, String>,
    /// How long a collector may take to answer.
    pub timeout: Duration,
    /// A file of the certificates that are trusted, instead of those that the web trusts.
    pub certificate: Option<PathBuf>,
    /// The service's name, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` have it.
    pub service_name: String,
}

/// Why nothing can be exported so.
#[derive(Debug, thiserror::Error)]
pub enum ExporterError {
    /// The settings are of no collector.
    #[error(transparent)]
    Settings(#[from] ExporterBuildError),
    /// The certificates cannot be read.
    #[error("the certificates for the collector cannot be read: {0}")]
    Certificate(std::io::Error),
}

/// Sends spans to a collector, by OTLP over HTTP with protobuf.
pub struct Exporter {
    exporter: SpanExporter,
    last: Arc<Last>,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its headers may have secrets.
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}

impl Exporter {
    /// One that sends to this collector. Nothing is sent yet.
    pub fn new(settings: ExporterSettings) -> Result<Self, ExporterError> {
        let client = Client::new(settings.timeout, settings.certificate.as_deref());
        let client = client.map_err(ExporterError::Certificate)?;
        let last = client.last();
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(settings.endpoint)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(settings.timeout)
            .with_headers(settings.headers)
            .with_http_client(client)
            // What was not taken waits here, not there.
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        exporter.set_resource(&resource(settings.service_name));
        Ok(Self { exporter, last })
    }
}

/// Who tells: as the standard variables have it.
fn resource(service_name: String) -> Resource {
    let found = Resource::builder().build();
    let is_named = found.iter().any(|(key, value)| {
        key.as_str() == "service.name" && !value.as_str().starts_with("unknown_service")
    });
    let resource = Resource::builder();
    match is_named {
        true => resource.build(),
        false => resource.with_service_name(service_name).build(),
    }
}

/// A span that waits, and what it is of.
type Waiting = (SpanData, Arc<Receipt>);

/// The export at work.
#[derive(Debug)]
pub(crate) struct Export {
    inbox: mpsc::Sender<Waiting>,
    counts: Arc<Counts>,
    work: JoinHandle<()>,
}

impl Export {
    pub(crate) fn start(exporter: Exporter, counts: Arc<Counts>) -> Self {
        let (inbox, arrivals) = mpsc::channel(SPANS_MAX);
        let work = Work { exporter, arrivals, counts: counts.clone() };
        Self { inbox, counts, work: tokio::spawn(work.run()) }
    }

    /// A span waits to be exported; one that finds no room is lost.
    pub(crate) fn push(&self, span: SpanData, receipt: Arc<Receipt>) {
        self.counts.wait(1);
        match self.inbox.try_send((span, receipt)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                self.counts.settle(1, 0);
                self.counts.lose(1, "too many wait to be exported");
            }
            Err(TrySendError::Closed(_)) => self.counts.settle(1, 0),
        }
    }

    /// Exports what waits, as far as that is done until `by`; answers by what the rest is given up.
    pub(crate) async fn close(self, by: Instant) -> AbortHandle {
        let Self { inbox, work, .. } = self;
        // What waits is then all there will be.
        drop(inbox);
        let rest = work.abort_handle();
        let _ = timeout_at(by, work).await;
        rest
    }
}

struct Work {
    exporter: Exporter,
    arrivals: mpsc::Receiver<Waiting>,
    counts: Arc<Counts>,
}

impl Work {
    async fn run(mut self) {
        let mut waiting = Vec::with_capacity(BATCH_MAX);
        while self.gather(&mut waiting).await {
            let (spans, receipts): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
            self.send(spans).await;
            drop(receipts);
        }
    }

    /// Gathers a batch; false when there are no more.
    async fn gather(&mut self, batch: &mut Vec<Waiting>) -> bool {
        if self.arrivals.recv_many(batch, BATCH_MAX).await == 0 {
            return false;
        }
        let until = Instant::now() + LINGER;
        while batch.len() < BATCH_MAX {
            let room = BATCH_MAX - batch.len();
            match timeout_at(until, self.arrivals.recv_many(batch, room)).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        true
    }

    /// Sends spans until they are taken, or refused for good.
    async fn send(&self, spans: Vec<SpanData>) {
        let count = spans.len();
        let mut attempts = 0;
        while let Err(error) = self.exporter.exporter.export(spans.clone()).await {
            let error = error.to_string();
            if !self.exporter.last.may_be_repeated() {
                self.counts.settle(count, 0);
                return self.counts.lose(count, &error);
            }
            match attempts {
                0 => tracing::warn!(error, "spans are not taken"),
                _ => tracing::debug!(error, "spans are not taken"),
            }
            self.back_off(attempts).await;
            attempts += 1;
        }
        self.counts.settle(count, count);
        if attempts > 0 {
            tracing::warn!("spans are taken again");
        }
    }

    async fn back_off(&self, attempts: u32) {
        let longest = backoff(attempts, false).max(self.exporter.last.retry_after());
        let begun = Instant::now();
        while begun.elapsed() < longest {
            if self.arrivals.is_closed() {
                return sleep(backoff(attempts, true)).await;
            }
            sleep(LOOK_EVERY.min(longest)).await;
        }
    }
}
