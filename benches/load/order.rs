//! One order at a time: how long it takes, and how many commits that is.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    Extent,
    connection::Connection,
    disk::Disk,
    machines::{Machine, ORDER, Type},
    run::percentile,
    server::Server,
};

const ORDERS: usize = 200;
/// Between two looks at whether an order is over.
const PAUSE: Duration = Duration::from_micros(200);

/// A STANDARD order while nothing else is done.
pub(crate) struct Alone {
    took: Vec<Duration>,
    pub(crate) commits: f64,
    /// The disk just before and after.
    pub(crate) disk: Disk,
}

impl Alone {
    pub(crate) fn took(&self, part: f64) -> Duration {
        percentile(&self.took, part)
    }
}

/// Orders one after another, each to its end.
pub(crate) fn alone(server: &Server, machines: &[Machine], folder: &Path, extent: Extent) -> Alone {
    let machine = machines.iter().find(|it| it.name == ORDER && it.kind == Type::Standard);
    let machine = machine.expect("there is one for orders");
    let mut connection = Connection::open(&server.address);
    let commits =
        |connection: &mut Connection| connection.counted("stepyard_commit_duration_seconds_count");
    let disk = Disk::measure(folder);
    let before = commits(&mut connection);
    let took: Vec<Duration> = (0..ORDERS / extent.less)
        .map(|number| {
            // Numbers that no run has.
            let body = machine.start(usize::MAX - number);
            let begun = Instant::now();
            let started = connection.call("StartExecution", &body);
            let started: serde_json::Value = serde_json::from_str(started).expect("it is JSON");
            let which = json!({ "executionArn": started["executionArn"] });
            while connection.json("DescribeExecution", &which)["status"] == "RUNNING" {
                thread::sleep(PAUSE);
            }
            begun.elapsed()
        })
        .collect();
    let commits = commits(&mut connection) - before;
    let disk = disk.and(Disk::measure(folder));
    Alone { commits: commits as f64 / took.len() as f64, took, disk }
}
