//! A Stepyard on a data directory: its executions outlast the process.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use stepyard_engine::{
    CodeArchive, Custody, Engine, FactPlace, MailFolder, MemoryStore, Observer, SqliteStore,
    TopicLog,
    outside::{KeyValue, Mail, Topics},
};
use stepyard_telemetry::{Lines, Telemetry};
use stepyard_wasm::{Settings, StepSpec};

use super::{Parts, Seams, Stepyard};
use crate::{
    aws,
    buckets::{self, Seeded, quotas},
    manifest::Manifest,
    secrets::ManifestSecrets,
    telemetry::{self, Told},
};

/// The journal's file in a data directory.
const DATABASE: &str = "stepyard.db";
/// The components of functions' versions in a data directory.
const CODE: &str = "code";
/// Compiled components in a data directory.
const COMPONENTS: &str = "components";
/// The file whose lock says that a process is at work on a data directory.
const LOCK: &str = "lock";

impl Stepyard {
    /// A durable one, on a data directory. Waits while another process is at work there. A directory
    /// that is made here is removed again when the wiring fails.
    pub async fn open(manifest: &Manifest, steps: Vec<StepSpec>, data: &Path) -> Result<Self> {
        Self::open_with(manifest, steps, data, Seams::default()).await
    }

    /// A durable one that has custody of the data directory: it goes on with all that is unfinished
    /// there. Refused while another process is at work on it.
    pub async fn open_custody(
        manifest: &Manifest,
        steps: Vec<StepSpec>,
        data: &Path,
    ) -> Result<Self> {
        let custody = Some(custody(manifest));
        Self::open_locked(manifest, steps, data, Seams::default(), custody).await
    }

    /// A durable one, with another clock or other randomness.
    pub async fn open_with(
        manifest: &Manifest,
        steps: Vec<StepSpec>,
        data: &Path,
        seams: Seams,
    ) -> Result<Self> {
        Self::open_locked(manifest, steps, data, seams, None).await
    }

    async fn open_locked(
        manifest: &Manifest,
        steps: Vec<StepSpec>,
        data: &Path,
        seams: Seams,
        custody: Option<Custody>,
    ) -> Result<Self> {
        let folder = DataFolder::open(data)?;
        let busy = if custody.is_some() { Busy::Refuse } else { Busy::Wait };
        let lock = lock(data, busy)?;
        let store = SqliteStore::open(data.join(DATABASE), quotas(manifest))?;
        let aws = aws::reached(manifest)?;
        let mail: Arc<dyn Mail> = match super::mail(manifest, &aws, &seams.clock).await? {
            Some(mail) => mail,
            None => {
                let name = manifest.mail.folder.as_deref().unwrap_or(Path::new("mail"));
                let folder = MailFolder::open(data.join(name), seams.clock.clone());
                Arc::new(folder.with_context(|| format!("opening {}", data.join(name).display()))?)
            }
        };
        let topics: Arc<dyn Topics> = match super::topics(manifest, &aws).await {
            Some(topics) => topics,
            None => {
                let Seams { clock, entropy } = seams.clone();
                Arc::new(TopicLog::new(store.clone(), clock, entropy))
            }
        };
        let code = data.join(CODE);
        let archive = CodeArchive::open(&code);
        let archive = archive.with_context(|| format!("opening {}", code.display()))?;
        // Only what serves has standard output to itself.
        let lines = if custody.is_some() { Lines::Stdout } else { Lines::Stderr };
        let mark: Arc<dyn KeyValue> = Arc::new(store.clone());
        let Told { telemetry, logs } = telemetry::start(manifest, &aws, lines, Some(mark)).await?;
        let left = match &telemetry {
            Some(telemetry) => telemetry.left(&store).await,
            None => Vec::new(),
        };
        let parts = Parts {
            settings: Settings { cache: Some(compiled(data)), ..Settings::default() },
            archive,
            custody,
            lock: Some(lock),
            observer: telemetry.clone().map(|it| it as Arc<dyn Observer>),
            ..Parts::new(steps, mail, topics, aws, seams)
        };
        let mut stepyard = Box::pin(parts.wire(manifest, store)).await?;
        if let Some(telemetry) = telemetry.clone() {
            tokio::spawn(catch_up(stepyard.engine.clone(), telemetry, left));
        }
        (stepyard.telemetry, stepyard.logs) = (telemetry, logs);
        folder.keep();
        Ok(stepyard)
    }

