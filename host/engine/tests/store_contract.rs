//! What every store promises, asked of each.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;
use stepyard_asl::{CommandId, Fact, FactKind, Payload, StatesError, Status, Timestamp};
use stepyard_engine::{
    AliasRecord, Awaited, Batch, Checkpoint, ExecutionArn, MachineType, MapRunRecord, MemoryStore,
    Quotas, Record, Route, Selection, SqliteStore, StateMachineRecord, Store, StoreError, Tags,
    VersionRecord, VersionSummary, WaitingTask,
};

/// The stores there are: a new one is added here and in `key_value_contract.rs`.
fn stores() -> Vec<(Arc<dyn Store>, Option<tempfile::TempDir>)> {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(folder.path().join("store.db"), Quotas::default()).unwrap();
    vec![(Arc::new(MemoryStore::new(Quotas::default())), None), (Arc::new(sqlite), Some(folder))]
}

const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:orders";

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn created(name: &str, machine: &str) -> [Record; 2] {
    let arn = ExecutionArn::from(format!("{machine}:{name}"));
    let started = FactKind::ExecutionStarted {
        id: arn.to_string(),
        name: name.to_owned(),
        role: "role".to_owned(),
        machine: machine.to_owned(),
        alias: None,
        version: Some(format!("{machine}:1")),
        trace: Some("Root=1".to_owned()),
        parent: None,
        input: Payload::parse("{ \"order\":  1 }").unwrap(),
        seed: [7; 32],
        pins: None,
        logging: None,
        configuration: None,
        edition: stepyard_asl::EDITION,
    };
    let created = Record::Created {
        arn: arn.clone(),
        name: name.into(),
        machine: machine.into(),
        version: Some(format!("{machine}:1").into()),
        alias: None,
        definition: "{ }".into(),
        map_run: None,
        started_at: at(10),
    };
    [created, Record::Fact { execution: arn, number: 1, fact: Fact::new(at(10), started) }]
}

fn arn(name: &str) -> ExecutionArn {
    format!("{MACHINE}:{name}").into()
}

fn told(name: &str, number: u64) -> Record {
    let task: CommandId = "1.0:task".parse().unwrap();
    let output = Payload::parse(format!("[{number},  1.0]")).unwrap();
    let kind = FactKind::TaskSucceeded { task, output, version: None };
    Record::Fact { execution: arn(name), number, fact: Fact::new(at(20), kind) }
}

fn finished(name: &str, status: Status) -> Record {
    Record::Finished { execution: arn(name), status, stopped_at: at(30) }
}

fn batch(records: impl IntoIterator<Item = Record>) -> Batch {
    Batch { records: records.into_iter().collect() }
}

