//! The order on AWS's own services: its stock and ledger are in DynamoDB, the gateway's key in Secrets
//! Manager, its mail goes by SES and its notification by SNS. All of them are moto's; boto3 reads back
//! what came of it.

use std::{net::TcpListener, thread};

use serde_json::{Value, json};

use crate::support::{
    Finished, Project, Server, order,
    python::{Moto, python},
};

/// What localstripe takes for a secret key.
const KEY: &str = "sk_test_12345";
/// The secret that AWS is reached by.
const REACHED: [(&str, &str); 1] = [("AWS_SECRET", "test")];

/// The order project on AWS at this URL, its manifest changed besides.
fn on_aws(url: &str, change: impl FnOnce(String) -> String) -> Project {
    let section = format!(
        "\n[dynamodb]\ntable_prefix = \"shop-\"\n[mail]\nses = true\n[sns]\ndelivery = \"aws\"\n\
         [secrets.AWS]\nenv = \"AWS_SECRET\"\n[aws]\nendpoint_url = \"{url}\"\n\
         region = \"us-east-1\"\naccess_key = {{ id = \"test\", secret = \"AWS\" }}\n"
    );
    let kept = "[secrets.STRIPE_KEY]\nsecretsmanager = \"shop/stripe\"\njson_key = \"key\"";
    let project = Project::order_with(|text| {
        change(text.replace("[secrets.STRIPE_KEY]\nenv = \"STRIPE_KEY\"", kept) + &section)
    });
    project.warm()
}

/// What the order needs to be there.
fn furnish(aws: &Moto) {
    aws.boto3("table", &["shop-inventory", "shop-ledger"]);
    aws.boto3("secret", &["shop/stripe", &json!({ "key": KEY }).to_string()]);
    aws.boto3("sender", &["orders@stepyard.example"]);
}

fn seed(project: &Project, more: &[&str]) -> Finished {
    project.stepyard_with(["seed"].iter().chain(more).copied(), &REACHED)
}

fn run(project: &Project, workflow: &str, input: &Value) -> Finished {
    let input = input.to_string();
    project.stepyard_with(["run", workflow, "--name", "one", "--input", &input], &REACHED)
}

/// A value of a bucket, as boto3 has it.
fn value(aws: &Moto, table: &str, key: &str) -> Value {
    let items = aws.boto3("items", &[table]);
    let text = items[key].as_str().unwrap_or_else(|| panic!("{key} is not in {items}"));
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_order_runs_on_services_of_aws() {
    let Some(python) = python() else { return };
    let (aws, gateway) = (python.moto(), python.stripe());
    let queue = aws.subscribe("order-notifications");
    let url = gateway.url();
    let project = on_aws(&aws.url(), |text| {
        let text = text.replace("config = {}", &format!("config = {{ gateway_url = \"{url}\" }}"));
        text.replace("https://api.stripe.com/v1/", &format!("{url}/v1/"))
    });
    let refused = seed(&project, &[]);
    for expected in ["seeding `product/sku-001`", "`shop-inventory`", "aws dynamodb create-table"] {
        assert!(refused.refusal().contains(expected), "{}", refused.stderr);
    }
    furnish(&aws);
    let seeded = seed(&project, &[]);
    let expected = "inventory (DynamoDB)  product/sku-001  written\n\
                    inventory (DynamoDB)  product/sku-002  written\n";
    assert_eq!((seeded.code, &*seeded.stdout), (Some(0), expected), "{}", seeded.stderr);

    let input = order("a-1").to_string();
    let log = [REACHED[0], ("STEPYARD_LOG", "trace")];
    let arguments = ["run", "workflow.asl.json", "--name", "one", "--input", &input];
    let finished = project.stepyard_with(arguments, &log);
    let output = finished.output();
    assert_eq!(value(&aws, "shop-inventory", "product/sku-001")["sold"], 1);
    assert_eq!(value(&aws, "shop-inventory", "order/a-1")["quantity"], 1);
    assert!(output["payment"]["charge_id"].as_str().unwrap().starts_with("ch_"), "{output}");
    let mails = aws.boto3("mails", &[]);
    let [mail] = mails.as_array().unwrap().as_slice() else { panic!("{mails}") };
    let id = "Original-Message-ID: <order-a-1@stepyard.local>";
    assert!(mail["raw_data"].as_str().unwrap().contains(id), "{mail}");
    let received = aws.receive(&queue);
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(received[0]["MessageId"], output["notification"]["message_id"]);
    assert!(project.mail().is_empty() && project.notifications().is_empty());
    let history = serde_json::to_string(&project.history("one")).unwrap();
    for text in [&finished.stderr, &finished.stdout, &history] {
        assert!(!text.contains(KEY), "the gateway's key is shown");
    }

    // What is there stands.
    let again = seed(&project, &["--json"]);
    let stood = |key: &str| json!({ "bucket": "inventory", "key": key, "written": false });
    let lines: Vec<Value> =
        again.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [stood("product/sku-001"), stood("product/sku-002")]);
    assert_eq!(value(&aws, "shop-inventory", "product/sku-001")["sold"], 1);
}

