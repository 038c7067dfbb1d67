//! The page of figures: docs/benchmarks.md.

use std::{fmt::Write as _, time::Duration};

use crate::{
    Report,
    machines::{ORDER, PASSES, STATES, Type},
    run::Measured,
    steps::Steps,
};

pub(crate) const MIB: f64 = (1 << 20) as f64;

const HEAD: &str = "\
# Benchmarks

Made by `just load`; do not edit. One client process with a thread for each client, and one `stepyard
serve` of the release profile, on the same machine: they share its processors, so ratios within one
run are what to trust.
";

const EXECUTIONS: &str = "
## Executions

`order` is the order workflow with its four steps and a notification, spread over 64 products; `passes`
has 50 Pass and Choice states. Each client has one execution open at a time: an EXPRESS one by
StartSyncExecution; a STANDARD one by StartExecution and, once it is likely to be over,
DescribeExecution every tenth of its usual time, which the figures include. How long it took is its
stopDate less its startDate. A run ends early when its time is over.

| machine | type | clients | executions | a second | call p50 | p99 | execution p50 | p99 | CPU each | memory after | more each |
|---|---|---|---|---|---|---|---|---|---|---|---|";

const STEPS: &str = "
## Steps

In one process, without a server, each the median of two thousand calls, a swap of fifty. What a grant's
use costs is a call that uses it once, less one that does not. Memory is of two hundred sleepers.

| what | measured |
|---|---|";

/// The report as Markdown.
pub(crate) fn text(report: &Report) -> String {
    let mut page = String::new();
    head(&mut page, report).expect("a text grows");
    aims(&mut page, report).expect("a text grows");
    runs(&mut page, report).expect("a text grows");
    steps(&mut page, &report.steps).expect("a text grows");
    page
}

/// What calls of steps cost, in this process and without a server.
fn steps(page: &mut String, steps: &Steps) -> std::fmt::Result {
    writeln!(page, "{STEPS}")?;
    let times = steps.sandbox.as_secs_f64() / steps.native.as_secs_f64().max(1e-9);
    writeln!(page, "| `receive`, called natively | {} |", micros(steps.native))?;
    let reused = micros(steps.reused);
    writeln!(page, "| `receive`, in an instance that is kept, without limits | {reused} |")?;
    let sandbox = micros(steps.sandbox);
    writeln!(page, "| `receive`, in a fresh sandbox | {sandbox} ({times:.1} times as long) |")?;
    for (grant, cost) in &steps.grants {
        writeln!(page, "| more for {grant} | {} |", micros(*cost))?;
    }
    writeln!(page, "| a swap, until it is durable | {} |", millis(steps.swap))?;
    let [compiled, cached] = steps.first.map(millis);
    writeln!(page, "| three steps opened and one called, compiled then | {compiled} |")?;
    writeln!(page, "| the same, found compiled | {cached} |")?;
    let mib = |bytes: u64| format!("{:.2} MiB", bytes as f64 / MIB);
    writeln!(page, "| memory of a step that is loaded | {} |", mib(steps.step_bytes))?;
    let thousand = mib(steps.instance_bytes * 1_000);
    writeln!(page, "| memory of a thousand instances that live | {thousand} |")
}

fn micros(time: Duration) -> String {
    format!("{} µs", short(time.as_secs_f64() * 1e6))
}

fn head(page: &mut String, report: &Report) -> std::fmt::Result {
    let disk = &report.disk;
    writeln!(page, "{HEAD}")?;
    writeln!(page, "- machine: {}", disk.machine())?;
    let sync = [0.5, 0.99].map(|part| millis(disk.sync(part)));
    writeln!(
        page,
        "- the disk's own fdatasync of a small commit: p50 {}, p99 {}\n",
        sync[0], sync[1]
    )
}

