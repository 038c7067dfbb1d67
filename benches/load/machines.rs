//! The state machines that are loaded, and what their executions are given.

use std::fs;

use serde_json::{Map, Value, json};

use crate::{CLIENTS, connection::Connection, root, server::Server};

/// The states of the machine that asks nobody.
pub(crate) const STATES: usize = 50;
/// The products that orders are spread over, as in a shop.
pub(crate) const PRODUCTS: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Express,
    Standard,
}

impl Type {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Express => "EXPRESS",
            Self::Standard => "STANDARD",
        }
    }
}

pub(crate) struct Machine {
    pub(crate) arn: String,
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
    /// The executions of a run, by each number of clients; a second run has ten times as many.
    pub(crate) counts: [usize; CLIENTS.len()],
}

/// Creates the machines on a server.
pub(crate) fn machines(server: &Server) -> Vec<Machine> {
    let workflow = fs::read_to_string(root().join("workflow.asl.json"));
    let workflow = workflow.expect("the order workflow is there");
    let states = states();
    let mut machines = Vec::new();
    for (kind, orders, of_states) in COUNTS {
        machines.push(create(server, ORDER, kind, orders, &workflow));
        machines.push(create(server, PASSES, kind, of_states, &states));
    }
    machines
}

/// Orders and executions of states, as many as take a second or so: one client waits for the disk
/// alone, and many share the wait.
const COUNTS: [(Type, [usize; CLIENTS.len()], [usize; CLIENTS.len()]); 2] = [
    (Type::Express, [100, 700, 1_000], [2_000, 2_000, 2_000]),
    (Type::Standard, [60, 200, 400], [300, 1_000, 1_000]),
];

pub(crate) const ORDER: &str = "order";
pub(crate) const PASSES: &str = "passes";

impl Machine {
    /// The body of a call that starts an execution.
    pub(crate) fn start(&self, number: usize) -> String {
        let input = match self.name {
            ORDER => order(&format!("{}-{number}", self.kind.name()), number),
            _ => json!({ "number": number }),
        };
        json!({ "stateMachineArn": self.arn, "input": input.to_string() }).to_string()
    }
}

pub(crate) fn order(id: &str, number: usize) -> Value {
    let product = format!("sku-load-{}", number % PRODUCTS);
    json!({
        "order_id": id, "product_id": product, "quantity": 1, "customer_email": "user@example.com",
    })
}

pub(crate) fn create(
    server: &Server,
    name: &'static str,
    kind: Type,
    counts: [usize; CLIENTS.len()],
    definition: &str,
) -> Machine {
    let role = "arn:aws:iam::123456789012:role/load";
    let full = format!("{name}-{}", kind.name());
    let body =
        json!({ "name": full, "type": kind.name(), "definition": definition, "roleArn": role });
    let created = Connection::open(&server.address).json("CreateStateMachine", &body);
    let arn = created["stateMachineArn"].as_str().expect("a machine has an ARN").to_owned();
    Machine { arn, name, kind, counts }
}

/// Pass and Choice states by turns, which need nobody.
fn states() -> String {
    let state = |index: usize| {
        let next = format!("S{}", index + 1);
        let state = match (index + 1 == STATES, index % 2) {
            (true, _) => json!({ "Type": "Pass", "End": true }),
            (_, 0) => json!({
                "Type": "Pass", "Next": next, "ResultPath": "$.found",
                "Parameters": { "number.$": "$.number" },
            }),
            _ => json!({
                "Type": "Choice", "Default": next,
                "Choices": [{ "Variable": "$.number", "NumericLessThan": -1, "Next": next }],
            }),
        };
        (format!("S{index}"), state)
    };
    let states: Map<String, Value> = (0..STATES).map(state).collect();
    json!({ "StartAt": "S0", "States": states }).to_string()
}