#[test]
fn hosts_that_share_a_stock_never_oversell_it() {
    const STOCK: usize = 10;
    let Some(python) = python() else { return };
    let aws = python.moto();
    aws.subscribe("order-notifications");
    furnish(&aws);
    let shop = || {
        on_aws(&aws.url(), |text| text.replace("available = 100", &format!("available = {STOCK}")))
    };
    let shops = [shop(), shop()];
    assert_eq!(seed(&shops[0], &[]).code, Some(0));
    let servers = shops.each_ref().map(|shop| Server::start_with(shop, "127.0.0.1:0", &REACHED));
    thread::scope(|scope| {
        for (number, server) in servers.iter().enumerate() {
            scope.spawn(move || {
                for order_number in 0..STOCK {
                    let order = order(&format!("{number}-{order_number}"));
                    let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:order";
                    let start = json!({ "stateMachineArn": machine, "input": order.to_string() });
                    let (status, answer) = server.call("StartExecution", &start.to_string());
                    assert_eq!(status, 200, "{answer}");
                }
            });
        }
    });
    let ended = |status: &str| {
        let executions = servers.iter().flat_map(|server| server.executions("order"));
        executions.filter(|execution| execution["status"] == status).count()
    };
    servers[0].until("all orders have ended", || ended("RUNNING") == 0);
    assert_eq!((ended("SUCCEEDED"), ended("FAILED")), (STOCK, STOCK));
    let product = value(&aws, "shop-inventory", "product/sku-001");
    assert_eq!(product["available"], 0, "{product}");
    assert_eq!(product["sold"], STOCK, "{product}");
    assert_eq!(product["reservations"], json!({}), "{product}");
    let ledger = aws.boto3("items", &["shop-ledger"]);
    let charges = ledger.as_object().unwrap().keys().filter(|key| key.starts_with("charge/"));
    assert_eq!(charges.count(), STOCK, "{ledger}");
    assert_eq!(aws.boto3("mails", &[]).as_array().unwrap().len(), STOCK);
}

#[test]
fn what_fails_for_the_moment_is_retried_and_nothing_is_lost() {
    let Some(python) = python() else { return };
    let (aws, gateway) = (python.moto(), python.stripe());
    let queue = aws.subscribe("order-notifications");
    furnish(&aws);
    let url = gateway.url();
    let project = on_aws(&aws.url(), |text| {
        let text = text.replace("config = {}", &format!("config = {{ gateway_url = \"{url}\" }}"));
        let text = text.replace("https://api.stripe.com/v1/", &format!("{url}/v1/"));
        text + "[aws.dynamodb]\ntimeout_seconds = 3\n"
    });
    assert_eq!(seed(&project, &[]).code, Some(0));
    // Reserved, and not answered; so the step does not know.
    aws.fail("call=PutItem&times=1&hold=1");
    aws.fail("call=GetSecretValue&times=1&status=400&code=AccessDeniedException");
    aws.fail("call=outbound-emails&times=3&status=429&code=TooManyRequestsException");
    run(&project, "workflow.asl.json", &order("f-1")).output();
    let mut failures: Vec<(String, String)> = project
        .history("one")
        .into_iter()
        .filter_map(|event| {
            let failed = &event["taskFailedEventDetails"];
            Some((failed["error"].as_str()?.to_owned(), failed["cause"].as_str()?.to_owned()))
        })
        .collect();
    // That a secret was not to be had is known for a second, in which the task may be tried again.
    failures.dedup_by(|failure, before| failure.0 == before.0);
    let expected = [
        ("KeyValueUnavailable", "whether it made the change is unknown"),
        ("GatewayUnavailable", "AccessDeniedException"),
        ("MailUnavailable", "Amazon SES: TooManyRequestsException"),
    ];
    assert_eq!(failures.len(), expected.len(), "{failures:?}");
    for ((error, cause), (name, text)) in failures.iter().zip(expected) {
        assert!(error == name && cause.contains(text), "{error}: {cause}");
    }
    let product = value(&aws, "shop-inventory", "product/sku-001");
    assert_eq!((&product["sold"], &product["available"]), (&json!(1), &json!(99)), "{product}");
    assert_eq!(aws.boto3("mails", &[]).as_array().unwrap().len(), 1);
    assert_eq!(aws.receive(&queue).len(), 1);
}

#[test]
fn a_step_is_told_why_its_bucket_cannot_be_had() {
    let Some(python) = python() else { return };
    let aws = python.moto();
    aws.boto3("table", &["shop-ledger"]);
    let workflow = json!({ "StartAt": "Reserve", "States": { "Reserve": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
        "Parameters": { "FunctionName": "CheckInventory", "Payload": {
            "action": "reserve", "order_id": "1", "product_id": "sku-001", "quantity": 1,
            "holder": "a",
        } },
    } } });
    let told = |url: &str| {
        let project = on_aws(url, |text| text);
        project.write("one.asl.json", &workflow.to_string());
        run(&project, "one.asl.json", &json!({})).failure().to_owned()
    };
    let missing = told(&aws.url());
    assert!(missing.contains("`shop-inventory`"), "{missing}");
    aws.boto3("table", &["shop-inventory"]);
    aws.fail("call=GetItem&times=1&status=400&code=UnrecognizedClientException");
    let stranger = told(&aws.url());
    assert!(stranger.contains("UnrecognizedClientException"), "{stranger}");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let down = told(&format!("http://{closed}"));
    assert!(down.contains("Connection refused"), "{down}");
    for text in [missing, stranger, down] {
        assert!(text.contains("KeyValueUnavailable"), "{text}");
    }
}
