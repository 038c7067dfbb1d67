//! Packages for AWS Lambda, made by the command itself, with a lean binary that is built once.
//!
//! It is built with the profile `dev`, which takes a fraction of the time of what is shipped, and with
//! `STEPYARD_PACKAGE_PROFILE` with another.

use std::{
    collections::BTreeMap,
    env,
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

/// The lean binary. `None`, and said so, where there is no zig to build it with.
pub(crate) fn bootstrap(architecture: Architecture) -> Option<&'static Path> {
    static BUILT: [OnceLock<PathBuf>; 2] = [OnceLock::new(), OnceLock::new()];
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
