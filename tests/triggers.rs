//! What starts executions by itself, through the real binary: schedules, and a queue of moto's.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{
    Project, Server,
    python::{Python, python},
};

const SQS: &str = include_str!("support/sqs.py");
const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const WORKFLOW: &str = "[workflows.pass]\ndefinition = \"pass.asl.json\"\n";
const CREDENTIALS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

fn project(more: &str) -> Project {
    let project = Project::with_manifest(&format!("{WORKFLOW}{more}"));
    project.write("pass.asl.json", PASS);
    project
}

fn names(server: &Server) -> Vec<String> {
    let text = |it: &Value| it["name"].as_str().unwrap().to_owned();
    let mut names: Vec<String> = server.executions("pass").iter().map(text).collect();
    names.sort();
    names
}

#[test]
fn a_moment_starts_one_execution_through_a_kill() {
    let project = project(
        "[[workflows.pass.schedule]]\nexpression = \"rate(1 day)\"\nname = \"daily\"\ninput = { at = \"<aws.scheduler.scheduled-time>\" }\n",
    );
    // The first moment is the one at which the schedule begins to be. It is killed when its execution
    // is there, and what is behind the schedule is not written yet.
    let killed = project.stepyard_with(SERVE, &[("STEPYARD_CRASH_AT", "after-scheduled")]);
    assert_eq!(killed.code, None, "{killed:?}");
    let server = Server::start(&project);
    server.until("the execution is there", || names(&server).len() == 1);
    let first = names(&server);
    assert!(first[0].starts_with("daily-20"), "{first:?}");
    assert_eq!(server.terminate(), Some(0));
    let server = Server::start(&project);
    assert_eq!(names(&server), first);
    assert_eq!(server.terminate(), Some(0));
}

/// A queue and its dead letters, and a project whose workflow takes from it.
struct Queue<'a> {
    python: &'a Python,
    endpoint: String,
    url: String,
    dead: String,
    project: Project,
}

impl<'a> Queue<'a> {
    /// A queue whose messages are given again after `seconds`.
    fn new(python: &'a Python, endpoint: String, name: &str, seconds: &str) -> Self {
        let urls = python.run(SQS, &[&endpoint, "create", name, seconds]);
        let [url, dead] = [&urls[0], &urls[1]].map(|it| it.as_str().unwrap().to_owned());
        let project = project(&format!(
            "[[workflows.pass.sqs]]\nqueue = \"{url}\"\nendpoint = \"{endpoint}\"\nregion = \"us-east-1\"\nwait_seconds = 20\n"
        ));
        Self { python, endpoint, url, dead, project }
    }

    fn send(&self, bodies: &[&str]) -> Vec<String> {
        let arguments = [&[self.endpoint.as_str(), "send", &self.url], bodies].concat();
        let ids = self.python.run(SQS, &arguments);
        ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    fn count(&self, url: &str) -> u64 {
        self.python.run(SQS, &[&self.endpoint, "count", url]).as_u64().unwrap()
    }

    fn serve(&self) -> Server {
        Server::start_with(&self.project, "127.0.0.1:0", &CREDENTIALS)
    }
}

#[test]
fn a_message_starts_an_execution_and_one_that_cannot_goes_to_the_dead_letters() {
    let Some(python) = python() else { return };
    let sns = python.sns();
    let queue = Queue::new(python, sns.url(), "orders", "1");
    let server = queue.serve();
    let ids = queue.send(&[r#"{"order_id": "1"}"#, "not JSON", "[2]"]);
    server.until("both messages that can start an execution", || names(&server).len() == 2);
    let mut expected = vec![format!("sqs-{}", ids[0]), format!("sqs-{}", ids[2])];
    expected.sort();
    assert_eq!(names(&server), expected);
    server.until("the bad one is among the dead letters", || {
        (queue.count(&queue.url), queue.count(&queue.dead)) == (0, 1)
    });
    assert!(server.said().contains("its body is not JSON"), "{}", server.said());
    // It waits for messages for 20 s, and ends within a second all the same.
    let began = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(3), "it took {:?}", began.elapsed());
}

#[test]
fn in_a_fifo_queue_nothing_of_a_group_is_started_behind_a_message_that_is_left() {
    let Some(python) = python() else { return };
    let sns = python.sns();
    let queue = Queue::new(python, sns.url(), "orders.fifo", "60");
    let ids = queue.send(&["a:not JSON", "a:[1]", "b:[2]"]);
    let server = queue.serve();
    // All three come at once, and the last is the only one that can start an execution.
    server.until("the other group's message", || !names(&server).is_empty());
    server.until("the batch is dealt with", || queue.count(&queue.url) == 2);
    assert_eq!(names(&server), [format!("sqs-{}", ids[2])]);
}

#[test]
fn a_server_killed_before_it_deletes_a_message_starts_it_once() {
    let Some(python) = python() else { return };
    let sns = python.sns();
    for point in ["after-receive", "before-delete"] {
        let queue = Queue::new(python, sns.url(), point, "1");
        let ids = queue.send(&["[1]"]);
        let variables = [&CREDENTIALS[..], &[("STEPYARD_CRASH_AT", point)]].concat();
        let killed = queue.project.stepyard_with(SERVE, &variables);
        assert_eq!(killed.code, None, "{killed:?}");
        assert_eq!(queue.count(&queue.url), 1, "what was not deleted is there still");
        let server = queue.serve();
        server.until("the message is deleted", || queue.count(&queue.url) == 0);
        assert_eq!(names(&server), [format!("sqs-{}", ids[0])], "{point}");
        assert_eq!(queue.count(&queue.dead), 0, "{point}");
        assert_eq!(server.terminate(), Some(0));
    }
}

#[test]
fn a_queue_that_cannot_be_reached_keeps_nothing_from_working() {
    // Bound and not listened on: nothing answers there, and nothing else can while it is held.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = closed.local_addr().unwrap().port();
    let project = project(&format!(
        "[[workflows.pass.sqs]]\nqueue = \"http://127.0.0.1:{port}/1/orders\"\nregion = \"us-east-1\"\n"
    ));
    let server = Server::start_with(&project, "127.0.0.1:0", &CREDENTIALS);
    server.until_said("a queue is asked again after a while", 1);
    assert!(server.said().contains("Connection refused"), "{}", server.said());
    let get = |path: &str| server.request(&format!("GET {path} HTTP/1.1"), &server.address, "", "");
    assert_eq!(get("/readyz").0, 200);
    assert_eq!(server.terminate(), Some(0));
}
