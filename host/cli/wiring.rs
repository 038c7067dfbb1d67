//! Puts a Stepyard together from a manifest: store, steps, integrations, engine.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use stepyard_api::{Access, AccessKey, Tls, TlsError};
use stepyard_engine::{
    CodeArchive, Config, Custody, Engine, FactPlace, Identity, Kept, MailFolder, MemoryStore,
    Observer, Pinning, Registry, SqliteStore, Store, SystemNames, TopicLog,
    clock::{Clock, Entropy, SystemClock, SystemEntropy},
    outside::{KeyValue, Logs, Mail, Topics},
};
use stepyard_integrations::{AwsSettings, AwsTopics, Smtp};
use stepyard_telemetry::{Lines, Telemetry};
use stepyard_wasm::{Outside, Settings, StepError, StepSpec, Steps};

use crate::{
    buckets::{self, quotas},
    crates,
    grants::{grants, limits},
    manifest::{Function, Manifest, ServeKey, ServeTls, SnsDelivery},
    pinned::Pinned,
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

/// A Stepyard, wired. Dropping it ends its engine where it is.
#[derive(Debug)]
pub struct Stepyard {
    /// Runs executions.
    pub engine: Engine,
    /// The steps that functions are bound to.
    pub steps: Registry<Steps>,
    /// Buckets of keys and values.
    pub keyvalue: Arc<dyn KeyValue>,
    /// Region and account, for ARNs.
    pub identity: Identity,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where log groups are looked up; none where nothing is logged there.
    pub logs: Option<Arc<dyn Logs>>,
    telemetry: Option<Arc<Telemetry>>,
    pinned: Arc<Pinned>,
    _lock: Option<File>,
}

/// Where time and randomness come from.
#[derive(Clone, Debug)]
pub struct Seams {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Default for Seams {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
    }
}

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
        let mail: Arc<dyn Mail> = match &manifest.mail.smtp {
            Some(url) => Arc::new(smtp(manifest, url.get_ref(), seams.clock.clone())?),
            None => {
                let name = manifest.mail.folder.as_deref().unwrap_or(Path::new("mail"));
                let folder = MailFolder::open(data.join(name), seams.clock.clone());
                Arc::new(folder.with_context(|| format!("opening {}", data.join(name).display()))?)
            }
        };
        let topics: Arc<dyn Topics> = match manifest.sns.delivery {
            SnsDelivery::Aws => Arc::new(aws_topics(manifest).await),
            SnsDelivery::Log => {
                let Seams { clock, entropy } = seams.clone();
                Arc::new(TopicLog::new(store.clone(), clock, entropy))
            }
        };
        let keyvalue: Arc<dyn KeyValue> = Arc::new(store.clone());
        let settings = Settings { cache: Some(data.join(COMPONENTS)), ..Settings::default() };
        let (lock, mark) = (Some(lock), Some(keyvalue.clone()));
        let code = data.join(CODE);
        let archive = CodeArchive::open(&code);
        let archive = archive.with_context(|| format!("opening {}", code.display()))?;
        let parts =
            Parts { steps, settings, archive, keyvalue, mail, topics, seams, custody, lock, mark };
        let stepyard = parts.wire(manifest, store).await?;
        folder.keep();
        Ok(stepyard)
    }

    /// One that keeps nothing: executions are in memory, and buckets unless the manifest has them in
    /// Redis; mail and notifications go where `mail` and `topics` say.
    pub async fn in_memory(
        manifest: &Manifest,
        steps: Vec<StepSpec>,
        mail: Arc<dyn Mail>,
        topics: Arc<dyn Topics>,
        seams: Seams,
    ) -> Result<Self> {
        let store = MemoryStore::new(quotas(manifest));
        let keyvalue: Arc<dyn KeyValue> = Arc::new(store.clone());
        let settings = Settings::default();
        let (custody, lock, archive, mark) = (None, None, CodeArchive::in_memory(), None);
        let parts =
            Parts { steps, settings, archive, keyvalue, mail, topics, seams, custody, lock, mark };
        parts.wire(manifest, store).await
    }
}

impl Stepyard {
    /// Binds functions, and pins workflows, as another manifest has them. All or nothing.
    pub async fn rebind(&self, manifest: &Manifest, steps: Vec<StepSpec>) -> Result<()> {
        let bound = stepyard_wasm::rebind(&self.steps, steps).await;
        bound.map_err(|problems| refused(&problems))?;
        self.pinned.update(manifest);
        Ok(())
    }

