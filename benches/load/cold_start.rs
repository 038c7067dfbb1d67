//! How soon a packaged function answers its first event: from the start of its process to the response at
//! Lambda's Runtime API, the lean binary beside the whole command, and how large the packages are. What the
//! workflow reaches outside is MiniStack's, on this machine. Written to docs/cold-start.md.

mod emulator;
mod runtime_api;

use std::{
    env::consts::ARCH,
    fmt::Write as _,
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use self::{emulator::Emulator, runtime_api::first_post};
use crate::{binary, disk::machine, page::MIB, root};

/// How often each function is started.
const STARTS: usize = 51;
/// What one step is to stay below, from the start of its process.
const TIME_AIM: Duration = Duration::from_millis(10);
/// What one step's zip is to stay below.
const SIZE_AIM: u64 = 8 << 20;

const HEAD: &str = "\
# Cold start

Made by `just cold-start`; do not edit. A function's process is started on this machine as AWS Lambda starts it, and
handed one event by a Runtime API in the measuring process: what is counted is from before the process is begun until its
response, or its error, is there. Each is the median of 51 starts, with the page cache warm, and the time that the slowest
tenth takes. Lambda's own part, the download and the unpacking of the zip and the start of its machine, is not in it.

The lean binary is what `stepyard package` packs (profile `lambda`, static). The whole command is the one that `stepyard
serve` is of (profile `release`), started as `bootstrap` on the same files.
";

/// A function, and what it is started for.
struct Case {
    what: &'static str,
    /// Its package.
    zip: PathBuf,
    /// Where that is unpacked.
    folder: PathBuf,
    variable: (&'static str, &'static str),
    /// The event of a start, by its number.
    event: fn(usize) -> Value,
    /// What its first post ends with.
    ends: &'static str,
}

/// What was measured of a case.
struct Measured {
    what: &'static str,
    lean: [Duration; 2],
    whole: [Duration; 2],
}

/// Measures with the Python that has MiniStack and boto3, and answers the page.
pub(crate) fn run(python: &Path, folder: &Path, file: &Path) -> String {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).expect("the target folder can be written");
    let manifest = manifest(folder);
    let emulator = Emulator::start(python);
    emulator.prepare(&manifest);
    let cases = cases(python, folder, &manifest);
    let measured: Vec<Measured> = cases.iter().map(|case| case.measure(&emulator)).collect();
    let text = page(&cases, &measured).expect("a text grows");
    fs::write(file, &text).expect("the page can be written");
    text
}

/// The order's manifest for AWS, with its paths as they are found from another folder, and more in stock than is
/// ordered.
fn manifest(folder: &Path) -> PathBuf {
    let text = fs::read_to_string(root().join("deploy/aws/stepyard.toml"));
    let root = root().to_str().expect("the repository's path is text");
    let text = text.expect("the manifest is there").replace("\"../..", &format!("\"{root}"));
    let text = text.replace("available = 100,", "available = 1_000,");
    let file = folder.join("stepyard.toml");
    fs::write(&file, text).expect("the folder can be written");
    file
}

fn cases(python: &Path, folder: &Path, manifest: &Path) -> Vec<Case> {
    let zips = package(folder, manifest);
    let unpacked = |name: &str| {
        let to = folder.join(name);
        let mut unzip = Command::new(python);
        unzip.args(["-m", "zipfile", "-e"]).arg(&zips[name]).arg(&to);
        assert!(unzip.status().expect("Python runs").success());
        let bootstrap = to.join("bootstrap");
        fs::set_permissions(bootstrap, fs::Permissions::from_mode(0o755)).expect("it is unpacked");
        to
    };
    let (step, workflow) = (unpacked("ReceiveOrder"), unpacked("order"));
    let in_workflow = ("STEPYARD_WORKFLOW", "workflow.asl.json");
    vec![
        Case {
            what: "one step (`ReceiveOrder`)",
            zip: zips["ReceiveOrder"].clone(),
            folder: step,
            variable: ("STEPYARD_STEP", "ReceiveOrder"),
            event: order,
            ends: "/response",
        },
        Case {
            what: "the workflow, an order that its first state refuses",
            zip: zips["order"].clone(),
            folder: workflow.clone(),
            variable: in_workflow,
            event: |number| json!({ "order_id": number.to_string() }),
            ends: "/error",
        },
        Case {
            what: "the workflow, an order to its end: ten calls of DynamoDB, SES and SNS",
            zip: zips["order"].clone(),
            folder: workflow,
            variable: in_workflow,
            event: order,
            ends: "/response",
        },
    ]
}

