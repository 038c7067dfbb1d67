//! Packages for AWS Lambda, made by the command itself, with a lean binary that is built once.
//!
//! That takes minutes for each architecture, so it is done where `STEPYARD_PACKAGES` names them, as in
//! `x86_64,arm64` (`just packages`); elsewhere these tests are left out, with a line on standard error. It is
//! built with the profile `dev`, or with the one that `STEPYARD_PACKAGE_PROFILE` names.

use std::{
    collections::BTreeMap,
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::Value;

use super::{Project, ROOT, toolchains};

/// One of AWS Lambda's architectures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Architecture {
    X86_64,
    Arm64,
}

impl Architecture {
    /// AWS's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// Where the manifest keeps on AWS what it keeps here in the data directory.
const OUTSIDE: &str = r#"
[dynamodb]
table_prefix = "stepyard-"

[mail]
ses = true

[sns]
delivery = "aws"
"#;

/// Whether packages of an architecture are tested; where they are not, that is said.
fn is_wanted(architecture: Architecture) -> bool {
    let wanted = env::var("STEPYARD_PACKAGES").unwrap_or_default();
    let is_wanted = wanted.split(',').any(|it| it == architecture.name());
    if !is_wanted {
        // Not `eprintln!`: the test harness would keep the line to itself.
        let name = std::thread::current().name().unwrap_or("a test").to_owned();
        let why = format!("STEPYARD_PACKAGES does not name {}", architecture.name());
        writeln!(io::stderr(), "\nSKIPPED: {name}: {why}").expect("stderr can be written");
    }
    is_wanted
}

/// The lean binary. `None`, and said so, where it is not wanted or there is no zig to build it with.
pub(crate) fn bootstrap(architecture: Architecture) -> Option<&'static Path> {
    static BUILT: [OnceLock<PathBuf>; 2] = [OnceLock::new(), OnceLock::new()];
    if !is_wanted(architecture) {
        return None;
    }
    let zig = toolchains::zig()?;
    Some(BUILT[architecture as usize].get_or_init(|| {
        let profile = env::var("STEPYARD_PACKAGE_PROFILE").unwrap_or_else(|_| "dev".to_owned());
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let mut command = zig.command(&[env!("CARGO_BIN_EXE_stepyard"), "package", "ReceiveOrder"]);
        command.args(["--arch", architecture.name(), "--profile", &profile, "--out"]);
        let output = command.arg(folder.path()).current_dir(ROOT).output().expect("stepyard runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // What cargo has just built.
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().find_map(|line| line.split_once("bootstrap: "));
        PathBuf::from(line.expect("the command says which bootstrap it took").1)
    }))
}

impl Project {
    /// The order project with its outside on AWS, and the manifest's text changed before.
    pub(crate) fn order_on_aws(change: impl FnOnce(String) -> String) -> Self {
        Self::order_with(|text| change(text) + OUTSIDE)
    }

    /// Packages what these arguments say; answers each name with its zip.
    pub(crate) fn package(
        &self,
        architecture: Architecture,
        arguments: &[&str],
    ) -> Option<BTreeMap<String, PathBuf>> {
        let bootstrap = bootstrap(architecture)?.to_str().expect("a path of the build is text");
        let more = ["--arch", architecture.name(), "--bootstrap", bootstrap, "--json"];
        let packaged = self.stepyard([&["package"], arguments, &more].concat());
        assert_eq!(packaged.code, Some(0), "{}", packaged.stderr);
        let packages: Value = serde_json::from_str(&packaged.stdout).expect("it prints JSON");
        let text = |value: &Value| value.as_str().expect("it is a text").to_owned();
        let packages = packages.as_array().expect("it is a list").iter();
        Some(packages.map(|it| (text(&it["name"]), self.path(&text(&it["file"])))).collect())
    }
}
