//! A run: so many executions by so many clients.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    connection::Connection,
    machines::{Machine, Type},
    server::{Server, Usage},
};

/// Between two looks at whether an execution is over.
const PAUSE: Duration = Duration::from_micros(200);

pub(crate) struct Run<'a> {
    pub(crate) server: &'a Server,
    pub(crate) machine: &'a Machine,
    pub(crate) clients: usize,
    pub(crate) count: usize,
    pub(crate) time: Duration,
}

/// What a run came to.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
    pub(crate) clients: usize,
    pub(crate) executions: usize,
    pub(crate) took: Duration,
    calls: Vec<Duration>,
    executions_took: Vec<Duration>,
    pub(crate) cpu: Duration,
    /// How much more memory the server has after it.
    pub(crate) grown_bytes: i64,
    pub(crate) resident_bytes: u64,
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        self.executions as f64 / self.took.as_secs_f64()
    }

    pub(crate) fn cpu_each(&self) -> Duration {
        self.cpu.div_f64(self.executions as f64)
    }

    pub(crate) fn call(&self, part: f64) -> Duration {
        percentile(&self.calls, part)
    }

    /// From start to end, by the server's clock; of an EXPRESS execution that is the call.
    pub(crate) fn execution(&self, part: f64) -> Duration {
        match self.kind {
            Type::Express => self.call(part),
            Type::Standard => percentile(&self.executions_took, part),
        }
    }
}

/// The value that this part of all does not pass.
pub(crate) fn percentile(times: &[Duration], part: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() as f64 * part) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

impl Run<'_> {
    pub(crate) fn measure(&self) -> Measured {
        let Self { server, machine, clients, .. } = *self;
        let next = AtomicUsize::new(server.numbers(self.count));
        let end = next.load(Ordering::Relaxed) + self.count;
        let before = server.usage();
        let begun = Instant::now();
        let done: Vec<Client> = thread::scope(|scope| {
            let client = || self.client(begun, &next, end);
            let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
            clients.into_iter().map(|it| it.join().expect("no client fails")).collect()
        });
        let took = begun.elapsed();
        let Usage { cpu, resident_bytes } = server.usage();
        let all = |of: fn(&Client) -> &Vec<Duration>| done.iter().flat_map(of).copied().collect();
        let calls: Vec<Duration> = all(|client| &client.calls);
        Measured {
            name: machine.name,
            kind: machine.kind,
            clients,
            executions: calls.len(),
            took,
            calls,
            executions_took: all(|client| &client.executions),
            cpu: cpu.saturating_sub(before.cpu),
            grown_bytes: resident_bytes.cast_signed() - before.resident_bytes.cast_signed(),
            resident_bytes,
        }
    }

    fn client(&self, begun: Instant, next: &AtomicUsize, end: usize) -> Client {
        let mut connection = Connection::open(&self.server.address);
        let mut client = Client::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= end || begun.elapsed() > self.time {
                return client;
            }
            let body = self.machine.start(number);
            let called = Instant::now();
            if self.machine.kind == Type::Express {
                let answer = connection.call("StartSyncExecution", &body);
                client.calls.push(called.elapsed());
                assert!(answer.contains("\"status\":\"SUCCEEDED\""), "{answer}");
            } else {
                let answer = connection.call("StartExecution", &body);
                client.calls.push(called.elapsed());
                let started = serde_json::from_str(answer).expect("an answer is JSON");
                client.await_end(&mut connection, &started);
            }
        }
    }
}

/// What one client saw.
#[derive(Default)]
struct Client {
    calls: Vec<Duration>,
    executions: Vec<Duration>,
    /// How long executions took of late: when it is worth to look.
    usual: Duration,
}

impl Client {
    /// Waits for the end of an execution, and looks for it seldom: each look costs the server, too.
    fn await_end(&mut self, connection: &mut Connection, started: &Value) {
        let which = json!({ "executionArn": started["executionArn"] });
        thread::sleep(self.usual.mul_f64(0.8));
        let ended = loop {
            let described = connection.json("DescribeExecution", &which);
            if described["status"] != "RUNNING" {
                break described;
            }
            thread::sleep((self.usual / 10).max(PAUSE));
        };
        assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
        let at = |member: &str| ended[member].as_f64().expect("it has a time");
        let took = Duration::from_secs_f64((at("stopDate") - at("startDate")).max(0.0));
        self.usual = (self.usual * 7 + took) / 8;
        self.executions.push(took);
    }
}
