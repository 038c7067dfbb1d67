//! The far sides: CloudWatch Logs, as one server sees it, and a collector of traces.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::python::{self, Python};

/// How long is waited for what is told outside.
const PATIENCE: Duration = Duration::from_secs(60);

/// The log groups of AWS that one test has for itself.
pub(super) struct Groups<'a> {
    aws: &'a python::Aws,
    url: String,
    /// Whose calls its server makes: what becomes of them is told by it.
    key: String,
    /// The name of its log group.
    pub(super) name: String,
}

impl<'a> Groups<'a> {
    /// A log group for the test of this name.
    pub(super) fn new(python: &'static Python, test: &str) -> Groups<'static> {
        let groups = Groups::on(python.aws(), test);
        groups.make();
        groups
    }

    /// The same elsewhere, and not made yet.
    pub(super) fn on(aws: &'a python::Aws, test: &str) -> Self {
        let key = format!("AKID{}", test.to_uppercase());
        Self { aws, url: aws.url(), key, name: format!("/stepyard/{test}") }
    }

    pub(super) fn make(&self) {
        self.aws.call("logs", "create_log_group", json!({ "logGroupName": self.name }));
    }

    /// What tells a server where AWS is, and as whom it is called.
    pub(super) fn variables(&self) -> [(&str, &str); 3] {
        [
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_ACCESS_KEY_ID", &self.key),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
    }

    /// What a state machine says that logs here.
    pub(super) fn level(&self, level: &str, with_data: bool) -> Value {
        let arn = format!("arn:aws:logs:us-east-1:123456789012:log-group:{}:*", self.name);
        let group = json!({ "cloudWatchLogsLogGroup": { "logGroupArn": arn } });
        json!({ "level": level, "includeExecutionData": with_data, "destinations": [group] })
    }

    /// What becomes of the server's calls from here on: `open`, `throttle`, `break`, or `hold`, which is no
    /// answer until it is something else.
    pub(super) fn set(&self, mode: &str) {
        let error = |status: u16, name: &str| {
            let body = json!({ "__type": name, "message": "as it was told" }).to_string();
            json!({ "status": status, "body": body })
        };
        let answer = match mode {
            "throttle" => error(400, "ThrottlingException"),
            "break" => error(503, "ServiceUnavailableException"),
            "hold" => json!({ "hold": true }),
            _ => Value::Null,
        };
        let answers = if answer.is_null() { vec![] } else { vec![answer; 1_000] };
        self.aws.faults(&self.key, &json!(answers));
    }

    /// How many calls the server has made.
    pub(super) fn asked(&self) -> u64 {
        self.aws.asked(&self.key)
    }

    /// What is logged: messages with their streams and times.
    pub(super) fn events(&self) -> Vec<Value> {
        let group = json!({ "logGroupName": self.name });
        let streams = self.aws.call("logs", "describe_log_streams", group);
        let names = streams["logStreams"].as_array().unwrap().iter();
        let names: Vec<&str> =
            names.map(|stream| stream["logStreamName"].as_str().unwrap()).collect();
        let read = |name: &&str| {
            let which = json!({
                "logGroupName": self.name, "logStreamName": name, "startFromHead": true,
            });
            json!(["logs", "get_log_events", which])
        };
        let answers = self.aws.calls(&names.iter().map(read).collect());
        let mut all = Vec::new();
        for (name, answer) in names.into_iter().zip(answers) {
            for event in answer["events"].as_array().unwrap() {
                let mut event = event.clone();
                event["stream"] = json!(name);
                all.push(event);
            }
        }
        all
    }

    /// The records that are logged.
    pub(super) fn records(&self) -> Vec<Value> {
        let message = |event: &Value| {
            let text = event["message"].as_str().expect("a message is a text");
            serde_json::from_str(text).expect("a record is JSON")
        };
        self.events().iter().map(message).collect()
    }

    /// Waits until there are so many records.
    #[track_caller]
    pub(super) fn until(&self, count: usize) -> Vec<Value> {
        until(|| {
            let records = self.records();
            if records.len() >= count { Ok(records) } else { Err(records.len()) }
        })
    }
}

/// A collector of traces.
pub(super) struct Collector(python::Server);

impl Collector {
    pub(super) fn start(python: &Python) -> Self {
        Self(python.collector())
    }

    pub(super) fn url(&self) -> String {
        self.0.url()
    }

    /// `ok`, `unavailable`, `refuse` or `hold`.
    pub(super) fn set(&self, mode: &str) {
        self.0.request("PUT", &format!("/_collector?mode={mode}"), "");
    }

    /// All spans that were taken, in their order.
    pub(super) fn all(&self) -> Vec<Value> {
        self.state()["spans"].as_array().unwrap().clone()
    }

    pub(super) fn refused(&self) -> u64 {
        self.state()["refused"].as_u64().unwrap()
    }

    fn state(&self) -> Value {
        let state = self.0.request("GET", "/_collector", "");
        serde_json::from_str(&state).expect("the answer is JSON")
    }

    /// The spans by their ids, each once. One that came again has to be the same.
    #[track_caller]
    pub(super) fn spans(&self) -> BTreeMap<String, Value> {
        let mut spans = BTreeMap::<String, Value>::new();
        for mut span in self.all() {
            // Of a request, not of the span.
            span["headers"]["content-length"].take();
            let id = span["id"].as_str().unwrap().to_owned();
            if let Some(before) = spans.get(&id) {
                assert_eq!(*before, span, "one id is two spans");
            }
            spans.insert(id, span);
        }
        spans
    }

    /// Waits until there are so many spans.
    #[track_caller]
    pub(super) fn until(&self, count: usize) -> BTreeMap<String, Value> {
        until(|| {
            let spans = self.spans();
            if spans.len() >= count { Ok(spans) } else { Err(spans.len()) }
        })
    }
}

/// Waits until something is there; so far there are so many.
#[track_caller]
fn until<T>(mut look: impl FnMut() -> Result<T, usize>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(count) => assert!(Instant::now() < deadline, "there are {count}"),
        }
        thread::sleep(Duration::from_millis(200));
    }
}
