//! The real `stepyard` in a project of its own.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    binary,
    connection::Connection,
    machines::{PRODUCTS, order},
    root,
};

/// What the kernel counts processor time in, a second (`USER_HZ`).
const TICKS: u32 = 100;

/// The order project in a fresh folder, with products that are never sold out.
pub(crate) struct Project(PathBuf);

impl Project {
    pub(crate) fn new(folder: &Path) -> Self {
        // What a run before this one left.
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).expect("the target folder can be written");
        let manifest = fs::read_to_string(root().join("stepyard.toml"));
        let mut manifest = bound(&manifest.expect("the manifest is there"));
        for product in 0..PRODUCTS {
            let stock = "{ available = 1_000_000_000, unit_price_cents = 1, currency = \"eur\" }";
            writeln!(manifest, "\"product/sku-load-{product}\" = {stock}").expect("a text grows");
        }
        // Enough for what is sold in a run.
        manifest.push_str(
            "[keyvalue.inventory]\nquota_mib = 1024\n[keyvalue.ledger]\nquota_mib = 1024\n",
        );
        fs::write(folder.join("stepyard.toml"), manifest).expect("the folder can be written");
        fs::copy(root().join("workflow.asl.json"), folder.join("workflow.asl.json"))
            .expect("the workflow is there");
        Self(folder.to_owned())
    }

    /// Runs one order by `stepyard run`; answers how long that took.
    pub(crate) fn run_order(&self, id: &str) -> Duration {
        let mut command = Command::new(binary());
        command.args(["run", "workflow.asl.json", "--input", &order(id, 0).to_string()]);
        command.current_dir(&self.0).stdin(Stdio::null());
        let begun = Instant::now();
        let output = command.output().expect("`cargo build --release` has made the binary");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        begun.elapsed()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The manifest with each crate folder replaced by the component built from it.
fn bound(manifest: &str) -> String {
    let mut command = Command::new(binary());
    let output = command.args(["step", "build", "--json"]).current_dir(root()).output();
    let output = output.expect("`cargo build --release` has made the binary");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let built: Value = serde_json::from_slice(&output.stdout).expect("the command prints JSON");
    let steps = built.as_array().expect("it lists the steps").iter();
    steps.fold(manifest.to_owned(), |text, step| {
        text.replace(&step["step"].to_string(), &step["component"].to_string())
    })
}

/// A server at work; dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:<port>`.
    pub(crate) address: String,
    /// From the process's start to its first answer.
    pub(crate) first_reply: Duration,
    next: AtomicUsize,
}

/// What a process has used.
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) resident_bytes: u64,
}

impl Server {
    pub(crate) fn start(project: &Project) -> Self {
        let mut command = Command::new(binary());
        command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(&project.0);
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let begun = Instant::now();
        let mut child = command.spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is a pipe")).lines();
        let mut said = String::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else { panic!("the server did not start: {said}") };
            if let Some((_, address)) = line.split_once("http://") {
                break address.to_owned();
            }
            said.push_str(&line);
        };
        Connection::open(&address).json("ListStateMachines", &json!({}));
        let first_reply = begun.elapsed();
        // What it says later is read, so that it never waits for a reader.
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("{line}")));
        Self { child, address, first_reply, next: AtomicUsize::new(0) }
    }

    /// The first of so many numbers that nobody else was given.
    pub(crate) fn numbers(&self, count: usize) -> usize {
        self.next.fetch_add(count, Ordering::Relaxed)
    }

    pub(crate) fn usage(&self) -> Usage {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("a process has times");
        // Its name, the second field, is in parentheses; the times are fields 14 and 15.
        let (_, rest) = stat.rsplit_once(") ").expect("a process has a name");
        let ticks = rest.split(' ').skip(11).take(2).map(|it| it.parse::<u32>().expect("a number"));
        let cpu = Duration::from_secs(1) * ticks.sum() / TICKS;
        Usage { cpu, resident_bytes: self.resident_bytes() }
    }

    pub(crate) fn resident_bytes(&self) -> u64 {
        resident_bytes(&self.child.id().to_string())
    }
}

/// How much memory a process has: its number, or `self`.
pub(crate) fn resident_bytes(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status"));
    let status = status.expect("a process has a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("a status says how much memory is resident") << 10
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
