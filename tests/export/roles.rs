//! Each role of the order's stack allows what is done in it: remove a statement, and something is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::{Value, json};

use super::{
    calls, deploy, exported,
    iam::{Call, is_allowed, texts},
    resources,
};
use crate::support::{
    Project, bound, order,
    python::{Aws, Python, python},
    toolchains,
};

/// Makes by boto3, under the access key it is given, what there is before an order.
const ACCOUNT: &str = include_str!("../aws_stack/account.py");

/// Statements by role: the function's name, or the state machine's.
type Roles = BTreeMap<String, Vec<Value>>;

/// What Step Functions and Lambda do in a role besides: deliver logs and traces. AWS's documentation tells of
/// it, and no definition.
const STATES_ITSELF: [&str; 12] = [
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

/// The resources that stand for more than one, and why no narrower one would do.
const OPEN: [(&str, &str); 3] = [
    ("*", "AWS has no resource for the action"),
    (":log-group:/aws/lambda/", "Lambda names the streams of a function's log group"),
    (":secret:", "Secrets Manager ends an ARN with six characters of its own"),
];

#[test]
fn every_call_is_allowed_and_every_statement_is_needed() {
    let Some(python) = python() else { return };
    let roles = roles(python);
    let tasks = tasks();
    let mut made = BTreeMap::from([("order".to_owned(), calls_of_the_state_machine(&tasks))]);
    made.extend(calls_of_the_functions(python, &tasks));
    assert_eq!(made.keys().collect::<Vec<_>>(), roles.keys().collect::<Vec<_>>());
    for (role, statements) in &roles {
        let calls = &made[role];
        for call in calls {
            assert!(is_allowed(statements, call), "the role of {role} does not allow {call:?}");
        }
        for index in 0..statements.len() {
            let mut others = statements.clone();
            let removed = others.remove(index);
            let is_missed = calls.iter().any(|call| !is_allowed(&others, call));
            assert!(is_missed, "nothing in the role of {role} needs {}", removed["Sid"]);
        }
    }
}

#[test]
fn a_resource_stands_for_more_than_one_only_where_aws_has_none_narrower() {
    let Some(python) = python() else { return };
    let roles = roles(python);
    let statements = || roles.values().flatten();
    let mut on_everything = BTreeSet::new();
    let mut found = BTreeSet::new();
    for statement in statements() {
        for action in texts(&statement["Action"]) {
            assert!(!action.contains(['*', '?']), "{action}");
        }
        for resource in texts(&statement["Resource"]) {
            let open = OPEN.iter().find(|(known, _)| match *known {
                "*" => resource == "*",
                known => resource.contains(known),
            });
            if resource == "*" {
                on_everything.extend(texts(&statement["Action"]));
            }
            match open {
                Some((known, _)) => drop(found.insert(*known)),
                None => assert!(!resource.contains(['*', '?']), "{resource} in {statement}"),
            }
        }
    }
    assert_eq!(found, OPEN.iter().map(|(known, _)| *known).collect(), "the list is closed");

    let Some(tools) = toolchains::cloudformation() else { return };
    let actions: Vec<&str> = on_everything.into_iter().collect();
    let arguments = [&["resources"][..], &actions].concat();
    let narrower = tools.run("python", include_str!("cloudformation.py"), &arguments);
    for action in actions {
        assert_eq!(narrower[action], json!([]), "AWS can narrow {action}");
    }
}

#[test]
fn each_statement_says_what_needs_it_and_has_a_name_of_its_own() {
    let template = exported(Path::new(deploy()), &["sam"]);
    let lines: Vec<&str> = template.lines().map(str::trim_start).collect();
    let named: Vec<usize> =
        (0..lines.len()).filter(|at| lines[*at].starts_with("- Sid: ")).collect();
    assert_eq!(named.len(), 20);
    for at in named {
        assert!(lines[at - 1].starts_with("# The "), "{} has no reason above it", lines[at]);
    }
    let Some(python) = python() else { return };
    for (role, statements) in roles(python) {
        let sids: BTreeSet<&str> =
            statements.iter().map(|it| it["Sid"].as_str().unwrap()).collect();
        assert_eq!(sids.len(), statements.len(), "{role}");
    }
}

#[test]
fn a_role_is_assumed_by_one_service_for_its_own_account() {
    let Some(python) = python() else { return };
    let resources = resources(python, &Path::new(deploy()).join("template.yaml"));
    let own = json!({"aws:SourceAccount": "123456789012"});
    for (id, resource) in of_type(&resources, "AWS::IAM::Role") {
        let statements = &resource["Properties"]["AssumeRolePolicyDocument"]["Statement"];
        let (service, conditions) = if id.contains("StateMachine") {
            let machine = json!({"aws:SourceArn": "arn:aws:states:us-east-1:123456789012:stateMachine:order"});
            ("states.amazonaws.com", json!({"StringEquals": own, "ArnEquals": machine}))
        } else {
            ("lambda.amazonaws.com", json!({"StringEquals": own}))
        };
        let expected = json!([{"Effect": "Allow", "Principal": {"Service": service},
            "Action": "sts:AssumeRole", "Condition": conditions}]);
        assert_eq!(*statements, expected, "{id}");
    }
}

/// The statements of the stack's roles, each role by the name of what assumes it.
fn roles(python: &Python) -> Roles {
    let resources = resources(python, &Path::new(deploy()).join("template.yaml"));
    let workers = of_type(&resources, "AWS::Serverless::Function")
        .chain(of_type(&resources, "AWS::Serverless::StateMachine"));
    let role = |(_, worker): (&String, &Value)| {
        let properties = &worker["Properties"];
        let name = properties.get("FunctionName").unwrap_or(&properties["Name"]);
        let role = properties["Role"]["Fn::GetAtt"][0].as_str().unwrap();
        let statements =
            &resources[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
        (name.as_str().unwrap().to_owned(), statements.as_array().unwrap().clone())
    };
    workers.map(role).collect()
}

fn of_type<'a>(resources: &'a Value, kind: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    resources.as_object().unwrap().iter().filter(move |(_, it)| it["Type"] == kind)
}

/// The tasks of orders that go every way the workflow has, in the order in which they were scheduled.
fn tasks() -> Vec<Value> {
    let project = Project::order().warm();
    let mut declined = order("declined");
    declined["payment_method"] = json!("tok_chargeDeclined");
    for input in [order("paid"), declined] {
        let name = input["order_id"].as_str().unwrap();
        project.stepyard([
            "run",
            "workflow.asl.json",
            "--name",
            name,
            "--input",
            &input.to_string(),
        ]);
    }
    let histories = ["paid", "declined"].map(|name| project.history(name));
    histories.concat()
}

fn calls_of_the_state_machine(tasks: &[Value]) -> BTreeSet<Call> {
    let itself = STATES_ITSELF.map(|action| Call::new(action, "*"));
    tasks.iter().filter_map(calls::of_task).chain(itself).collect()
}

/// Each function as it is called for these tasks, on its own and under its own access key; the payment is made
/// at a gateway, so that its key is needed.
fn calls_of_the_functions(python: &Python, tasks: &[Value]) -> BTreeMap<String, BTreeSet<Call>> {
    let (aws, gateway) = (python.own_aws(), python.stripe());
    let url = aws.url();
    let make = |arguments: &[&str]| {
        let whose = [url.as_str(), "made"];
        python.run(ACCOUNT, &[&whose[..], arguments].concat())
    };
    make(&["table", "stepyard-inventory", "stepyard-ledger"]);
    make(&["secret", "stepyard/stripe-key", "sk_test_12345"]);
    make(&["sender", "stepyard.example"]);
    let project = on_aws(&url, &gateway.url()).warm();
    fn as_key(key: &str) -> [(&str, &str); 2] {
        [("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", "secret")]
    }
    let seeded = project.stepyard_with(["seed"], &as_key("seed"));
    assert_eq!(seeded.code, Some(0), "{seeded:?}");

    let mut called = BTreeSet::new();
    for task in tasks.iter().filter_map(|it| it.get("taskScheduledEventDetails")) {
        let parameters: Value = serde_json::from_str(task["parameters"].as_str().unwrap()).unwrap();
        let Some(function) = parameters["FunctionName"].as_str() else { continue };
        if function == "ChargePayment" && called.contains(function) {
            // The gateway has other cards that it declines.
            continue;
        }
        let definition = json!({"StartAt": "Call", "States": {"Call": {"Type": "Task", "End": true,
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": function, "Payload.$": "$"}}}});
        project.write("call.asl.json", &definition.to_string());
        let input = parameters["Payload"].to_string();
        let run = ["run", "call.asl.json", "--input", &input];
        let answer = project.stepyard_with(run, &as_key(function)).output();
        assert!(answer["Payload"]["failure"].is_null(), "{answer}");
        called.insert(function.to_owned());
    }
    let mut made: BTreeMap<_, _> = called.into_iter().map(|it| (it.clone(), itself(&it))).collect();
    for request in requests(&aws) {
        let calls = made.get_mut(request["key"].as_str().unwrap()).expect("a function called");
        calls.extend(calls::of_request(&request));
    }
    made
}

fn requests(aws: &Aws) -> impl Iterator<Item = Value> {
    // Those of boto3 and of the seeds are no function's.
    aws.requests().into_iter().filter(|it| it["key"] != "made" && it["key"] != "seed")
}

/// What Lambda itself does in a function's role.
fn itself(function: &str) -> BTreeSet<Call> {
    let stream = format!(
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/{function}:log-stream:2026/11/26/[$LATEST]0"
    );
    [
        Call::new("logs:CreateLogStream", stream.clone()),
        Call::new("logs:PutLogEvents", stream),
        Call::new("xray:PutTelemetryRecords", "*"),
        Call::new("xray:PutTraceSegments", "*"),
    ]
    .into()
}

/// The manifest of the stack, with moto in the place of AWS and localstripe in that of Stripe.
fn on_aws(aws: &str, gateway: &str) -> Project {
    let manifest = std::fs::read_to_string(Path::new(deploy()).join("stepyard.toml")).unwrap();
    let manifest = manifest.replace("../../", "");
    let manifest =
        manifest.replace("config = {}", &format!("config = {{ gateway_url = \"{gateway}\" }}"));
    let manifest = manifest.replace("https://api.stripe.com/v1/", &format!("{gateway}/v1/"));
    let place = format!("\n[aws]\nendpoint_url = \"{aws}\"\nregion = \"us-east-1\"\n");
    Project::with_manifest(&bound(&(manifest + &place)))
}
