//! Metrics in CloudWatch's embedded metric format, by AWS's names.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{create, failing, far::Groups, off, run_express, start, status};
use crate::support::{Project, Server, order, python::python};

/// What documents say together: by the values of the dimensions, each metric's sum; of times, how many
/// there were.
#[derive(Default)]
struct Sums(BTreeMap<String, BTreeMap<String, u64>>);

impl Sums {
    fn of(documents: &[Value]) -> Self {
        let mut sums = Self::default();
        documents.iter().for_each(|document| sums.add(document));
        sums
    }

    fn add(&mut self, document: &Value) {
        let directives = document["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        let [directive] = &directives[..] else { panic!("{document}") };
        assert_eq!(directive["Namespace"], "Stepyard/States");
        assert!(document["_aws"]["Timestamp"].as_i64().is_some_and(|at| at > 1_700_000_000_000));
        let set = directive["Dimensions"][0].as_array().unwrap();
        let values = set.iter().map(|name| document[name.as_str().unwrap()].as_str().unwrap());
        let own = self.0.entry(values.collect::<Vec<_>>().join(" ")).or_default();
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            let value = &document[name];
            let number = match metric["Unit"].as_str().unwrap() {
                "Count" => value.as_u64().unwrap(),
                "Milliseconds" => {
                    let sum = |name: &str| value[name].as_array().unwrap().iter();
                    let counts: u64 = sum("Counts").map(|it| it.as_u64().unwrap()).sum();
                    assert_eq!(sum("Values").count(), sum("Counts").count());
                    assert_eq!(value["Count"], counts);
                    counts
                }
                unit => panic!("{unit}"),
            };
            *own.entry(name.to_owned()).or_default() += number;
        }
    }

    fn own(&self, of: &str) -> Vec<(&str, u64)> {
        let own = self.0.get(of).into_iter().flatten();
        own.map(|(name, number)| (&**name, *number)).collect()
    }
}

#[test]
fn what_comes_to_pass_is_counted_and_timed_as_aws_does() {
    let Some(python) = python() else { return };
    let groups = Groups::new(python, "metrics");
    let project = Project::with_manifest(&format!(
        "[metrics]\ndelivery = \"cloudwatch\"\ninterval_seconds = 1\nlog_group = \"{}\"\n",
        groups.name
    ));
    let server = Server::start_with(&project, "127.0.0.1:0", &groups.variables());

    let failing = create(&server, "failing", "STANDARD", &failing(), &off());
    for _ in 0..3 {
        let execution = start(&server, &failing, &json!({}));
        server.until("it fails", || status(&server, &execution) == "FAILED");
    }
    let publish = json!({
        "Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": true,
        "Parameters": { "TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": "m" },
    });
    let publish = json!({ "StartAt": "P", "States": { "P": publish } });
    let publishing = create(&server, "publishing", "EXPRESS", &publish, &off());
    for _ in 0..2 {
        run_express(&server, &publishing, &json!({}));
    }
    let (code, made) = server.call("CreateActivity", r#"{"name": "pack"}"#);
    assert_eq!(code, 200, "{made}");
    let activity = made["activityArn"].as_str().unwrap();
    let pack = json!({ "Type": "Task", "Resource": activity, "End": true, "TimeoutSeconds": 2 });
    let pack = json!({ "StartAt": "P", "States": { "P": pack } });
    let packing = create(&server, "packing", "STANDARD", &pack, &off());
    let packed = start(&server, &packing, &json!({}));
    let asked = json!({ "activityArn": activity }).to_string();
    let token = server.call("GetActivityTask", &asked).1["taskToken"].clone();
    let success = json!({ "taskToken": token, "output": "1" }).to_string();
    assert_eq!(server.call("SendTaskSuccess", &success).0, 200);
    server.until("it is packed", || status(&server, &packed) == "SUCCEEDED");
    let stopped = start(&server, &packing, &json!({}));
    let stop = json!({ "executionArn": stopped }).to_string();
    assert_eq!(server.call("StopExecution", &stop).0, 200);
    let late = start(&server, &packing, &json!({}));
    server.call("GetActivityTask", &asked);
    server.until("it is late", || status(&server, &late) == "FAILED");
    assert_eq!(server.terminate(), Some(0));

    let sums = Sums::of(&groups.records());
    let started = |sum| ("ExecutionsStarted", sum);
    assert_eq!(sums.own(&failing), [("ExecutionTime", 3), ("ExecutionsFailed", 3), started(3)]);
    assert_eq!(
        sums.own(&publishing),
        [("ExecutionTime", 2), started(2), ("ExecutionsSucceeded", 2)]
    );
    assert_eq!(
        sums.own(&packing),
        [
            ("ExecutionTime", 3),
            ("ExecutionsAborted", 1),
            ("ExecutionsFailed", 1),
            started(3),
            ("ExecutionsSucceeded", 1),
        ]
    );
    assert_eq!(
        sums.own("arn:aws:states:::sns:publish"),
        [
            ("ServiceIntegrationRunTime", 2),
            ("ServiceIntegrationScheduleTime", 2),
            ("ServiceIntegrationTime", 2),
            ("ServiceIntegrationsScheduled", 2),
            ("ServiceIntegrationsStarted", 2),
            ("ServiceIntegrationsSucceeded", 2),
        ]
    );
    assert_eq!(
        sums.own(activity),
        [
            ("ActivitiesScheduled", 3),
            ("ActivitiesStarted", 2),
            ("ActivitiesSucceeded", 1),
            ("ActivitiesTimedOut", 1),
            ("ActivityRunTime", 2),
            ("ActivityScheduleTime", 2),
            ("ActivityTime", 2),
        ]
    );
    assert_eq!(sums.0.len(), 5);
}

#[test]
fn a_run_tells_its_metrics_as_lines_beside_its_output() {
    let project = Project::order_with(|text| text + "\n[metrics]\ndelivery = \"stdout\"\n").warm();
    let finished = project.run(&order("m-2"));
    finished.output();
    let lines = finished.stderr.lines().filter(|line| line.starts_with("{\"_aws\""));
    let documents: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let sums = Sums::of(&documents);
    let invoked: BTreeMap<_, _> = sums.own("arn:aws:states:::lambda:invoke").into_iter().collect();
    assert_eq!(invoked["ServiceIntegrationsSucceeded"], 4, "{invoked:?}");
    let workflow = "arn:aws:states:us-east-1:123456789012:stateMachine:workflow";
    assert!(sums.own(workflow).contains(&("ExecutionsSucceeded", 1)), "{:?}", sums.0);
}
