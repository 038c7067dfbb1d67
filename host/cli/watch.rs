//! What a server does while files change: workflows are registered again, components swapped, and
//! functions bound as the manifest has them.
//!
//! Files are looked at several times a second rather than watched by the operating system: that sees a
//! change on every filesystem, of mounted folders too, however an editor writes it; and the crate that
//! would watch (`notify`) has a licence that deny.toml does not list.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use stepyard_wasm::StepSpec;

use crate::{
    project::Project,
    report,
    wiring::{self, Stepyard},
    workflows,
};

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Looks at the files that a server was started from.
pub(crate) struct Watcher {
    project: Arc<Project>,
    manifest: Watched,
    /// The manifest's text as it was read last.
    text: String,
    files: Vec<(Subject, Watched)>,
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    /// A workflow's definition.
    Workflow(String),
    /// A function's component.
    Component(String),
}

impl Watcher {
    /// Begins to look at the manifest and its workflows: what changes from here on is seen. Take it before
    /// definitions are read.
    pub(crate) fn new(project: Arc<Project>) -> Self {
        let manifest = Watched::new(project.manifest_file.clone());
        let text = fs::read_to_string(&project.manifest_file).unwrap_or_default();
        let files = workflows(&project).collect();
        Self { project, manifest, text, files }
    }

    /// Looks at components, too. Take it before they are read.
    pub(crate) fn with_components(mut self, specs: &[StepSpec]) -> Self {
        self.files.extend(components(specs));
        self
    }

    /// Goes on for as long as it is asked to.
    pub(crate) async fn run(mut self, stepyard: &Stepyard) {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.manifest.has_changed() {
                self.manifest_changed(stepyard).await;
            }
            for (subject, file) in &mut self.files {
                if !file.has_changed() {
                    continue;
                }
                match subject {
                    Subject::Workflow(name) => {
                        workflow_changed(stepyard, &self.project, name).await;
                    }
                    Subject::Component(function) => {
                        component_changed(stepyard, function, &file.path).await;
                    }
                }
            }
        }
    }

    /// Takes functions and workflows as the manifest has them now; one at fault changes nothing.
    async fn manifest_changed(&mut self, stepyard: &Stepyard) {
        let file = self.project.manifest_file.display().to_string();
        match self.taken(stepyard).await {
            Ok(true) => eprintln!("  functions and workflows are as {file} has them now"),
            Ok(false) => eprintln!("  functions and workflows stay as they were"),
            Err(error) => {
                report::error(&error.context("functions and workflows stay as they were"));
            }
        }
    }

    /// Whether the manifest could be taken.
    async fn taken(&mut self, stepyard: &Stepyard) -> Result<bool> {
        let text = fs::read_to_string(&self.project.manifest_file)
            .with_context(|| format!("reading {}", self.project.manifest_file.display()))?;
        let project = Arc::new(self.project.read_again()?);
        let mut files: Vec<_> = workflows(&project).collect();
        let reading = project.clone();
        // Crates may have to be built.
        let read = tokio::task::spawn_blocking(move || {
            let workflows = workflows::read(&reading)?;
            let specs = wiring::step_specs(&reading.manifest, |_| true, &reading.stamps)?;
            Ok::<_, anyhow::Error>((workflows, specs))
        });
        let (Some(workflows), specs) = read.await.context("reading what the manifest names")??
        else {
            return Ok(false);
        };
        files.extend(components(&specs));
        stepyard.rebind(&project.manifest, specs).await?;
        for definition in &workflows {
            workflows::update(&stepyard.engine, &project, definition).await?;
        }
        let later = changed_otherwise(&self.text, &text);
        if !later.is_empty() {
            let later: Vec<_> = later.iter().map(|section| format!("[{section}]")).collect();
            let later = later.join(", ");
            eprintln!("  what has changed in {later} takes effect when the server starts again");
        }
        (self.project, self.text, self.files) = (project, text, files);
        Ok(true)
    }
}

fn workflows(project: &Project) -> impl Iterator<Item = (Subject, Watched)> {
    project.manifest.workflows.iter().map(|(name, workflow)| {
        let path = project.manifest.resolve(&workflow.definition);
        (Subject::Workflow(name.get_ref().clone()), Watched::new(path))
    })
}

fn components(specs: &[StepSpec]) -> impl Iterator<Item = (Subject, Watched)> {
    specs.iter().map(|spec| {
        (Subject::Component(spec.function.clone()), Watched::new(spec.component.clone()))
    })
}

