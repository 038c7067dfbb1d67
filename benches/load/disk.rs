//! The machine and its disk: what figures are to be read beside.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::run::percentile;

/// What SQLite writes for a small commit: a page and its frame's head.
const COMMIT_BYTES: usize = 4_096 + 24;
const SYNCS: usize = 200;

pub(crate) struct Disk {
    /// How long each fdatasync took.
    syncs: Vec<Duration>,
    filesystem: String,
}

impl Disk {
    /// Appends to a file in the folder and waits until that is durable, again and again.
    pub(crate) fn measure(folder: &Path) -> Self {
        let path = folder.join("fdatasync");
        let mut file = File::create(&path).expect("the folder can be written");
        let sync = |_| {
            file.write_all(&[7; COMMIT_BYTES]).expect("the disk has room");
            let begun = Instant::now();
            file.sync_data().expect("the disk syncs");
            begun.elapsed()
        };
        let syncs = (0..SYNCS).map(sync).collect();
        fs::remove_file(&path).expect("the file is ours");
        Self { syncs, filesystem: filesystem(folder).unwrap_or_else(|| "unknown".to_owned()) }
    }

    /// Measured before and after.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.syncs.extend(other.syncs);
        self
    }

    pub(crate) fn sync(&self, part: f64) -> Duration {
        percentile(&self.syncs, part)
    }

    /// The machine in a line, with its disk.
    pub(crate) fn machine(&self) -> String {
        format!("{}, {}", machine(), self.filesystem)
    }
}

/// The machine in a line.
pub(crate) fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown".to_owned());
    format!(
        "{cores} cores of {}, memory {memory}, Linux {}",
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown make".to_owned()),
        read("/proc/sys/kernel/osrelease").trim(),
    )
}

/// The type of the filesystem that a folder is on: of all mounts above it, the last and nearest.
fn filesystem(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = read("/proc/self/mountinfo");
    let mount = |line: &str| {
        // ID, parent, device, root, mount point, …, `-`, type (proc_pid_mountinfo(5)).
        let (before, after) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?;
        let kind = after.split(' ').next()?.to_owned();
        folder.starts_with(point).then_some((point.len(), kind))
    };
    mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

/// The value of `name: value` in one of the kernel's files.
fn field(file: &str, name: &str) -> Option<String> {
    let text = read(file);
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim().to_owned())
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}
