//! A folder as a bucket of objects: each file in it is one, by its path.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::{Component, Path, PathBuf},
    time::UNIX_EPOCH,
};

use futures::{future::BoxFuture, stream};
use stepyard_asl::Timestamp;
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use crate::outside::{
    ObjectBody, ObjectError, ObjectPage, ObjectPlace, ObjectSummary, ObjectWriter, Objects,
};

/// How many bytes of a file are read at a time.
const PIECE: usize = 256 << 10;

/// The most objects of a page: each page looks through the whole folder.
const PAGE: usize = 10_000;

/// What the names of files begin with that are being written: they are no objects yet.
const UNFINISHED: &str = ".stepyard-unfinished-";

/// A folder whose files are objects. Nothing outside it is reached: a key names a file below it, and a
/// link out of it is not followed.
#[derive(Clone, Debug)]
pub struct ObjectFolder {
    root: PathBuf,
    is_writable: bool,
}

type Result<T> = std::result::Result<T, ObjectError>;

impl ObjectFolder {
    /// The files of `root`; new ones are put there only if it is writable.
    pub fn new(root: impl Into<PathBuf>, is_writable: bool) -> Self {
        Self { root: root.into(), is_writable }
    }

    /// The folder itself, wherever links to it lead.
    fn root(&self) -> Result<PathBuf> {
        let shown = self.root.display();
        fs::canonicalize(&self.root).map_err(|error| told(format!("The folder {shown}"), &error))
    }

    /// Where the object of a key is, or would be.
    fn path(&self, key: &str) -> Result<PathBuf> {
        let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        let allowed = key.split('/').all(is_plain) && !key.contains(['\\', '\0', ':']);
        let normal = Path::new(key).components().all(|it| matches!(it, Component::Normal(_)));
        if !allowed || !normal {
            return Err(ObjectError(format!(
                "The key {key} names no file of a folder: use names with slashes between them"
            )));
        }
        Ok(self.root()?.join(key))
    }

    fn open(&self, from: &ObjectPlace) -> Result<(File, String)> {
        let key = &from.key;
        let fail = |error: &_| told(format!("The object {key}"), error);
        let path = fs::canonicalize(self.path(key)?).map_err(|error| fail(&error))?;
        if !path.starts_with(self.root()?) {
            return Err(ObjectError(format!("The object {key} is a link out of its folder")));
        }
        // Looked at before it is opened: to open a pipe is to wait for who writes to it.
        if !path.is_file() {
            return Err(ObjectError(format!("The object {key} is not a file")));
        }
        let mut file = File::open(&path).map_err(|error| fail(&error))?;
        let etag = etag(&file.metadata().map_err(|error| fail(&error))?);
        if from.etag.as_ref().is_some_and(|wanted| *wanted != etag) {
            return Err(ObjectError(format!(
                "The object {key} has changed since it was read first"
            )));
        }
        file.seek(SeekFrom::Start(from.offset)).map_err(|error| fail(&error))?;
        Ok((file, etag))
    }

    fn page(&self, prefix: &str, after: Option<&str>) -> Result<ObjectPage> {
        let root = self.root()?;
        let mut found = BTreeMap::new();
        let mut folders = vec![(root, String::new())];
        while let Some((folder, above)) = folders.pop() {
            let entries = fs::read_dir(&folder).map_err(|error| told("The folder", &error))?;
            for entry in entries {
                let entry = entry.map_err(|error| told("The folder", &error))?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let key = format!("{above}{name}");
                let Ok(metadata) = entry.metadata() else { continue };
                if metadata.is_dir() {
                    let within = format!("{key}/");
                    if within.starts_with(prefix) || prefix.starts_with(&within) {
                        folders.push((entry.path(), within));
                    }
                } else if metadata.is_file()
                    && !name.starts_with(UNFINISHED)
                    && key.starts_with(prefix)
                    && after.is_none_or(|after| key.as_str() > after)
                {
                    found.insert(key, metadata);
                    if found.len() > PAGE + 1 {
                        found.pop_last();
                    }
                }
            }
        }
        let more = found.len() > PAGE;
        let objects = found.into_iter().take(PAGE).map(|(key, metadata)| ObjectSummary {
            key,
            etag: etag(&metadata),
            last_modified: modified(&metadata),
            size: metadata.len(),
            storage_class: "STANDARD".to_owned(),
        });
        Ok(ObjectPage { objects: objects.collect(), more })
    }

