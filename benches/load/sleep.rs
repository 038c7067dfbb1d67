//! Executions that only wait: what each takes, and how long a server takes to have them again.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    Extent,
    connection::Connection,
    machines::{Machine, Type, create},
    server::{Project, Server},
};

const CLIENTS: usize = 64;

pub(crate) struct Asleep {
    pub(crate) executions: usize,
    /// How many were started a second.
    pub(crate) per_second: f64,
    /// The memory that each takes.
    pub(crate) bytes: f64,
    /// What each takes in the store's file.
    pub(crate) stored_bytes: f64,
    /// From the start of a process with all of them to its first answer.
    pub(crate) restart: Duration,
}

/// Has many executions sleep, kills the server, and starts another.
pub(crate) fn measure(project: &Project, server: Server, extent: Extent) -> (Asleep, Server) {
    let wait = json!({ "Type": "Wait", "Seconds": 864_000, "End": true });
    let definition = json!({ "StartAt": "Sleep", "States": { "Sleep": wait } }).to_string();
    let machine = create(&server, "sleep", Type::Standard, Default::default(), &definition);
    let stored = || Connection::open(&server.address).counted("stepyard_store_bytes");
    let (before, stored_before) = (server.resident_bytes(), stored());
    let begun = Instant::now();
    let executions = start(&server, &machine, extent.sleeping, extent.sleeping_time);
    let per_second = executions as f64 / begun.elapsed().as_secs_f64();
    let each = |after: u64, before: u64| after.saturating_sub(before) as f64 / executions as f64;
    let bytes = each(server.resident_bytes(), before);
    let stored_bytes = each(stored(), stored_before);
    drop(server);
    let server = Server::start(project);
    let restart = server.first_reply;
    (Asleep { executions, per_second, bytes, stored_bytes, restart }, server)
}

/// Starts `count` executions, or those that there is `time` for; answers how many.
pub(crate) fn start(server: &Server, machine: &Machine, count: usize, time: Duration) -> usize {
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    let client = || {
        let mut connection = Connection::open(&server.address);
        let mut started = 0;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count || begun.elapsed() > time {
                return started;
            }
            connection.call("StartExecution", &machine.start(number));
            started += 1;
        }
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().map(|client| client.join().expect("no client fails")).sum()
    })
}
