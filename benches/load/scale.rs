//! A million executions that only wait, half of them for a worker: what they take in memory and on the
//! disk, and how soon a server has them again that was killed. Writes docs/scale.md.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    connection::Connection,
    disk::Disk,
    machines::{Machine, Type, create},
    page::{MIB, millis},
    server::{Project, Server},
    sleep::start,
};

/// Between two looks at whether an execution is over.
const PAUSE: Duration = Duration::from_millis(1);
/// How long starting them may take.
const TIME: Duration = Duration::from_secs(3_600);
/// How long the one takes that is at work when the server is killed: too short to rest.
const INTERRUPTED_SECONDS: u64 = 2;

const HEAD: &str = "\
# Scale

Made by `just scale`; do not edit. One client process with 64 connections, and one `stepyard serve` of
the release profile, on the same machine. Half of the executions wait ten days, half for a worker of an
activity. Then the server is killed, and another one started on its data.
";

/// What was measured.
struct Scale {
    disk: Disk,
    executions: usize,
    took: Duration,
    stored_bytes: u64,
    idle_bytes: u64,
    full: State,
    first_reply: Duration,
    recovered: Duration,
    handed_out: Duration,
    again: State,
}

/// What a server has at a moment.
struct State {
    resident_bytes: u64,
    running: u64,
}

impl State {
    fn of(server: &Server) -> Self {
        let running = Connection::open(&server.address).counted("stepyard_executions_open");
        Self { resident_bytes: server.resident_bytes(), running }
    }
}

/// Measures with so many executions, and writes the page.
pub(crate) fn run(folder: &Path, file: &Path, executions: usize) -> String {
    let text = text(&measure(folder, executions));
    fs::write(file, &text).expect("docs/scale.md can be written");
    text
}

/// Has so many executions wait, kills the server, and starts another.
fn measure(folder: &Path, executions: usize) -> Scale {
    let project = Project::new(folder);
    let disk = Disk::measure(folder);
    let server = Server::start(&project);
    let idle_bytes = server.resident_bytes();
    let mut connection = Connection::open(&server.address);
    let pack = connection.json("CreateActivity", &json!({ "name": "pack" }));
    let pack = pack["activityArn"].clone();
    let sleep = json!({ "Type": "Wait", "Seconds": 864_000, "End": true });
    let packed = json!({ "Type": "Task", "Resource": pack, "End": true });
    let begun = Instant::now();
    let mut started = 0;
    // Room for one more: a million may be open at once, as on AWS.
    for (name, state, count) in
        [("sleep", sleep, executions / 2), ("pack", packed, (executions - 1) / 2)]
    {
        let machine = machine(&server, name, state);
        started += start(&server, &machine, count, TIME);
    }
    let took = begun.elapsed();
    // The server has closed the one that was idle meanwhile.
    let mut connection = Connection::open(&server.address);
    let short = json!({ "Type": "Wait", "Seconds": INTERRUPTED_SECONDS, "End": true });
    let short = machine(&server, "short", short);
    let interrupted = connection.call("StartExecution", &short.start(0)).to_owned();
    let interrupted: Value = serde_json::from_str(&interrupted).expect("an answer is JSON");
    let (full, stored_bytes) = (State::of(&server), connection.counted("stepyard_store_bytes"));
    drop(server);
    // It is over only once the next server goes on with it.
    thread::sleep(Duration::from_secs(INTERRUPTED_SECONDS));

    let begun = Instant::now();
    let server = Server::start(&project);
    let first_reply = server.first_reply;
    let mut connection = Connection::open(&server.address);
    let which = json!({ "executionArn": interrupted["executionArn"] });
    while connection.json("DescribeExecution", &which)["status"] == "RUNNING" {
        thread::sleep(PAUSE);
    }
    let recovered = begun.elapsed();
    let asked = Instant::now();
    let task = connection.json("GetActivityTask", &json!({ "activityArn": pack }));
    assert!(task["taskToken"].is_string(), "{task}");
    let handed_out = asked.elapsed();
    let again = State::of(&server);
    drop((server, project));
    Scale {
        disk,
        executions: started,
        took,
        stored_bytes,
        idle_bytes,
        full,
        first_reply,
        recovered,
        handed_out,
        again,
    }
}

fn machine(server: &Server, name: &'static str, state: Value) -> Machine {
    let definition = json!({ "StartAt": name, "States": { name: state } }).to_string();
    create(server, name, Type::Standard, [0; 3], &definition)
}

/// What was measured, as Markdown.
fn text(scale: &Scale) -> String {
    let mut page = String::new();
    write(&mut page, scale).expect("a text grows");
    page
}

fn write(page: &mut String, scale: &Scale) -> std::fmt::Result {
    let mib = |bytes: u64| format!("{:.0} MiB", bytes as f64 / MIB);
    let count = scale.executions as f64;
    writeln!(page, "{HEAD}\n- machine: {}", scale.disk.machine())?;
    writeln!(page, "- its fdatasync of a small commit: p50 {}\n", millis(scale.disk.sync(0.5)))?;
    writeln!(page, "| what | measured |\n|---|---|")?;
    let rows = [
        ("executions that wait", scale.executions.to_string()),
        ("started a second", format!("{:.0}", count / scale.took.as_secs_f64())),
        ("memory of the server before", mib(scale.idle_bytes)),
        ("memory with all of them", mib(scale.full.resident_bytes)),
        ("executions open then", scale.full.running.to_string()),
        ("the store's files", mib(scale.stored_bytes)),
        ("the store's bytes of each", format!("{:.0}", scale.stored_bytes as f64 / count)),
        ("from a start of the process to its first answer", millis(scale.first_reply)),
        ("until what was interrupted is over", millis(scale.recovered)),
        ("until a worker has a task of those that wait", millis(scale.handed_out)),
        ("memory of the server started with them", mib(scale.again.resident_bytes)),
        ("executions open then", scale.again.running.to_string()),
    ];
    for (what, measured) in rows {
        writeln!(page, "| {what} | {measured} |")?;
    }
    Ok(())
}
