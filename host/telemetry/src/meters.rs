//! What AWS counts and times of executions, activities, functions and service integrations, by its names.

use std::{collections::BTreeMap, sync::Arc};

use stepyard_asl::{
    EventType, HistoryEvent, Resource, ResourceKind, Span, SpanEnd, SpanOf, TaskSpan, Timestamp,
};
use stepyard_engine::{Shown, Subject};

/// The most things that are told apart in one interval: each is as many metrics, which cost money.
const SERIES_MAX: usize = 2_000;

/// What is counted and timed in an interval.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    series: BTreeMap<Of, Series>,
    /// How many were not counted, as there were too many things already.
    overlooked: u64,
}

/// What a series is of: the names and values of its dimensions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Of(pub(crate) Vec<(&'static str, Arc<str>)>);

/// Counts and times by the names of their metrics.
#[derive(Debug, Default)]
pub(crate) struct Series {
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) times: BTreeMap<&'static str, Times>,
}

/// How many took how long, in milliseconds. Exact for what is short, and within a fiftieth for the rest: so
/// there are never more than a few hundred values.
#[derive(Debug, Default)]
pub(crate) struct Times(BTreeMap<u64, (u64, f64)>);

impl Times {
    fn add(&mut self, millis: u64) {
        let (count, sum) = self.0.entry(bucket(millis)).or_default();
        *count += 1;
        *sum += millis as f64;
    }

    /// The values, each the mean of those that it stands for, and how many those are.
    pub(crate) fn values(&self) -> impl Iterator<Item = (f64, u64)> {
        self.0.values().map(|(count, sum)| (sum / *count as f64, *count))
    }
}

/// The first six binary digits tell times apart.
fn bucket(millis: u64) -> u64 {
    let spare = (u64::BITS - millis.leading_zeros()).saturating_sub(6);
    millis >> spare << spare
}

/// The names of what AWS counts of tasks, by what does them.
struct Names {
    dimension: &'static str,
    scheduled: &'static str,
    started: &'static str,
    succeeded: &'static str,
    failed: &'static str,
    timed_out: &'static str,
    heartbeat_timed_out: &'static str,
    schedule_time: &'static str,
    run_time: &'static str,
    time: &'static str,
}

const ACTIVITY: Names = Names {
    dimension: "ActivityArn",
    scheduled: "ActivitiesScheduled",
    started: "ActivitiesStarted",
    succeeded: "ActivitiesSucceeded",
    failed: "ActivitiesFailed",
    timed_out: "ActivitiesTimedOut",
    heartbeat_timed_out: "ActivitiesHeartbeatTimedOut",
    schedule_time: "ActivityScheduleTime",
    run_time: "ActivityRunTime",
    time: "ActivityTime",
};

const FUNCTION: Names = Names {
    dimension: "LambdaFunctionArn",
    scheduled: "LambdaFunctionsScheduled",
    started: "LambdaFunctionsStarted",
    succeeded: "LambdaFunctionsSucceeded",
    failed: "LambdaFunctionsFailed",
    timed_out: "LambdaFunctionsTimedOut",
    heartbeat_timed_out: "LambdaFunctionsTimedOut",
    schedule_time: "LambdaFunctionScheduleTime",
    run_time: "LambdaFunctionRunTime",
    time: "LambdaFunctionTime",
};

const SERVICE: Names = Names {
    dimension: "ServiceIntegrationResourceArn",
    scheduled: "ServiceIntegrationsScheduled",
    started: "ServiceIntegrationsStarted",
    succeeded: "ServiceIntegrationsSucceeded",
    failed: "ServiceIntegrationsFailed",
    timed_out: "ServiceIntegrationsTimedOut",
    heartbeat_timed_out: "ServiceIntegrationsTimedOut",
    schedule_time: "ServiceIntegrationScheduleTime",
    run_time: "ServiceIntegrationRunTime",
    time: "ServiceIntegrationTime",
};

