//! A disk that goes wrong: `faults.c`, compiled here and preloaded into the server.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::Command,
};

use tempfile::TempDir;

use crate::support::{Finished, Project, ROOT, Server};

/// How a disk goes wrong; each is told in `faults.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    Torn,
    Full,
    Sync,
    Syncs,
    Cut,
}

impl Fault {
    /// All that are one.
    pub(super) const ALL: [Self; 5] = [Self::Torn, Self::Full, Self::Sync, Self::Syncs, Self::Cut];

    /// Its name in `faults.c`.
    pub(super) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Whether the process ends with it.
    pub(super) fn kills(self) -> bool {
        matches!(self, Self::Torn | Self::Cut)
    }

    /// How many calls it may come at, when so many are made.
    pub(super) fn points(self, tally: Tally) -> u64 {
        match self {
            Self::None => 0,
            Self::Torn | Self::Full => tally.writes,
            Self::Sync | Self::Syncs => tally.syncs,
            Self::Cut => tally.writes + tally.syncs,
        }
    }

    /// What it concerns: the data directory, or of it the database alone, where a failed sync has to
    /// end the server. A mail that cannot be kept is only sent again.
    fn below(self) -> &'static str {
        match self {
            Self::Sync | Self::Syncs => ".stepyard/stepyard.db",
            _ => ".stepyard/",
        }
    }
}

/// What a process made of its disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    writes: u64,
    syncs: u64,
    /// Whether the fault came about.
    pub(super) fired: bool,
}

/// The library, compiled.
pub(super) struct Shim {
    folder: TempDir,
}

impl Shim {
    /// Compiles it. None, and said so, where nothing can be preloaded: the test returns.
    pub(super) fn build() -> Option<Self> {
        if !cfg!(target_os = "linux") {
            // Not `eprintln!`: the test harness would keep the line to itself.
            let line = "\nSKIPPED: the disk does not go wrong: that needs Linux's LD_PRELOAD";
            writeln!(io::stderr(), "{line}").expect("stderr can be written");
            return None;
        }
        let shim = Self { folder: TempDir::new().unwrap() };
        let source = Path::new(ROOT).join("tests/crash/faults.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]);
        compiler.arg(shim.library()).arg(source).args(["-ldl", "-lpthread"]);
        let output = compiler.output().expect("a C compiler is there, as the README asks for");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(shim)
    }

    fn library(&self) -> std::path::PathBuf {
        self.folder.path().join("faults.so")
    }

    fn tally_file(&self) -> std::path::PathBuf {
        self.folder.path().join("tally")
    }

    /// Starts a server whose disk goes wrong at call number `at`.
    pub(super) fn start(
        &self,
        project: &Project,
        fault: Fault,
        at: u64,
        seed: u64,
    ) -> Result<Server, Finished> {
        fs::write(self.tally_file(), [0; 24]).unwrap();
        let below = project.path("").canonicalize().unwrap().join(fault.below());
        let (library, tally) = (self.library(), self.tally_file());
        let variables = [
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FAULTS_TALLY", tally.to_str().unwrap()),
            ("FAULTS_BELOW", below.to_str().unwrap()),
            ("FAULTS_KIND", &fault.name()),
            ("FAULTS_AT", &at.to_string()),
            ("FAULTS_SEED", &seed.to_string()),
        ];
        Server::try_start(project, "127.0.0.1:0", &variables)
    }

    /// What the server that was started last made of its disk.
    pub(super) fn tally(&self) -> Tally {
        let bytes = fs::read(self.tally_file()).unwrap();
        let (numbers, _) = bytes.as_chunks();
        let [writes, syncs, fired] = [0, 1, 2].map(|place| u64::from_ne_bytes(numbers[place]));
        Tally { writes, syncs, fired: fired > 0 }
    }
}
