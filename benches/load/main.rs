//! Loads a real `stepyard serve` from a process of its own, and writes what it saw to
//! docs/benchmarks.md: executions a second, latency, memory and processor time, beside the disk's own
//! time. Ratios within one run are what to trust.
//!
//! `just load` builds both; `--quick` takes a minute and writes to the terminal only. `just scale` has a
//! million executions wait instead, and writes docs/scale.md; `just cold-start` has packages for AWS Lambda
//! begin, and writes docs/cold-start.md.

mod cold_start;
mod connection;
mod disk;
mod machines;
mod order;
mod page;
mod reused;
mod run;
mod scale;
mod server;
mod sleep;
mod steps;

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use self::{
    disk::Disk,
    machines::machines,
    order::Alone,
    run::{Measured, Run},
    server::{Project, Server},
    sleep::Asleep,
    steps::Steps,
};

/// The clients that call at once, each on a connection of its own.
pub(crate) const CLIENTS: [usize; 3] = [1, 16, 64];

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// What the executions of a run are divided by.
    less: usize,
    /// How long a run may take.
    time: Duration,
    /// The executions that sleep at once.
    sleeping: usize,
    /// How long starting them may take.
    sleeping_time: Duration,
}

const WHOLE: Extent = Extent {
    less: 1,
    time: Duration::from_secs(60),
    sleeping: 100_000,
    sleeping_time: Duration::from_secs(120),
};
const QUICK: Extent = Extent {
    less: 10,
    time: Duration::from_secs(2),
    sleeping: 2_000,
    sleeping_time: Duration::from_secs(10),
};

/// All that was measured.
pub(crate) struct Report {
    pub(crate) disk: Disk,
    pub(crate) binary_bytes: u64,
    /// From the process's start to the first answer of the API.
    pub(crate) first_reply: Duration,
    /// `stepyard run` of one order.
    pub(crate) run_command: Duration,
    pub(crate) idle_bytes: u64,
    pub(crate) alone: Alone,
    pub(crate) runs: Vec<Measured>,
    pub(crate) asleep: Asleep,
    pub(crate) steps: Steps,
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let quick = match arguments[..] {
        [] => false,
        ["--quick"] => true,
        ["--scale", count] => {
            let count = count.parse().expect("--scale takes a number of executions");
            let (folder, file) = (target().join("load"), root().join("docs/scale.md"));
            return show(&scale::run(&folder, &file, count));
        }
        ["--cold-start", python] => {
            let (folder, file) = (target().join("cold-start"), root().join("docs/cold-start.md"));
            return show(&cold_start::run(Path::new(python), &folder, &file));
        }
        _ => panic!("give --quick, --scale COUNT, --cold-start PYTHON or nothing"),
    };
    let report = measure(if quick { QUICK } else { WHOLE });
    let text = page::text(&report);
    if !quick {
        let file = root().join("docs/benchmarks.md");
        fs::write(&file, &text).expect("docs/benchmarks.md can be written");
    }
    show(&text);
}

#[expect(clippy::print_stdout, reason = "the page is what this is run for")]
fn show(text: &str) {
    println!("{text}");
}

fn measure(extent: Extent) -> Report {
    let folder = target().join("load");
    let project = Project::new(&folder);
    // Once, so that the components are compiled.
    project.run_order("warm-up");
    let run_command = project.run_order("timed");
    let before = Disk::measure(&folder);
    let server = Server::start(&project);
    let (first_reply, idle_bytes) = (server.first_reply, server.resident_bytes());
    let machines = machines(&server);
    let alone = order::alone(&server, &machines, &folder, extent);
    let mut runs = Vec::new();
    for machine in &machines {
        for (clients, count) in CLIENTS.into_iter().zip(machine.counts) {
            for times in [1, 10] {
                let count = (count * times / extent.less).max(clients);
                let run = Run { server: &server, machine, clients, count, time: extent.time };
                runs.push(run.measure());
            }
        }
    }
    let (asleep, server) = sleep::measure(&project, server, extent);
    drop(server);
    let disk = before.and(Disk::measure(&folder));
    let binary_bytes = fs::metadata(binary()).expect("the binary is there").len();
    drop(project);
    let steps = steps::measure(&target().join("load-steps"));
    Report { disk, binary_bytes, first_reply, run_command, idle_bytes, alone, runs, asleep, steps }
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("it is two folders below the repository")
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from)
}

/// The binary as it is released.
pub(crate) fn binary() -> PathBuf {
    target().join("release/stepyard")
}
