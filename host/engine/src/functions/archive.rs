//! The code of functions, kept by its hash: what is written once is never written again, and what is
//! read is what was written.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest, Sha256};

use crate::crash;

/// Keeps components by the SHA-256 of their bytes, in a folder or in memory.
#[derive(Debug)]
pub struct CodeArchive(Place);

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    Memory(Mutex<BTreeMap<Arc<str>, Arc<[u8]>>>),
}

/// How the name of a file ends that holds a component.
const SUFFIX: &str = ".wasm";
/// How the name of a file ends that is being written.
const UNFINISHED: &str = ".tmp";

impl CodeArchive {
    /// One in a folder, which is made when it is absent. What a crash left unfinished there goes with
    /// the next [`retain`](Self::retain).
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        Ok(Self(Place::Folder(folder)))
    }

    /// One that keeps nothing beyond the process.
    pub fn in_memory() -> Self {
        Self(Place::Memory(Mutex::default()))
    }

    /// Keeps code and answers its SHA-256 in hex. It is on the disk when this returns. Blocks the thread.
    pub fn put(&self, code: &[u8]) -> io::Result<Arc<str>> {
        let sha256 = sha256(code);
        match &self.0 {
            Place::Memory(kept) => {
                locked(kept).entry(sha256.clone()).or_insert_with(|| code.into());
            }
            // What is there but damaged is mended by being written again.
            Place::Folder(_) if self.get(&sha256).is_ok() => {}
            Place::Folder(folder) => write(folder, &sha256, code).map_err(told)?,
        }
        Ok(sha256)
    }

    /// The code of this hash. Code that has another hash than its name says is an error. Blocks the
    /// thread.
    pub fn get(&self, sha256: &str) -> io::Result<Arc<[u8]>> {
        match &self.0 {
            Place::Memory(kept) => {
                locked(kept).get(sha256).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
            }
            Place::Folder(folder) => read(&path(folder, sha256), sha256),
        }
    }

    /// Removes all code but that of these hashes, and what is unfinished. Not to be called while code
    /// is put whose hash is not among them.
    pub fn retain(&self, wanted: &BTreeSet<Arc<str>>) -> io::Result<()> {
        match &self.0 {
            Place::Memory(kept) => locked(kept).retain(|sha256, _| wanted.contains(sha256)),
            Place::Folder(folder) => {
                for entry in fs::read_dir(folder)? {
                    let entry = entry?;
                    let name = entry.file_name();
                    let name = name.to_string_lossy();
                    let surplus = name.ends_with(UNFINISHED)
                        || name.strip_suffix(SUFFIX).is_some_and(|it| !wanted.contains(it));
                    if surplus {
                        fs::remove_file(entry.path())?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The file has its name only once its bytes are on the disk, and the name is on the disk, too, when this
/// returns.
fn write(folder: &Path, sha256: &str, code: &[u8]) -> io::Result<()> {
    let unfinished = folder.join(format!("{sha256}{UNFINISHED}"));
    let mut file = File::create(&unfinished)?;
    file.write_all(code)?;
    file.sync_all()?;
    crash::point("code-written");
    fs::rename(&unfinished, path(folder, sha256))?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    crash::point("code-kept");
    Ok(())
}

/// A disk that is full is told with what to do about it.
fn told(error: io::Error) -> io::Error {
    match error.kind() {
        kind @ io::ErrorKind::StorageFull => {
            io::Error::new(kind, "its disk is full: make room there, then try again")
        }
        _ => error,
    }
}

fn read(path: &Path, wanted: &str) -> io::Result<Arc<[u8]>> {
    let code = fs::read(path)?;
    if *sha256(&code) != *wanted {
        let detail = "its content is not what its name says: publish it again";
        return Err(io::Error::new(io::ErrorKind::InvalidData, detail));
    }
    Ok(code.into())
}

fn path(folder: &Path, sha256: &str) -> PathBuf {
    folder.join(format!("{sha256}{SUFFIX}"))
}

/// The SHA-256 in hex.
pub(super) fn sha256(code: &[u8]) -> Arc<str> {
    Sha256::digest(code).iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// A panic elsewhere leaves the map whole.
fn locked<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(archive: &CodeArchive) {
        let [one, other] = [b"one", b"two"].map(|code| archive.put(code).unwrap());
        assert_eq!(archive.put(b"one").unwrap(), one, "the same code has one name");
        assert_eq!((one.len(), &*archive.get(&one).unwrap()), (64, &b"one"[..]));
        archive.retain(&[other.clone()].into()).unwrap();
        assert_eq!(archive.get(&one).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(&*archive.get(&other).unwrap(), b"two");
    }

    #[test]
    fn code_is_kept_by_its_hash_until_nothing_wants_it() {
        let folder = tempfile::tempdir().unwrap();
        check(&CodeArchive::in_memory());
        check(&CodeArchive::open(folder.path()).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished stays");
    }

    #[test]
    fn damaged_code_is_not_read_and_is_mended_by_publishing_it_again() {
        let folder = tempfile::tempdir().unwrap();
        let archive = CodeArchive::open(folder.path()).unwrap();
        let sha256 = archive.put(b"code").unwrap();
        fs::write(path(folder.path(), &sha256), b"cod").unwrap();
        assert_eq!(archive.get(&sha256).unwrap_err().kind(), io::ErrorKind::InvalidData);
        archive.put(b"code").unwrap();
        assert_eq!(&*archive.get(&sha256).unwrap(), b"code");
    }

    #[test]
    fn what_a_crash_left_unfinished_is_never_read_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let archive = CodeArchive::open(folder.path()).unwrap();
        fs::write(folder.path().join(format!("aa{UNFINISHED}")), b"half").unwrap();
        assert_eq!(archive.get("aa").unwrap_err().kind(), io::ErrorKind::NotFound);
        archive.retain(&BTreeSet::new()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
