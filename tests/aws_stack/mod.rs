//! The order stack as AWS runs it, on an emulator that no one here wrote: MiniStack starts the packages of
//! `stepyard package` as Lambda would, its Step Functions run the workflow unchanged, and the steps share
//! their state through its DynamoDB. Orders end there as they end here.
//!
//! Where MiniStack does otherwise than AWS, it is named, and the point is tested elsewhere:
//! - its `sns:publish` task drops `MessageAttributes` (`_invoke_sns_publish` reads them in the form of SNS's
//!   Query protocol only): that they arrive is shown by the packaged workflow and by `serve`, below, and on
//!   moto in `far_sides.rs`;
//! - it writes a function's error again for the `Cause`, with spaces of its own: causes are compared as JSON.

mod account;

use serde_json::{Value, json};

use crate::support::{Project, Server, order, packages::Architecture};
use account::Account;

const FUNCTIONS: [&str; 4] =
    ["ReceiveOrder", "CheckInventory", "ChargePayment", "SendConfirmation"];
/// Where the manifest keeps on AWS what it keeps here in the data directory.
const OUTSIDE: &str = r#"
[dynamodb]
table_prefix = "stepyard-"

[mail]
ses = true

[sns]
delivery = "aws"
"#;

/// The order stack in an account of its own.
struct Stack {
    account: Account,
    project: Project,
    /// What the topic delivers to.
    queue: String,
    machine: String,
}

/// The project with its outside on AWS.
fn on_aws(change: impl FnOnce(String) -> String) -> Project {
    Project::order_with(|text| change(text) + OUTSIDE).warm()
}

impl Stack {
    /// An account with all that the stack's functions reach.
    fn new(project: Project) -> Option<Self> {
        let account = Account::new()?;
        account.call(&["table", "stepyard-inventory", "stepyard-ledger"]);
        account.call(&["sender", "orders@stepyard.example"]);
        let seeded = project.stepyard_with(["seed"], &account.variables());
        assert_eq!(seeded.code, Some(0), "{}", seeded.stderr);
        let text = |value: Value| value.as_str().expect("it is a text").to_owned();
        let queue = text(account.call(&["subscribe", "order-notifications"]));
        let definition = project.path("workflow.asl.json");
        let machine = text(account.call(&["machine", "order", definition.to_str().unwrap()]));
        Some(Self { account, project, queue, machine })
    }

    /// The same with a function for each step.
    fn with_functions(self) -> Option<Self> {
        let packages = self.project.package(Architecture::X86_64, &FUNCTIONS)?;
        for (name, zip) in packages {
            let variables = json!({ "STEPYARD_STEP": name, "STRIPE_KEY": "sk_test_12345" });
            self.account.function(&name, &zip, &variables);
        }
        Some(self)
    }

    /// One order, by Step Functions there.
    fn execute(&self, input: &Value) -> Ended {
        let name = input["order_id"].as_str().unwrap();
        let ended = self.account.call(&["execute", &self.machine, name, &input.to_string()]);
        Ended::new(&ended)
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
    /// From the answer of DescribeExecution.
    fn new(described: &Value) -> Self {
        let text = |name: &str| described[name].as_str().unwrap_or_default();
        let mut output: Value = serde_json::from_str(text("output")).unwrap_or_default();
        let succeeded = text("status") == "SUCCEEDED";
        if let Some(notification) = output.get_mut("notification") {
            notification["message_id"] = "made by SNS".into();
        }
        let (before, json) = text("cause").split_at(text("cause").find('{').unwrap_or_default());
        let cause = serde_json::from_str(json).unwrap_or_default();
        Self {
            status: text("status").to_owned(),
            output: if succeeded { output } else { Value::Null },
            error: described["error"].clone(),
            cause: (before.to_owned(), cause),
        }
    }
}

/// How these orders end here, on embedded defaults.
fn here(project: &Project, orders: &[Value]) -> Vec<Ended> {
    let server = Server::start(project);
    let arn =
        |kind: &str, name: &str| format!("arn:aws:states:us-east-1:123456789012:{kind}:{name}");
    let ended = orders.iter().map(|order| {
        let name = order["order_id"].as_str().unwrap();
        let start = json!({
            "stateMachineArn": arn("stateMachine", "order"), "name": name, "input": order.to_string(),
        });
        assert_eq!(server.call("StartExecution", &start.to_string()).0, 200);
        let describe = json!({ "executionArn": arn("execution:order", name) }).to_string();
        let mut described = Value::Null;
        server.until(name, || {
            described = server.call("DescribeExecution", &describe).1;
            described["status"] != "RUNNING"
        });
        Ended::new(&described)
    });
    ended.collect()
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

/// What a subscriber of the topic has to be told of the sample order.
fn check_notification(notifications: &[Value], with_attributes: bool) {
    let [notification] = notifications else { panic!("one is expected: {notifications:?}") };
    let message: Value = serde_json::from_str(notification["Message"].as_str().unwrap()).unwrap();
    assert_eq!((&message["order_id"], &message["status"]), (&json!("12345"), &json!("CONFIRMED")));
    assert_eq!(notification["Subject"], "Order 12345 is confirmed");
    if with_attributes {
        let identity = &notification["MessageAttributes"]["idempotency_key"]["Value"];
        assert_eq!(identity, "notification/12345");
    }
}

#[test]
fn orders_end_on_aws_as_they_end_here() {
    let Some(stack) = Stack::new(on_aws(|text| text)).and_then(Stack::with_functions) else {
        return;
    };
    let there = orders().map(|order| stack.execute(&order));
    assert_eq!(Vec::from(there), here(&Project::order().warm(), &orders()));
    check_notification(&stack.notifications(), false);
    assert_eq!(
        stack.available("sku-001"),
        99,
        "one is sold, and the declined order gave its own back"
    );
    let mail = stack.account.call(&["mail"]).to_string();
    assert!(mail.contains("Your order 12345 is confirmed"), "{mail}");
}
