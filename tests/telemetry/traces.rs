//! Traces by OTLP, read by OpenTelemetry's own classes.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{create, failing, far::Collector, off, run_express, start, status, told};
use crate::support::{Project, Server, order, python::python};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

type Spans = BTreeMap<String, Value>;

fn named<'a>(spans: &'a Spans, name: &str) -> &'a Value {
    let mut found = spans.values().filter(|span| span["name"] == name);
    let span = found.next().unwrap_or_else(|| panic!("{name} is not among {:?}", names(spans)));
    assert!(found.next().is_none(), "{name} is there twice");
    span
}

fn names(spans: &Spans) -> Vec<&str> {
    spans.values().map(|span| span["name"].as_str().unwrap()).collect()
}

/// All are of one trace, each is within what it is part of, and one alone is part of nothing here.
#[track_caller]
fn assert_a_trace(spans: &Spans) -> &Value {
    let trace = &spans.values().next().unwrap()["trace"];
    let mut roots = Vec::new();
    for span in spans.values() {
        assert_eq!(span["trace"], *trace, "{span}");
        let time = |span: &Value, name: &str| span[name].as_u64().unwrap();
        assert!(time(span, "start") <= time(span, "end"), "{span}");
        match spans.get(span["parent"].as_str().unwrap()) {
            None => roots.push(span),
            Some(parent) => assert!(
                time(parent, "start") <= time(span, "start")
                    && time(span, "end") <= time(parent, "end"),
                "{span} in {parent}"
            ),
        }
    }
    assert_eq!(roots.len(), 1, "{roots:?}");
    roots[0]
}

#[test]
fn an_order_is_a_trace_of_its_states_and_their_calls() {
    let Some(python) = python() else { return };
    let collector = Collector::start(python);
    let project = Project::order().warm();
    let input = order("t-1").to_string();
    let run = ["run", "workflow.asl.json", "--name", "one", "--input", &input];
    let variables = [
        (ENDPOINT, &*collector.url()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=orders"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test"),
    ];
    project.stepyard_with(run, &variables).output();
    let spans = collector.spans();
    let root = assert_a_trace(&spans);
    assert_eq!((&root["name"], &root["parent"]), (&json!("workflow"), &json!("")));
    assert_eq!(root["headers"]["x-tenant"], "orders");
    assert_eq!(root["resource"]["service.name"], "stepyard");
    assert_eq!(root["resource"]["deployment.environment"], "test");
    assert_eq!(root["scope"], "stepyard");

    let history = project.history("one");
    let count = |end: &str| {
        history.iter().filter(|event| event["type"].as_str().unwrap().ends_with(end)).count()
    };
    assert_eq!(spans.len(), 1 + count("StateEntered") + count("Scheduled"));
    let state = named(&spans, "CheckInventory");
    let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:workflow";
    let execution = "arn:aws:states:us-east-1:123456789012:execution:workflow:one";
    let attributes = json!({
        "aws.step_functions.state_machine.arn": machine,
        "stepyard.execution.arn": execution,
        "stepyard.state.name": "CheckInventory",
        "stepyard.state.type": "Task",
        "stepyard.state.retries": 0,
    });
    assert_eq!(state["attributes"], attributes);
    let call = spans.values().find(|span| span["parent"] == state["id"]).unwrap();
    let attributes = &call["attributes"];
    assert_eq!(call["name"], "lambda:invoke");
    assert_eq!(attributes["faas.invoked_name"], "CheckInventory");
    assert_eq!(attributes["stepyard.attempt"], 0);
    let version = attributes["stepyard.function.version"].as_str().unwrap();
    assert!(version.contains("@sha256:"), "{version}");
}

