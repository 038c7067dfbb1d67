//! Step crates: turns a crate folder into a component, when that is missing or stale.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// The target that step components are built for.
const TARGET: &str = "wasm32-wasip2";
/// The cargo profile, where the workspace defines it.
const PROFILE: &str = "step";

/// What a build left behind, kept beside the manifest so that the next run need not ask cargo.
#[derive(Debug, Serialize, Deserialize)]
struct Stamp {
    component: PathBuf,
    /// The files it was made from.
    sources: Vec<PathBuf>,
}

/// The components of several crate folders, in their order. Builds those that are missing or
/// stale, with cargo's output on stderr; `force` asks cargo about every one.
pub(crate) fn components(folders: &[PathBuf], stamps: &Path, force: bool) -> Result<Vec<PathBuf>> {
    let fresh = |folder: &PathBuf| if force { None } else { fresh_component(folder, stamps) };
    let found: Vec<Option<PathBuf>> = folders.iter().map(fresh).collect();
    let stale: Vec<&PathBuf> =
        folders.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(it, _)| it).collect();
    if !stale.is_empty() {
        add_target(TARGET)?;
    }
    let mut built = BTreeMap::new();
    for folder in stale {
        if !built.contains_key(folder) {
            built.insert(folder.clone(), build(folder, stamps)?);
        }
    }
    let pairs = folders.iter().zip(found);
    Ok(pairs.map(|(folder, found)| found.unwrap_or_else(|| built[folder].clone())).collect())
}

/// The component of a folder, if no source of it has changed since it was built.
fn fresh_component(folder: &Path, stamps: &Path) -> Option<PathBuf> {
    let stamp: Stamp = serde_json::from_slice(&fs::read(stamp_path(folder, stamps)).ok()?).ok()?;
    let built = modified(&stamp.component)?;
    let unchanged = |source: &PathBuf| modified(source).is_some_and(|changed| changed <= built);
    stamp.sources.iter().all(unchanged).then_some(stamp.component)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

fn stamp_path(folder: &Path, stamps: &Path) -> PathBuf {
    let name: String = folder.to_string_lossy().replace(['/', '\\', ':'], "+");
    stamps.join(format!("{name}.json"))
}

/// Adds a target when the toolchain lacks it.
pub(crate) fn add_target(target: &str) -> Result<()> {
    let mut query = Command::new("rustc");
    query.args(["--print", "target-libdir", "--target", target]);
    let answer = query.output().context("running rustc; install Rust with rustup (rustup.rs)")?;
    if Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_dir() {
        return Ok(());
    }
    eprintln!("  adding the Rust target {target}");
    let mut add = Command::new("rustup");
    add.args(["target", "add", target]).stdout(Stdio::null());
    let added = add.status().context("running rustup to add the Rust target")?;
    if !added.success() {
        bail!("the Rust target {target} is missing; add it with `rustup target add {target}`");
    }
    Ok(())
}

fn build(folder: &Path, stamps: &Path) -> Result<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        bail!("{} is not a crate folder: it has no Cargo.toml", folder.display());
    }
    let manifest = fs::canonicalize(manifest)?;
    let began = SystemTime::now();
    let component = cargo_build(&manifest)
        .with_context(|| format!("building the step in {}", folder.display()))?;
    let mut sources = dependencies(&component)?;
    sources.extend(manifest.ancestors().map(|it| it.join("Cargo.lock")).find(|it| it.is_file()));
    sources.push(manifest);
    // Cargo leaves a component that is up to date untouched, so its own time says less than this;
    // and a source that changes while cargo runs is newer than this.
    fs::File::options().append(true).open(&component)?.set_modified(began)?;
    fs::create_dir_all(stamps)?;
    let stamp = Stamp { component, sources };
    fs::write(stamp_path(folder, stamps), serde_json::to_vec(&stamp)?)?;
    Ok(stamp.component)
}

/// Runs cargo and answers the path of the component it made.
fn cargo_build(manifest: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--target", TARGET, "--lib", "--message-format"]);
    cargo.arg("json-render-diagnostics").arg("--manifest-path").arg(manifest);
    match has_step_profile(manifest)? {
        true => cargo.args(["--profile", PROFILE]),
        false => cargo.arg("--release"),
    };
    cargo.current_dir(manifest.parent().expect("a file has a folder"));
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("running cargo")?;
    let messages = BufReader::new(child.stdout.take().expect("cargo's stdout is piped"));
    let mut component = None;
    for line in messages.lines() {
        component = component_of(&line?, manifest).or(component);
    }
    if !child.wait()?.success() {
        bail!("cargo could not build it; its messages are above");
    }
    component.context(
        "cargo made no component: the crate needs `[lib] crate-type = [\"cdylib\", \"rlib\"]`",
    )
}

/// Whether the workspace of a crate defines the profile; a crate elsewhere is built with `release`.
fn has_step_profile(manifest: &Path) -> Result<bool> {
    #[derive(Deserialize)]
    struct Profiles {
        #[serde(default)]
        profile: BTreeMap<String, toml::Value>,
        workspace: Option<toml::Value>,
    }
    for folder in manifest.ancestors().skip(1) {
        let Ok(text) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let profiles: Profiles = toml::from_str(&text)
            .with_context(|| format!("reading {}", folder.join("Cargo.toml").display()))?;
        if profiles.workspace.is_some() {
            return Ok(profiles.profile.contains_key(PROFILE));
        }
    }
    Ok(false)
}

/// The `.wasm` file that one of cargo's messages reports for the crate itself.
fn component_of(line: &str, manifest: &Path) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Artifact {
        manifest_path: PathBuf,
        filenames: Vec<PathBuf>,
    }
    let artifact: Artifact = serde_json::from_str(line).ok()?;
    let wasm =
        artifact.filenames.into_iter().find(|name| name.extension() == Some("wasm".as_ref()));
    wasm.filter(|_| artifact.manifest_path == manifest)
}

/// The sources a component was made from, as cargo's dep-info file beside it lists them.
fn dependencies(component: &Path) -> Result<Vec<PathBuf>> {
    let path = component.with_extension("d");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let (_, sources) =
        text.lines().next().and_then(|line| line.split_once(": ")).unwrap_or_default();
    Ok(split_escaped(sources))
}

/// Splits at spaces; `\ ` is a space within a name.
fn split_escaped(text: &str) -> Vec<PathBuf> {
    let names = text.replace("\\ ", "\0");
    let names = names.split(' ').filter(|name| !name.is_empty());
    names.map(|name| PathBuf::from(name.replace('\0', " "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dep_info_line_is_split_at_its_bare_spaces() {
        let names = split_escaped("/a/lib.rs /b\\ c/d.rs ");
        assert_eq!(names, [PathBuf::from("/a/lib.rs"), PathBuf::from("/b c/d.rs")]);
    }

    #[test]
    fn only_the_crates_own_wasm_is_its_component() {
        let manifest = Path::new("/s/Cargo.toml");
        let line = |path: &str, file: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"{path}","filenames":["{file}"]}}"#
            )
        };
        let found = |line: &str| component_of(line, manifest);
        assert_eq!(found(&line("/s/Cargo.toml", "/t/s.wasm")), Some("/t/s.wasm".into()));
        assert_eq!(found(&line("/s/Cargo.toml", "/t/libs.rlib")), None);
        assert_eq!(found(&line("/dep/Cargo.toml", "/t/dep.wasm")), None);
        assert_eq!(found("not json"), None);
    }
}
