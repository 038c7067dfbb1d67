//! The order stack as AWS runs it, on an emulator that no one here wrote: MiniStack starts the packages of
//! `stepyard package` as Lambda would, its Step Functions run the workflow unchanged, and the steps share
//! their state through its DynamoDB. Orders end there as they end here.
//!
//! Where MiniStack does otherwise than AWS, it is named, and the point is tested elsewhere:
//! - its `sns:publish` task drops `MessageAttributes` (`_invoke_sns_publish` reads them in the form of SNS's
//!   Query protocol only): that they arrive is shown by the packaged workflow and by `serve`, below, and on
//!   moto in `far_sides.rs`;
//! - it writes a function's error again for the `Cause`, with spaces of its own: causes are compared as JSON;
//! - it calls an init error `Runtime.Unknown`, whatever its `errorType`: `lambda_mode/init.rs` reads what is posted;
//! - it knows no `JitterStrategy` and no `MaxDelaySeconds`: retriers are tested on our own engine.

mod account;

use std::{net::TcpListener, thread};

use serde_json::{Value, json};

use crate::support::{
    Project, Server, order,
    packages::{Architecture, bootstrap},
};
use account::Account;

const FUNCTIONS: [&str; 4] =
    ["ReceiveOrder", "CheckInventory", "ChargePayment", "SendConfirmation"];
/// What the payment step's requests are signed with.
const KEY: (&str, &str) = ("STRIPE_KEY", "sk_test_12345");

/// The order stack in an account of its own.
struct Stack {
    account: Account,
    project: Project,
    /// What the topic delivers to.
    queue: String,
}

impl Stack {
    /// An account with all that the project's functions reach.
    fn new(project: Project) -> Option<Self> {
        bootstrap(Architecture::X86_64)?;
        let account = Account::new()?;
        account.call(&["table", "stepyard-inventory", "stepyard-ledger"]);
        account.call(&["sender", "orders@stepyard.example"]);
        let seeded = project.stepyard_with(["seed"], &account.variables());
        assert_eq!(seeded.code, Some(0), "{}", seeded.stderr);
        let queue = account.text(&["subscribe", "order-notifications"]);
        Some(Self { account, project, queue })
    }

    /// The same with a function for each step.
    fn with_functions(self) -> Option<Self> {
        for (name, zip) in self.project.package(Architecture::X86_64, &FUNCTIONS)? {
            let variables = json!({ "STEPYARD_STEP": name, KEY.0: KEY.1 });
            self.account.function(&name, &zip, &variables);
        }
        Some(self)
    }

    /// The workflow, unchanged, as a state machine there; its ARN.
    fn machine(&self) -> String {
        let definition = self.project.path("workflow.asl.json");
        self.account.text(&["machine", "order", definition.to_str().unwrap()])
    }

    /// One order, by Step Functions there.
    fn execute(&self, machine: &str, input: &Value) -> Ended {
        Ended::of(&self.account.call(&["execute", machine, name_of(input), &input.to_string()]))
    }

    /// One order, in one invocation of the workflow's function.
    fn invoke(&self, input: &Value) -> Ended {
        let answer = self.account.call(&["invoke", "order", &input.to_string()]);
        let payload = &answer["payload"];
        Ended::of(&match answer["error"].is_null() {
            true => json!({ "status": "SUCCEEDED", "output": payload.to_string() }),
            false => json!({
                "status": "FAILED",
                "error": payload["errorType"],
                "cause": payload["errorMessage"],
            }),
        })
    }

    /// The notifications that were delivered.
    fn notifications(&self) -> Vec<Value> {
        self.account.call(&["receive", &self.queue]).as_array().unwrap().clone()
    }

    fn available(&self, product: &str) -> Value {
        let key = format!("product/{product}");
        self.account.call(&["value", "stepyard-inventory", "inventory", &key])["available"].clone()
    }
}

