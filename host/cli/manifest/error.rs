//! What is wrong with a manifest, and where.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

/// Where it is, where it has one place, and what is wrong.
pub type Fault = (Option<Range<usize>>, String);

/// A manifest that is at fault.
#[derive(Debug)]
pub struct ManifestError {
    path: PathBuf,
    /// Line and column, from 1, where there is one place.
    place: Option<(usize, usize)>,
    message: String,
}

impl ManifestError {
    /// That the whole file is at fault.
    pub(super) fn whole(path: &Path, message: String) -> Self {
        Self { path: path.to_owned(), place: None, message }
    }

    /// That what stands at `span` of the file's text is, where it has one place.
    pub(super) fn at(path: &Path, text: &str, span: Option<Range<usize>>, message: String) -> Self {
        let place = span.map(|span| place(text, span.start));
        Self { path: path.to_owned(), place, message }
    }
}

impl std::error::Error for ManifestError {}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Line and column, from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |index| index + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