#[tokio::test]
async fn what_is_appended_is_read_back_in_its_order() {
    for (store, _folder) in stores() {
        let mut records = created("a", MACHINE).to_vec();
        records.extend((2..=12).map(|number| told("a", number)));
        let facts: Vec<Fact> = records[1..]
            .iter()
            .map(|record| match record {
                Record::Fact { fact, .. } => fact.clone(),
                other => panic!("{other:?} is no fact"),
            })
            .collect();
        let later = records.split_off(5);
        store.append(batch(records)).await.unwrap();
        store.append(batch(later)).await.unwrap();
        assert_eq!(store.facts(&arn("a")).unwrap(), facts, "{store:?}");
        assert!(store.facts(&arn("other")).unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_execution_is_described_while_it_runs_and_when_it_is_over() {
    for (store, _folder) in stores() {
        assert_eq!(store.execution(&arn("a")).unwrap(), None);
        store.append(batch(created("a", MACHINE))).await.unwrap();
        let running = store.execution(&arn("a")).unwrap().unwrap();
        assert_eq!(running.status, Status::Running);
        assert_eq!((running.summary.status, running.summary.stopped_at), ("RUNNING", None));
        assert_eq!((&*running.summary.name, &*running.summary.machine), ("a", MACHINE));
        assert_eq!((running.summary.started_at, &*running.definition), (at(10), "{ }"));
        assert_eq!((running.input.text(), &*running.role), ("{ \"order\":  1 }", "role"));
        assert_eq!(running.trace.as_deref(), Some("Root=1"));
        let version = running.summary.version.as_deref().map(str::to_owned);
        assert_eq!((running.summary.alias, version), (None, Some(format!("{MACHINE}:1"))));

        for (name, status, word) in [
            ("b", Status::Succeeded { output: Payload::parse("{ }").unwrap() }, "SUCCEEDED"),
            ("c", Status::Failed { error: StatesError::new("E", "why") }, "FAILED"),
            ("d", Status::TimedOut, "TIMED_OUT"),
            ("e", Status::Aborted { error: StatesError::default() }, "ABORTED"),
        ] {
            store.append(batch(created(name, MACHINE))).await.unwrap();
            store.append(batch([finished(name, status.clone())])).await.unwrap();
            let over = store.execution(&arn(name)).unwrap().unwrap();
            assert_eq!((over.status, over.summary.status), (status, word), "{store:?}");
            assert_eq!(over.summary.stopped_at, Some(at(30)));
        }
    }
}

#[tokio::test]
async fn executions_are_listed_newest_first_as_selected() {
    for (store, _folder) in stores() {
        for name in ["a", "b", "c"] {
            store.append(batch(created(name, MACHINE))).await.unwrap();
        }
        store.append(batch(created("d", "arn:other"))).await.unwrap();
        store.append(batch([finished("b", Status::TimedOut)])).await.unwrap();
        let names = |selection: Selection| {
            let found = store.executions(&selection).unwrap();
            found.iter().map(|summary| summary.name.to_string()).collect::<Vec<_>>()
        };
        let machine = Some(MACHINE.to_owned());
        assert_eq!(names(Selection::default()), ["d", "c", "b", "a"], "{store:?}");
        assert_eq!(names(Selection { limit: Some(2), ..Selection::default() }), ["d", "c"]);
        let running = Some("RUNNING".to_owned());
        let by_status = Selection { status: running.clone(), ..Selection::default() };
        assert_eq!(names(by_status), ["d", "c", "a"]);
        let over = Selection { status: Some("TIMED_OUT".to_owned()), ..Selection::default() };
        assert_eq!(names(over), ["b"]);
        let last = store.executions(&Selection::default()).unwrap()[1].number;
        assert_eq!(names(Selection { before: Some(last), ..Selection::default() }), ["b", "a"]);
        assert_eq!(
            names(Selection { machine: machine.clone(), ..Selection::default() }),
            ["c", "b", "a"]
        );
        let limit = Some(1);
        let first = Selection { machine, status: running, limit, ..Selection::default() };
        assert_eq!(names(first), ["c"]);
    }
}

#[tokio::test]
async fn executions_rest_until_their_moment_and_the_rest_is_awake() {
    for (store, _folder) in stores() {
        for name in ["a", "b", "c", "d", "e"] {
            store.append(batch(created(name, MACHINE))).await.unwrap();
        }
        let rests = |name, until| Record::Rests { execution: arn(name), until };
        let records = [
            rests("a", Some(at(200))),
            rests("b", Some(at(100))),
            rests("c", None),
            rests("d", Some(at(300))),
        ];
        store.append(batch(records)).await.unwrap();
        let resting = |until, limit| store.resting(at(until), limit).unwrap();
        let [a, b, d] = [("a", 200), ("b", 100), ("d", 300)].map(|(name, to)| (arn(name), at(to)));
        assert_eq!(resting(i64::MAX, 9), [b.clone(), a.clone(), d.clone()], "{store:?}");
        assert_eq!(resting(200, 9), [b.clone(), a]);
        assert_eq!(resting(i64::MAX, 1), [b]);
        assert!(store.execution(&arn("c")).unwrap().unwrap().rests);
        assert!(!store.execution(&arn("e")).unwrap().unwrap().rests);

        let wakes = [Record::Wakes { execution: arn("a") }, finished("b", Status::TimedOut)];
        store.append(batch(wakes)).await.unwrap();
        assert_eq!(resting(i64::MAX, 9), [d], "{store:?}");
        let awake = Selection { awake: true, ..Selection::default() };
        let awake = store.executions(&awake).unwrap();
        assert_eq!(awake.iter().map(|it| &*it.name).collect::<Vec<_>>(), ["e", "a"]);
        assert_eq!(store.open_count(), Ok(4));
        let oldest = store.oldest_open(0, 3).unwrap();
        let names = |found: &[(u64, ExecutionArn, Timestamp)]| {
            found.iter().map(|(_, arn, _)| arn.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&oldest), [arn("a"), arn("c"), arn("d")], "{store:?}");
        assert_eq!(oldest[0].2, store.execution(&arn("a")).unwrap().unwrap().summary.started_at);
        assert_eq!(names(&store.oldest_open(oldest[1].0, 9).unwrap()), [arn("d"), arn("e")]);
    }
}

#[tokio::test]
async fn the_last_checkpoint_is_kept_and_the_facts_that_follow_it_are_found() {
    for (store, _folder) in stores() {
        store.append(batch(created("a", MACHINE))).await.unwrap();
        assert_eq!(store.checkpoint(&arn("a")), Ok(None), "{store:?}");
        for facts in [2, 4] {
            let told = (facts..facts + 2).map(|number| told("a", number));
            let checkpoint = Checkpoint { facts, body: format!("after {facts}") };
            let kept = Record::Checkpoint { execution: arn("a"), checkpoint };
            store.append(batch(told.chain([kept]))).await.unwrap();
        }
        let checkpoint = Checkpoint { facts: 4, body: "after 4".to_owned() };
        assert_eq!(store.checkpoint(&arn("a")), Ok(Some(checkpoint)), "{store:?}");
        let all = store.facts(&arn("a")).unwrap();
        assert_eq!(all.len(), 5);
        assert_eq!(store.facts_after(&arn("a"), 4, usize::MAX).unwrap(), all[4..]);
        assert_eq!(store.facts_after(&arn("a"), 1, 2).unwrap(), all[1..3]);
        let unknown = Checkpoint { facts: 1, body: String::new() };
        let kept = Record::Checkpoint { execution: arn("b"), checkpoint: unknown };
        assert!(store.append(batch([kept])).await.is_err(), "{store:?}");
    }
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_first() {
    for (store, _folder) in stores() {
        for name in ["a", "b", "c", "d"] {
            store.append(batch(created(name, MACHINE))).await.unwrap();
        }
        for (name, stopped_at) in [("c", 10), ("a", 20), ("b", 30)] {
            let (execution, stopped_at) = (arn(name), at(stopped_at));
            let finished = Record::Finished { execution, status: Status::TimedOut, stopped_at };
            store.append(batch([finished])).await.unwrap();
        }
        let left = || {
            let found = store.executions(&Selection::default()).unwrap();
            found.iter().map(|it| it.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(store.purge(at(10), 9).await, Ok(0), "{store:?}");
        assert_eq!(store.purge(at(30), 1).await, Ok(1));
        assert_eq!(left(), ["d", "b", "a"]);
        assert_eq!(store.purge(at(30), 9).await, Ok(1));
        assert_eq!(left(), ["d", "b"]);
        assert_eq!(store.facts(&arn("a")), Ok(vec![]));
        assert_eq!(store.execution(&arn("a")), Ok(None));
        // Its name is free again.
        store.append(batch(created("a", MACHINE))).await.unwrap();
        assert!(store.bytes().unwrap() > 0);
    }
}

#[tokio::test]
async fn a_batch_that_is_refused_leaves_nothing_behind() {
    for (store, _folder) in stores() {
        store.append(batch(created("a", MACHINE))).await.unwrap();
        let mut again = created("b", MACHINE).to_vec();
        again.extend(created("a", MACHINE));
        let mut twice = created("b", MACHINE).to_vec();
        twice.extend([told("b", 2), told("b", 2)]);
        let mut stranger = created("b", MACHINE).to_vec();
        stranger.push(told("nobody", 1));
        let mut ended = created("b", MACHINE).to_vec();
        ended.push(finished("nobody", Status::TimedOut));
        let unknown = StoreError::ExecutionDoesNotExist { arn: arn("nobody").to_string() };
        for (records, expected) in [
            (again, StoreError::ExecutionExists { arn: arn("a").to_string() }),
            (twice, StoreError::FactExists { execution: arn("b").to_string(), number: 2 }),
            (stranger, unknown.clone()),
            (ended, unknown),
        ] {
            assert_eq!(store.append(batch(records)).await, Err(expected), "{store:?}");
            assert_eq!(store.execution(&arn("b")).unwrap(), None);
            assert!(store.facts(&arn("b")).unwrap().is_empty());
        }
        let fact = StoreError::FactExists { execution: arn("a").to_string(), number: 1 };
        let [_, first] = created("a", MACHINE);
        assert_eq!(store.append(batch([told("a", 2), first])).await, Err(fact));
        assert_eq!(store.facts(&arn("a")).unwrap().len(), 1);
        // And the store goes on.
        store.append(batch([told("a", 2)])).await.unwrap();
        assert_eq!(store.facts(&arn("a")).unwrap().len(), 2);
    }
}

#[tokio::test]
async fn batches_keep_the_order_of_their_calls_and_fail_alone() {
    for (store, _folder) in stores() {
        // A batch that depends on the one before is appended while that is under way.
        let mut appends = Vec::new();
        for name in ["a", "b", "c", "d"] {
            appends.push(store.append(batch(created(name, MACHINE))));
            appends.push(store.append(batch(created(name, MACHINE))));
            appends.push(store.append(batch([told(name, 2)])));
        }
        appends.reverse();
        let mut results = join_all(appends).await;
        results.reverse();
        for (name, results) in ["a", "b", "c", "d"].into_iter().zip(results.chunks(3)) {
            let exists = StoreError::ExecutionExists { arn: arn(name).to_string() };
            assert_eq!(results, [Ok(()), Err(exists), Ok(())], "{store:?}");
            assert_eq!(store.facts(&arn(name)).unwrap().len(), 2);
        }
    }
}

fn machine(name: &str, revision: Option<&str>) -> StateMachineRecord {
    StateMachineRecord {
        arn: format!("arn:aws:states:us-east-1:123456789012:stateMachine:{name}").into(),
        name: name.into(),
        definition: "{  }".into(),
        role: "role".to_owned(),
        kind: MachineType::Express,
        logging: r#"{"level":"ALL"}"#.into(),
        tracing: true,
        created_at: at(1),
        updated_at: at(2),
        revision: revision.map(str::to_owned),
        versions: 7,
    }
}

#[tokio::test]
async fn a_state_machine_is_kept_replaced_and_deleted() {
    for (store, _folder) in stores() {
        let keep = |machine: &StateMachineRecord| {
            let record = Record::StateMachine(Box::new(machine.clone()));
            store.append(Batch { records: vec![record] })
        };
        let (b, a) = (machine("b", None), machine("a", None));
        keep(&b).await.unwrap();
        keep(&a).await.unwrap();
        assert_eq!(store.state_machine(&b.arn), Ok(Some(b.clone())));
        assert_eq!(store.state_machines(), Ok(vec![a.clone(), b.clone()]));
        let changed = machine("b", Some("2"));
        keep(&changed).await.unwrap();
        assert_eq!(store.state_machines(), Ok(vec![a.clone(), changed]));
        for _ in 0..2 {
            let deleted = Record::StateMachineDeleted { arn: b.arn.clone() };
            store.append(Batch { records: vec![deleted] }).await.unwrap();
            assert_eq!(store.state_machines(), Ok(vec![a.clone()]));
        }
        assert_eq!(store.state_machine(&b.arn), Ok(None));
    }
}

#[tokio::test]
async fn executions_are_listed_by_version_and_alias() {
    for (store, _folder) in stores() {
        let alias = format!("{MACHINE}:PROD");
        for (name, with) in [("a", None), ("b", Some((1, None))), ("c", Some((2, Some(&alias))))] {
            let [mut begun, first] = created(name, MACHINE);
            if let Record::Created { version, alias, .. } = &mut begun {
                *version = with.map(|(number, _)| format!("{MACHINE}:{number}").into());
                *alias = with.and_then(|(_, alias)| alias).map(|alias| alias.as_str().into());
            }
            store.append(batch([begun, first])).await.unwrap();
        }
        let names = |version: Option<&str>, alias: Option<&str>| {
            let (machine, version) = (Some(MACHINE.to_owned()), version.map(str::to_owned));
            let alias = alias.map(str::to_owned);
            let selection = Selection { machine, version, alias, ..Selection::default() };
            let found = store.executions(&selection).unwrap();
            found.iter().map(|summary| summary.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(None, None), ["c", "b", "a"], "{store:?}");
        assert_eq!(names(Some(&format!("{MACHINE}:1")), None), ["b"]);
        assert_eq!(names(Some(&format!("{MACHINE}:2")), None), ["c"]);
        assert_eq!(names(None, Some(&alias)), ["c"]);
        assert!(names(Some(&format!("{MACHINE}:1")), Some(&alias)).is_empty());
        let through = store.execution(&arn("c")).unwrap().unwrap().summary;
        assert_eq!(through.alias.as_deref(), Some(&*alias));
        assert_eq!(through.version.as_deref(), Some(&*format!("{MACHINE}:2")));
    }
}

fn version(number: u64) -> VersionRecord {
    VersionRecord {
        summary: VersionSummary {
            machine: MACHINE.into(),
            number,
            description: (number == 2).then(|| "second".to_owned()),
            revision: (number > 1).then(|| format!("r{number}")),
            created_at: at(number.cast_signed()),
        },
        definition: format!("{{ \"v\": {number} }}").into(),
        role: "role".to_owned(),
        logging: r#"{"level":"ALL"}"#.into(),
        tracing: number == 1,
    }
}

#[tokio::test]
async fn versions_are_kept_and_deleted_one_by_one() {
    for (store, _folder) in stores() {
        for number in [1, 2, 10] {
            let record = Record::Version(Box::new(version(number)));
            store.append(batch([record])).await.unwrap();
        }
        let numbers = |machine: &str| {
            let found = store.versions(machine).unwrap();
            found.iter().map(|version| version.number).collect::<Vec<_>>()
        };
        assert_eq!(numbers(MACHINE), [10, 2, 1], "{store:?}");
        assert!(numbers("arn:other").is_empty());
        assert_eq!(store.version(MACHINE, 2), Ok(Some(version(2))));
        assert_eq!(store.versions(MACHINE).unwrap()[1], version(2).summary);
        assert_eq!(store.version(MACHINE, 3), Ok(None));
        assert_eq!(store.version("arn:other", 2), Ok(None));
        for _ in 0..2 {
            let deleted = Record::VersionDeleted { machine: MACHINE.into(), number: 2 };
            store.append(batch([deleted])).await.unwrap();
            assert_eq!(numbers(MACHINE), [10, 1]);
        }
    }
}

fn alias(name: &str, weights: [u8; 2]) -> AliasRecord {
    let [one, two] = weights;
    AliasRecord {
        machine: MACHINE.into(),
        name: name.into(),
        description: (name == "PROD").then(|| "live".to_owned()),
        routes: vec![Route { version: 1, weight: one }, Route { version: 10, weight: two }],
        created_at: at(1),
        updated_at: at(2),
    }
}

#[tokio::test]
async fn aliases_are_kept_replaced_and_deleted() {
    for (store, _folder) in stores() {
        let keep = |alias: AliasRecord| store.append(batch([Record::Alias(Box::new(alias))]));
        keep(alias("b", [0, 100])).await.unwrap();
        keep(alias("PROD", [100, 0])).await.unwrap();
        assert_eq!(store.alias(MACHINE, "b"), Ok(Some(alias("b", [0, 100]))), "{store:?}");
        keep(alias("b", [70, 30])).await.unwrap();
        let all = vec![alias("PROD", [100, 0]), alias("b", [70, 30])];
        assert_eq!(store.aliases(MACHINE), Ok(all));
        assert_eq!(store.aliases("arn:other"), Ok(vec![]));
        for _ in 0..2 {
            let deleted = Record::AliasDeleted { machine: MACHINE.into(), name: "b".into() };
            store.append(batch([deleted])).await.unwrap();
            assert_eq!(store.alias(MACHINE, "b"), Ok(None));
        }
        assert_eq!(store.aliases(MACHINE), Ok(vec![alias("PROD", [100, 0])]));
    }
}

#[tokio::test]
async fn the_open_children_of_map_runs_are_listed_alone() {
    for (store, _folder) in stores() {
        let run = format!("{MACHINE}/Each");
        for (name, machine) in [("a", &*run), ("b", MACHINE), ("c", &*run), ("d", &*run)] {
            store.append(batch(created(name, machine))).await.unwrap();
        }
        let execution = ExecutionArn::from(format!("{run}:c"));
        let (status, stopped_at) = (Status::TimedOut, at(30));
        store.append(batch([Record::Finished { execution, status, stopped_at }])).await.unwrap();
        let children = Selection { children: true, ..Selection::default() };
        let names = |selection: &Selection| {
            let found = store.executions(selection).unwrap();
            found.iter().map(|it| it.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(&children), ["d", "a"], "{store:?}");
        let awake = Selection { awake: true, ..children };
        let execution = ExecutionArn::from(format!("{run}:d"));
        store.append(batch([Record::Rests { execution, until: None }])).await.unwrap();
        assert_eq!(names(&awake), ["a"]);
    }
}

/// A Map Run of the execution `of`, by its number.
fn map_run(of: &str, number: u64, status: &str) -> MapRunRecord {
    let nothing = json!({});
    let run = json!({
        "arn": format!("run:{number}"), "execution": arn(of), "machine": "orders/each",
        "is_express": false, "status": status, "started_at": at(10), "stopped_at": null,
        "concurrency": 9, "tolerance": {"count": null, "percentage": 2.5}, "items": nothing,
        "executions": nothing, "redrive_count": 0, "redriven_at": null,
    });
    serde_json::from_value(run).unwrap()
}

#[tokio::test]
async fn map_runs_are_kept_with_their_children_and_go_with_their_execution() {
    for (store, _folder) in stores() {
        let mut records = created("a", MACHINE).to_vec();
        for name in ["c1", "c2"] {
            let [mut begun, first] = created(name, MACHINE);
            if let Record::Created { map_run, .. } = &mut begun {
                *map_run = Some("run:2".into());
            }
            records.extend([begun, first]);
        }
        for (number, status) in [(1, "Failed"), (2, "Running"), (2, "Succeeded")] {
            records.push(Record::MapRun(Box::new(map_run("a", number, status))));
        }
        for number in [5, 3] {
            records.push(Record::MapRun(Box::new(map_run("other", number, "Running"))));
        }
        let result = |child: u64| {
            let result = json!({"file": "Succeeded", "text": format!("[{child}]")});
            let result = serde_json::from_value(result).unwrap();
            Record::ChildResult { run: "run:2".into(), child, result }
        };
        records.extend([result(5), result(0), result(5), result(3)]);
        records.push(Record::Redriven { execution: arn("c1"), at: at(40) });
        records.push(Record::Items { execution: arn("c2"), items: 7 });
        store.append(batch(records)).await.unwrap();

        let runs = vec![map_run("a", 2, "Succeeded"), map_run("a", 1, "Failed")];
        assert_eq!(store.map_runs(&arn("a"), None, 9), Ok(runs.clone()), "{store:?}");
        assert_eq!(store.map_runs(&arn("a"), None, 1), Ok(runs[..1].to_vec()));
        assert_eq!(store.map_runs(&arn("a"), Some("run:2"), 9), Ok(runs[1..].to_vec()));
        assert_eq!(store.map_runs(&arn("a"), Some("run:1"), 9), Ok(vec![]));
        assert_eq!(store.map_runs(&arn("a"), Some("run:4"), 9), Ok(vec![]));
        let open = |after, limit| {
            let found = store.open_map_runs(after, limit).unwrap();
            found.iter().map(|run| run.arn.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            (open(None, 9), open(None, 1)),
            (vec!["run:3".into(), "run:5".into()], vec!["run:3".into()])
        );
        assert_eq!(open(Some("run:3"), 9), ["run:5"]);
        assert_eq!(store.map_run("run:2"), Ok(Some(runs[0].clone())));
        assert_eq!(store.map_run("run:4"), Ok(None));
        let children = |after, limit| {
            let found = store.map_run_results("run:2", after, limit).unwrap();
            found.into_iter().map(|(child, _)| child).collect::<Vec<_>>()
        };
        assert_eq!((children(None, 2), children(Some(0), 9)), (vec![0, 3], vec![3, 5]));
        let names = |redriven| {
            let map_run = Some("run:2".to_owned());
            let selection = Selection { map_run, redriven, ..Selection::default() };
            let found = store.executions(&selection).unwrap();
            found.iter().map(|it| it.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(None), ["c2", "c1"]);
        let items = |name| store.execution(&arn(name)).unwrap().unwrap().summary.items;
        assert_eq!((items("c1"), items("c2")), (None, Some(7)));
        assert_eq!((names(Some(true)), names(Some(false))), (vec!["c1".into()], vec!["c2".into()]));

        store.append(batch([finished("a", Status::TimedOut)])).await.unwrap();
        store.purge(at(31), 9).await.unwrap();
        assert_eq!(store.map_runs(&arn("a"), None, 9), Ok(vec![]));
        assert_eq!(children(None, 9), [0; 0]);
    }
}

#[tokio::test]
async fn tasks_wait_in_the_order_in_which_they_began_to() {
    for (store, _folder) in stores() {
        let waits = |name: &str, task: &str, awaited: Awaited| Record::Waits {
            execution: arn(name),
            task: task.parse().unwrap(),
            awaited,
        };
        let left = |name: &str, task: &str| Record::WaitsNoLonger {
            execution: arn(name),
            task: task.parse().unwrap(),
        };
        let pack = || Awaited::Worker("pack".into());
        for name in ["a", "b"] {
            store.append(batch(created(name, MACHINE))).await.unwrap();
        }
        let records = [
            waits("a", "1.0:task", pack()),
            waits("b", "1.0:task", Awaited::Worker("other".into())),
            waits("b", "2.0:task", pack()),
            waits("a", "2.0:task", pack()),
            // It keeps its place.
            waits("a", "1.0:task", pack()),
        ];
        store.append(batch(records)).await.unwrap();
        let line = |after, limit| {
            let found = store.waiting("pack", after, limit).unwrap().into_iter();
            found
                .map(|it| {
                    let name = it.execution.rsplit_once(':').unwrap().1.to_owned();
                    (it.number, name, it.task.to_string())
                })
                .collect::<Vec<_>>()
        };
        let all = line(0, 9);
        let names: Vec<_> = all.iter().map(|(_, name, task)| (&**name, &**task)).collect();
        let expected = [("a", "1.0:task"), ("b", "2.0:task"), ("a", "2.0:task")];
        assert_eq!(names, expected, "{store:?}");
        assert_eq!(line(all[0].0, 1), all[1..2]);
        let last = all[2].0;
        for _ in 0..2 {
            store.append(batch([left("a", "2.0:task"), left("b", "3.0:task")])).await.unwrap();
            assert_eq!(line(0, 9), all[..2]);
        }
        store.append(batch([waits("a", "2.0:task", pack())])).await.unwrap();
        assert!(line(last, 9)[0].0 > last, "a number is given once");
        assert!(line(0, 9).len() == 3 && store.waiting("none", 0, 9).unwrap().is_empty());
    }
}

#[tokio::test]
async fn tasks_that_wait_for_executions_that_are_over_are_found() {
    for (store, _folder) in stores() {
        for name in ["a", "b", "c"] {
            store.append(batch(created(name, MACHINE))).await.unwrap();
        }
        assert_eq!(store.are_executions_awaited(), Ok(false));
        let waits = |task: &str, awaited: Awaited| Record::Waits {
            execution: arn("a"),
            task: task.parse().unwrap(),
            awaited,
        };
        let records = [
            waits("1.0:task", Awaited::End(arn("b"))),
            waits("2.0:task", Awaited::End(arn("c"))),
            waits("3.0:task", Awaited::Worker("pack".into())),
            waits("4.0:task", Awaited::End(arn("purged"))),
        ];
        store.append(batch(records)).await.unwrap();
        assert_eq!(store.are_executions_awaited(), Ok(true), "{store:?}");
        store.append(batch([finished("c", Status::TimedOut)])).await.unwrap();
        let tasks = |found: Vec<WaitingTask>| {
            found.into_iter().map(|it| it.task.to_string()).collect::<Vec<_>>()
        };
        let found = store.waiting_for_ended(0, 9).unwrap();
        let after = found[0].number;
        assert_eq!(tasks(found), ["2.0:task", "4.0:task"]);
        assert_eq!(tasks(store.waiting_for_ended(after, 9).unwrap()), ["4.0:task"]);
        assert_eq!(tasks(store.waiting_for_ended(0, 1).unwrap()), ["2.0:task"]);
        assert_eq!(tasks(store.waiting(&arn("b"), 0, 9).unwrap()), ["1.0:task"]);
    }
}

fn tags(all: &[(&str, &str)]) -> Tags {
    all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_resource_has_the_tags_it_was_given_last() {
    for (store, _folder) in stores() {
        let two = tags(&[("b", ""), ("a", "1")]);
        for given in [two.clone(), tags(&[("a", "2")]), Tags::new(), two] {
            let record = Record::Tags { resource: MACHINE.into(), tags: given.clone() };
            store.append(batch([record])).await.unwrap();
            assert_eq!(store.tags(MACHINE), Ok(given), "{store:?}");
        }
        assert_eq!(store.tags("arn:other"), Ok(Tags::new()));
    }
}

#[tokio::test]
async fn a_state_machine_goes_with_its_versions_aliases_and_tags() {
    for (store, _folder) in stores() {
        let mut orders = machine("orders", None);
        orders.arn = MACHINE.into();
        let tagged = |resource: &str| Record::Tags {
            resource: resource.into(),
            tags: tags(&[("key", "value")]),
        };
        let records = [
            Record::StateMachine(Box::new(orders)),
            Record::Version(Box::new(version(1))),
            Record::Alias(Box::new(alias("PROD", [100, 0]))),
            tagged(MACHINE),
            tagged("arn:other"),
        ];
        store.append(batch(records)).await.unwrap();
        store.append(batch([Record::StateMachineDeleted { arn: MACHINE.into() }])).await.unwrap();
        assert_eq!(store.state_machine(MACHINE), Ok(None), "{store:?}");
        assert_eq!(store.version(MACHINE, 1), Ok(None));
        assert_eq!(store.aliases(MACHINE), Ok(vec![]));
        assert_eq!(store.tags(MACHINE), Ok(Tags::new()));
        assert_eq!(store.tags("arn:other").unwrap().len(), 1);
    }
}