    fn begin(&self, key: &str) -> Result<Box<dyn ObjectWriter>> {
        if !self.is_writable {
            return Err(ObjectError(format!(
                "The object {key} is not written: its folder may be read only; add write = true to its bucket in the manifest"
            )));
        }
        let (root, path) = (self.root()?, self.path(key)?);
        let fail = |error: &_| told(format!("The object {key}"), error);
        let parent = path.parent().unwrap_or(&root).to_owned();
        let there = parent.ancestors().find(|it| it.exists()).unwrap_or(&root);
        let there = fs::canonicalize(there).map_err(|error| fail(&error))?;
        if !there.starts_with(&root) {
            return Err(ObjectError(format!(
                "The object {key} would be behind a link out of its folder"
            )));
        }
        fs::create_dir_all(&parent).map_err(|error| fail(&error))?;
        let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&parent);
        let file = file.map_err(|error| fail(&error))?;
        Ok(Box::new(Writing { file: Some(file), root, path }))
    }
}

impl Objects for ObjectFolder {
    fn read(&self, from: ObjectPlace) -> BoxFuture<'_, Result<ObjectBody>> {
        let folder = self.clone();
        Box::pin(async move {
            let (file, etag) = blocking(move || folder.open(&from)).await?;
            let bytes = stream::try_unfold(file, |file| blocking(move || piece(file)));
            Ok(ObjectBody { etag, bytes: Box::pin(bytes) })
        })
    }

    fn list(
        &self,
        _bucket: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> BoxFuture<'_, Result<ObjectPage>> {
        let (folder, prefix) = (self.clone(), prefix.to_owned());
        let after = after.map(str::to_owned);
        Box::pin(blocking(move || folder.page(&prefix, after.as_deref())))
    }

    fn create(&self, _bucket: &str, key: &str) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>>> {
        let (folder, key) = (self.clone(), key.to_owned());
        Box::pin(blocking(move || folder.begin(&key)))
    }
}

/// The next bytes of a file; none at its end.
fn piece(mut file: File) -> Result<Option<(Vec<u8>, File)>> {
    let mut piece = vec![0; PIECE];
    let read = file.read(&mut piece).map_err(|error| told("The object", &error))?;
    piece.truncate(read);
    Ok((read > 0).then_some((piece, file)))
}

/// A file that takes its name when it is whole.
struct Writing {
    file: Option<NamedTempFile>,
    root: PathBuf,
    path: PathBuf,
}

impl ObjectWriter for Writing {
    fn write(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let Some(mut file) = self.file.take() else { return Err(ObjectError("gone".into())) };
            let work = move || {
                file.write_all(&bytes).map_err(|error| told("The object", &error))?;
                Ok(file)
            };
            self.file = Some(blocking(work).await?);
            Ok(())
        })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(blocking(move || {
            let Self { file, root, path } = *self;
            let Some(file) = file else { return Err(ObjectError("gone".into())) };
            file.as_file().sync_all().map_err(|error| told("The object", &error))?;
            let kept = file.persist(&path).map_err(|error| told("The object", &error.error))?;
            drop(kept);
            // The folders that it is in may be new, too.
            let folders = path.ancestors().skip(1).take_while(|it| it.starts_with(&root));
            for folder in folders.filter_map(|it| File::open(it).ok()) {
                folder.sync_all().map_err(|error| told("The object", &error))?;
            }
            Ok(())
        }))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(ObjectError("The work on a file was broken off".to_owned())))
}

