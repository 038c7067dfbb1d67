//! Kill -9 at every seam of the order and of its payment-failure path, then `--resume`.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use stepyard_engine::{Quotas, SqliteStore, outside::KeyValue};
use stepyard_integrations::Redis;

use crate::support::{
    Finished, Project, order,
    python::{self, python},
};

/// Where a run can be made to abort, each at its first, second, … passing.
const POINTS: [&str; 4] = ["before-commit", "after-commit", "after-effect", "host-call"];

/// More passings of one point than an order has.
const PASSINGS_MAX: usize = 60;

#[test]
fn an_order_killed_anywhere_goes_on_as_if_it_had_not_been() {
    every_crash(&order("k-1"), &POINTS, &Buckets::Embedded, |finished| {
        assert_eq!(finished.output()["order_id"], "k-1");
        Expected { mail: 1, notifications: 1, sold: 1 }
    });
}

#[test]
fn an_order_killed_around_its_changes_in_redis_makes_each_once() {
    let Some(redis) = python().and_then(|it| it.redis(&[])) else { return };
    let points = ["after-effect", "host-call"];
    every_crash(&order("k-3"), &points, &Buckets::Redis(redis), |finished| {
        assert_eq!(finished.output()["order_id"], "k-3");
        Expected { mail: 1, notifications: 1, sold: 1 }
    });
}

#[test]
fn a_declined_order_killed_anywhere_gives_its_stock_back_once() {
    let mut declined = order("k-2");
    declined["payment_method"] = json!("tok_chargeDeclined");
    every_crash(&declined, &POINTS, &Buckets::Embedded, |finished| {
        assert!(finished.failure().contains("PaymentFailed"), "{}", finished.stderr);
        Expected { mail: 0, notifications: 0, sold: 0 }
    });
}

/// What must stand when an execution is over.
struct Expected {
    mail: usize,
    notifications: usize,
    sold: u64,
}

/// Where stock and charges are.
enum Buckets {
    Embedded,
    Redis(python::Redis),
}

impl Buckets {
    /// A project whose buckets are there, under names of its own.
    fn project(&self, name: &str) -> Project {
        let Self::Redis(redis) = self else { return Project::order().warm() };
        let section = format!("\n[redis]\nurl = \"{}\"\nprefix = \"{name}/\"\n", redis.url());
        Project::order_with(|text| text + &section).warm()
    }

    async fn open(&self, project: &Project, name: &str) -> Arc<dyn KeyValue> {
        let file = project.path(".stepyard/stepyard.db");
        let quotas = Quotas::default();
        match self {
            Self::Embedded => Arc::new(SqliteStore::open(file, quotas).unwrap()),
            Self::Redis(redis) => {
                let prefix = format!("{name}/");
                Arc::new(Redis::connect(&redis.url(), None, &prefix, quotas).await.unwrap())
            }
        }
    }
}

/// Runs the order once for each seam, killed there, and resumed.
fn every_crash(
    input: &Value,
    points: &[&str],
    buckets: &Buckets,
    check: impl Fn(&Finished) -> Expected,
) {
    let input = input.to_string();
    let undisturbed = Outcome::of(&buckets.project("undisturbed"), &input, None).finished;
    for point in points {
        let mut kills = 0;
        for passing in 1..=PASSINGS_MAX {
            let at = format!("{point}:{passing}");
            let project = buckets.project(&at);
            let outcome = Outcome::of(&project, &input, Some(&at));
            if !outcome.killed {
                break;
            }
            kills += 1;
            let seam = format!("killed at {at}");
            assert_eq!(outcome.finished.code, undisturbed.code, "{seam}: {:?}", outcome.finished);
            let (output, message_id) = parted(&outcome.finished);
            assert_eq!(output, parted(&undisturbed).0, "{seam}");
            let expected = check(&outcome.finished);
            assert_eq!(project.mail().len(), expected.mail, "{seam}");
            let notifications = project.notifications();
            assert_eq!(notifications.len(), expected.notifications, "{seam}");
            assert!(notifications.iter().all(|it| it["MessageId"] == message_id), "{seam}");
            assert_no_transition_repeats(&project.history("k"), &seam);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let store = buckets.open(&project, &at).await;
                assert_stock(&*store, expected.sold, &seam).await;
            });
        }
        assert!((1..PASSINGS_MAX).contains(&kills), "{point} was passed {kills} times");
    }
}

/// The output, and apart from it the id that the topic gave its message: drawn anew in each project.
fn parted(finished: &Finished) -> (Value, Value) {
    let mut output = serde_json::from_str(&finished.stdout).unwrap_or(Value::Null);
    let message_id = output.pointer_mut("/notification/message_id").map(Value::take);
    (output, message_id.unwrap_or(Value::Null))
}

/// An execution that may have been killed on its way, and was then gone on with.
struct Outcome {
    finished: Finished,
    killed: bool,
}

impl Outcome {
    fn of(project: &Project, input: &str, crash_at: Option<&str>) -> Self {
        let run = ["run", "workflow.asl.json", "--name", "k", "--input", input];
        let variables: Vec<_> = crash_at.map(|at| ("STEPYARD_CRASH_AT", at)).into_iter().collect();
        let first = project.stepyard_with(run, &variables);
        if first.code.is_some() {
            return Self { finished: first, killed: false };
        }
        let resumed = project.stepyard(["run", "workflow.asl.json", "--resume", "k"]);
        // Killed before its beginning was durable, it never was; then nothing was acknowledged.
        let finished = match resumed.code {
            Some(2) if resumed.stderr.contains("does not exist") => project.stepyard(run),
            _ => resumed,
        };
        Self { finished, killed: true }
    }
}

/// The order's workflow has no loop and nothing was retried, so nothing is entered or left twice.
#[track_caller]
fn assert_no_transition_repeats(history: &[Value], seam: &str) {
    let mut seen = BTreeMap::new();
    for (index, event) in history.iter().enumerate() {
        assert_eq!(event["id"], index + 1, "{seam}: ids run on");
        let details = event.as_object().unwrap().values().find_map(|it| it.get("name"));
        let key = (event["type"].to_string(), details.map(Value::to_string));
        if key.1.is_some() {
            let times = seen.entry(key.clone()).or_insert(0);
            *times += 1;
            assert_eq!(*times, 1, "{seam}: {key:?} stands twice");
        }
    }
}

/// Available, reserved and sold pieces are what was there at first, and one charge stands at most.
async fn assert_stock(store: &dyn KeyValue, sold: u64, seam: &str) {
    let stock = store.get("inventory", "product/sku-001").await.unwrap().unwrap();
    let stock: Value = serde_json::from_slice(&stock).unwrap();
    let count = |name: &str| stock[name].as_u64().unwrap();
    let reservations = stock["reservations"].as_object().unwrap().values();
    let reserved: u64 = reservations.map(|it| it["quantity"].as_u64().unwrap()).sum();
    assert_eq!(count("available") + reserved + count("sold"), 100, "{seam}: {stock}");
    assert_eq!((reserved, count("sold")), (0, sold), "{seam}: {stock}");
    let charges = store.list_keys("ledger", None).await.unwrap().keys;
    assert!(charges.len() <= 1, "{seam}: {charges:?}");
}
