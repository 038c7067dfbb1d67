//! `stepyard export`: the order's stack is the one under `deploy/aws`, what reads CloudFormation and Terraform
//! finds no fault with it, and each role allows the calls that are made and no more.

mod calls;
mod iam;
mod order;
mod refused;
mod roles;
mod written;

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::support::python::Python;

/// Where the order's stack is.
fn deploy() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/aws")
}

/// What `stepyard export` prints for the manifest in a folder.
#[track_caller]
fn exported(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepyard"));
    let output = command.arg("export").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The resources of a SAM template, as JSON.
fn resources(python: &Python, template: &Path) -> Value {
    python.run(include_str!("template.py"), &[template.to_str().unwrap()])
}