/// Registers a workflow as its file has it now; one that is at fault is told of, and changes nothing.
async fn workflow_changed(stepyard: &Stepyard, project: &Project, name: &str) {
    match workflows::reload(&stepyard.engine, project, name).await {
        Ok(true) => {}
        Ok(false) => eprintln!("  workflow `{name}` stays as it was"),
        Err(error) => {
            report::error(&error.context(format!("workflow `{name}` stays as it was")));
        }
    }
}

/// Makes a component `$LATEST` of its function; one that is refused is told of, and changes nothing.
async fn component_changed(stepyard: &Stepyard, function: &str, path: &Path) {
    let bound = async {
        let component = path.to_owned();
        let read = tokio::task::spawn_blocking(move || stepyard_wasm::read(&component));
        let code = read.await?.with_context(|| path.display().to_string())?;
        Ok::<_, anyhow::Error>(stepyard.steps.bind_code(function, code).await?)
    };
    match bound.await {
        Ok(now) => eprintln!("  function `{function}` runs sha256:{} from here on", now.sha256),
        Err(error) => {
            report::error(&error.context(format!("function `{function}` stays as it was")));
        }
    }
}

/// The sections of two manifests that differ and that a server reads once.
fn changed_otherwise(before: &str, after: &str) -> BTreeSet<String> {
    let read = |text: &str| toml::from_str::<toml::Table>(text).unwrap_or_default();
    let (before, after) = (read(before), read(after));
    let sections = before.keys().chain(after.keys());
    let differ = sections.filter(|section| before.get(*section) != after.get(*section));
    let mut later: BTreeSet<_> =
        differ.filter(|it| !["functions", "workflows"].contains(&it.as_str())).cloned().collect();
    let triggers = |table: &toml::Table| {
        let workflows = table.get("workflows").and_then(toml::Value::as_table).cloned();
        let workflows = workflows.unwrap_or_default().into_iter();
        let triggers = workflows.flat_map(|(name, workflow)| {
            ["schedule", "sqs"]
                .map(|key| (format!("workflows.{name}.{key}"), workflow.get(key).cloned()))
        });
        triggers.filter_map(|(key, value)| Some((key, value?))).collect::<toml::Table>()
    };
    let (before, after) = (triggers(&before), triggers(&after));
    let keys = before.keys().chain(after.keys());
    later.extend(keys.filter(|key| before.get(*key) != after.get(*key)).cloned());
    later
}

/// A file, and what of it was dealt with.
struct Watched {
    path: PathBuf,
    /// What was dealt with last.
    known: Option<Stamp>,
    /// What was seen last and may still be changing.
    seen: Option<Stamp>,
}

/// Tells a file from what it was before: none when it cannot be looked at.
type Stamp = Option<(SystemTime, u64)>;

impl Watched {
    fn new(path: PathBuf) -> Self {
        Self { known: Some(stamp(&path)), seen: None, path }
    }

    /// Whether the file is another than was dealt with, and has been so for one look at least: what is
    /// being written is left alone.
    fn has_changed(&mut self) -> bool {
        let now = Some(stamp(&self.path));
        let settled = now == self.seen;
        self.seen = now;
        if now == self.known || !settled {
            return false;
        }
        self.known = now;
        true
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_changed_once_it_is_another_and_rests() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.json");
        fs::write(&path, "1").unwrap();
        let mut file = Watched::new(path.clone());
        let mut looks = |count: usize| (0..count).map(|_| file.has_changed()).collect::<Vec<_>>();
        assert_eq!(looks(2), [false, false]);
        fs::write(&path, "12").unwrap();
        assert_eq!(looks(1), [false], "it may still be written to");
        fs::write(&path, "123").unwrap();
        assert_eq!(looks(3), [false, true, false]);
        fs::remove_file(&path).unwrap();
        assert_eq!(looks(3), [false, true, false]);
        fs::write(&path, "1").unwrap();
        assert_eq!(looks(3), [false, true, false]);
    }

    #[test]
    fn what_waits_for_the_next_start_is_named() {
        let before =
            "[mail]\nfolder = 'a'\n[functions.A]\nstep = 'a'\n[workflows.W]\ndefinition = 'w'\n";
        let same = BTreeSet::new();
        assert_eq!(changed_otherwise(before, before), same);
        assert_eq!(changed_otherwise(before, &before.replace("step = 'a'", "step = 'b'")), same);
        assert_eq!(changed_otherwise(before, &before.replace("= 'w'", "= 'v'")), same);
        let mail = before.replace("folder = 'a'", "folder = 'b'");
        let schedule = "[[workflows.W.schedule]]\nexpression = 'rate(1 day)'\n";
        let more = format!("{mail}{schedule}[aws]\nregion = 'r'\n");
        let later = changed_otherwise(before, &more);
        assert_eq!(later.iter().collect::<Vec<_>>(), ["aws", "mail", "workflows.W.schedule"]);
    }
}
