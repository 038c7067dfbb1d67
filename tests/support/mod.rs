//! A project in a folder of its own, and the real `stepyard` run in it.

pub(crate) mod packages;
pub(crate) mod python;
mod server;
pub(crate) mod toolchains;

pub(crate) use server::Server;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

/// The repository.
pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A copy of the order project: its workflow, its manifest bound to built components, no state yet.
pub(crate) struct Project {
    folder: TempDir,
}

/// What a run of `stepyard` came to.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The exit code; none when it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Project {
    /// The order project.
    pub(crate) fn order() -> Self {
        let manifest = fs::read_to_string(Path::new(ROOT).join("stepyard.toml")).unwrap();
        Self::with_manifest(&bound(&manifest))
    }

    /// The order project with the manifest's text changed.
    pub(crate) fn order_with(change: impl FnOnce(String) -> String) -> Self {
        let manifest = fs::read_to_string(Path::new(ROOT).join("stepyard.toml")).unwrap();
        Self::with_manifest(&change(bound(&manifest)))
    }

    /// The order's workflow beside this manifest.
    pub(crate) fn with_manifest(manifest: &str) -> Self {
        let project = Self { folder: TempDir::new().unwrap() };
        project.write("stepyard.toml", manifest);
        fs::copy(Path::new(ROOT).join("workflow.asl.json"), project.path("workflow.asl.json"))
            .unwrap();
        project
    }

    /// A file of the project.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Compiled components, so that this project need not compile them again. State is separate.
    pub(crate) fn warm(self) -> Self {
        self.with_compiled(compiled())
    }

    /// The same from another folder.
    pub(crate) fn with_compiled(self, from: &Path) -> Self {
        let to = self.path(".stepyard/components");
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        self
    }

    /// Runs `stepyard` in the project.
    pub(crate) fn stepyard<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Finished {
        self.stepyard_with(arguments, &[])
    }

    /// Runs `stepyard` in the project with variables set.
    pub(crate) fn stepyard_with<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
        variables: &[(&str, &str)],
    ) -> Finished {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepyard"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_remove("STEPYARD_CRASH_AT").envs(variables.iter().copied());
        let output = command.output().expect("stepyard runs");
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs the order workflow with this input.
    pub(crate) fn run(&self, input: &Value) -> Finished {
        self.stepyard(["run", "workflow.asl.json", "--input", &input.to_string()])
    }

    /// The messages in the mail folder, of all functions.
    pub(crate) fn mail(&self) -> Vec<String> {
        let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten();
        entries(&self.path(".stepyard/mail"))
            .flat_map(|function| entries(&function.unwrap().path()))
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect()
    }

    /// The notifications in the topic log.
    pub(crate) fn notifications(&self) -> Vec<Value> {
        let shown = self.stepyard(["topics", "--json"]);
        assert_eq!(shown.code, Some(0), "{shown:?}");
        shown.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The history of a named execution.
    pub(crate) fn history(&self, name: &str) -> Vec<Value> {
        let shown = self.stepyard(["history", "--execution", name]);
        assert_eq!(shown.code, Some(0), "{shown:?}");
        let history: Value = serde_json::from_str(&shown.stdout).unwrap();
        history["events"].as_array().unwrap().clone()
    }
}

impl Finished {
    /// The output JSON of an execution that succeeded.
    #[track_caller]
    pub(crate) fn output(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_str(&self.stdout).expect("stdout is the output JSON alone")
    }

    /// Asserts that an execution ended otherwise than SUCCEEDED, and answers what stderr says.
    #[track_caller]
    pub(crate) fn failure(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.stdout, "", "a failed execution has no output");
        &self.stderr
    }

    /// Asserts that the input or the command was at fault, and answers the message.
    #[track_caller]
    pub(crate) fn refusal(&self) -> &str {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.stdout, "", "a refusal prints nothing on stdout");
        &self.stderr
    }
}

/// The manifest with each crate folder replaced by the component built from it.
pub(crate) fn bound(manifest: &str) -> String {
    components().iter().fold(manifest.to_owned(), |text, (folder, component)| {
        text.replace(&format!("\"{folder}\""), &format!("{:?}", component.to_str().unwrap()))
    })
}

/// Crate folder → its component, built once for all tests by the command itself.
pub(crate) fn components() -> &'static BTreeMap<String, PathBuf> {
    static COMPONENTS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    COMPONENTS.get_or_init(|| {
        let stepyard = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_stepyard"));
            let output = command.args(arguments).current_dir(ROOT).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let built = stepyard(&["step", "build", "--json"]);
        let built: Value = serde_json::from_str(&built).unwrap();
        let steps = built.as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        steps.map(|step| (text(&step["step"]), text(&step["component"]).into())).collect()
    })
}

/// A folder of the order's components in compiled form.
fn compiled() -> &'static Path {
    static PROJECT: OnceLock<Project> = OnceLock::new();
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let project = PROJECT.get_or_init(Project::order);
        project.run(&order("warm-up")).output();
        project.path(".stepyard/components")
    })
}

/// An order of one piece of `sku-001`.
pub(crate) fn order(id: &str) -> Value {
    serde_json::json!({
        "order_id": id, "product_id": "sku-001", "quantity": 1, "customer_email": "user@example.com",
    })
}
