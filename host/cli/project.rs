//! Where a command works: the manifest, the data directory, the traces of builds.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use crate::manifest::Manifest;

/// The manifest's usual name.
const MANIFEST: &str = "stepyard.toml";
/// The data directory's usual name, beside the manifest.
const DATA: &str = ".stepyard";

/// The options that say where a command works.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The manifest [default: stepyard.toml beside the workflow, or here]
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,

    /// Where executions, buckets and mail are kept [default: .stepyard beside the manifest]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// A manifest and the folders around it.
#[derive(Debug)]
pub(crate) struct Project {
    /// The manifest.
    pub(crate) manifest: Manifest,
    /// Its file.
    pub(crate) manifest_file: PathBuf,
    /// Where executions are kept.
    pub(crate) data: PathBuf,
    /// Where the traces of step builds are kept, whichever data directory is used.
    pub(crate) stamps: PathBuf,
}

impl Project {
    /// Reads the manifest that the options name, or else the one in `folder`.
    pub(crate) fn open(options: &Options, folder: &Path) -> Result<Self> {
        let file = options.manifest.clone().unwrap_or_else(|| folder.join(MANIFEST));
        let manifest = Manifest::read(&file)?;
        let beside = manifest.folder.join(DATA);
        let data = options.data.clone().unwrap_or_else(|| beside.clone());
        Ok(Self { manifest, manifest_file: file, data, stamps: beside.join("steps") })
    }

    /// The same with the manifest as its file has it now.
    pub(crate) fn read_again(&self) -> Result<Self> {
        let manifest = Manifest::read(&self.manifest_file)?;
        let (file, data, stamps) =
            (self.manifest_file.clone(), self.data.clone(), self.stamps.clone());
        Ok(Self { manifest, manifest_file: file, data, stamps })
    }
}