    /// Tells what waits to be told outside, as far as that is soon done. Nothing is told after it.
    pub async fn tell_rest(&self) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.close(telemetry::CLOSING).await;
        }
    }
}

/// Tells again what an earlier process may not have told.
async fn catch_up(engine: Engine, telemetry: Arc<Telemetry>, left: Vec<FactPlace>) {
    if let Err(error) = engine.show_again(left).await {
        tracing::warn!(%error, "what was not told before the last end is not told again");
    }
    telemetry.caught_up();
}

fn custody(manifest: &Manifest) -> Custody {
    let serve = &manifest.serve;
    let days = |days: u32| Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    Custody {
        retention: serve.retention_days.map_or(Custody::default().retention, days),
        store_bytes_max: serve.store_mib_max.map(|mib| u64::from(mib) << 20),
    }
}

/// Whether anything has run in a data directory.
pub(crate) fn has_store(data: &Path) -> bool {
    data.join(DATABASE).is_file()
}

/// Reads a data directory's journal without running anything. Fails when there is none.
pub fn open_store(manifest: &Manifest, data: &Path) -> Result<SqliteStore> {
    let file = data.join(DATABASE);
    if !has_store(data) {
        bail!(
            "nothing has run in {} yet: it has no {DATABASE}; name another with --data",
            data.display()
        );
    }
    Ok(SqliteStore::open(file, quotas(manifest))?)
}

/// Writes the seeds of all buckets to where they are kept; the data directory is opened if one of them
/// is kept there.
pub(crate) async fn seed(manifest: &Manifest, data: &Path) -> Result<Vec<Seeded>> {
    let aws = aws::reached(manifest)?;
    let secrets = ManifestSecrets::new(manifest, aws.clone());
    let mut seeds = manifest.keyvalue.iter().filter(|(_, bucket)| !bucket.seed.is_empty());
    let (folder, _lock, embedded): (_, _, Arc<dyn KeyValue>) =
        match seeds.any(|(name, _)| buckets::is_embedded(manifest, name)) {
            true => {
                let folder = DataFolder::open(data)?;
                let lock = lock(data, Busy::Refuse)?;
                let store = SqliteStore::open(data.join(DATABASE), quotas(manifest))?;
                (Some(folder), Some(lock), Arc::new(store))
            }
            false => (None, None, Arc::new(MemoryStore::new(quotas(manifest)))),
        };
    let keyvalue = buckets::open(manifest, embedded, &secrets, &aws).await?;
    let seeded = buckets::seed(manifest, &*keyvalue, |_| true).await?;
    if let Some(folder) = folder {
        folder.keep();
    }
    Ok(seeded)
}

/// Where compiled components are kept in a data directory.
pub(crate) fn compiled(data: &Path) -> PathBuf {
    data.join(COMPONENTS)
}

/// A data directory; one that was made here is removed again unless it is kept.
struct DataFolder(Option<PathBuf>);

impl DataFolder {
    fn open(data: &Path) -> Result<Self> {
        let absent = !data.exists();
        fs::create_dir_all(data).with_context(|| format!("making {}", data.display()))?;
        Ok(Self(absent.then(|| data.to_owned())))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        if let Some(made) = &self.0 {
            // What cannot be removed is an empty store: harmless.
            let _ = fs::remove_dir_all(made);
        }
    }
}

/// What is done while another process is at work on a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Busy {
    /// Its end is waited for, as cargo does.
    Wait,
    /// The directory is refused.
    Refuse,
}

/// Takes the data directory's lock.
fn lock(data: &Path, busy: Busy) -> Result<File> {
    let path = data.join(LOCK);
    let file = File::create(&path).with_context(|| format!("opening {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) if busy == Busy::Refuse => bail!(
            "another stepyard is at work on {}: end it, or name another directory with --data",
            data.display()
        ),
        Err(TryLockError::WouldBlock) => {
            eprintln!("  waiting for another stepyard to finish with {}", data.display());
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("locking {}", path.display()));
        }
    }
    file.lock().with_context(|| format!("locking {}", path.display()))?;
    Ok(file)
}
