//! The kinds of executions, each with its state machine and how it may end.

use serde_json::{Value, json};

use super::client::Client;
use crate::support::ROOT;

/// Where tasks are published whose tokens are answered.
pub(super) const ASKS: &str = "arn:aws:sns:us-east-1:123456789012:asks";
/// Where tasks are published that nobody answers.
const NOBODY: &str = "arn:aws:sns:us-east-1:123456789012:nobody";
/// The activity that workers ask for tasks of.
pub(super) const ACTIVITY: &str = "arn:aws:states:us-east-1:123456789012:activity:pack";

/// What may be started.
pub(super) const KINDS: [Kind; 11] = [
    Kind { name: "wait", machine: "wait", ends: &[("SUCCEEDED", "")] },
    Kind { name: "map", machine: "map", ends: &[("SUCCEEDED", "")] },
    Kind { name: "fail", machine: "fail", ends: &[("FAILED", "Bad")] },
    Kind { name: "deaf", machine: "deaf", ends: &[("SUCCEEDED", "")] },
    Kind { name: "ask", machine: "ask", ends: &[("SUCCEEDED", "")] },
    // Its first token is answered with a failure; then it is redriven.
    Kind { name: "refused", machine: "ask", ends: &[("SUCCEEDED", "")] },
    Kind { name: "work", machine: "work", ends: &[("SUCCEEDED", "")] },
    Kind { name: "stop", machine: "stop", ends: &[("ABORTED", "Enough")] },
    // Whoever comes too late finds the shop sold out.
    Kind { name: "paid", machine: "workflow", ends: &[("SUCCEEDED", ""), SOLD_OUT] },
    Kind { name: "declined", machine: "workflow", ends: &[("FAILED", "PaymentFailed"), SOLD_OUT] },
    Kind { name: "short", machine: "workflow", ends: &[SOLD_OUT] },
];

const SOLD_OUT: (&str, &str) = ("FAILED", "InventoryFailed");

/// A kind of executions. Their names begin with its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    machine: &'static str,
    /// AWS's word for how it ended, and the error's name.
    pub(super) ends: &'static [(&'static str, &'static str)],
}

impl Kind {
    /// The kind of the execution of this ARN.
    pub(super) fn of(execution: &str) -> Self {
        let name = execution.rsplit(':').next().unwrap_or_default();
        let kind = KINDS.into_iter().find(|kind| name.split('-').next() == Some(kind.name));
        kind.unwrap_or_else(|| panic!("nobody started {execution}"))
    }

    /// What an execution of this name is started with.
    pub(super) fn start(self, name: &str, quantity: u64) -> Value {
        let (product, card) = match self.name {
            "short" => ("sku-002", "tok_visa"),
            "declined" => ("sku-001", "tok_chargeDeclined"),
            _ => ("sku-001", "tok_visa"),
        };
        let input = match self.name {
            "paid" | "declined" | "short" => json!({
                "order_id": name, "product_id": product, "quantity": quantity,
                "payment_method": card, "customer_email": "user@example.com",
            }),
            _ => json!([1, 2, 3]),
        };
        let machine = arn(self.machine);
        json!({ "stateMachineArn": machine, "name": name, "input": input.to_string() })
    }
}

/// The ARN of a state machine.
pub(super) fn arn(machine: &str) -> String {
    format!("arn:aws:states:us-east-1:123456789012:stateMachine:{machine}")
}

/// The ARN of the execution that is started so.
pub(super) fn execution(start: &Value) -> String {
    let [machine, name] = ["stateMachineArn", "name"].map(|key| start[key].as_str().unwrap());
    format!("{}:{name}", machine.replace(":stateMachine:", ":execution:"))
}

/// The state machines: names and definitions.
pub(super) fn machines() -> Vec<(&'static str, Value)> {
    let wait = |seconds: u32| json!({ "Type": "Wait", "Seconds": seconds, "End": true });
    let one = |state: Value| json!({ "StartAt": "A", "States": { "A": state } });
    let each = json!({ "StartAt": "Nap", "States": { "Nap": wait(1) } });
    let map = json!({ "Type": "Map", "End": true, "MaxConcurrency": 2, "ItemProcessor": each });
    let task = |topic: &str, seconds: u32| {
        json!({
            "Type": "Task", "Resource": "arn:aws:states:::sns:publish.waitForTaskToken",
            "Parameters": { "TopicArn": topic, "Message": {
                "token.$": "$$.Task.Token", "execution.$": "$$.Execution.Id",
            } },
            "TimeoutSeconds": seconds,
        })
    };
    let mut ask = task(ASKS, 3_600);
    ask["End"] = true.into();
    let mut deaf = task(NOBODY, 1);
    deaf["Next"] = "B".into();
    deaf["Catch"] = json!([{ "ErrorEquals": ["States.Timeout"], "Next": "B" }]);
    // A task that a worker took and never got is given again after the heartbeat.
    let work = json!({
        "Type": "Task", "Resource": ACTIVITY, "End": true, "HeartbeatSeconds": 2,
        "Parameters": { "execution.$": "$$.Execution.Id" },
        "Retry": [{
            "ErrorEquals": ["States.HeartbeatTimeout"], "IntervalSeconds": 1, "BackoffRate": 1,
            "MaxAttempts": 100,
        }],
    });
    let workflow = std::fs::read_to_string(ROOT.to_owned() + "/workflow.asl.json").unwrap();
    vec![
        ("wait", one(wait(1))),
        ("map", one(map)),
        ("fail", one(json!({ "Type": "Fail", "Error": "Bad" }))),
        (
            "deaf",
            json!({ "StartAt": "A", "States": { "A": deaf, "B": { "Type": "Pass", "End": true } } }),
        ),
        ("ask", one(ask)),
        ("work", one(work)),
        ("stop", one(wait(86_400))),
        ("workflow", serde_json::from_str(&workflow).unwrap()),
    ]
}

/// Creates the activity and the state machines.
pub(super) fn create(client: &Client) {
    client.done("CreateActivity", &json!({ "name": "pack" }));
    for (name, definition) in machines() {
        client.done("CreateStateMachine", &creation(name, &definition));
    }
}

/// What a state machine is created with.
pub(super) fn creation(name: &str, definition: &Value) -> Value {
    let role = "arn:aws:iam::123456789012:role/r";
    json!({ "name": name, "definition": definition.to_string(), "roleArn": role })
}
