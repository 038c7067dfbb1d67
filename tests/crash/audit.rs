//! What is there in the end, held against what was acknowledged.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    books,
    client::Client,
    history,
    machines::{Kind, arn, machines},
};
use crate::support::Project;

/// How long the executions that are left have to end.
const PATIENCE: Duration = Duration::from_secs(180);

/// Every execution that is there, whether its start was acknowledged or not: how it ended.
pub(super) struct Audit {
    /// By ARN, as DescribeExecution tells it.
    ended: BTreeMap<String, Value>,
}

impl Audit {
    /// Waits until every execution has ended, and holds each against what was acknowledged of it.
    /// Those that only a stop ends are stopped.
    #[track_caller]
    pub(super) fn check(client: &Client) -> Self {
        let stopped = client.acknowledged().stopped.clone();
        for execution in &stopped {
            let described = client.describe(execution);
            assert_eq!(described["status"], "ABORTED", "it was stopped: {described}");
        }
        let executions = ended(client);
        let acknowledged = client.acknowledged().clone();
        for execution in &acknowledged.started {
            assert!(executions.contains(execution), "{execution} is lost");
        }
        let mut audit = Self { ended: BTreeMap::new() };
        for execution in executions {
            let described = client.describe(&execution);
            let error = described["error"].as_str().unwrap_or_default();
            let end = (described["status"].as_str().unwrap_or_default(), error);
            let kind = Kind::of(&execution);
            assert!(kind.ends.contains(&end), "{described}");
            if let Some(output) = acknowledged.outputs.get(&execution) {
                let found: Value =
                    serde_json::from_str(described["output"].as_str().unwrap()).unwrap();
                assert_eq!(found, *output, "{described}");
            }
            let redrives = u64::from(kind.name == "refused");
            assert_eq!(described["redriveCount"], redrives, "{described}");
            history::check(&client.history(&execution), &execution);
            audit.ended.insert(execution, described);
        }
        audit
    }

    /// How an execution ended.
    pub(super) fn end(&self, execution: &str) -> &Value {
        &self.ended[execution]
    }

    /// How many executions of a kind ended so.
    pub(super) fn count(&self, kind: &str, status: &str) -> usize {
        let of_kind = self.ended.iter().filter(|(execution, _)| Kind::of(execution).name == kind);
        of_kind.filter(|(_, described)| described["status"] == status).count()
    }

    /// Holds the books of a shop that began with so many pieces against the orders that succeeded.
    #[track_caller]
    pub(super) fn check_books(&self, project: &Project, stock: u64) {
        let sold = self.ended.values().filter_map(|described| {
            let input: Value = serde_json::from_str(described["input"].as_str()?).ok()?;
            let (order, quantity) = (input["order_id"].as_str()?, input["quantity"].as_u64()?);
            (described["status"] == "SUCCEEDED").then(|| (order.to_owned(), quantity))
        });
        books::check(project, stock, &sold.collect());
        // A visit of a task is published once, however often it is performed.
        let asks = books::asks(project);
        for execution in self.ended.keys() {
            let expected = match Kind::of(execution).name {
                "ask" => 1,
                "refused" => 2,
                _ => 0,
            };
            assert_eq!(asks.get(execution).copied().unwrap_or_default(), expected, "{execution}");
        }
    }
}

/// All executions, once they have ended.
#[track_caller]
fn ended(client: &Client) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    let mut all = Vec::new();
    for (machine, _) in machines() {
        loop {
            let executions = client.executions(&arn(machine));
            let running = executions.iter().filter(|it| it["status"] == "RUNNING");
            let running: Vec<&str> = running.filter_map(|it| it["executionArn"].as_str()).collect();
            if running.is_empty() {
                let arns = executions.iter().filter_map(|it| it["executionArn"].as_str());
                all.extend(arns.map(str::to_owned));
                break;
            }
            assert!(Instant::now() < deadline, "{running:?} do not end");
            running.iter().filter(|it| Kind::of(it).name == "stop").for_each(|it| stop(client, it));
            thread::sleep(Duration::from_millis(50));
        }
    }
    all
}

/// Stops an execution, until that is acknowledged.
pub(super) fn stop(client: &Client, execution: &str) {
    client.done("StopExecution", &json!({ "executionArn": execution, "error": "Enough" }));
}