/// How an execution ended, without what differs from one to the next.
#[derive(Debug, PartialEq)]
struct Ended {
    status: String,
    output: Value,
    error: Value,
    /// What comes before the cause's JSON, and that.
    cause: (String, Value),
}

impl Ended {
    /// From members as DescribeExecution has them.
    fn of(described: &Value) -> Self {
        let text = |name: &str| described[name].as_str().unwrap_or_default();
        let succeeded = text("status") == "SUCCEEDED";
        let output = if succeeded { text("output") } else { "null" };
        let mut output: Value = serde_json::from_str(output).expect("an output is JSON");
        if let Some(notification) = output.get_mut("notification") {
            notification["message_id"] = "made by SNS".into();
        }
        let (before, json) = text("cause").split_at(text("cause").find('{').unwrap_or_default());
        let mut cause: Value = serde_json::from_str(json).unwrap_or_default();
        // Each request has an id of its own.
        cause.as_object_mut().map(|cause| cause.remove("requestId"));
        if cause["errorType"] == "Sandbox.Timedout" {
            // It names the request and how long it took.
            cause["errorMessage"] = "timed out".into();
        }
        let error = described["error"].clone();
        Self { status: text("status").to_owned(), output, error, cause: (before.to_owned(), cause) }
    }
}

fn name_of(input: &Value) -> &str {
    input["order_id"].as_str().expect("an order has an id")
}

/// How an order ends here, by the last event of its history.
fn here(project: &Project, input: &Value) -> Ended {
    let (name, text) = (name_of(input), input.to_string());
    let run = ["run", "workflow.asl.json", "--name", name, "--input", &text];
    project.stepyard_with(run, &[KEY]);
    let history = project.history(name);
    let end = history.last().expect("an execution has a history");
    let (kind, details) = match end["type"].as_str() {
        Some("ExecutionSucceeded") => ("SUCCEEDED", &end["executionSucceededEventDetails"]),
        Some("ExecutionFailed") => ("FAILED", &end["executionFailedEventDetails"]),
        _ => panic!("it ended with {end}"),
    };
    let mut described = details.clone();
    described["status"] = kind.into();
    Ended::of(&described)
}

fn with(mut order: Value, field: &str, value: impl Into<Value>) -> Value {
    order[field] = value.into();
    order
}

/// The sample order, one that is out of stock, one whose card is declined, and one that is not valid.
fn orders() -> [Value; 4] {
    [
        order("12345"),
        with(order("out-of-stock"), "product_id", "sku-002"),
        with(order("declined"), "payment_method", "tok_chargeDeclined"),
        with(order("not-valid"), "quantity", 0),
    ]
}

/// How these orders end here, on embedded defaults.
fn orders_here() -> Vec<Ended> {
    let project = Project::order().warm();
    orders().iter().map(|order| here(&project, order)).collect()
}

/// What a subscriber of the topic has to be told of the sample order.
#[track_caller]
fn check_notification(notifications: &[Value]) -> &Value {
    let [notification] = notifications else { panic!("one is expected: {notifications:?}") };
    let message: Value = serde_json::from_str(notification["Message"].as_str().unwrap()).unwrap();
    assert_eq!((&message["order_id"], &message["status"]), (&json!("12345"), &json!("CONFIRMED")));
    assert_eq!(notification["Subject"], "Order 12345 is confirmed");
    notification
}

/// The same with what tells it from another one.
#[track_caller]
fn check_identity(notifications: &[Value]) {
    let notification = check_notification(notifications);
    let identity = &notification["MessageAttributes"]["idempotency_key"]["Value"];
    assert_eq!(identity, "notification/12345");
}

/// A payment gateway that takes connections and never answers.
fn silent_gateway() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let address = listener.local_addr().expect("it listens");
    thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    format!("http://{address}")
}

/// The manifest's text with payments made at this gateway; a call of it may take one second.
fn with_gateway(text: &str, url: &str) -> String {
    let text = text.replace("config = {}", &format!("config = {{ gateway_url = \"{url}\" }}"));
    let text = text.replace("https://api.stripe.com/v1/", &format!("{url}/v1/"));
    text.replacen("wall_seconds = 28", "wall_seconds = 1", 1)
}

