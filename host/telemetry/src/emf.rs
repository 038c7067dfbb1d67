//! Metrics in CloudWatch's embedded metric format: log events that CloudWatch makes metrics of.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::meters::{Of, Series, Times};

/// "Numeric array metric targets MUST NOT have more than 100 members" (Embedded metric format).
const VALUES_MAX: usize = 100;

/// The documents of what was counted up to `at`, in milliseconds since the Unix epoch.
pub(crate) fn documents(counted: &BTreeMap<Of, Series>, namespace: &str, at: i64) -> Vec<String> {
    let mut documents = Vec::new();
    for (Of(dimensions), series) in counted {
        let document = |metrics: Vec<(&str, &str, Value)>| {
            document(dimensions, &metrics, namespace, at).to_string()
        };
        let counts = series.counts.iter();
        let mut metrics: Vec<_> =
            counts.map(|(name, count)| (*name, "Count", json!(count))).collect();
        let mut more = Vec::new();
        for (name, times) in &series.times {
            let mut parts = distributions(times).into_iter();
            metrics.extend(parts.next().map(|part| (*name, "Milliseconds", part)));
            more.extend(parts.map(|part| vec![(*name, "Milliseconds", part)]));
        }
        documents.push(document(metrics));
        documents.extend(more.into_iter().map(document));
    }
    documents
}

/// Times as values with how many each stands for. The published format knows numbers and lists of them; this
/// is how AWS's own exporters (the CloudWatch agent, the awsemf exporter) write distributions.
fn distributions(times: &Times) -> Vec<Value> {
    let all: Vec<(f64, u64)> = times.values().collect();
    let distribution = |part: &[(f64, u64)]| {
        let (values, counts): (Vec<f64>, Vec<u64>) = part.iter().copied().unzip();
        let sum: f64 = part.iter().map(|(value, count)| value * *count as f64).sum();
        json!({
            "Values": values,
            "Counts": counts,
            "Max": values.last(),
            "Min": values.first(),
            "Count": counts.iter().sum::<u64>(),
            "Sum": sum,
        })
    };
    all.chunks(VALUES_MAX).map(distribution).collect()
}

fn document(
    dimensions: &[(&'static str, std::sync::Arc<str>)],
    metrics: &[(&str, &str, Value)],
    namespace: &str,
    at: i64,
) -> Value {
    let set: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    // As AWS has them: by what they are of, and of all together where it is one thing alone.
    let sets = if set.len() == 1 { json!([set, []]) } else { json!([set]) };
    let definitions: Vec<Value> =
        metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let mut document = Map::new();
    document.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": at,
            "CloudWatchMetrics": [
                { "Namespace": namespace, "Dimensions": sets, "Metrics": definitions },
            ],
        }),
    );
    let values = metrics.iter().map(|(name, _, value)| ((*name).to_owned(), value.clone()));
    let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(**value)));
    document.extend(dimensions.chain(values));
    document.into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stepyard_asl::{Details, EventType, HistoryEvent, Span, SpanEnd, SpanOf, Timestamp};
    use stepyard_engine::{Shown, Subject};

    use super::*;
    use crate::meters::Meters;

    const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:orders";

    fn shown(kind: EventType, spans: Vec<Span>) -> Shown {
        let subject = Subject {
            arn: "arn:aws:states:us-east-1:123456789012:execution:orders:one".into(),
            machine: MACHINE.into(),
            version: Some(format!("{MACHINE}:3").into()),
            alias: None,
            started_at: Timestamp::from_millis(1_000),
            trace: None,
            map_run: None,
            logging: None,
        };
        let event = HistoryEvent {
            id: 1,
            previous_event_id: 0,
            timestamp: Timestamp::from_millis(1_000),
            kind,
            details: Box::new(Details::default()),
        };
        let subject = Arc::new(subject);
        Shown { subject, fact: 1, redrive_count: 0, events: vec![event], spans, taken: None }
    }

    fn ended(millis: i64) -> Shown {
        let task = "1.0:task".parse().unwrap();
        let place = stepyard_asl::SpanPlace::of_task(&task, 0);
        let (began, ended) =
            (Timestamp::from_millis(1_000), Timestamp::from_millis(1_000 + millis));
        let (of, end) = (SpanOf::Execution, SpanEnd::Succeeded);
        shown(EventType::ExecutionSucceeded, vec![Span { place, of, began, ended, end }])
    }

    #[test]
    fn what_was_counted_becomes_metrics_of_the_state_machine_and_of_its_version() {
        let mut meters = Meters::default();
        meters.show(&shown(EventType::ExecutionStarted, vec![]));
        meters.show(&ended(20));
        let documents = documents(&meters.take(), "Stepyard/States", 5_000);
        let read: Vec<Value> =
            documents.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let metrics = json!([
            { "Name": "ExecutionsStarted", "Unit": "Count" },
            { "Name": "ExecutionsSucceeded", "Unit": "Count" },
            { "Name": "ExecutionTime", "Unit": "Milliseconds" },
        ]);
        let time = json!({
            "Values": [20.0], "Counts": [1], "Max": 20.0, "Min": 20.0, "Count": 1, "Sum": 20.0,
        });
        let expected = |sets: Value, version: Option<&str>| {
            let mut document = json!({
                "_aws": { "Timestamp": 5_000, "CloudWatchMetrics": [
                    { "Namespace": "Stepyard/States", "Dimensions": sets, "Metrics": metrics },
                ] },
                "StateMachineArn": MACHINE,
                "ExecutionsStarted": 1, "ExecutionsSucceeded": 1, "ExecutionTime": time,
            });
            if let Some(version) = version {
                document["Version"] = json!(version);
            }
            document
        };
        assert_eq!(
            read,
            [
                expected(json!([["StateMachineArn"], []]), None),
                expected(json!([["StateMachineArn", "Version"]]), Some("3")),
            ]
        );
    }

    #[test]
    fn a_distribution_of_many_values_takes_several_documents() {
        let mut meters = Meters::default();
        (0..250).for_each(|number| meters.show(&ended(number * number)));
        let mut counted = meters.take();
        counted.retain(|Of(dimensions), _| dimensions.len() == 1);
        let documents = documents(&counted, "N", 0);
        assert!(documents.len() > 1, "{documents:?}");
        let mut sum = 0;
        for document in &documents {
            let read: Value = serde_json::from_str(document).unwrap();
            let time = &read["ExecutionTime"];
            assert!(time["Values"].as_array().unwrap().len() <= VALUES_MAX);
            sum += time["Count"].as_u64().unwrap();
        }
        assert_eq!(sum, 250);
    }
}