#[test]
fn an_error_is_on_the_attempt_the_state_and_the_execution_that_it_ended() {
    let Some(python) = python() else { return };
    let collector = Collector::start(python);
    let url = collector.url();
    let project = Project::with_manifest(&format!("[otlp]\nendpoint = \"{url}\"\n"));
    let server = Server::start(&project);
    let publish = json!({
        "Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": true,
        "Parameters": { "TopicArn": "nowhere", "Message": "m" },
        "Retry": [{ "ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1 }],
    });
    let definition = json!({ "StartAt": "Tell", "States": { "Tell": publish } });
    let machine = create(&server, "telling", "EXPRESS", &definition, &off());
    assert_eq!(run_express(&server, &machine, &json!({}))["status"], "FAILED");
    let spans = collector.until(4);
    let root = assert_a_trace(&spans);
    let state = named(&spans, "Tell");
    let calls: Vec<_> = spans.values().filter(|span| span["parent"] == state["id"]).collect();
    assert_eq!(calls.len(), 2, "an attempt each");
    for span in [&[root, state][..], &calls[..]].concat() {
        assert_eq!(span["status"], 2, "{span}");
        assert!(span["attributes"]["error.type"].as_str().unwrap().starts_with("SNS."), "{span}");
        assert!(span["message"].as_str().unwrap().starts_with("SNS."), "{span}");
    }
    assert_eq!(state["attributes"]["stepyard.state.retries"], 1);
}

#[test]
fn a_trace_goes_on_from_the_caller_through_an_execution_to_those_that_it_starts() {
    let Some(python) = python() else { return };
    let collector = Collector::start(python);
    let (url, project) = (collector.url(), Project::with_manifest(""));
    let server = Server::start_with(&project, "127.0.0.1:0", &[(ENDPOINT, &url)]);
    let inner = create(&server, "inner", "STANDARD", &failing(), &off());
    let call = json!({
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": { "StateMachineArn": inner, "Input": {} }, "Next": "Each",
        "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Each" }],
    });
    let look = json!({ "Type": "Pass", "End": true });
    let each = json!({
        "Type": "Map", "ItemsPath": "$$.Execution.Input.items", "End": true,
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS" },
            "StartAt": "Item", "States": { "Item": look },
        },
    });
    let definition = json!({ "StartAt": "Call", "States": { "Call": call, "Each": each } });
    let outer = create(&server, "outer", "STANDARD", &definition, &off());
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let body = json!({
        "stateMachineArn": outer, "traceHeader": header,
        "input": json!({ "items": [1, 2] }).to_string(),
    });
    let (code, started) = server.call("StartExecution", &body.to_string());
    assert_eq!(code, 200, "{started}");
    let execution = started["executionArn"].as_str().unwrap();
    server.until("it ends", || status(&server, execution) == "SUCCEEDED");
    // Outer: 1, Call and its task, Each and its Map Run. Inner: 1 and two states. Two items: 1 and a state.
    let spans = collector.until(5 + 3 + 4);
    let root = assert_a_trace(&spans);
    assert_eq!(root["trace"], "5759e988bd862e3fe1be46a994272793");
    assert_eq!((&root["name"], &root["parent"]), (&json!("outer"), &json!("53995c3f42cd8ad8")));
    let call = named(&spans, "states:startExecution.sync:2");
    assert_eq!(named(&spans, "inner")["parent"], call["id"]);
    assert_eq!(call["parent"], named(&spans, "Call")["id"]);
    let each = named(&spans, "Each");
    let run = spans.values().find(|span| span["parent"] == each["id"]).unwrap();
    let items = spans.values().filter(|span| span["parent"] == run["id"]);
    assert_eq!(items.count(), 2, "the children of the Map Run");

    // One that the caller does not want kept is not.
    let body = body.to_string().replace("Sampled=1", "Sampled=0");
    let (_, started) = server.call("StartExecution", &body);
    let execution = started["executionArn"].as_str().unwrap();
    server.until("it ends", || status(&server, execution) == "SUCCEEDED");
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(collector.spans().len(), 12);
}

