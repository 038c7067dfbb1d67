//! The disk under the server goes wrong at each kind of call: a write is torn, the disk is full, a
//! sync fails, the power is cut. What was acknowledged is there when the server starts again, what
//! was not is there whole or not at all; and a server whose disk takes no more says so and ends.
//!
//! `STEPYARD_FAULTS` says how many points of each fault are tried; with more than there are writes,
//! every point is. `STEPYARD_FAULT` tries one alone, as a failure names it.

use std::{
    sync::{Arc, RwLock},
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use serde_json::{Value, json};

use super::{
    audit::Audit,
    client::Client,
    machines::{ACTIVITY, KINDS, Kind, arn, creation, machines},
    seed, setting,
    shim::{Fault, Shim, Tally},
    worker::Workers,
};
use crate::support::{Finished, Project, Server};

/// How long the executions of the short load have to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the shop has at first.
const STOCK: u64 = 100;

#[test]
fn a_disk_that_goes_wrong_takes_nothing_back_that_was_acknowledged() {
    let Some(shim) = Shim::build() else { return };
    if let Ok(one) = std::env::var("STEPYARD_FAULT") {
        Trial::named(&one).expect("STEPYARD_FAULT is fault:number:seed").run(&shim);
        return;
    }
    let points = setting("STEPYARD_FAULTS", || 6);
    let mut rng = Rng::with_seed(seed());
    let undisturbed = Trial { fault: Fault::None, at: 0, seed: 0 }.run(&shim);
    for fault in Fault::ALL {
        let all = fault.points(undisturbed);
        let points = points.min(all);
        let fired = (0..points).filter(|point| {
            let (from, to) = (point * all / points, (point + 1) * all / points);
            let trial = Trial { fault, at: 1 + rng.u64(from..to), seed: rng.u64(..) };
            trial.run(&shim).fired
        });
        // The last writes of one run are more than another makes.
        let fired = fired.count() as u64;
        assert!(fired * 3 >= points * 2, "{fault:?} came about {fired} times of {points}");
    }
}

/// One run on a disk that goes wrong, and one without fault after it.
#[derive(Clone, Copy, Debug)]
struct Trial {
    fault: Fault,
    at: u64,
    seed: u64,
}

impl Trial {
    fn named(text: &str) -> Option<Self> {
        let [fault, at, seed] = Vec::from_iter(text.split(':')).try_into().ok()?;
        let fault = [Fault::None].into_iter().chain(Fault::ALL).find(|it| it.name() == fault)?;
        Some(Self { fault, at: at.parse().ok()?, seed: seed.parse().ok()? })
    }

    #[track_caller]
    fn run(self, shim: &Shim) -> Tally {
        eprintln!("again with STEPYARD_FAULT={}:{}:{}", self.fault.name(), self.at, self.seed);
        let project = Project::order().warm();
        let client = Client::default();
        let up = Arc::new(RwLock::new(()));
        let (completed, ended) = match shim.start(&project, self.fault, self.at, self.seed) {
            Ok(server) => {
                client.find(&server.address);
                let completed = load(&client);
                if completed.is_some() {
                    server.ask_to_end();
                } else {
                    assert_ne!(server.readiness(), Some(200), "{self:?}: it takes no work");
                }
                (completed.is_some(), server.finish())
            }
            Err(ended) => (false, ended),
        };
        let tally = shim.tally();
        self.check_end(&ended, completed, tally);

        let server = Server::start(&project);
        client.find(&server.address);
        let created = client.acknowledged().machines.clone();
        for machine in created {
            client.done("DescribeStateMachine", &json!({ "stateMachineArn": machine }));
        }
        // What is missing is made good, as its user would.
        for (name, definition) in machines() {
            client.done("CreateStateMachine", &creation(name, &definition));
        }
        client.done("CreateActivity", &json!({ "name": "pack" }));
        let workers = Workers::begin(&client, &project, &up, self.seed);
        let audit = Audit::check(&client);
        workers.dismiss();
        assert_eq!(server.terminate(), Some(0), "{self:?}");
        workers.join();
        audit.check_books(&project, STOCK);
        tally
    }

    /// The server ends as its disk makes it: killed; with a message and exit code 1; or, when it was
    /// not touched by it, as it was asked to.
    #[track_caller]
    fn check_end(self, ended: &Finished, completed: bool, tally: Tally) {
        if self.fault.kills() && tally.fired {
            return assert_eq!(ended.code, None, "{self:?}: {ended:?}");
        }
        let expected: &[&str] = match self.fault {
            Fault::Full => &["is full", "make room there"],
            _ => &["stepyard.db", "what is wrong with the disk"],
        };
        let says = |text: &&&str| ended.stderr.contains(**text);
        // What SQLite meets while it opens a file whose syncs fail is a file that cannot be written.
        let causes = ["disk I/O error", "attempt to write a readonly database"];
        let is_told = self.fault == Fault::Full || causes.iter().any(|cause| says(&cause));
        assert!(ended.code == Some(0) || is_told, "{self:?}: {ended:?}");
        match ended.code {
            Some(0) => assert!(completed, "{self:?}: {ended:?}"),
            // It did not come to listen.
            Some(2) => assert!(expected.iter().all(|text| says(&text)), "{self:?}: {ended:?}"),
            Some(1) => {
                let told =
                    "what was acknowledged is kept, and goes on when the server starts again";
                assert!(
                    expected.iter().chain([&told]).all(|text| says(&text)),
                    "{self:?}: {ended:?}"
                );
            }
            _ => panic!("{self:?}: {ended:?}"),
        }
        assert!(tally.fired || ended.code == Some(0), "{self:?}: {ended:?}");
    }
}

/// A short load of all that is kept: none when the server did not take all of it.
fn load(client: &Client) -> Option<()> {
    call(client, "CreateActivity", &json!({ "name": "pack" }))?;
    for (name, definition) in machines() {
        call(client, "CreateStateMachine", &creation(name, &definition))?;
        client.acknowledged().machines.insert(arn(name));
    }
    let mut started = Vec::new();
    for kind in KINDS.into_iter().filter(|kind| kind.name != "ask" && kind.name != "refused") {
        let answer = call(client, "StartExecution", &kind.start(&format!("{}-1", kind.name), 2))?;
        let execution = answer["executionArn"].as_str().unwrap().to_owned();
        client.acknowledged().started.insert(execution.clone());
        started.push((kind, execution));
    }
    let task = call(client, "GetActivityTask", &json!({ "activityArn": ACTIVITY }))?;
    // A server that stops lets its long polls go without a task.
    let token = task["taskToken"].as_str()?;
    let output = json!({ "packed": true });
    let done = json!({ "taskToken": token, "output": output.to_string() });
    call(client, "SendTaskSuccess", &done)?;
    let mut started = started.into_iter();
    let work = started.clone().find(|(kind, _)| kind.name == "work").unwrap().1;
    client.acknowledged().outputs.insert(work, output);
    let stop = started.clone().find(|(kind, _)| kind.name == "stop").unwrap().1;
    call(client, "StopExecution", &json!({ "executionArn": stop, "error": "Enough" }))?;
    client.acknowledged().stopped.insert(stop);
    started.try_for_each(|(kind, execution)| end(client, kind, &execution))
}

/// Waits for an execution's end.
fn end(client: &Client, kind: Kind, execution: &str) -> Option<()> {
    let deadline = Instant::now() + PATIENCE;
    while call(client, "DescribeExecution", &json!({ "executionArn": execution }))?["status"]
        == "RUNNING"
    {
        assert!(Instant::now() < deadline, "{execution} does not end as a {kind:?} does");
        thread::sleep(Duration::from_millis(20));
    }
    Some(())
}

/// A call to a server whose disk may go wrong under it: none when it was not done, for which nobody
/// but the server is blamed.
fn call(client: &Client, operation: &str, body: &Value) -> Option<Value> {
    let (status, answer) = client.call_once(operation, body)?;
    assert!(status == 200 || status >= 500, "{operation} {body}: {status} {answer}");
    (status == 200).then_some(answer)
}