impl Meters {
    /// Counts what was shown.
    pub(crate) fn show(&mut self, shown: &Shown) {
        for event in &shown.events {
            self.event(shown, event);
        }
        for span in &shown.spans {
            match &span.of {
                SpanOf::Task(task) => self.task(task, span),
                SpanOf::Execution => {
                    let time = millis(shown.subject.started_at, span.ended);
                    self.execution(&shown.subject, |series| series.time("ExecutionTime", time));
                }
                _ => {}
            }
        }
    }

    /// An execution was not begun, as too much is at work.
    pub(crate) fn throttled(&mut self, machine: Arc<str>) {
        self.of("StateMachineArn", machine, |series| series.count("ExecutionThrottled"));
    }

    /// All that was counted; from here on it is counted anew.
    pub(crate) fn take(&mut self) -> BTreeMap<Of, Series> {
        if self.overlooked > 0 {
            tracing::warn!(count = self.overlooked, limit = SERIES_MAX, "metrics are overlooked");
        }
        std::mem::take(self).series
    }

    fn event(&mut self, shown: &Shown, event: &HistoryEvent) {
        let subject = &shown.subject;
        let redriven = |again| (shown.redrive_count > 0).then_some(again);
        let (name, again) = match event.kind {
            EventType::ExecutionStarted => ("ExecutionsStarted", None),
            EventType::ExecutionRedriven => ("ExecutionsRedriven", None),
            EventType::ExecutionSucceeded => {
                ("ExecutionsSucceeded", redriven("RedrivenExecutionsSucceeded"))
            }
            EventType::ExecutionFailed => {
                ("ExecutionsFailed", redriven("RedrivenExecutionsFailed"))
            }
            EventType::ExecutionAborted => {
                ("ExecutionsAborted", redriven("RedrivenExecutionsAborted"))
            }
            EventType::ExecutionTimedOut => {
                ("ExecutionsTimedOut", redriven("RedrivenExecutionsTimedOut"))
            }
            _ => return self.scheduled(shown, event),
        };
        self.execution(subject, |series| {
            series.count(name);
            again.into_iter().for_each(|again| series.count(again));
        });
    }

    /// A task was asked for, or begun.
    fn scheduled(&mut self, shown: &Shown, event: &HistoryEvent) {
        let details = &event.details;
        match event.kind {
            EventType::ActivityScheduled => {
                let Some(activity) = &details.resource else { return };
                self.of(ACTIVITY.dimension, activity.clone(), |it| it.count(ACTIVITY.scheduled));
            }
            EventType::ActivityStarted => {
                let Some(activity) = &shown.taken else { return };
                self.of(ACTIVITY.dimension, activity.clone(), |it| it.count(ACTIVITY.started));
            }
            EventType::LambdaFunctionScheduled => {
                let Some(function) = &details.resource else { return };
                self.of(FUNCTION.dimension, function.clone(), |it| it.count(FUNCTION.scheduled));
            }
            // It does not say which: the event that led to it does, in the same step.
            EventType::LambdaFunctionStarted => {
                let mut before = shown.events.iter().filter(|it| it.id == event.previous_event_id);
                let Some(function) = before.next().and_then(|it| it.details.resource.clone())
                else {
                    return;
                };
                self.of(FUNCTION.dimension, function, |it| it.count(FUNCTION.started));
            }
            EventType::TaskScheduled | EventType::TaskStarted => {
                let (Some(service), Some(action)) = (&details.resource_type, &details.resource)
                else {
                    return;
                };
                let name = match event.kind {
                    EventType::TaskScheduled => SERVICE.scheduled,
                    _ => SERVICE.started,
                };
                let resource = format!("arn:aws:states:::{service}:{action}");
                self.of(SERVICE.dimension, resource.into(), |it| it.count(name));
            }
            _ => {}
        }
    }