fn etag(metadata: &fs::Metadata) -> String {
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    format!("\"{:x}-{:x}\"", modified.unwrap_or_default().as_nanos(), metadata.len())
}

fn modified(metadata: &fs::Metadata) -> Timestamp {
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let millis = modified.unwrap_or_default().as_millis();
    Timestamp::from_millis(millis.try_into().unwrap_or(i64::MAX))
}

fn told(what: impl std::fmt::Display, error: &std::io::Error) -> ObjectError {
    ObjectError(format!("{what} cannot be read or written: {error}"))
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    fn place(key: &str) -> ObjectPlace {
        ObjectPlace { key: key.to_owned(), ..ObjectPlace::default() }
    }

    async fn text(folder: &ObjectFolder, from: ObjectPlace) -> Result<String> {
        let pieces: Vec<Vec<u8>> = folder.read(from).await?.bytes.try_collect().await?;
        Ok(String::from_utf8(pieces.concat()).unwrap())
    }

    #[tokio::test]
    async fn objects_are_written_listed_and_read_from_a_place_on() {
        let directory = tempfile::tempdir().unwrap();
        let folder = ObjectFolder::new(directory.path(), true);
        let keys = |page: ObjectPage| page.objects.into_iter().map(|it| it.key).collect::<Vec<_>>();
        for key in ["out/b.json", "a.txt", "out/a/c.json"] {
            let mut object = folder.create("b", key).await.unwrap();
            object.write(b"some ".to_vec()).await.unwrap();
            assert!(text(&folder, place(key)).await.is_err(), "it is there before it is whole");
            let before = keys(folder.list("b", "", None).await.unwrap());
            assert!(before.iter().all(|it| !it.contains("unfinished")), "{before:?}");
            object.write(key.as_bytes().to_vec()).await.unwrap();
            object.finish().await.unwrap();
        }
        let all = folder.list("b", "", None).await.unwrap();
        assert_eq!(keys(all), ["a.txt", "out/a/c.json", "out/b.json"]);
        let behind = folder.list("b", "out/", Some("out/a/c.json")).await.unwrap();
        assert_eq!(keys(behind), ["out/b.json"]);
        let within = folder.list("b", "out/a", None).await.unwrap();
        assert_eq!(keys(within), ["out/a/c.json"]);
        let from = ObjectPlace { offset: 5, ..place("a.txt") };
        assert_eq!(text(&folder, from).await.unwrap(), "a.txt");
        let changed = ObjectPlace { etag: Some("\"1-1\"".to_owned()), ..place("a.txt") };
        assert!(text(&folder, changed).await.unwrap_err().0.contains("has changed"));
    }

    #[tokio::test]
    async fn nothing_outside_the_folder_is_reached() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("inside");
        fs::create_dir(&inside).unwrap();
        fs::write(directory.path().join("secret"), "hush").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(directory.path(), inside.join("link")).unwrap();
        let folder = ObjectFolder::new(&inside, true);
        for key in [
            "../secret",
            "/etc/passwd",
            "a/../../secret",
            "./a",
            "",
            "a//b",
            "..",
            "a\\..\\b",
            "link/secret",
            "a\0b",
        ] {
            let read = folder.read(place(key)).await.map(drop);
            assert!(read.is_err(), "{key:?} is read");
            let written = folder.create("b", key).await.map(drop);
            assert!(written.is_err(), "{key:?} is written");
        }
        assert_eq!(folder.list("b", "", None).await.unwrap().objects, []);
        let read_only = ObjectFolder::new(&inside, false);
        let refused = read_only.create("b", "new").await.err().unwrap();
        assert!(refused.0.contains("write = true"), "{refused}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_is_no_file_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
        let folder = ObjectFolder::new(directory.path(), false);
        let refused = text(&folder, place("pipe")).await.unwrap_err();
        assert_eq!(refused.0, "The object pipe is not a file");
    }
}
