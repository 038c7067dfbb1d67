//! An account of MiniStack: AWS Lambda, Step Functions, SNS, SQS and DynamoDB, by no one here.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdin, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::Value;

use crate::support::{
    python::{Python, python},
    toolchains,
};

const SERVER: &str = include_str!("emulator.py");
const CLIENT: &str = include_str!("account.py");

/// MiniStack, which all tests share. It ends with this process, whose end its standard input is.
struct Emulator {
    url: String,
    _child: Child,
    _until: ChildStdin,
}

/// An account that no other test uses.
pub(super) struct Account {
    python: &'static Python,
    /// Where AWS is.
    pub(super) url: String,
    /// Its number, and so its access key.
    pub(super) number: String,
}

impl Account {
    /// An account, if MiniStack can be had.
    pub(super) fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let python = python()?;
        let emulator = emulator()?;
        let number = format!("{:012}", NEXT.fetch_add(1, Ordering::Relaxed));
        Some(Self { python, url: emulator.url.clone(), number })
    }

    /// What one of the commands of `account.py` comes to.
    pub(super) fn call(&self, arguments: &[&str]) -> Value {
        let whose = [self.url.as_str(), &self.number];
        self.python.run(CLIENT, &[&whose, arguments].concat())
    }

    /// What one of them comes to, which is a text.
    pub(super) fn text(&self, arguments: &[&str]) -> String {
        self.call(arguments).as_str().expect("the script prints a text").to_owned()
    }

    /// A function from a package.
    pub(super) fn function(&self, name: &str, zip: &Path, variables: &Value) {
        let zip = zip.to_str().expect("a path of a test is text");
        self.call(&["function", name, zip, &variables.to_string()]);
    }

    /// What a command finds this account by.
    pub(super) fn variables(&self) -> [(&str, &str); 4] {
        [
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", &self.number),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
    }
}

fn emulator() -> Option<&'static Emulator> {
    static RUNNING: OnceLock<Option<Emulator>> = OnceLock::new();
    RUNNING.get_or_init(|| Some(start(toolchains::ministack()?))).as_ref()
}

fn start(tools: &toolchains::Toolchain) -> Emulator {
    let mut command = tools.command(&["python", "-c", SERVER]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let output = child.stdout.take().expect("stdout is a pipe");
    BufReader::new(output).read_line(&mut line).expect("stdout can be read");
    let port = line.trim().strip_prefix("PORT ");
    let port = port.unwrap_or_else(|| panic!("MiniStack did not start; it said {line:?}"));
    let until = child.stdin.take().expect("stdin is a pipe");
    Emulator { url: format!("http://127.0.0.1:{port}"), _child: child, _until: until }
}
