//! `stepyard step new`: what it makes builds as its README says, and runs in a workflow.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Project, ROOT, toolchains};

const WORKFLOW: &str = r#"{
    "StartAt": "Greet",
    "States": { "Greet": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "OutputPath": "$.Payload",
        "Parameters": { "FunctionName": "greet", "Payload.$": "$" }, "End": true
    } }
}"#;

/// A project with a new step in this language, and a function `greet` bound to it as its README says.
fn project(language: &str) -> Project {
    let project = Project::with_manifest("");
    let made = project.stepyard(["step", "new", "greet", "--lang", language]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let readme = fs::read_to_string(project.path("greet/README.md")).unwrap();
    let manifest: Vec<&str> = indented(&readme).skip_while(|it| !it.starts_with('[')).collect();
    project.write("stepyard.toml", &manifest.join("\n"));
    project.write("greet.asl.json", WORKFLOW);
    project
}

/// The lines that a README gives to be copied.
fn indented(readme: &str) -> impl Iterator<Item = &str> {
    readme.lines().filter_map(|line| line.strip_prefix("    "))
}

/// Runs the README's command that begins so.
fn build(project: &Project, toolchain: &toolchains::Toolchain, begins: &str) {
    let readme = fs::read_to_string(project.path("greet/README.md")).unwrap();
    let command = indented(&readme).find(|line| line.starts_with(begins)).unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    let output = toolchain.command(&words).current_dir(project.path("greet")).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

fn greets(project: &Project) {
    let run =
        |input: Value| project.stepyard(["run", "greet.asl.json", "--input", &input.to_string()]);
    assert_eq!(run(json!({ "name": "Ada" })).output(), json!({ "greeting": "Hello, Ada." }));
    let failed = run(json!({ "nom": "Ada" }));
    assert!(failed.failure().contains("InvalidInput"), "{}", failed.stderr);
}

#[test]
fn a_new_step_in_rust_builds_and_runs() {
    let project = project("rust");
    // The versions that are on this machine already.
    fs::copy(Path::new(ROOT).join("Cargo.lock"), project.path("greet/Cargo.lock")).unwrap();
    greets(&project);
}

#[test]
fn a_new_step_in_python_builds_and_runs() {
    let Some(python) = toolchains::python() else { return };
    let project = project("python");
    build(&project, python, "componentize-py ");
    greets(&project);
}

#[cfg(unix)]
#[test]
fn a_new_step_in_javascript_builds_and_runs() {
    let Some(javascript) = toolchains::javascript() else { return };
    let project = project("javascript");
    let wanted = |file: &Path| -> Value {
        let package: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        package["devDependencies"].clone()
    };
    // Of `npm install`, only where it looks.
    let [installed, skeleton] = [javascript.folder.clone(), project.path("greet")];
    assert_eq!(wanted(&installed.join("package.json")), wanted(&skeleton.join("package.json")));
    let modules = "node_modules";
    std::os::unix::fs::symlink(installed.join(modules), skeleton.join(modules)).unwrap();
    build(&project, javascript, "npm run build");
    greets(&project);
}

#[test]
fn a_step_that_is_there_is_not_made_again() {
    let project = Project::with_manifest("");
    let new = || project.stepyard(["step", "new", "greet"]);
    assert_eq!(new().code, Some(0));
    let edited = project.write("greet/src/lib.rs", "mine");
    assert!(new().refusal().contains("making the folder greet"));
    assert_eq!(fs::read_to_string(edited).unwrap(), "mine");
    let bad = project.stepyard(["step", "new", "../greet"]);
    assert!(bad.refusal().contains("is not a step's name"), "{}", bad.stderr);
}
