//! Whatever becomes of CloudWatch Logs, or of the server: no execution waits, what is lost is counted, and
//! what is not lost is delivered in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    create, failing, far::Groups, history, logging_project, run_express, start, status, told,
};
use crate::support::{Project, Server, python::python};

const RECORDS: &str = "log_records";

fn serve(project: &Project, groups: &Groups<'_>) -> Server {
    Server::start_with(project, "127.0.0.1:0", &groups.variables())
}

/// Starts so many executions, and waits until they are over.
fn run(server: &Server, machine: &str, count: usize) -> Vec<String> {
    let started: Vec<_> =
        (0..count).map(|number| start(server, machine, &json!({ "n": number }))).collect();
    server.until("all end", || started.iter().all(|it| status(server, it) != "RUNNING"));
    started
}

/// Every event of each execution is logged; what is logged again is the same.
#[track_caller]
fn assert_whole(records: &[Value], histories: &BTreeMap<String, usize>) {
    let mut ids = BTreeMap::<&str, BTreeMap<u64, &Value>>::new();
    for record in records {
        let execution = record["execution_arn"].as_str().unwrap();
        let id = record["id"].as_str().unwrap().parse().unwrap();
        let before = ids.entry(execution).or_default().insert(id, record);
        assert!(before.is_none_or(|before| before == record), "{before:?} and {record}");
    }
    for (execution, events) in histories {
        let logged: Vec<u64> =
            ids.get(&**execution).map(|ids| ids.keys().copied().collect()).unwrap_or_default();
        let expected: Vec<u64> = (1..=*events as u64).collect();
        assert_eq!(logged, expected, "{execution}");
    }
}

fn histories(server: &Server, executions: &[String]) -> BTreeMap<String, usize> {
    executions.iter().map(|it| (it.clone(), history(server, it).len())).collect()
}

/// Whether a log has every event of these executions.
fn are_whole(records: &[Value], histories: &BTreeMap<String, usize>) -> bool {
    let logged: BTreeSet<(&str, &str)> = records
        .iter()
        .map(|it| (it["execution_arn"].as_str().unwrap(), it["id"].as_str().unwrap()))
        .collect();
    histories.iter().all(|(execution, events)| {
        (1..=*events).all(|id| logged.contains(&(&**execution, &*id.to_string())))
    })
}

