//! The real `stepyard serve`, as a process of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Finished, Project};

/// How long a server may take to end, or to come to what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server at work; dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    /// What it has said on stderr since it listened.
    said: Arc<Mutex<String>>,
    /// Reads what it says, so that it never waits for a reader.
    reader: Option<JoinHandle<()>>,
    /// `127.0.0.1:<port>`.
    pub(crate) address: String,
}

impl Server {
    /// Starts a server in the project, on a free port, and waits until it listens.
    pub(crate) fn start(project: &Project) -> Self {
        Self::start_on(project, "127.0.0.1:0")
    }

    /// Starts a server that listens on `address`.
    pub(crate) fn start_on(project: &Project, address: &str) -> Self {
        Self::start_with(project, address, &[])
    }

    /// Starts a server that listens on `address`, with variables set.
    pub(crate) fn start_with(project: &Project, address: &str, variables: &[(&str, &str)]) -> Self {
        let started = Self::try_start(project, address, variables);
        started.unwrap_or_else(|ended| panic!("the server did not start: {}", ended.stderr))
    }

    /// Starts a server with variables set; answers what became of one that ended instead.
    pub(crate) fn try_start(
        project: &Project,
        address: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self, Finished> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepyard"));
        command.args(["serve", "--listen", address]).current_dir(project.path(""));
        command.env_remove("STEPYARD_CRASH_AT").envs(variables.iter().copied());
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("stepyard runs");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is a pipe")).lines();
        let mut said = String::new();
        let address = loop {
            let Some(line) = lines.next() else {
                let code = child.wait().expect("the server ends").code();
                return Err(Finished { code, stdout: String::new(), stderr: said });
            };
            let line = line.expect("stderr is text");
            let url = line.split_once("API on ").map(|(_, url)| url);
            if let Some((_, address)) = url.and_then(|url| url.split_once("://")) {
                break address.to_owned();
            }
            said.push_str(&line);
            said.push('\n');
        };
        let said = Arc::new(Mutex::new(String::new()));
        let heard = said.clone();
        let reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("{line}");
                *heard.lock().unwrap() += &format!("{line}\n");
            }
        });
        Ok(Self { child, said, reader: Some(reader), address })
    }

    /// Waits until `what` is so.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < deadline, "{what}: it said {}", self.said());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until it has said this, `times` times.
    #[track_caller]
    pub(crate) fn until_said(&self, text: &str, times: usize) {
        self.until(text, || self.said().matches(text).count() >= times);
    }

    /// What it has said on stderr since it listened.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// The executions of a state machine, newest first.
    pub(crate) fn executions(&self, machine: &str) -> Vec<Value> {
        let arn = format!("arn:aws:states:us-east-1:123456789012:stateMachine:{machine}");
        let body = serde_json::json!({ "stateMachineArn": arn }).to_string();
        let (status, listed) = self.call("ListExecutions", &body);
        assert_eq!(status, 200, "{listed}");
        listed["executions"].as_array().unwrap().clone()
    }

    /// How much memory it has, in KiB.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a process has a status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        number.expect("a status says how much memory is resident")
    }

    /// Ends it without warning, as a lost machine does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the server is killed");
        self.child.wait().expect("the server ends");
    }

    /// Asks it to end (SIGTERM), and answers its exit code.
    pub(crate) fn terminate(self) -> Option<i32> {
        self.ask_to_end();
        self.finish().code
    }

    /// Asks it to end (SIGTERM); one that has ended is past asking.
    pub(crate) fn ask_to_end(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Waits until it has ended, and answers what it said since it listened.
    pub(crate) fn finish(mut self) -> Finished {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the server can be waited for") {
                break status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            thread::sleep(Duration::from_millis(10));
        };
        let read = self.reader.take().expect("it is finished once").join();
        read.expect("what it says can be read");
        let stderr = self.said();
        Finished { code: status.code(), stdout: String::new(), stderr }
    }

    /// Calls an operation as any client may; answers the status code and the body.
    pub(crate) fn call(&self, operation: &str, body: &str) -> (u16, Value) {
        let target = format!("X-Amz-Target: AWSStepFunctions.{operation}\r\n");
        let (status, body) = self.request("POST / HTTP/1.1", &self.address, &target, body);
        (status, serde_json::from_str(&body).expect("an answer is JSON"))
    }

    /// One request with these headers; answers the status code and the body.
    pub(crate) fn request(&self, line: &str, host: &str, more: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let head = format!(
            "{line}\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n"
        );
        self.raw(format!("{head}{body}").as_bytes())
    }

    /// Calls an operation of a server that may be killed meanwhile: none when no whole answer came.
    pub(crate) fn try_call(address: &str, operation: &str, body: &str) -> Option<(u16, Value)> {
        let length = body.len();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\
             Connection: close\r\nX-Amz-Target: AWSStepFunctions.{operation}\r\n\r\n"
        );
        let (status, body) = Self::exchange(address, &format!("{head}{body}"))?;
        Some((status, serde_json::from_str(&body).ok()?))
    }

    /// What `/readyz` says; none when nobody listens any more.
    pub(crate) fn readiness(&self) -> Option<u16> {
        let (address, line) = (&self.address, "GET /readyz HTTP/1.1");
        let head = format!("{line}\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        Some(Self::exchange(address, &head)?.0)
    }

    fn exchange(address: &str, request: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// Whatever is answered to these bytes: the status code and the body.
    pub(crate) fn raw(&self, bytes: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.write_all(bytes).expect("the bytes are sent");
        Self::answer(stream)
    }

    fn answer(mut stream: TcpStream) -> (u16, String) {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the answer is text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.expect("an answer has a status"), body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
