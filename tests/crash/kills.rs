//! The server is killed at random instants.
//!
//! `STEPYARD_KILLS` says how often; 200 times unless set.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use fastrand::Rng;
use serde_json::Value;

use super::{
    audit::{Audit, stop},
    client::Client,
    machines::{KINDS, create, execution},
    seed, setting,
    worker::Workers,
};
use crate::support::{Project, Server};

/// How many start executions.
const STARTERS: u64 = 4;
/// How long each of them rests at most between two.
const REST: Duration = Duration::from_millis(80);
/// How long a server lives at least and at most.
const LIFE_MICROS: std::ops::Range<u64> = 20_000..420_000;

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_done_twice() {
    let kills = setting("STEPYARD_KILLS", || 200);
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    // So many pieces that most orders are paid, and in a long run the last ones come too late.
    let stock = 1_000;
    let project = Project::order_with(|manifest| {
        manifest.replace("available = 100", &format!("available = {stock}"))
    });
    let project = project.warm();
    let mut server = Server::start(&project);
    let (client, up) = (Client::default(), Arc::new(RwLock::new(())));
    client.find(&server.address);
    create(&client);
    let workers = Workers::begin(&client, &project, &up, seed);
    let over = Arc::new(AtomicBool::new(false));
    let starters = Vec::from_iter((0..STARTERS).map(|starter| {
        let (client, over, rng) = (client.clone(), over.clone(), rng.fork());
        thread::spawn(move || start(&client, starter, rng, &over))
    }));
    let mut shown = Shown::default();
    for _ in 0..kills {
        thread::sleep(Duration::from_micros(rng.u64(LIFE_MICROS)));
        shown.look(&client, &mut rng);
        let _down = up.write().unwrap();
        server.kill();
        server = Server::start(&project);
        client.find(&server.address);
    }
    over.store(true, Ordering::SeqCst);
    starters.into_iter().for_each(|starter| starter.join().unwrap());

    let audit = Audit::check(&client);
    shown.check(&client, &audit);
    for (kind, status) in [
        ("paid", "SUCCEEDED"),
        ("declined", "FAILED"),
        ("refused", "SUCCEEDED"),
        ("work", "SUCCEEDED"),
    ] {
        let count = audit.count(kind, status);
        assert!(count as u64 >= kills / 20, "only {count} of {kind} are {status}");
    }
    workers.dismiss();
    assert_eq!(server.terminate(), Some(0));
    workers.join();
    audit.check_books(&project, stock);
}

/// Starts executions of all kinds until it is over.
fn start(client: &Client, starter: u64, mut rng: Rng, over: &AtomicBool) {
    for round in 0.. {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let kind = rng.choice(KINDS).unwrap();
        let start = kind.start(&format!("{}-{starter}-{round}", kind.name), rng.u64(1..=3));
        // Some give up when they are not answered, the others try again.
        let gives_up = kind.name != "stop" && rng.u8(0..4) == 0;
        if let Some(execution) = begin(client, &start, gives_up) {
            client.acknowledged().started.insert(execution.clone());
            if kind.name == "stop" {
                stop(client, &execution);
                client.acknowledged().stopped.insert(execution);
            }
        }
        thread::sleep(REST.mul_f64(rng.f64()));
    }
}

/// Starts an execution; answers its ARN when it is known to be there.
fn begin(client: &Client, start: &Value, gives_up: bool) -> Option<String> {
    let started = if gives_up {
        let (status, answer) = client.call_once("StartExecution", start)?;
        assert_eq!(status, 200, "{answer}");
        answer
    } else {
        let answer = client.call("StartExecution", start);
        match answer.result {
            Ok(started) => started,
            // The call before was heard, and what it started has ended since: no second start.
            Err(error) => {
                assert!(answer.repeated && error == "ExecutionAlreadyExists", "{start}: {error}");
                return Some(execution(start));
            }
        }
    };
    let started = started["executionArn"].as_str().unwrap();
    assert_eq!(started, execution(start));
    Some(started.to_owned())
}

/// What was shown before a kill. It is durable: it has to stand in the end.
#[derive(Default)]
struct Shown {
    /// Executions with their events.
    histories: Vec<(String, Vec<Value>)>,
    /// Executions that had ended: what DescribeExecution said.
    ends: BTreeMap<String, Value>,
}

impl Shown {
    /// Looks at one execution, and at one that was stopped.
    fn look(&mut self, client: &Client, rng: &mut Rng) {
        let acknowledged = client.acknowledged().clone();
        let recent = rng.choice(acknowledged.started.iter());
        if let Some(execution) = recent {
            let described = client.describe(execution);
            self.histories.push((execution.clone(), client.history(execution)));
            // One that fails is redriven.
            if ["SUCCEEDED", "ABORTED"].contains(&described["status"].as_str().unwrap()) {
                self.ends.insert(execution.clone(), described);
            }
        }
        if let Some(execution) = rng.choice(acknowledged.stopped.iter()) {
            let described = client.describe(execution);
            assert_eq!(described["status"], "ABORTED", "{described}");
        }
    }

    #[track_caller]
    fn check(self, client: &Client, audit: &Audit) {
        for (execution, before) in self.histories {
            let after = client.history(&execution);
            assert!(after.starts_with(&before), "{execution} was {before:?} and is {after:?}");
        }
        for (execution, before) in self.ends {
            assert_eq!(before, *audit.end(&execution));
        }
    }
}
