//! A function as Lambda runs it: a package in a folder, and the real binary started from it.

use std::{
    collections::BTreeMap,
    env::consts::ARCH,
    fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;
use stepyard_wasm::{Grants, Limits, StepSpec, precompile};
use tempfile::TempDir;

use super::runtime_api::RuntimeApi;
use crate::support::{components, python::Python};

/// How long a process may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is unpacked for a function: a manifest, components compiled for this architecture, a workflow.
pub(super) struct Package {
    /// Kept for as long as a function runs in it.
    folder: Arc<TempDir>,
}

impl Package {
    /// One with this manifest.
    pub(super) fn new(manifest: &str) -> Self {
        let package = Self { folder: Arc::new(TempDir::new().unwrap()) };
        package.write("stepyard.toml", manifest);
        package
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// With a step of the order workflow as `components/<function>.cwasm`.
    pub(super) fn with_step(self, function: &str, folder: &str, grants: Grants) -> Self {
        let component = components()[folder].clone();
        self.with_component(function, component, grants)
    }

    /// With a step of these bytes as `components/<function>.cwasm`.
    pub(super) fn with_bytes(self, function: &str, component: &[u8]) -> Self {
        let file = self.path(&format!("{function}.wasm"));
        fs::write(&file, component).unwrap();
        self.with_component(function, file, Grants::default())
    }

    fn with_component(self, function: &str, component: PathBuf, grants: Grants) -> Self {
        let (function, limits) = (function.to_owned(), Limits::default());
        let file = format!("components/{function}.cwasm");
        let (canary, publishes) = (None, false);
        self.write(
            &file,
            compiled(&StepSpec { function, component, grants, limits, canary, publishes }),
        );
        self
    }

    /// What is in a zip.
    pub(super) fn unzipped(python: &Python, zip: &Path) -> Self {
        let package = Self { folder: TempDir::new().unwrap().into() };
        python.unzip(zip, package.folder.path());
        package
    }

    /// Starts the function as Lambda does, with these variables besides.
    pub(super) fn start(&self, api: &RuntimeApi, variables: &[(&str, &str)]) -> Function {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepyard"));
        command.arg0("/var/task/bootstrap");
        self.start_by(command, api, variables)
    }

    /// The same by another program than the command.
    pub(super) fn start_by(
        &self,
        mut command: Command,
        api: &RuntimeApi,
        variables: &[(&str, &str)],
    ) -> Function {
        command.env_clear().envs([
            ("AWS_LAMBDA_RUNTIME_API", api.address().as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "custom-runtime"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_REGION", "us-east-2"),
            ("_HANDLER", "bootstrap"),
            ("TZ", ":UTC"),
        ]);
        command.env("LAMBDA_TASK_ROOT", self.folder.path()).envs(variables.iter().copied());
        Function::start(command, self.folder.clone())
    }
}

/// A component compiled for this architecture, once for all tests.
fn compiled(spec: &StepSpec) -> Arc<[u8]> {
    static COMPILED: Mutex<BTreeMap<Vec<u8>, Arc<[u8]>>> = Mutex::new(BTreeMap::new());
    let component = fs::read(&spec.component).unwrap();
    let mut known = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let compiled = known.entry(component).or_insert_with(|| {
        let compiled = precompile(spec, &format!("{ARCH}-unknown-linux-musl"), None);
        compiled.unwrap_or_else(|error| panic!("{error}")).into()
    });
    compiled.clone()
}

/// A function's process; dropped, it is killed.
pub(super) struct Function {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    _folder: Arc<TempDir>,
}

impl Function {
    fn start(mut command: Command, folder: Arc<TempDir>) -> Self {
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("stepyard runs");
        let lines = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let heard = log.clone();
        let reader = thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| heard.lock().unwrap().push(line));
        });
        Self { child, log, reader: Some(reader), _folder: folder }
    }

    /// Sends SIGTERM, as Lambda does before it takes an environment away.
    pub(super) fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
    }

    /// Waits for its end; answers how it ended and the lines of its log.
    #[track_caller]
    pub(super) fn finish(mut self) -> (ExitStatus, Vec<String>) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                break status;
            }
            assert!(Instant::now() < deadline, "the function does not end");
            thread::sleep(Duration::from_millis(10));
        };
        self.reader.take().expect("it is finished once").join().expect("its log is read");
        let log = self.log.lock().unwrap().clone();
        (status, log)
    }

    /// Ends it as Lambda does, and answers its log, line by line.
    #[track_caller]
    pub(super) fn log(self) -> Vec<Value> {
        self.terminate();
        let (status, log) = self.finish();
        assert_eq!(status.code(), Some(0), "{log:?}");
        log.iter().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The order workflow's definition.
pub(super) fn order_workflow() -> String {
    fs::read_to_string(Path::new(crate::support::ROOT).join("workflow.asl.json")).unwrap()
}