    /// A task is over.
    fn task(&mut self, task: &TaskSpan, span: &Span) {
        let Some((names, resource)) = names(&task.resource) else { return };
        let ended = match span.end {
            SpanEnd::Succeeded => names.succeeded,
            SpanEnd::Failed(_) => names.failed,
            SpanEnd::TimedOut { is_heartbeat: true } => names.heartbeat_timed_out,
            SpanEnd::TimedOut { is_heartbeat: false } => names.timed_out,
            // AWS counts nothing of those that are stopped.
            SpanEnd::Aborted => return,
        };
        self.of(names.dimension, resource, |series| {
            series.count(ended);
            series.time(names.time, millis(span.began, span.ended));
            if let Some(started) = task.started {
                series.time(names.schedule_time, millis(span.began, started));
                series.time(names.run_time, millis(started.max(span.began), span.ended));
            }
        });
    }

    /// Those of its state machine, and of the version and the alias that it was started by.
    fn execution(&mut self, subject: &Subject, mut add: impl FnMut(&mut Series)) {
        let machine = ("StateMachineArn", subject.machine.clone());
        self.add(Of(vec![machine.clone()]), &mut add);
        for (dimension, arn) in [("Version", &subject.version), ("Alias", &subject.alias)] {
            let name = arn.as_deref().and_then(|arn| arn.rsplit(':').next());
            if let Some(name) = name {
                self.add(Of(vec![machine.clone(), (dimension, name.into())]), &mut add);
            }
        }
    }

    fn of(&mut self, dimension: &'static str, value: Arc<str>, add: impl FnMut(&mut Series)) {
        self.add(Of(vec![(dimension, value)]), add);
    }

    fn add(&mut self, of: Of, mut add: impl FnMut(&mut Series)) {
        if self.series.len() >= SERIES_MAX && !self.series.contains_key(&of) {
            self.overlooked += 1;
            return;
        }
        add(self.series.entry(of).or_default());
    }
}

impl Series {
    fn count(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }

    fn time(&mut self, name: &'static str, millis: u64) {
        self.times.entry(name).or_default().add(millis);
    }
}

/// How tasks of a resource are called, and the resource as AWS has it in its metrics; none of a Map Run.
fn names(resource: &Resource) -> Option<(&'static Names, Arc<str>)> {
    Some(match resource.kind() {
        ResourceKind::Activity => (&ACTIVITY, resource.text().into()),
        ResourceKind::Function { .. } => (&FUNCTION, resource.text().into()),
        ResourceKind::Service { service, action, pattern } => {
            let suffix = pattern.suffix();
            (&SERVICE, format!("arn:aws:states:::{service}:{action}{suffix}").into())
        }
        ResourceKind::MapRun => return None,
    })
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millis().saturating_sub(from.as_millis())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact_when_short_and_close_when_long() {
        let mut times = Times::default();
        for millis in [0, 1, 63, 63, 64, 65, 1_000, 1_001, 1_015, 86_400_000] {
            times.add(millis);
        }
        let values: Vec<_> = times.values().collect();
        let expected = [
            (0.0, 1),
            (1.0, 1),
            (63.0, 2),
            (64.5, 2),
            (1_000.5, 2),
            (1_015.0, 1),
            (86_400_000.0, 1),
        ];
        assert_eq!(values, expected);
        let all: std::collections::BTreeSet<u64> = (0..1 << 20).map(bucket).collect();
        assert_eq!(all.len(), 64 + 14 * 32);
    }

    #[test]
    fn what_there_are_too_many_of_is_overlooked() {
        let mut meters = Meters::default();
        for number in 0..SERIES_MAX + 5 {
            meters.throttled(format!("machine-{number}").into());
        }
        meters.throttled("machine-0".into());
        assert_eq!(meters.overlooked, 5);
        let taken = meters.take();
        assert_eq!(taken.len(), SERIES_MAX);
        let first = taken.values().next().map(|series| series.counts["ExecutionThrottled"]);
        assert_eq!(first, Some(2));
        assert!(meters.take().is_empty());
    }
}
