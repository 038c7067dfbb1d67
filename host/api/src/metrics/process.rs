//! The process: the processor time it has taken and the memory it has, by Prometheus's own names.

use std::{fmt, fs};

use super::Page;

/// What the kernel counts processor time in, a second: the same on every Linux that has `/proc`
/// (`USER_HZ`).
const TICKS: f64 = 100.0;

/// Shows what the system tells; where there is no `/proc` that is nothing.
pub(super) fn show(page: &mut Page<'_>) -> fmt::Result {
    if let Some(seconds) = cpu_seconds() {
        let help = "Processor time that was taken, in user and system mode.";
        page.counters("process_cpu_seconds", help, [([], seconds)])?;
    }
    if let Some(bytes) = resident_bytes() {
        page.gauge("process_resident_memory_bytes", "Memory that is resident.", bytes)?;
    }
    Ok(())
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses, whatever is in it; user and system time
    // are fields 14 and 15 (proc_pid_stat(5)).
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut times = rest.split(' ').skip(11).map(|field| field.parse::<f64>().ok());
    Some((times.next()?? + times.next()??) / TICKS)
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}
