//! The promises of ARCHITECTURE.md that a manifest can break: which crate may depend on what.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// What `asl` may depend on, each with its reason. None does I/O, reads a clock or draws randomness.
const ASL: &[&str] = &[
    "base64",     // task tokens, States.Base64Encode
    "hmac",       // randomness derived from the seed
    "jlens-core", // JSONata; it is told the time and the seed, and so reads no clock
    "md-5",       // States.Hash
    "regex-lite", // `=~` in path filters, in linear time
    "serde",      // facts, history and definitions as JSON
    "serde_json", // the values a state machine moves
    "sha1",       // States.Hash
    "sha2",       // with hmac, States.Hash
    "strsim",     // the nearest name in a diagnostic's mend
    "thiserror",  // errors that hold facts
    "time",       // RFC 3339; its clock is switched off by leaving out its features, and by clippy
    "uuid",       // the text form of a UUID whose bytes are derived
];

/// The only crate that may name a dependency, for those that one room keeps to itself.
const KEPT_BY: &[(&str, &str)] = &[
    ("wasmtime", "stepyard-wasm"),
    ("wasmtime", "stepyard-load"), // the yardstick beside our sandbox
    ("wasmtime-wasi", "stepyard-load"),
    ("wasmtime-wasi", "stepyard-wasm"),
    ("wasmtime-wasi-http", "stepyard-wasm"),
    ("rusqlite", "stepyard-engine"),
    ("aws-config", "stepyard-integrations"),
    ("aws-sdk-cloudwatchlogs", "stepyard-integrations"),
    ("aws-sdk-dynamodb", "stepyard-integrations"),
    ("aws-sdk-eventbridge", "stepyard-integrations"),
    ("aws-sdk-lambda", "stepyard-integrations"),
    ("aws-sdk-sns", "stepyard-integrations"),
    ("aws-sdk-sqs", "stepyard-integrations"),
    ("aws-smithy-http-client", "stepyard-integrations"),
    ("aws-sdk-sfn", "the tests"),
    ("aws-sigv4", "stepyard-api"),
    ("axum", "stepyard-api"),
    ("croner", "stepyard-triggers"),
    ("cranelift-codegen", "stepyard-wasm"),
    ("jiff", "stepyard-triggers"),
    ("jlens-core", "stepyard-asl"),
    ("lambda_runtime", "stepyard-lambda"),
    ("lambda_runtime_api_client", "stepyard-lambda"),
    ("opentelemetry", "stepyard-telemetry"),
    ("opentelemetry-otlp", "stepyard-telemetry"),
    ("opentelemetry_sdk", "stepyard-telemetry"),
    ("redis", "stepyard-integrations"),
    ("anyhow", "stepyard"),
    ("clap", "stepyard"),
    ("mimalloc", "stepyard"),
    ("toml", "stepyard"),
    ("toml_edit", "stepyard"),
];

/// What each of our crates may know of the others.
const ARROWS: &[(&str, &[&str])] = &[
    ("stepyard-asl", &[]),
    ("stepyard-engine", &["stepyard-asl"]),
    ("stepyard-api", &["stepyard-asl", "stepyard-engine"]),
    ("stepyard-wasm", &["stepyard-asl", "stepyard-engine"]),
    ("stepyard-integrations", &["stepyard-asl", "stepyard-engine"]),
    ("stepyard-telemetry", &["stepyard-asl", "stepyard-engine"]),
    ("stepyard-triggers", &["stepyard-asl", "stepyard-engine"]),
    ("stepyard-lambda", &["stepyard-asl", "stepyard-engine"]),
    (
        "stepyard",
        &[
            "stepyard-api",
            "stepyard-asl",
            "stepyard-engine",
            "stepyard-integrations",
            "stepyard-lambda",
            "stepyard-telemetry",
            "stepyard-triggers",
            "stepyard-wasm",
        ],
    ),
    // It measures steps in its own process, as the tests wire them.
    ("stepyard-load", &["receive", "stepyard", "stepyard-asl", "stepyard-engine", "stepyard-step"]),
    ("stepyard-step", &[]),
    ("stepyard-stock", &["stepyard-step"]),
    ("receive", &["stepyard-step"]),
    ("inventory", &["stepyard-step", "stepyard-stock"]),
    ("payment", &["stepyard-step"]),
    ("confirm", &["stepyard-step", "stepyard-stock"]),
];

#[test]
fn a_crate_depends_on_nothing_its_promise_forbids() {
    let packages = dependencies();
    for (package, ours) in ARROWS {
        let dependencies =
            packages.get(*package).expect("every crate of the map is in the workspace");
        for dependency in dependencies {
            let our_own = packages.contains_key(dependency);
            assert!(
                !our_own || ours.contains(&dependency.as_str()),
                "{package} must not know {dependency}"
            );
            let mut kept = KEPT_BY.iter().filter(|(kept, _)| kept == dependency).peekable();
            assert!(
                kept.peek().is_none() || kept.any(|(_, keeper)| keeper == package),
                "{dependency} is for others alone, and {package} depends on it"
            );
        }
    }
    for dependency in &packages["stepyard-asl"] {
        assert!(ASL.contains(&dependency.as_str()), "asl must not depend on {dependency}");
    }
}

#[test]
fn every_crate_of_the_workspace_is_on_the_map() {
    let known: Vec<&str> = ARROWS.iter().map(|(package, _)| *package).collect();
    for package in dependencies().keys() {
        assert!(
            known.contains(&package.as_str()),
            "{package} is not in ARROWS; say what it may know"
        );
    }
}

/// Package → its ordinary dependencies, by cargo's own account of the workspace.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("a workspace has packages");
    let ordinary = |package: &Value| -> Vec<String> {
        let all = package["dependencies"].as_array().expect("a package lists dependencies").iter();
        let ordinary = all.filter(|dependency| dependency["kind"].is_null());
        ordinary.map(|it| it["name"].as_str().expect("a dependency is named").to_owned()).collect()
    };
    let name = |package: &Value| package["name"].as_str().expect("a package is named").to_owned();
    packages.iter().map(|package| (name(package), ordinary(package))).collect()
}
