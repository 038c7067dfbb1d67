//! Those who do tasks outside: one reads the topic log and answers tokens, others ask for an
//! activity's tasks. Each says what it has to say until it is answered.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use fastrand::Rng;
use serde_json::{Value, json};
use stepyard_engine::{Quotas, SqliteStore};

use super::{
    client::{Answer, Client},
    machines::{ACTIVITY, ASKS, Kind},
};
use crate::support::Project;

/// How long nobody looks into the topic log after it had nothing new.
const LULL: Duration = Duration::from_millis(100);
/// How many ask for the activity's tasks.
const PACKERS: u64 = 2;

/// Those who do tasks outside, at work until they are dismissed.
pub(super) struct Workers {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Sets them to work. Nobody reads the topic log while `up` is held to write: what a crash left
    /// is for the server alone to find.
    pub(super) fn begin(
        client: &Client,
        project: &Project,
        up: &Arc<RwLock<()>>,
        seed: u64,
    ) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (shared, rng) = ((client.clone(), over.clone()), Rng::with_seed(seed));
        let answerer = Answerer {
            client: client.clone(),
            database: project.path(".stepyard/stepyard.db"),
            up: up.clone(),
            rng,
            read: 0,
            asked: BTreeSet::new(),
        };
        let mut threads = vec![thread::spawn({
            let over = over.clone();
            move || answerer.work(&over)
        })];
        threads.extend((0..PACKERS).map(|packer| {
            let (client, over) = shared.clone();
            thread::spawn(move || pack(&client, &over, packer))
        }));
        Self { over, threads }
    }

    /// Lets them go. Who waits for an activity's task goes when the server does.
    pub(super) fn dismiss(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Waits until they have gone.
    pub(super) fn join(self) {
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Answers the tokens that are published to the topic of asks.
struct Answerer {
    client: Client,
    database: PathBuf,
    up: Arc<RwLock<()>>,
    rng: Rng,
    /// The last message that was read.
    read: i64,
    /// The executions that asked before.
    asked: BTreeSet<String>,
}

impl Answerer {
    fn work(mut self, over: &AtomicBool) {
        while !over.load(Ordering::SeqCst) {
            let asks = self.look();
            if asks.is_empty() {
                thread::sleep(LULL);
            }
            for (number, ask) in asks {
                let ask: Value = serde_json::from_str(&ask).unwrap();
                self.answer(&ask["token"], ask["execution"].as_str().unwrap(), number);
                self.read = number;
            }
        }
    }

    /// The messages that are new, as `stepyard topics` shows them.
    fn look(&self) -> Vec<(i64, String)> {
        let _up = self.up.read().unwrap();
        let store = SqliteStore::open(&self.database, Quotas::default()).unwrap();
        let messages = store.topic_messages(Some(ASKS), self.read, 1_000).unwrap();
        messages.into_iter().map(|it| (it.number, it.message)).collect()
    }

    fn answer(&mut self, token: &Value, execution: &str, number: i64) {
        let again = !self.asked.insert(execution.to_owned());
        if Kind::of(execution).name == "refused" && !again {
            let failure = json!({ "taskToken": token, "error": "Refused", "cause": "At first" });
            taken(&self.client.call("SendTaskFailure", &failure));
            let redrive =
                json!({ "executionArn": execution, "clientToken": format!("r-{number}") });
            self.client.done("RedriveExecution", &redrive);
            return;
        }
        if self.rng.bool() {
            self.client.done("SendTaskHeartbeat", &json!({ "taskToken": token }));
        }
        let output = json!({ "answered": number });
        let success = json!({ "taskToken": token, "output": output.to_string() });
        taken(&self.client.call("SendTaskSuccess", &success));
        self.client.acknowledged().outputs.insert(execution.to_owned(), output);
    }
}

/// The word was taken, by this call or by one before that the server did not come to answer.
fn taken(answer: &Answer) {
    match &answer.result {
        Err(error) if answer.repeated && error == "TaskTimedOut" => {}
        result => drop(result.as_ref().unwrap_or_else(|error| panic!("not taken: {error}"))),
    }
}

/// Asks for the activity's tasks and does them.
fn pack(client: &Client, over: &AtomicBool, packer: u64) {
    let ask = json!({ "activityArn": ACTIVITY, "workerName": format!("packer-{packer}") });
    for round in 0_u64.. {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let Some((200, task)) = client.call_once("GetActivityTask", &ask) else {
            thread::sleep(LULL);
            continue;
        };
        let Some(input) = task["input"].as_str() else { continue };
        let input: Value = serde_json::from_str(input).unwrap();
        let output = json!({ "packer": packer, "round": round });
        let success = json!({ "taskToken": task["taskToken"], "output": output.to_string() });
        match client.call("SendTaskSuccess", &success).result {
            Ok(_) => {
                let execution = input["execution"].as_str().unwrap().to_owned();
                client.acknowledged().outputs.insert(execution, output);
            }
            // It was taken before the server came to answer, or the heartbeat ran out.
            Err(error) => assert_eq!(error, "TaskTimedOut"),
        }
    }
}