#[test]
fn orders_end_on_aws_as_they_end_here() {
    let stack = Stack::new(Project::order_on_aws(|text| text).warm());
    let Some(stack) = stack.and_then(Stack::with_functions) else { return };
    let machine = stack.machine();
    let there: Vec<Ended> = orders().iter().map(|it| stack.execute(&machine, it)).collect();
    assert_eq!(there, orders_here());
    check_notification(&stack.notifications());
    assert_eq!(stack.available("sku-001"), 99, "one is sold; the declined order gave its own back");
    let mail = stack.account.call(&["mail"]).to_string();
    assert!(mail.contains("Your order 12345 is confirmed"), "{mail}");
}

#[test]
fn an_order_whose_payment_times_out_ends_on_aws_as_it_ends_here() {
    let url = silent_gateway();
    let project = Project::order_on_aws(|text| with_gateway(&text, &url)).warm();
    let Some(stack) = Stack::new(project).and_then(Stack::with_functions) else { return };
    let order = order("timed-out");
    let there = stack.execute(&stack.machine(), &order);
    let project = Project::order_with(|text| with_gateway(&text, &url)).warm();
    assert_eq!(there, here(&project, &order));
    assert_eq!(there.error, "PaymentFailed");
    assert_eq!(there.cause.1["errorType"], "Sandbox.Timedout");
    assert_eq!(stack.available("sku-001"), 100, "the stock is given back");
    assert!(stack.notifications().is_empty());
}

#[test]
fn the_workflow_in_one_invocation_ends_orders_as_they_end_here() {
    let Some(stack) = Stack::new(Project::order_on_aws(|text| text).warm()) else { return };
    let arguments = ["--workflow", "workflow.asl.json"];
    let Some(packages) = stack.project.package(Architecture::X86_64, &arguments) else { return };
    let variables = json!({ "STEPYARD_WORKFLOW": "workflow.asl.json", KEY.0: KEY.1 });
    stack.account.function("order", &packages["order"], &variables);
    let there: Vec<Ended> = orders().iter().map(|order| stack.invoke(order)).collect();
    assert_eq!(there, orders_here());
    check_identity(&stack.notifications());
    assert_eq!(stack.available("sku-001"), 99);
}

#[test]
fn our_own_server_calls_the_same_functions() {
    let stack = Stack::new(Project::order_on_aws(|text| text).warm());
    let Some(stack) = stack.and_then(Stack::with_functions) else { return };
    let number = &stack.account.number;
    let mut manifest = FUNCTIONS.map(|name| format!("[functions.{name}]\naws = true\n")).concat();
    manifest += &format!("[execution]\naccount = \"{number}\"\n[sns]\ndelivery = \"aws\"\n");
    manifest += "[workflows.order]\ndefinition = \"workflow.asl.json\"\n";
    let project = Project::with_manifest(&manifest);
    let server = Server::start_with(&project, "127.0.0.1:0", &stack.account.variables());
    let arn = |what: &str| format!("arn:aws:states:us-east-1:{number}:{what}");
    let ended = |order: &Value| {
        let name = name_of(order);
        let start = json!({
            "stateMachineArn": arn("stateMachine:order"), "name": name, "input": order.to_string(),
        });
        let (status, answer) = server.call("StartExecution", &start.to_string());
        assert_eq!(status, 200, "{answer}");
        let describe = json!({ "executionArn": arn(&format!("execution:order:{name}")) });
        let mut described = Value::Null;
        server.until(name, || {
            described = server.call("DescribeExecution", &describe.to_string()).1;
            described["status"] != "RUNNING"
        });
        Ended::of(&described)
    };
    let there: Vec<Ended> = orders().iter().map(ended).collect();
    assert_eq!(there, orders_here());
    check_identity(&stack.notifications());
    assert_eq!(server.terminate(), Some(0));
}