fn order(number: usize) -> Value {
    json!({
        "order_id": format!("cold-{number}"), "product_id": "sku-001", "quantity": 1,
        "customer_email": "user@example.com",
    })
}

/// The packages of the order project for this machine's processors: name → zip.
fn package(folder: &Path, manifest: &Path) -> std::collections::BTreeMap<String, PathBuf> {
    let architecture = if ARCH == "aarch64" { "arm64" } else { ARCH };
    let package = |more: &[&str]| {
        let mut command = Command::new(binary());
        command.args(["package", "--json"]).args(more).arg("--manifest").arg(manifest);
        command.args(["--arch", architecture, "--out"]).arg(folder.join("zips"));
        let output = command.current_dir(root()).stderr(Stdio::inherit()).output();
        let output = output.expect("`cargo build --release` has made the binary");
        assert!(output.status.success(), "the packages are made");
        let packages: Vec<Value> = serde_json::from_slice(&output.stdout).expect("it prints JSON");
        let text = |value: &Value| value.as_str().expect("it is a text").to_owned();
        packages.into_iter().map(move |it| (text(&it["name"]), PathBuf::from(text(&it["file"]))))
    };
    package(&["ReceiveOrder"]).chain(package(&["--workflow", "workflow.asl.json"])).collect()
}

impl Case {
    fn measure(&self, emulator: &Emulator) -> Measured {
        let lean = self.starts(&self.folder.join("bootstrap"), 0, emulator);
        let whole = self.starts(&binary(), STARTS, emulator);
        Measured { what: self.what, lean, whole }
    }

    /// The median of many starts, and what all but a tenth stay below.
    fn starts(&self, program: &Path, first: usize, emulator: &Emulator) -> [Duration; 2] {
        let start = |number: usize| {
            let mut command = Command::new(program);
            command.arg0("bootstrap").current_dir(&self.folder).env_clear().envs([
                ("AWS_LAMBDA_FUNCTION_NAME", "cold"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
                ("_HANDLER", "bootstrap"),
            ]);
            command.env("LAMBDA_TASK_ROOT", &self.folder).envs(emulator.variables());
            command.env(self.variable.0, self.variable.1).stdout(Stdio::null());
            let (took, path) = first_post(&mut command, &(self.event)(number).to_string());
            assert!(path.ends_with(self.ends), "{} posted to {path}", self.what);
            took
        };
        let mut times: Vec<Duration> = (first..first + STARTS).map(start).collect();
        times.sort();
        [times[STARTS / 2], times[STARTS * 9 / 10]]
    }
}

fn page(cases: &[Case], measured: &[Measured]) -> Result<String, std::fmt::Error> {
    let mut page = String::new();
    writeln!(page, "{HEAD}\n- machine: {}\n", machine())?;
    writeln!(
        page,
        "| process start to the first response | lean | slowest tenth | whole command | slowest tenth |"
    )?;
    writeln!(page, "|---|---|---|---|---|")?;
    for Measured { what, lean, whole } in measured {
        let [a, b, c, d] = [lean[0], lean[1], whole[0], whole[1]].map(millis);
        writeln!(page, "| {what} | {a} | {b} | {c} | {d} |")?;
    }
    let size = |path: &Path| fs::metadata(path).expect("it is there").len();
    let mib = |bytes: u64| format!("{:.2} MiB", bytes as f64 / MIB);
    writeln!(page, "\n| size | zipped | `bootstrap` | its components |\n|---|---|---|---|")?;
    for case in [&cases[0], &cases[1]] {
        let components = fs::read_dir(case.folder.join("components")).expect("it is unpacked");
        let components: u64 = components.map(|it| size(&it.expect("it can be read").path())).sum();
        let [zip, bootstrap] = [&case.zip, &case.folder.join("bootstrap")].map(|it| mib(size(it)));
        writeln!(page, "| {} | {zip} | {bootstrap} | {} |", case.variable.1, mib(components))?;
    }
    writeln!(page, "| the whole command, by itself | | {} | |", mib(size(&binary())))?;
    let (time, zip) = (measured[0].lean[0], size(&cases[0].zip));
    writeln!(
        page,
        "\nThe aims for one step: under {} from the start of its process ({}), under {} zipped ({}).",
        millis(TIME_AIM),
        if time < TIME_AIM { "met" } else { "missed" },
        mib(SIZE_AIM),
        if zip < SIZE_AIM { "met" } else { "missed" },
    )?;
    Ok(page)
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
