//! `bootstrap`: the lean binary that AWS Lambda starts. One that is given, one beside this program, or else
//! one built from Stepyard's source.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::architecture::Architecture;
use crate::crates::add_target;

/// The profile of what is shipped.
pub(crate) const PROFILE: &str = "lambda";
/// The lean binary, and the feature that is all it is built with.
const BOOTSTRAP: &str = "bootstrap";
/// What is missing where cargo cannot build for another system, and how it is had.
const TOOLS: &str = "`pip install cargo-zigbuild` brings both cargo-zigbuild and zig; or name a bootstrap that is \
                     built already with --bootstrap";

/// The program of an architecture, which was found to be one for it.
pub(super) fn read(file: &Path, architecture: Architecture) -> Result<Vec<u8>> {
    let program = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let is_fit = architecture.check(&program);
    is_fit.with_context(|| format!("{} is no bootstrap for {architecture}", file.display()))?;
    Ok(program)
}

/// Where the program is: beside this one, as a release has it, or made from the source that is found
/// around `folder` or around this program.
pub(super) fn find(folder: &Path, architecture: Architecture, profile: &str) -> Result<PathBuf> {
    let own = env::current_exe().and_then(fs::canonicalize).context("finding this program")?;
    let beside = own.with_file_name(format!("bootstrap-{architecture}"));
    if beside.is_file() {
        return Ok(beside);
    }
    let folder = fs::canonicalize(if folder == Path::new("") { Path::new(".") } else { folder })?;
    let source = folder.ancestors().chain(own.ancestors()).find(|it| is_source(it));
    let Some(source) = source else {
        bail!(
            "there is no bootstrap for {architecture} yet: name one with --bootstrap FILE, or put it beside {} as \
             bootstrap-{architecture}; in Stepyard's source `stepyard package` builds it",
            own.display()
        );
    };
    build(source, architecture, profile).with_context(|| {
        format!("building the bootstrap for {architecture} from {}", source.display())
    })
}

/// Whether a folder is Stepyard's own source.
fn is_source(folder: &Path) -> bool {
    #[derive(Deserialize)]
    struct Crate {
        package: Option<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: toml::Value,
    }
    let Ok(text) = fs::read_to_string(folder.join("Cargo.toml")) else { return false };
    let package = toml::from_str(&text).ok().and_then(|it: Crate| it.package);
    package.is_some_and(|it| it.name == env!("CARGO_PKG_NAME") && !it.version.is_str())
}

/// Builds the lean binary, with cargo's output on stderr.
fn build(source: &Path, architecture: Architecture, profile: &str) -> Result<PathBuf> {
    let target = architecture.rust_target();
    find_tools()?;
    add_target(target)?;
    let mut cargo = Command::new("cargo");
    cargo.args(["zigbuild", "--package", env!("CARGO_PKG_NAME"), "--bin", BOOTSTRAP]);
    cargo.args(["--no-default-features", "--features", BOOTSTRAP, "--target", target]);
    cargo.args(["--profile", profile, "--message-format", "json-render-diagnostics"]);
    cargo.current_dir(source).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = cargo.spawn().context("running cargo; install Rust with rustup (rustup.rs)")?;
    let messages = BufReader::new(child.stdout.take().expect("cargo's stdout is piped"));
    let mut program = None;
    for line in messages.lines() {
        program = executable(&line?).or(program);
    }
    if !child.wait()?.success() {
        bail!("cargo could not build it; its messages are above");
    }
    program.context("cargo made no program")
}

/// The program that one of cargo's messages reports.
fn executable(line: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Artifact {
        executable: Option<PathBuf>,
    }
    serde_json::from_str(line).ok().and_then(|it: Artifact| it.executable)
}

/// That cargo can build for another system: zig has the C compiler, the linker and the C library.
fn find_tools() -> Result<()> {
    let works = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !works("cargo-zigbuild", &["--version"]) {
        bail!("cargo-zigbuild was not found; {TOOLS}");
    }
    let named = env::var("CARGO_ZIGBUILD_ZIG_PATH").is_ok_and(|zig| works(&zig, &["version"]));
    let module = || works("python3", &["-m", "ziglang", "version"]);
    if !named && !works("zig", &["version"]) && !module() {
        bail!("zig was not found; {TOOLS}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_known_by_its_manifest() {
        assert!(is_source(Path::new(env!("CARGO_MANIFEST_DIR"))));
        assert!(!is_source(&Path::new(env!("CARGO_MANIFEST_DIR")).join("steps/receive")));
    }

    #[test]
    fn the_program_is_the_one_that_cargo_reports() {
        let found = |line: &str| executable(line);
        assert_eq!(
            found(r#"{"reason":"compiler-artifact","executable":"/t/stepyard"}"#),
            Some("/t/stepyard".into())
        );
        assert_eq!(found(r#"{"reason":"compiler-artifact","executable":null}"#), None);
        assert_eq!(found(r#"{"reason":"build-finished","success":true}"#), None);
    }
}