/// What was measured beside what is aimed at, and how many times the aim that is.
fn aims(page: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(page, "## Against the aims\n")?;
    writeln!(page, "The last column is how many times as good as its aim a figure is.\n")?;
    writeln!(page, "| what | measured | aim | ratio |\n|---|---|---|---|")?;
    let most = |name, kind| {
        let runs = report.runs.iter().filter(|it| it.name == name && it.kind == kind);
        runs.map(Measured::per_second).fold(0.0, f64::max)
    };
    for (kind, aim) in [(Type::Express, 20_000.0), (Type::Standard, 5_000.0)] {
        let most = most(ORDER, kind);
        let name = kind.name();
        row(page, &format!("{name} orders a second"), most, aim, most / aim, "")?;
    }
    let alone = in_millis(report.alone.took(0.5));
    let aim = report.alone.commits * in_millis(report.alone.disk.sync(0.5)) + 1.0;
    let what =
        format!("a STANDARD order alone: {:.1} commits × fdatasync + 1 ms", report.alone.commits);
    row(page, &what, alone, aim, aim / alone, " ms")?;
    let passes = report.runs.iter().filter(|it| it.name == PASSES && it.kind == Type::Express);
    let longest = passes.max_by_key(|it| it.executions);
    let state = longest.map_or(0.0, |it| it.cpu_each().as_secs_f64() * 1e6 / STATES as f64);
    row(
        page,
        "processor time of a Pass or Choice state, its call included",
        state,
        10.0,
        10.0 / state,
        " µs",
    )?;
    let first = in_millis(report.first_reply);
    row(page, "start of the process to the first reply", first, 50.0, 50.0 / first, " ms")?;
    let run = in_millis(report.run_command);
    row(page, "`stepyard run` of an order", run, 60.0, 60.0 / run, " ms")?;
    let idle = report.idle_bytes as f64 / MIB;
    row(page, "idle memory", idle, 40.0, 40.0 / idle, " MiB")?;
    let asleep = &report.asleep;
    let (bytes, count) = (asleep.bytes.max(1.0), asleep.executions);
    row(page, "memory of a sleeping execution", bytes, 1_024.0, 1_024.0 / bytes, " B")?;
    let restart = asleep.restart.as_secs_f64();
    let aim = 5.0 * count as f64 / 100_000.0;
    let what = format!("start with {count} running executions");
    row(page, &what, restart, aim, aim / restart, " s")?;
    let binary = report.binary_bytes as f64 / MIB;
    row(page, "the binary", binary, 40.0, 40.0 / binary, " MiB")?;
    writeln!(
        page,
        "\nThe sleeping ones were started at {:.0} a second, and take {:.0} B each in the store.",
        asleep.per_second, asleep.stored_bytes
    )
}

fn row(
    page: &mut String,
    what: &str,
    measured: f64,
    aim: f64,
    ratio: f64,
    unit: &str,
) -> std::fmt::Result {
    let [measured, aim] = [measured, aim].map(short);
    writeln!(page, "| {what} | {measured}{unit} | {aim}{unit} | {ratio:.2} |")
}

fn runs(page: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(page, "{EXECUTIONS}")?;
    for run in &report.runs {
        let [call, call_most] = [0.5, 0.99].map(|part| millis(run.call(part)));
        let [whole, whole_most] = [0.5, 0.99].map(|part| millis(run.execution(part)));
        writeln!(
            page,
            "| {} | {} | {} | {} | {:.0} | {call} | {call_most} | {whole} | {whole_most} | {} | {:.0} MiB | {:.1} KiB |",
            run.name,
            run.kind.name(),
            run.clients,
            run.executions,
            run.per_second(),
            millis(run.cpu_each()),
            run.resident_bytes as f64 / MIB,
            run.grown_bytes as f64 / 1_024.0 / run.executions as f64,
        )?;
    }
    flatness(page, report)
}

/// What an execution costs in the longer run of each pair, in terms of the shorter.
fn flatness(page: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(page, "\nAn execution's processor time in the longer run, by that in the shorter:\n")?;
    writeln!(page, "| machine | type | clients | executions | ratio |\n|---|---|---|---|---|")?;
    for pair in report.runs.chunks_exact(2) {
        let [shorter, longer] = pair else { continue };
        let ratio = longer.cpu_each().as_secs_f64() / shorter.cpu_each().as_secs_f64();
        let (name, kind, clients) = (longer.name, longer.kind.name(), longer.clients);
        let counts = format!("{} → {}", shorter.executions, longer.executions);
        writeln!(page, "| {name} | {kind} | {clients} | {counts} | {ratio:.2} |")?;
    }
    Ok(())
}

fn in_millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(crate) fn millis(time: Duration) -> String {
    format!("{} ms", short(in_millis(time)))
}

/// Three digits, or all there are before the point.
fn short(number: f64) -> String {
    let decimals = match number {
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}
