//! A client of a server that may end under any of its calls, and what it was acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::Server;

/// How long a client waits for a server that is not there.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls a server that is somewhere else after each start.
#[derive(Clone, Default)]
pub(super) struct Client {
    address: Arc<Mutex<String>>,
    acknowledged: Arc<Mutex<Acknowledged>>,
}

/// What clients were told is so. Executions are named by their ARN.
#[derive(Clone, Default)]
pub(super) struct Acknowledged {
    /// State machines that were created, by ARN.
    pub(super) machines: BTreeSet<String>,
    /// They were started.
    pub(super) started: BTreeSet<String>,
    /// They were stopped.
    pub(super) stopped: BTreeSet<String>,
    /// A task was completed with this output, which is the execution's.
    pub(super) outputs: BTreeMap<String, Value>,
}

/// The answer to a call that was made until there was one.
pub(super) struct Answer {
    /// The body, or the error's name.
    pub(super) result: Result<Value, String>,
    /// Whether it was made before, and perhaps heard.
    pub(super) repeated: bool,
}

impl Client {
    /// The server is at `address` from now on.
    pub(super) fn find(&self, address: &str) {
        address.clone_into(&mut self.address.lock().unwrap());
    }

    /// What was acknowledged so far.
    pub(super) fn acknowledged(&self) -> MutexGuard<'_, Acknowledged> {
        self.acknowledged.lock().unwrap()
    }

    /// Calls once; none when no whole answer came.
    pub(super) fn call_once(&self, operation: &str, body: &Value) -> Option<(u16, Value)> {
        let address = self.address.lock().unwrap().clone();
        Server::try_call(&address, operation, &body.to_string())
    }

    /// Calls until there is an answer, as an SDK does.
    pub(super) fn call(&self, operation: &str, body: &Value) -> Answer {
        for attempt in 0.. {
            let repeated = attempt > 0;
            match self.call_once(operation, body) {
                Some((200, answer)) => return Answer { result: Ok(answer), repeated },
                Some((400, answer)) => {
                    let name = answer["__type"].as_str().expect("an error has a type");
                    let name = name.rsplit('#').next().unwrap_or(name).to_owned();
                    return Answer { result: Err(name), repeated };
                }
                Some((status, answer)) => panic!("{operation} {body}: {status} {answer}"),
                None => thread::sleep(PAUSE),
            }
        }
        unreachable!("a client does not give up")
    }

    /// Calls until it is done. It cannot be refused.
    pub(super) fn done(&self, operation: &str, body: &Value) -> Value {
        let answer = self.call(operation, body);
        answer.result.unwrap_or_else(|error| panic!("{operation} {body}: {error}"))
    }

    /// How an execution stands.
    pub(super) fn describe(&self, execution: &str) -> Value {
        self.done("DescribeExecution", &json!({ "executionArn": execution }))
    }

    /// An execution's events.
    pub(super) fn history(&self, execution: &str) -> Vec<Value> {
        let body = json!({ "executionArn": execution, "maxResults": 1_000 });
        let history = self.done("GetExecutionHistory", &body);
        assert!(history["nextToken"].is_null(), "{execution} has more events than a page");
        history["events"].as_array().unwrap().clone()
    }

    /// All executions of a state machine, as a list shows them.
    pub(super) fn executions(&self, machine: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut body = json!({ "stateMachineArn": machine, "maxResults": 1_000 });
        loop {
            let page = self.done("ListExecutions", &body);
            all.extend(page["executions"].as_array().unwrap().iter().cloned());
            if page["nextToken"].is_null() {
                return all;
            }
            body["nextToken"] = page["nextToken"].clone();
        }
    }
}
