//! Spans as OpenTelemetry has them, of what the engine shows.

use std::time::{Duration, SystemTime};

use opentelemetry::{
    InstrumentationScope, KeyValue, Value,
    trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use stepyard_asl::{
    ResourceKind, Span, SpanEnd, SpanOf, SpanPlace, StateKind, TaskSpan, Timestamp, error_name,
};
use stepyard_engine::Subject;

use super::ids::{TraceOf, Tracer, span_id};

/// The most characters of an error's cause: it may be a whole stack trace.
const CAUSE_MAX: usize = 1_024;

/// Makes spans.
#[derive(Clone, Debug)]
pub(crate) struct Spans {
    tracer: Tracer,
    scope: InstrumentationScope,
}

impl Spans {
    pub(crate) fn new(tracer: Tracer) -> Self {
        let scope = InstrumentationScope::builder("stepyard");
        Self { tracer, scope: scope.with_version(env!("CARGO_PKG_VERSION")).build() }
    }

    /// The span of something that is over; none when the trace is not kept.
    pub(crate) fn span(&self, subject: &Subject, span: &Span) -> Option<SpanData> {
        let trace = self.tracer.trace(subject)?;
        let context = |id: SpanId| {
            SpanContext::new(trace.id, id, TraceFlags::SAMPLED, false, TraceState::default())
        };
        let (parent, is_remote) = parent(subject, &span.place, trace);
        let (name, span_kind) = named(subject, &span.of);
        let first = span.place.before_redrives().filter(|_| span.of == SpanOf::Execution);
        let mut links = SpanLinks::default();
        links.links.extend(first.map(|it| Link::with_context(context(span_id(subject, &it)))));
        Some(SpanData {
            span_context: context(span_id(subject, &span.place)),
            parent_span_id: parent,
            parent_span_is_remote: is_remote,
            span_kind,
            name: name.into(),
            start_time: time(span.began),
            end_time: time(span.ended),
            attributes: attributes(subject, span),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status: status(&span.end),
            instrumentation_scope: self.scope.clone(),
        })
    }
}

/// What it is part of; of the execution, who asked for it.
fn parent(subject: &Subject, place: &SpanPlace, trace: TraceOf) -> (SpanId, bool) {
    match (place.parent(), trace.parent) {
        (Some(parent), _) => (span_id(subject, &parent), false),
        (None, Some(parent)) => (parent, true),
        (None, None) => (SpanId::INVALID, false),
    }
}

fn named(subject: &Subject, of: &SpanOf) -> (String, SpanKind) {
    match of {
        SpanOf::Execution => {
            let machine = subject.machine.rsplit(':').next().unwrap_or_default();
            (machine.to_owned(), SpanKind::Server)
        }
        SpanOf::Branch { state, is_iteration, .. } => {
            let what = if *is_iteration { "iteration" } else { "branch" };
            (format!("{state} {what}"), SpanKind::Internal)
        }
        SpanOf::State { name, .. } => (name.to_string(), SpanKind::Internal),
        SpanOf::Task(task) => (called(task), SpanKind::Client),
    }
}

fn called(task: &TaskSpan) -> String {
    match task.resource.kind() {
        ResourceKind::Function { name, .. } => name.clone(),
        ResourceKind::Service { service, action, pattern } => {
            format!("{service}:{action}{}", pattern.suffix())
        }
        ResourceKind::Activity | ResourceKind::MapRun => {
            task.resource.text().rsplit(':').next().unwrap_or_default().to_owned()
        }
    }
}

/// Names of OpenTelemetry's conventions where there is one for it, and ours otherwise.
fn attributes(subject: &Subject, span: &Span) -> Vec<KeyValue> {
    let mut all = Attributes(Vec::with_capacity(8));
    all.add("aws.step_functions.state_machine.arn", subject.machine.to_string());
    all.add("stepyard.execution.arn", subject.arn.to_string());
    let redrives = span.place.redrives();
    if redrives > 0 {
        all.add("stepyard.redrive_count", i64::from(redrives));
    }
    match &span.of {
        SpanOf::Execution => {
            all.maybe("stepyard.state_machine.version_arn", subject.version.as_deref());
            all.maybe("stepyard.state_machine.alias_arn", subject.alias.as_deref());
            all.maybe("stepyard.map_run.arn", subject.map_run.as_deref());
        }
        SpanOf::Branch { state, index, .. } => {
            all.add("stepyard.state.name", state.to_string());
            all.add("stepyard.index", i64::from(*index));
        }
        SpanOf::State { name, kind, retries } => {
            all.add("stepyard.state.name", name.to_string());
            all.add("stepyard.state.type", kind.to_string());
            if matches!(kind, StateKind::Task | StateKind::Parallel | StateKind::Map) {
                all.add("stepyard.state.retries", i64::from(*retries));
            }
        }
        SpanOf::Task(task) => all.task(task),
    }
    if let Some((error, _)) = error(&span.end) {
        all.add("error.type", error.to_owned());
    }
    all.0
}

struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn add(&mut self, key: &'static str, value: impl Into<Value>) {
        self.0.push(KeyValue::new(key, value));
    }

    fn maybe(&mut self, key: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(key, value.to_owned());
        }
    }

    fn task(&mut self, task: &TaskSpan) {
        self.add("stepyard.state.name", task.state.to_string());
        self.add("stepyard.resource", task.resource.text().to_owned());
        self.add("stepyard.attempt", i64::from(task.attempt));
        self.maybe("stepyard.function.version", task.version.as_deref());
        match task.resource.kind() {
            ResourceKind::Function { name, .. } => self.add("faas.invoked_name", name.clone()),
            ResourceKind::Service { service, .. } if service == "lambda" => {
                let function = task.input.value().get("FunctionName");
                self.maybe("faas.invoked_name", function.and_then(|name| name.as_str()));
            }
            ResourceKind::Activity => {
                self.add("aws.step_functions.activity.arn", task.resource.text().to_owned());
            }
            ResourceKind::Service { .. } | ResourceKind::MapRun => {}
        }
    }
}

/// The error's name and its cause; none of what ended well.
fn error(end: &SpanEnd) -> Option<(&str, &str)> {
    match end {
        SpanEnd::Succeeded => None,
        SpanEnd::Failed(error) => {
            let name = error.error.as_deref().filter(|name| !name.is_empty());
            Some((name.unwrap_or("_OTHER"), error.cause.as_deref().unwrap_or_default()))
        }
        SpanEnd::TimedOut { is_heartbeat: false } => Some((error_name::TIMEOUT, "")),
        SpanEnd::TimedOut { is_heartbeat: true } => Some((error_name::HEARTBEAT_TIMEOUT, "")),
        SpanEnd::Aborted => Some(("Aborted", "")),
    }
}

fn status(end: &SpanEnd) -> Status {
    let Some((name, cause)) = error(end) else { return Status::Unset };
    let cause: String = cause.chars().take(CAUSE_MAX).collect();
    match cause.is_empty() {
        true => Status::error(name.to_owned()),
        false => Status::error(format!("{name}: {cause}")),
    }
}

fn time(at: Timestamp) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0));
    SystemTime::UNIX_EPOCH + since
}
