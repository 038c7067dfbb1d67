//! `stepyard step new`: the beginning of a step in its own folder, with all that building it takes but
//! the language's own tools.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::report;

/// Make the beginning of a step: a folder that builds
///
/// It has the contract in wit/, a step that greets, and a README that says how it is built.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Its name and its folder's: lower-case words and numbers, parted by hyphens
    name: String,

    /// The language it is written in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
}

/// A language that steps are written in.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    /// Built by cargo
    Rust,
    /// Built by componentize-py
    Python,
    /// Built by ComponentizeJS
    Javascript,
}

/// A file of a skeleton: its path in the folder, and its text, in which `{NAME}` is the step's name.
type Template = (&'static str, &'static str);

/// The contract, as the binary was built with it.
const CONTRACT: &[Template] = &[
    ("wit/world.wit", include_str!("skeleton/world.wit")),
    ("wit/deps/stepyard-step/step.wit", include_str!("../../../../wit/step.wit")),
    ("wit/deps/wasi-config/store.wit", include_str!("../../../../wit/deps/wasi-config/store.wit")),
    (
        "wit/deps/wasi-keyvalue/atomic.wit",
        include_str!("../../../../wit/deps/wasi-keyvalue/atomic.wit"),
    ),
    (
        "wit/deps/wasi-keyvalue/batch.wit",
        include_str!("../../../../wit/deps/wasi-keyvalue/batch.wit"),
    ),
    (
        "wit/deps/wasi-keyvalue/store.wit",
        include_str!("../../../../wit/deps/wasi-keyvalue/store.wit"),
    ),
    (
        "wit/deps/wasi-keyvalue/world.wit",
        include_str!("../../../../wit/deps/wasi-keyvalue/world.wit"),
    ),
    (
        "wit/deps/wasi-logging/logging.wit",
        include_str!("../../../../wit/deps/wasi-logging/logging.wit"),
    ),
];

const RUST: &[Template] = &[
    ("README.md", include_str!("skeleton/rust/README.md")),
    ("Cargo.toml", include_str!("skeleton/rust/Cargo.toml")),
    ("src/lib.rs", include_str!("skeleton/rust/src/lib.rs")),
];

const PYTHON: &[Template] = &[
    ("README.md", include_str!("skeleton/python/README.md")),
    ("step.py", include_str!("skeleton/python/step.py")),
    (
        "requirements.txt",
        include_str!("../../../../steps/examples/inventory-python/requirements.txt"),
    ),
];

const JAVASCRIPT: &[Template] = &[
    ("README.md", include_str!("skeleton/javascript/README.md")),
    ("step.js", include_str!("skeleton/javascript/step.js")),
    ("package.json", include_str!("skeleton/javascript/package.json")),
];

impl Language {
    fn templates(self) -> &'static [Template] {
        match self {
            Self::Rust => RUST,
            Self::Python => PYTHON,
            Self::Javascript => JAVASCRIPT,
        }
    }
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { name, lang } = arguments;
    check(name)?;
    let folder = Path::new(name);
    fs::create_dir(folder).with_context(|| format!("making the folder {name}"))?;
    for (path, text) in lang.templates().iter().chain(CONTRACT) {
        write(&folder.join(path), &text.replace("{NAME}", name))?;
    }
    report::output(&format!("{name}/README.md says how it is built and bound to a function"));
    Ok(())
}

fn write(file: &PathBuf, text: &str) -> Result<()> {
    let parent = file.parent().expect("a file has a folder");
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(file, text))
        .with_context(|| format!("writing {}", file.display()))
}

/// A name that cargo, npm, Python and a function can all have.
fn check(name: &str) -> Result<()> {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if name.len() > NAME_BYTES_MAX || !name.split('-').all(is_word) {
        bail!(
            "`{name}` is not a step's name: at most {NAME_BYTES_MAX} lower-case letters and digits, in words \
             that begin with a letter, parted by hyphens, such as `charge-card`"
        );
    }
    Ok(())
}

/// As long as a function's name.
const NAME_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_every_tool_takes() {
        for name in ["greet", "charge-card", "v2", "a-b2-c"] {
            assert!(check(name).is_ok(), "{name}");
        }
        let long = "a".repeat(65);
        for name in ["", "-", "a-", "2a", "Greet", "a_b", "a/b", "..", "a b", "a--b", &*long] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