#[test]
fn a_long_state_is_one_span_however_often_the_server_was_killed() {
    let Some(python) = python() else { return };
    let collector = Collector::start(python);
    let url = collector.url();
    let project = Project::with_manifest(&format!("[otlp]\nendpoint = \"{url}\"\n"));
    let nap = json!({ "Type": "Wait", "Seconds": 4, "Next": "Done" });
    let look = json!({ "Type": "Pass", "Next": "Nap" });
    let done = json!({ "Type": "Succeed" });
    let states = json!({ "Look": look, "Nap": nap, "Done": done });
    let definition = json!({ "StartAt": "Look", "States": states });
    let mut server = Server::start(&project);
    let machine = create(&server, "napping", "STANDARD", &definition, &off());
    let executions: Vec<_> =
        (0..5).map(|number| start(&server, &machine, &json!({ "n": number }))).collect();
    for delay in [300, 1_200, 1_500] {
        std::thread::sleep(Duration::from_millis(delay));
        server.kill();
        server = Server::start(&project);
    }
    server.until("all end", || executions.iter().all(|it| status(&server, it) == "SUCCEEDED"));
    let spans = collector.until(5 * 4);
    assert_eq!(spans.len(), 20);
    for execution in &executions {
        let own = spans
            .iter()
            .filter(|(_, span)| span["attributes"]["stepyard.execution.arn"] == **execution);
        let own: Spans = own.map(|(id, span)| (id.clone(), span.clone())).collect();
        let root = assert_a_trace(&own);
        assert_eq!(root["name"], "napping");
        let nap = named(&own, "Nap");
        let took = nap["end"].as_u64().unwrap() - nap["start"].as_u64().unwrap();
        assert!(took >= 4_000_000_000, "{nap}");
    }
}

#[test]
fn while_a_collector_takes_nothing_executions_go_on_and_what_it_refuses_is_lost() {
    let Some(python) = python() else { return };
    let collector = Collector::start(python);
    let (url, project) = (collector.url(), Project::with_manifest(""));
    let server = Server::start_with(&project, "127.0.0.1:0", &[(ENDPOINT, &url)]);
    let machine = create(&server, "m", "EXPRESS", &failing(), &off());
    for mode in ["unavailable", "hold"] {
        let sent = told(&server, "sent", "spans");
        collector.set(mode);
        for _ in 0..10 {
            assert_eq!(run_express(&server, &machine, &json!({}))["status"], "FAILED");
        }
        server.until("they wait", || told(&server, "waiting", "spans") == 30);
        if mode == "unavailable" {
            server.until("it was asked again", || collector.refused() > 1);
        }
        collector.set("ok");
        server.until("they are taken", || told(&server, "sent", "spans") == sent + 30);
    }
    assert_eq!(collector.spans().len(), 60);
    collector.set("refuse");
    run_express(&server, &machine, &json!({}));
    server.until("they are lost", || told(&server, "lost", "spans") == 3);
    assert_eq!(told(&server, "waiting", "spans"), 0);
    server.until_said("telemetry is lost", 1);
}

#[test]
fn what_opentelemetry_says_of_itself_is_heard() {
    let Some(python) = python() else { return };
    let collector = Collector::start(python);
    let url = collector.url();
    let project = Project::with_manifest(&format!("[otlp]\nendpoint = \"{url}\"\n"));
    project.write(
        "one.asl.json",
        r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#,
    );
    // Each on data of its own: what was not told of a run is told by a later one.
    let run = |variables: &[(&str, &str)]| {
        let before = collector.all().len();
        let data = tempfile::tempdir().unwrap();
        let data = data.path().to_str().unwrap();
        let finished = project.stepyard_with(["run", "one.asl.json", "--data", data], variables);
        (finished, collector.all().len() - before)
    };
    for (variables, expected) in [
        (&[][..], 2),
        (&[("OTEL_SDK_DISABLED", "true")][..], 0),
        (&[("OTEL_TRACES_EXPORTER", "none")][..], 0),
        (&[("OTEL_TRACES_SAMPLER", "always_off")][..], 0),
        (
            &[
                ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", "1.0"),
            ][..],
            2,
        ),
        (&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9/none")][..], 0),
    ] {
        let (finished, spans) = run(variables);
        finished.output();
        assert_eq!(spans, expected, "{variables:?}");
    }
    for (variable, message) in [
        (
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            "OTEL_EXPORTER_OTLP_PROTOCOL is `grpc`, and traces are sent by http/protobuf alone",
        ),
        (("OTEL_TRACES_SAMPLER", "half"), "OTEL_TRACES_SAMPLER is `half`"),
        (("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"), "OTEL_EXPORTER_OTLP_TIMEOUT is `soon`"),
    ] {
        let (finished, _) = run(&[variable]);
        assert!(finished.refusal().contains(message), "{}", finished.stderr);
    }
}
