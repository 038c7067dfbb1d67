//! `GET /metrics`: what engine, store, calls and process come to, as Prometheus reads it.
//!
//! The crate of the Prometheus project writes the text. What it would count with takes locks; the
//! engine's atomics do not, so they are only shown by it.

mod process;

use std::fmt;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet, text::encode},
    metrics::MetricType,
    registry::Registry,
};
use stepyard_engine::{
    FunctionMeasures, FunctionVersion,
    measures::{Executions, Shipping, Timing},
};
use subtle::ConstantTimeEq;

use crate::Api;

/// OpenMetrics text, which Prometheus asks for.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers with all metrics, if the caller may see them.
pub(crate) async fn metrics(State(api): State<Api>, headers: HeaderMap) -> Response {
    if let Some(refusal) = api.refusal(&headers) {
        let scheme = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, scheme, refusal).into_response();
    }
    let (mut registry, mut text) = (Registry::default(), String::new());
    registry.register_collector(Box::new(api));
    match encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl Api {
    /// What a caller who may not see the metrics is told. With a token whoever has it may; without
    /// one anybody may, as long as anybody may call too.
    fn refusal(&self, headers: &HeaderMap) -> Option<&'static str> {
        let Some(token) = &self.metrics_token else {
            return self.access.as_ref().map(|_| {
                "calls need keys here, and metrics a token: name its secret as `metrics_token` in [serve], and send it as `Authorization: Bearer …`\n"
            });
        };
        let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        let given = given.and_then(|value| value.strip_prefix(b"Bearer ")).unwrap_or_default();
        match bool::from(token.as_bytes().ct_eq(given)) {
            true => None,
            false => Some("send the token as `Authorization: Bearer …`\n"),
        }
    }
}

impl Collector for Api {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.executions(&mut page)?;
        self.tasks(&mut page)?;
        self.functions(&mut page)?;
        self.calls(&mut page)?;
        self.store(&mut page)?;
        self.shipping(&mut page)?;
        process::show(&mut page)
    }
}

impl Api {
    fn executions(&self, page: &mut Page<'_>) -> fmt::Result {
        let measures = self.engine.measures();
        let types = [("STANDARD", &measures.standard), ("EXPRESS", &measures.express)];
        let each = |of: fn(&Executions) -> u64| types.map(|(name, it)| ([("type", name)], of(it)));
        let started = each(|it| it.started.get());
        page.counters("stepyard_executions_started", "Executions that began.", started)?;
        let help = "Executions that went on after a restart, a rest in the store, or a redrive.";
        page.counters("stepyard_executions_resumed", help, each(|it| it.resumed.get()))?;
        let ended = types.iter().flat_map(|(name, it)| {
            it.ended().map(move |(end, count)| ([("type", *name), ("status", end)], count))
        });
        page.counters("stepyard_executions_ended", "Executions that are over.", ended)?;
        let help = "Executions that are not over.";
        let open = types.map(|(name, it)| ([("type", name)], it.open()));
        page.gauges("stepyard_executions_open", help, open)?;
        let durations = types.map(|(name, it)| ([("type", name)], &it.duration));
        let help = "From an execution's start to its end.";
        page.timings("stepyard_execution_duration_seconds", help, durations)?;
        let events = measures.events.by_type().filter(|(_, count)| *count > 0);
        let events = events.map(|(kind, count)| ([("type", kind.name())], count));
        page.counters("stepyard_history_events", "Events of all histories.", events)
    }

    fn tasks(&self, page: &mut Page<'_>) -> fmt::Result {
        let tasks = &self.engine.measures().tasks;
        let started = tasks.iter().map(|(name, it)| ([("resource", name)], it.started.get()));
        page.counters("stepyard_tasks_started", "Attempts at tasks that were begun.", started)?;
        let ended = tasks.iter().flat_map(|(name, it)| {
            it.ended().map(move |(end, count)| ([("resource", name), ("outcome", end)], count))
        });
        page.counters("stepyard_tasks_ended", "Attempts at tasks that are over.", ended)?;
        let durations = tasks.iter().map(|(name, it)| ([("resource", name)], &it.duration));
        let help = "From an attempt's begin to its end.";
        page.timings("stepyard_task_duration_seconds", help, durations)?;
        let at_work = self.engine.tasks_at_work();
        page.gauge("stepyard_tasks_at_work", "Tasks that are at work.", at_work)?;
        let [standard, express] = self.engine.waiting();
        let waiting = [([("type", "STANDARD")], standard), ([("type", "EXPRESS")], express)];
        page.gauges("stepyard_inbox_messages", "Messages that wait for the engine.", waiting)
    }

