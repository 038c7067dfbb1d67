//! Log records in CloudWatch Logs: all that a level asks for, in the form of AWS.

use serde_json::{Value, json};

use super::{create, failing, far::Groups, history, logging_project, run_express, start, status};
use crate::support::{Project, Server, order, python::python};

/// The types of an execution's records, in the order of their ids.
fn types(records: &[Value], execution: &str) -> Vec<String> {
    let own = records.iter().filter(|record| record["execution_arn"] == execution);
    let mut own: Vec<&Value> = own.collect();
    own.sort_by_key(|record| record["id"].as_str().unwrap().parse::<u64>().unwrap());
    own.iter().map(|record| record["type"].as_str().unwrap().to_owned()).collect()
}

/// Holds a record to the event that it is of.
#[track_caller]
fn assert_same(record: &Value, event: &Value) {
    let text = |value: &Value| value.to_string();
    assert_eq!(record["id"], text(&event["id"]), "{record}");
    assert_eq!(record["type"], event["type"], "{record}");
    assert_eq!(record["previous_event_id"], text(&event["previousEventId"]), "{record}");
    let millis = (event["timestamp"].as_f64().unwrap() * 1_000.0).round() as i64;
    assert_eq!(record["event_timestamp"], millis.to_string(), "{record}");
    assert_eq!(record["redrive_count"], "0", "{record}");
    let members = event.as_object().unwrap();
    let details = members.iter().find(|(name, _)| name.ends_with("EventDetails"));
    let details = details.map_or(json!({}), |(_, details)| details.clone());
    assert_eq!(record["details"], details, "{record}");
}

#[test]
fn the_log_of_an_order_is_its_history() {
    let Some(python) = python() else { return };
    let groups = Groups::new(python, "order");
    let logging = format!(
        "[workflows.order]\nlogging = {{ level = \"ALL\", include_execution_data = true, destination = \"{}\" }}\n",
        groups.name
    );
    let project = Project::order_with(|text| {
        text.replace("[workflows.order]\n", &logging) + "\n[logs]\ndelivery = \"cloudwatch\"\n"
    });
    let project = project.warm();
    let input = order("l-1").to_string();
    let run = ["run", "workflow.asl.json", "--name", "one", "--input", &input];
    project.stepyard_with(run, &groups.variables()).output();

    let history = project.history("one");
    let events = groups.events();
    assert_eq!(events.len(), history.len());
    for (logged, event) in events.iter().zip(&history) {
        let record: Value = serde_json::from_str(logged["message"].as_str().unwrap()).unwrap();
        assert_same(&record, event);
        assert_eq!(logged["timestamp"].to_string(), record["event_timestamp"].as_str().unwrap());
        let stream: Vec<&str> = logged["stream"].as_str().unwrap().split('/').collect();
        let [states, machine, minute, hash] = stream[..] else { panic!("{stream:?}") };
        assert_eq!((states, machine, hash.len()), ("states", "workflow", 8), "{stream:?}");
        assert_eq!(minute.split('-').map(str::len).collect::<Vec<_>>(), [4, 2, 2, 2, 2]);
    }
}