    /// Tells what waits to be told outside, as far as that is soon done. Nothing is told after it.
    pub async fn tell_rest(&self) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.close(telemetry::CLOSING).await;
        }
    }
}

/// What an engine is wired from, whichever store it has.
struct Parts {
    steps: Vec<StepSpec>,
    settings: Settings,
    archive: CodeArchive,
    keyvalue: Arc<dyn KeyValue>,
    mail: Arc<dyn Mail>,
    topics: Arc<dyn Topics>,
    seams: Seams,
    custody: Option<Custody>,
    lock: Option<File>,
    mark: Option<Arc<dyn KeyValue>>,
}

impl Parts {
    async fn wire(
        self,
        manifest: &Manifest,
        store: impl Store + Clone + 'static,
    ) -> Result<Stepyard> {
        let Self { steps, settings, archive, keyvalue, mail, topics, seams, custody, lock, mark } =
            self;
        let (Seams { clock, entropy }, archive) = (seams, Arc::new(archive));
        let keyvalue = buckets::open(manifest, keyvalue).await?;
        let secrets = Arc::new(ManifestSecrets::new(manifest));
        let names = Arc::new(SystemNames);
        let outside = Outside { keyvalue: keyvalue.clone(), mail, secrets, names };
        let kept = Kept {
            store: Arc::new(store.clone()),
            archive,
            clock: clock.clone(),
            entropy: entropy.clone(),
        };
        let steps = stepyard_wasm::open(steps, outside, settings, kept).await;
        let steps = steps.map_err(|it| refused(&it))?;
        buckets::seed(manifest, &*keyvalue).await?;
        let identity = identity(manifest);
        let integrations =
            stepyard_integrations::all(identity.clone(), Arc::new(steps.clone()), topics);
        let pinned = Arc::new(Pinned::new(steps.clone(), manifest));
        let pinning: Option<Arc<dyn Pinning>> = Some(pinned.clone());
        // Only what serves has standard output to itself.
        let lines = if custody.is_some() { Lines::Stdout } else { Lines::Stderr };
        let Told { telemetry, logs } = telemetry::start(manifest, lines, mark).await?;
        let left = match &telemetry {
            Some(telemetry) => telemetry.left(&store).await,
            None => Vec::new(),
        };
        let config = Config {
            observer: telemetry.clone().map(|it| it as Arc<dyn Observer>),
            integrations,
            pinning,
            clock: clock.clone(),
            entropy,
            custody,
            ..Config::new(store)
        };
        let engine = Engine::new(config);
        if let Some(telemetry) = telemetry.clone() {
            tokio::spawn(catch_up(engine.clone(), telemetry, left));
        }
        Ok(Stepyard {
            engine,
            steps,
            keyvalue,
            identity,
            clock,
            logs,
            telemetry,
            pinned,
            _lock: lock,
        })
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

/// Region and account as the manifest has them.
pub fn identity(manifest: &Manifest) -> Identity {
    let written = &manifest.execution;
    Identity { region: written.region.clone(), account: written.account.get_ref().clone() }
}

/// The keys that calls are signed with; none when the manifest has none.
pub fn access(manifest: &Manifest) -> Result<Option<Access>> {
    let key = |written: &ServeKey| {
        let secret = serve_secret(manifest, written.secret.get_ref(), "a key")?;
        Ok(AccessKey { id: written.id.get_ref().clone(), secret })
    };
    let keys = manifest.serve.keys.iter().map(key).collect::<Result<Vec<_>>>()?;
    let region = manifest.execution.region.clone();
    Ok((!keys.is_empty()).then(|| Access::new(keys, region)))
}

/// What whoever reads the metrics has to send; none when the manifest names nothing.
pub fn metrics_token(manifest: &Manifest) -> Result<Option<String>> {
    let name = manifest.serve.metrics_token.as_ref();
    name.map(|name| serve_secret(manifest, name.get_ref(), "metrics_token")).transpose()
}

/// The value of a secret that [serve] needs.
fn serve_secret(manifest: &Manifest, name: &str, whose: &str) -> Result<String> {
    ManifestSecrets::new(manifest).required(name, &format!("{whose} of [serve]"))
}

/// The certificate that connections are answered with; none when the manifest has none.
pub fn tls(manifest: &Manifest) -> Result<Option<Tls>> {
    let Some(ServeTls { certificate, key }) = &manifest.serve.tls else { return Ok(None) };
    let [certificate, key] = [certificate, key].map(|path| manifest.resolve(path));
    let read = |path: &Path, what: &str| {
        fs::read(path).with_context(|| {
            format!("reading {}, which [serve] in the manifest names as {what}", path.display())
        })
    };
    let chain = read(&certificate, "the certificate of tls")?;
    let private = read(&key, "the key of tls")?;
    let tls = Tls::from_pem(&chain, &private).map_err(|error| match error {
        TlsError::NoCertificate => anyhow!("{}: {error}", certificate.display()),
        TlsError::NoKey => anyhow!("{}: {error}", key.display()),
        TlsError::Unusable(_) => {
            anyhow!("{} with {}: {error}", certificate.display(), key.display())
        }
    })?;
    Ok(Some(tls))
}

/// The role that executions run under, as an ARN.
pub fn role_arn(manifest: &Manifest) -> String {
    role_named(manifest, &manifest.execution.role)
}

/// The ARN of a role that is given by its name or its ARN.
pub fn role_named(manifest: &Manifest, role: &str) -> String {
    match role.starts_with("arn:") {
        true => role.to_owned(),
        false => format!("arn:aws:iam::{}:role/{role}", manifest.execution.account.get_ref()),
    }
}

/// What the step runtime is told of the functions that `wanted` picks. Crates that are stale are
/// built; `stamps` is where the traces of builds are kept.
pub fn step_specs(
    manifest: &Manifest,
    wanted: impl Fn(&str) -> bool,
    stamps: &Path,
) -> Result<Vec<StepSpec>> {
    let functions: Vec<(&String, &Function)> =
        manifest.functions.iter().filter(|(name, _)| wanted(name)).collect();
    let components = component_files(manifest, &functions, stamps, false)?;
    let publishes = manifest.workflows.values().any(|workflow| workflow.pin_steps);
    let spec = |((name, function), component): ((&String, &Function), PathBuf)| {
        let grants = grants(&function.grants);
        let both = grants.and_then(|grants| Ok((grants, limits(&function.limits)?)));
        let (grants, limits) =
            both.map_err(|fault| anyhow::anyhow!("function `{name}` in the manifest: {fault}"))?;
        let (function, canary) = (name.clone(), function.canary.as_ref().map(Into::into));
        Ok(StepSpec { function, component, grants, limits, canary, publishes })
    };
    functions.into_iter().zip(components).map(spec).collect()
}

/// The component of each function, built where its step is a crate folder.
pub fn component_files(
    manifest: &Manifest,
    functions: &[(&String, &Function)],
    stamps: &Path,
    force: bool,
) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for (name, function) in functions {
        let path = manifest.resolve(function.step.get_ref());
        if path.is_dir() {
            folders.push(path);
        } else if !path.is_file() {
            bail!(
                "function `{name}`: there is no {}; `step` in the manifest names a crate folder or a component's .wasm file",
                path.display()
            );
        }
    }
    let built = crates::components(&folders, stamps, force)?;
    let built: BTreeMap<PathBuf, PathBuf> = folders.into_iter().zip(built).collect();
    let component = |(_, function): &(&String, &Function)| {
        let path = manifest.resolve(function.step.get_ref());
        built.get(&path).cloned().unwrap_or(path)
    };
    Ok(functions.iter().map(component).collect())
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

fn smtp(manifest: &Manifest, url: &str, clock: Arc<dyn Clock>) -> Result<Smtp> {
    let Some(secret) = &manifest.mail.password else { return Ok(Smtp::new(url, clock)?) };
    let value = ManifestSecrets::new(manifest).required(secret.get_ref(), "[mail]")?;
    let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let with_password = url.replacen('@', &format!(":{encoded}@"), 1);
    Ok(Smtp::new(&with_password, clock)?)
}

async fn aws_topics(manifest: &Manifest) -> AwsTopics {
    let settings = AwsSettings {
        endpoint_url: manifest.sns.endpoint.clone(),
        region: manifest.sns.region.clone(),
        ..AwsSettings::default()
    };
    AwsTopics::load(settings).await
}

fn refused(errors: &[StepError]) -> anyhow::Error {
    let texts: Vec<String> = errors.iter().map(StepError::to_string).collect();
    anyhow::Error::msg(texts.join("\n"))
}