    /// Of the versions that are loaded: as many as there are routes, and a few more.
    fn functions(&self, page: &mut Page<'_>) -> fmt::Result {
        let measures = self.functions.as_ref().map(|functions| functions.measures());
        let measures = measures.unwrap_or_default();
        let labels = |it: &'_ FunctionMeasures| {
            let FunctionVersion { number, sha256, .. } = &it.version;
            [
                ("function", it.function.clone()),
                ("version", number.clone()),
                ("sha256", sha256.clone()),
            ]
        };
        let labelled: Vec<_> = measures.iter().map(labels).collect();
        let labels =
            labelled.iter().map(|all| all.each_ref().map(|(name, value)| (*name, &**value)));
        let with = |of: fn(&FunctionMeasures) -> u64| labels.clone().zip(measures.iter().map(of));
        let breaches = self.functions.as_ref().map(|functions| functions.breaches());
        let breaches = breaches.unwrap_or_default();
        let stopped = breaches.iter();
        let stopped = stopped
            .map(|(name, error, count)| ([("function", &**name), ("error", *error)], *count));
        let help =
            "Calls of functions that were stopped, by the limit they passed or the fault they had.";
        page.counters("stepyard_function_breaches", help, stopped)?;
        let help = "Calls of functions that have ended, by the version that ran.";
        page.counters("stepyard_function_calls", help, with(|it| it.calls))?;
        page.counters("stepyard_function_errors", "Those that failed.", with(|it| it.errors))?;
        let seconds = measures.iter().map(|it| it.duration.as_secs_f64());
        page.counters(
            "stepyard_function_seconds",
            "How long they took.",
            labels.clone().zip(seconds),
        )
    }

    fn calls(&self, page: &mut Page<'_>) -> fmt::Result {
        let came_to = self.calls.iter().flat_map(|(name, it)| {
            let errors = it.errors.iter().map(|(error, count)| (error, count.get()));
            let all = [("", it.succeeded.get())].into_iter().chain(errors);
            all.map(move |(error, count)| ([("operation", name), ("error", error)], count))
        });
        let help = "Calls to the API; without an error, those that were answered as asked.";
        page.counters("stepyard_api_calls", help, came_to)?;
        let durations = self.calls.iter().map(|(name, it)| ([("operation", name)], &it.duration));
        let help = "From a call's head to its answer.";
        page.timings("stepyard_api_call_duration_seconds", help, durations)?;
        page.gauge("stepyard_api_calls_at_work", "Calls that are at work.", self.calls.at_work())
    }

    /// Log records and spans that are delivered to somebody outside.
    fn shipping(&self, page: &mut Page<'_>) -> fmt::Result {
        let all = self.engine.shipping();
        if all.is_empty() {
            return Ok(());
        }
        let each =
            |of: fn(&Shipping) -> u64| all.iter().map(move |it| ([("what", it.what)], of(it)));
        let help = "Log records and spans that were taken outside.";
        page.counters("stepyard_telemetry_sent", help, each(|it| it.sent))?;
        let help = "Log records and spans that were not, and will not be.";
        page.counters("stepyard_telemetry_lost", help, each(|it| it.lost))?;
        let help = "Log records and spans that wait to be taken.";
        page.gauges("stepyard_telemetry_waiting", help, each(|it| it.waiting))
    }

    fn store(&self, page: &mut Page<'_>) -> fmt::Result {
        let store = self.engine.store_measures();
        let Some(commits) = &store.commits else { return Ok(()) };
        let help = "From the first write of a group to its place on the disk.";
        page.timings("stepyard_commit_duration_seconds", help, [([], &**commits)])?;
        let bytes = [("database", store.database_bytes), ("log", store.log_bytes)];
        let bytes = bytes.map(|(file, bytes)| ([("file", file)], bytes));
        page.gauges("stepyard_store_bytes", "How large the store's files are.", bytes)
    }
}

/// What is written on.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    /// One number for each set of labels, which only grows.
    fn counters<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        numbers: impl IntoIterator<Item = ([(&'l str, &'l str); N], impl EncodeCounterValue)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, number) in numbers {
            let mut metric = family.encode_family(&labels)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&number, None)?;
        }
        Ok(())
    }

    /// One number for each set of labels.
    fn gauges<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        numbers: impl IntoIterator<Item = ([(&'l str, &'l str); N], impl EncodeGaugeValue)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, number) in numbers {
            family.encode_family(&labels)?.encode_gauge(&number)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, number: impl EncodeGaugeValue) -> fmt::Result {
        self.gauges(name, help, [([], number)])
    }

    fn timings<'l, 't, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        timings: impl IntoIterator<Item = ([(&'l str, &'l str); N], &'t Timing)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, timing) in timings {
            let times = timing.read();
            let mut metric = family.encode_family(&labels)?;
            metric.encode_histogram::<NoLabelSet>(
                times.seconds,
                times.count(),
                &times.within,
                None,
            )?;
        }
        Ok(())
    }
}