#[test]
fn while_nobody_listens_executions_go_on_and_their_records_wait() {
    let Some(python) = python() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("http://127.0.0.1:{port}");
    let variables = [
        ("AWS_ENDPOINT_URL", &*url),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let project = logging_project();
    let server = Server::start_with(&project, "127.0.0.1:0", &variables);
    // Nothing is known of the group, and so it is taken.
    let arn = "arn:aws:logs:us-east-1:123456789012:log-group:/stepyard/late:*";
    let group = json!({ "cloudWatchLogsLogGroup": { "logGroupArn": arn } });
    let logging = json!({ "level": "ALL", "destinations": [group] });
    let machine = create(&server, "m", "STANDARD", &failing(), &logging);
    let executions = run(&server, &machine, 20);
    server.until_said("log events are not taken", 1);
    server.until("all wait", || told(&server, "waiting", RECORDS) == 100);
    assert_eq!((told(&server, "sent", RECORDS), told(&server, "lost", RECORDS)), (0, 0));

    let aws = python.aws_on(port);
    let groups = Groups::on(&aws, "late");
    groups.make();
    assert_whole(&groups.until(100), &histories(&server, &executions));
    server.until("it knows that they are taken", || told(&server, "sent", RECORDS) == 100);
    assert_eq!(told(&server, "waiting", RECORDS), 0);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_service_that_throttles_breaks_or_hangs_gets_every_record_in_the_end() {
    let Some(python) = python() else { return };
    let groups = Groups::new(python, "faults");
    let project = logging_project();
    let server = serve(&project, &groups);
    let machine = create(&server, "m", "STANDARD", &failing(), &groups.level("ALL", false));
    let mut executions = Vec::new();
    for mode in ["throttle", "break", "hold"] {
        let before = groups.asked();
        groups.set(mode);
        // They end although nothing is answered: the server is asked, not the clock.
        executions.extend(run(&server, &machine, 10));
        server.until(mode, || groups.asked() > before);
        groups.set("open");
        let count = executions.len() * 5;
        server.until("they are taken", || told(&server, "sent", RECORDS) == count as u64);
    }
    assert_whole(&groups.records(), &histories(&server, &executions));
    assert_eq!(told(&server, "lost", RECORDS), 0);
}

#[test]
fn with_the_wrong_key_nothing_is_taken_and_with_the_right_one_all_is() {
    let Some(python) = python() else { return };
    let aws = python.aws_on(0);
    let groups = Groups::on(&aws, "keys");
    groups.make();
    let user = json!({ "UserName": "stepyard" });
    let allow = json!({ "Effect": "Allow", "Action": "logs:*", "Resource": "*" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [allow] }).to_string();
    let policy = json!({ "UserName": "stepyard", "PolicyName": "logs", "PolicyDocument": policy });
    let made = aws.calls(&json!([
        ["iam", "create_user", user],
        ["iam", "put_user_policy", policy],
        ["iam", "create_access_key", user],
    ]));
    let key = |name: &str| made[2]["AccessKey"][name].as_str().unwrap().to_owned();
    let (id, secret) = (key("AccessKeyId"), key("SecretAccessKey"));
    aws.authorise(true);
    let project = logging_project();
    let server = serve(&project, &groups);
    let machine = create(&server, "m", "STANDARD", &failing(), &groups.level("ALL", false));
    let executions = run(&server, &machine, 5);
    // By moto's words, which are XML where AWS's would be JSON.
    server.until_said("log events are not taken", 1);
    assert_eq!(told(&server, "sent", RECORDS), 0);
    let histories = histories(&server, &executions);
    // Its end does not wait for what cannot be.
    let asked = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(20), "it took {:?}", asked.elapsed());

    let url = aws.url();
    let variables = [
        ("AWS_ENDPOINT_URL", &*url),
        ("AWS_ACCESS_KEY_ID", &*id),
        ("AWS_SECRET_ACCESS_KEY", &*secret),
    ];
    let server = Server::start_with(&project, "127.0.0.1:0", &variables);
    server.until("they are told again", || told(&server, "sent", RECORDS) >= 25);
    aws.authorise(false);
    assert_whole(&groups.records(), &histories);
}

#[test]
fn what_finds_no_room_is_lost_and_counted_and_the_rest_is_delivered() {
    let Some(python) = python() else { return };
    let groups = Groups::new(python, "room");
    let project = logging_project();
    let server = serve(&project, &groups);
    let pass = json!({ "StartAt": "A", "States": { "A": { "Type": "Pass", "End": true } } });
    let machine = create(&server, "m", "EXPRESS", &pass, &groups.level("ALL", true));
    groups.set("throttle");
    // A megabyte of records each.
    let input = json!("x".repeat(250_000));
    const EXECUTIONS: u64 = 90;
    for _ in 0..EXECUTIONS {
        assert_eq!(run_express(&server, &machine, &input)["status"], "SUCCEEDED");
    }
    server.until_said("telemetry is lost", 1);
    let count = EXECUTIONS * 4;
    server.until("all is accounted for", || {
        told(&server, "waiting", RECORDS) + told(&server, "lost", RECORDS) == count
    });
    let lost = told(&server, "lost", RECORDS);
    assert!((1..count / 2).contains(&lost), "{lost} of {count}");
    groups.set("open");
    server.until("the rest is taken", || told(&server, "sent", RECORDS) == count - lost);
    assert_eq!(groups.records().len() as u64, count - lost);
    assert_eq!(told(&server, "lost", RECORDS), lost);
}

#[test]
fn a_server_that_is_killed_leaves_nothing_of_a_standard_execution_untold() {
    let Some(python) = python() else { return };
    let groups = Groups::new(python, "killed");
    let project = logging_project();
    let nap = json!({ "Type": "Wait", "Seconds": 1, "Next": "Fall" });
    let mut definition = failing();
    definition["States"]["Look"]["Next"] = json!("Nap");
    definition["States"]["Nap"] = nap;
    let (mut executions, mut machine) = (Vec::new(), String::new());
    // Killed while records wait for their time, while they are on their way, and while none is taken.
    for (round, (mode, delay)) in
        [("open", 0), ("open", 700), ("open", 1_300), ("hold", 900), ("throttle", 1_100)]
            .into_iter()
            .enumerate()
    {
        groups.set("open");
        let server = serve(&project, &groups);
        if round == 0 {
            machine = create(&server, "m", "STANDARD", &definition, &groups.level("ALL", false));
        }
        groups.set(mode);
        executions.extend((0..30).map(|number| start(&server, &machine, &json!({ "n": number }))));
        std::thread::sleep(Duration::from_millis(delay));
        server.kill();
    }
    groups.set("open");
    let server = serve(&project, &groups);
    server.until("all end", || executions.iter().all(|it| status(&server, it) == "FAILED"));
    let histories = histories(&server, &executions);
    server.until("all is told", || are_whole(&groups.records(), &histories));
    assert_whole(&groups.records(), &histories);
    assert_eq!(told(&server, "lost", RECORDS), 0);
}

#[test]
fn a_server_that_ends_tells_what_it_can_and_leaves_the_rest_to_the_next() {
    let Some(python) = python() else { return };
    let groups = Groups::new(python, "ends");
    let project = logging_project();
    let server = serve(&project, &groups);
    let machine = create(&server, "m", "STANDARD", &failing(), &groups.level("ALL", false));
    let first = run(&server, &machine, 3);
    // At once: records wait for a second for others to go with.
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(groups.records().len(), 15, "what waited is told before the end");

    let server = serve(&project, &groups);
    groups.set("hold");
    let second = run(&server, &machine, 3);
    let histories = histories(&server, &[first, second].concat());
    let asked = Instant::now();
    server.ask_to_end();
    let ended = server.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("the process ends before all is told"), "{}", ended.stderr);
    assert!(asked.elapsed() < Duration::from_secs(20), "it took {:?}", asked.elapsed());
    groups.set("open");
    let server = serve(&project, &groups);
    server.until("the rest is told", || are_whole(&groups.records(), &histories));
    assert_whole(&groups.records(), &histories);
}
