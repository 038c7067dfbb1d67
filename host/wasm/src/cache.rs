//! Compiled components on disk, so that a component is compiled once. An entry's name says what it
//! was made from and by which compiler; its first bytes are the hash of the rest, checked before
//! use. What does not check out is compiled again.

use std::{
    fs,
    hash::{Hash, Hasher},
    io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest, Sha256};
use wasmtime::Engine;

use crate::component::hex;

/// The beginning of an entry. Another layout gets another beginning.
const MAGIC: &[u8; 16] = b"stepyard-native1";
const HASH_BYTES: usize = 32;
/// The most entries: a step that is written anew a hundred times leaves a hundred behind.
const ENTRIES_MAX: usize = 64;

/// A directory of compiled components, private to its user: what lies there is run as machine code.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    compiler: String,
}

impl Cache {
    /// Opens the directory and takes all rights to it from others. That only its owner can do, so a
    /// directory of somebody else is an error.
    pub(crate) fn open(directory: &Path, engine: &Engine) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        make_private(directory)?;
        Ok(Self { directory: directory.to_owned(), compiler: compiler(engine) })
    }

    /// The compiled form of the component with this hash, if there is an intact one.
    pub(crate) fn get(&self, sha256: &str) -> Option<Vec<u8>> {
        let mut entry = fs::read(self.path(sha256)).ok()?;
        let body = MAGIC.len() + HASH_BYTES;
        let (head, compiled) = entry.split_at_checked(body)?;
        let (magic, hash) = head.split_at(MAGIC.len());
        if magic != MAGIC || hash != Sha256::digest(compiled).as_slice() {
            tracing::warn!(component = sha256, "a compiled component is damaged");
            return None;
        }
        entry.drain(..body);
        Some(entry)
    }

    /// Keeps a compiled component: other processes see all of it or nothing. A cache that cannot be
    /// written costs time, so that is no error.
    pub(crate) fn put(&self, sha256: &str, compiled: &[u8]) {
        if let Err(error) = self.write(sha256, compiled) {
            let directory = self.directory.display();
            tracing::warn!(%directory, "a compiled component could not be kept: {error}");
        }
    }

    fn write(&self, sha256: &str, compiled: &[u8]) -> io::Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!("{}-{number}.tmp", process::id()));
        let entry = [MAGIC.as_slice(), &Sha256::digest(compiled), compiled].concat();
        fs::write(&temporary, entry)
            .and_then(|()| fs::rename(&temporary, self.path(sha256)))
            .inspect_err(|_| drop(fs::remove_file(&temporary)))?;
        self.prune();
        Ok(())
    }

    /// Removes the oldest entries when there are too many, and what a crash left unfinished. What
    /// another process has removed already is passed over.
    fn prune(&self) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let modified = |entry: &fs::DirEntry| entry.metadata()?.modified();
        let mut entries: Vec<_> =
            entries.filter_map(|entry| Some((modified(&entry).ok()?, entry.path()))).collect();
        entries.sort();
        let surplus = entries.len().saturating_sub(ENTRIES_MAX);
        entries.drain(..surplus).for_each(|(_, path)| drop(fs::remove_file(path)));
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.directory.join(format!("{sha256}-{}", self.compiler))
    }
}

/// What the compiled form depends on beside the component: wasmtime's version, the target, the
/// features and the tunables.
fn compiler(engine: &Engine) -> String {
    struct Collect(Sha256);
    impl Hasher for Collect {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            0
        }
    }
    let mut collect = Collect(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut collect);
    hex(&collect.0.finalize()[..8])
}

#[cfg(unix)]
fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(_directory: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_is_damaged_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path(), &Engine::default()).unwrap();
        assert_eq!(cache.get("aa"), None);
        cache.put("aa", b"machine code");
        assert_eq!(cache.get("aa").as_deref(), Some(&b"machine code"[..]));

        let path = cache.path("aa");
        let entry = fs::read(&path).unwrap();
        for at in 0..entry.len() {
            let mut damaged = entry.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert_eq!(cache.get("aa"), None, "a bit of byte {at} flipped");
            fs::write(&path, &entry[..at]).unwrap();
            assert_eq!(cache.get("aa"), None, "cut to {at} bytes");
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path(), &Engine::default()).unwrap();
        (0..ENTRIES_MAX + 3).for_each(|number| cache.put(&number.to_string(), b"code"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), ENTRIES_MAX);
        assert!(cache.get(&(ENTRIES_MAX + 2).to_string()).is_some(), "the latest stays");
    }

    #[cfg(unix)]
    #[test]
    fn the_directory_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("compiled");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        Cache::open(&path, &Engine::default()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