#[test]
fn each_level_logs_what_it_is_for_of_both_types_of_state_machine() {
    let Some(python) = python() else { return };
    let groups = Groups::new(python, "levels");
    let project = logging_project();
    let server = Server::start_with(&project, "127.0.0.1:0", &groups.variables());
    let all = [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "FailStateEntered",
        "ExecutionFailed",
    ];
    let levels: [(&str, &[&str]); 4] =
        [("ALL", &all), ("ERROR", &all[3..]), ("FATAL", &all[4..]), ("OFF", &[])];
    let mut expected = Vec::new();
    for (name, types) in levels {
        for with_data in [false, true] {
            let logging = groups.level(name, with_data);
            let machine = format!("{name}-{with_data}");
            let standard =
                create(&server, &format!("s-{machine}"), "STANDARD", &failing(), &logging);
            let execution = start(&server, &standard, &json!({ "n": 1 }));
            expected.push((execution.clone(), types, with_data));
            server.until("it ends", || status(&server, &execution) == "FAILED");
            let express = create(&server, &format!("e-{machine}"), "EXPRESS", &failing(), &logging);
            let ended = run_express(&server, &express, &json!({ "n": 1 }));
            let execution = ended["executionArn"].as_str().unwrap().to_owned();
            expected.push((execution, types, with_data));
        }
    }
    let count = expected.iter().map(|(_, types, _)| types.len()).sum();
    let records = groups.until(count);
    assert_eq!(records.len(), count);
    for (execution, expected, with_data) in &expected {
        assert_eq!(types(&records, execution), *expected, "{execution}");
        let own = || records.iter().filter(|record| record["execution_arn"] == **execution);
        for record in own() {
            let details = record["details"].as_object().unwrap();
            let data = ["input", "inputDetails", "output", "outputDetails"];
            let has_data = data.iter().any(|name| details.contains_key(*name));
            let may_have = *with_data && record["type"] != "ExecutionFailed";
            assert_eq!(has_data, may_have, "{record}");
        }
        let failed = own().find(|record| record["type"] == "ExecutionFailed");
        if let Some(failed) = failed {
            let error = json!({ "error": "Boom", "cause": "as it was told" });
            assert_eq!(failed["details"], error);
        }
    }
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn an_execution_is_logged_as_its_state_machine_was_when_it_began() {
    let Some(python) = python() else { return };
    let groups = Groups::new(python, "began");
    let project = logging_project();
    let server = Server::start_with(&project, "127.0.0.1:0", &groups.variables());
    let nap = json!({ "Type": "Wait", "Seconds": 2, "End": true });
    let definition = json!({ "StartAt": "Nap", "States": { "Nap": nap } });
    let machine = create(&server, "nap", "STANDARD", &definition, &groups.level("ALL", false));
    let before = start(&server, &machine, &json!({}));
    let off = json!({ "stateMachineArn": machine, "loggingConfiguration": { "level": "OFF" } });
    assert_eq!(server.call("UpdateStateMachine", &off.to_string()).0, 200);
    let after = start(&server, &machine, &json!({}));
    server.until("both end", || {
        [&before, &after].iter().all(|it| status(&server, it) == "SUCCEEDED")
    });
    let records = groups.until(4);
    let logged = types(&records, &before);
    let types_of = |event: &Value| event["type"].as_str().unwrap().to_owned();
    assert_eq!(logged, history(&server, &before).iter().map(types_of).collect::<Vec<_>>());
    assert_eq!(types(&records, &after), [""; 0]);
    let body = json!({ "executionArn": before }).to_string();
    let (_, described) = server.call("DescribeStateMachineForExecution", &body);
    assert_eq!(described["loggingConfiguration"], groups.level("ALL", false));
}

#[test]
fn a_log_group_is_refused_as_aws_refuses_it() {
    let Some(python) = python() else { return };
    let groups = Groups::new(python, "refused");
    let project = logging_project();
    let server = Server::start_with(&project, "127.0.0.1:0", &groups.variables());
    let machine = create(&server, "kept", "STANDARD", &failing(), &groups.level("ALL", true));
    let group = |arn: &str| json!({ "cloudWatchLogsLogGroup": { "logGroupArn": arn } });
    let arn = groups.level("ALL", true)["destinations"][0]["cloudWatchLogsLogGroup"].clone();
    let arn = arn["logGroupArn"].as_str().unwrap();
    let (here, absent) = (group(arn), arn.replace(&groups.name, "/absent"));
    for (destinations, message) in [
        (json!([]), "Must specify exactly one Log Destination."),
        (json!([here, here]), "Must specify exactly one Log Destination."),
        (json!([{}]), "Must specify exactly one Log Destination."),
        (
            json!([group(arn.strip_suffix(":*").unwrap())]),
            "Log Group ARN must be provided with '*' qualifier.",
        ),
        (json!([group("arn:aws:sns:us-east-1:123456789012:t:*")]), "Log Destination not found."),
        (json!([group(&absent)]), "Log Destination not found."),
    ] {
        let logging = json!({ "level": "ERROR", "destinations": destinations });
        let create = json!({
            "name": "refused", "definition": failing().to_string(),
            "roleArn": "arn:aws:iam::123456789012:role/r", "loggingConfiguration": logging,
        });
        let update = json!({ "stateMachineArn": machine, "loggingConfiguration": logging });
        for (operation, body) in [("CreateStateMachine", create), ("UpdateStateMachine", update)] {
            let (status, refused) = server.call(operation, &body.to_string());
            assert_eq!(status, 400, "{logging}: {refused}");
            let kind = refused["__type"].as_str().unwrap();
            assert!(kind.ends_with("InvalidLoggingConfiguration"), "{refused}");
            let message = format!("Invalid Logging Configuration: {message}");
            assert_eq!(refused["message"], message, "{operation}");
        }
    }
}
