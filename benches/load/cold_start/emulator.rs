//! MiniStack, as the tests of packages start it.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::{binary, root};

const ACCOUNT: &str = "123456789012";

/// MiniStack at work; it ends when its standard input does.
pub(super) struct Emulator {
    python: PathBuf,
    url: String,
    child: Child,
    until: Option<ChildStdin>,
}

impl Emulator {
    pub(super) fn start(python: &Path) -> Self {
        let mut command = Command::new(python);
        command.arg(root().join("tests/aws_stack/emulator.py"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python runs");
        let mut line = String::new();
        let output = child.stdout.take().expect("stdout is a pipe");
        BufReader::new(output).read_line(&mut line).expect("stdout can be read");
        let port = line.trim().strip_prefix("PORT ").expect("MiniStack starts");
        let url = format!("http://127.0.0.1:{port}");
        let until = child.stdin.take();
        Self { python: python.to_owned(), url, child, until }
    }

    /// What the order workflow reaches outside.
    pub(super) fn prepare(&self, manifest: &Path) {
        self.account(&["table", "stepyard-inventory", "stepyard-ledger"]);
        self.account(&["sender", "orders@stepyard.example"]);
        self.account(&["secret", "stepyard/stripe-key", "sk_test_12345"]);
        self.account(&["subscribe", "order-notifications"]);
        let mut seed = Command::new(binary());
        seed.args(["seed", "--manifest"]).arg(manifest);
        assert!(seed.envs(self.variables()).status().expect("the binary runs").success());
    }

    fn account(&self, arguments: &[&str]) {
        let mut command = Command::new(&self.python);
        command.arg(root().join("tests/aws_stack/account.py")).args([&self.url, ACCOUNT]);
        let status = command.args(arguments).stdout(Stdio::null()).status();
        assert!(status.expect("Python runs").success(), "{arguments:?}");
    }

    /// What a function finds it by.
    pub(super) fn variables(&self) -> [(&str, &str); 4] {
        [
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCOUNT),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.until.take());
        let _ = self.child.wait();
    }
}
