//! Puts a Stepyard together from a manifest: store, steps, integrations, engine.

#[cfg(feature = "full")]
mod durable;
#[cfg(feature = "full")]
mod functions;
mod lambda;
#[cfg(feature = "full")]
mod server;

use std::{fmt, fs::File, path::PathBuf, sync::Arc};

use anyhow::{Result, anyhow};
use stepyard_engine::{
    CodeArchive, Config, Custody, Engine, Identity, Kept, MemoryStore, Observer, Pinning, Registry,
    Store, SystemNames,
    clock::{Clock, Entropy, SystemClock, SystemEntropy},
    outside::{KeyValue, Logs, Mail, Topics},
};
use stepyard_integrations::{Aws, AwsTopics, Reach, Ses, Smtp};
#[cfg(feature = "full")]
use stepyard_telemetry::Telemetry;
use stepyard_wasm::{Outside, Settings, StepError, StepSpec, Steps};

use crate::{
    aws,
    buckets::{self, quotas},
    grants::{grants, limits},
    manifest::{BucketStore, Function, Manifest, SnsDelivery},
    objects,
    pinned::Pinned,
    secrets::ManifestSecrets,
};

#[cfg(feature = "full")]
pub use durable::open_store;
#[cfg(feature = "full")]
pub(crate) use durable::{compiled, has_store, seed};
#[cfg(feature = "full")]
pub use functions::{component_files, step_specs};
#[cfg(feature = "full")]
pub(crate) use lambda::kept_on_disk;
pub(crate) use lambda::packaged_steps;
#[cfg(feature = "full")]
pub use server::{access, metrics_token, tls};

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
    /// How AWS is reached.
    pub aws: Aws,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where log groups are looked up; none where nothing is logged there.
    pub logs: Option<Arc<dyn Logs>>,
    #[cfg(feature = "full")]
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
    /// One that keeps nothing: executions are in memory, and buckets unless the manifest has them
    /// elsewhere; mail and notifications go where `mail` and `topics` say.
    pub async fn in_memory(
        manifest: &Manifest,
        steps: Vec<StepSpec>,
        mail: Arc<dyn Mail>,
        topics: Arc<dyn Topics>,
        seams: Seams,
    ) -> Result<Self> {
        let store = MemoryStore::new(quotas(manifest));
        let parts = Parts::new(steps, mail, topics, aws::reached(manifest)?, seams);
        Box::pin(parts.wire(manifest, store)).await
    }

    /// Binds functions, and pins workflows, as another manifest has them. All or nothing.
    pub async fn rebind(&self, manifest: &Manifest, steps: Vec<StepSpec>) -> Result<()> {
        let bound = stepyard_wasm::rebind(&self.steps, steps).await;
        bound.map_err(Refused)?;
        self.pinned.update(manifest);
        Ok(())
    }
}

/// What an engine is wired from, whichever store it has.
struct Parts {
    steps: Vec<StepSpec>,
    settings: Settings,
    archive: CodeArchive,
    mail: Arc<dyn Mail>,
    topics: Arc<dyn Topics>,
    aws: Aws,
    seams: Seams,
    /// Whether buckets get what they hold at first.
    seeds: bool,
    custody: Option<Custody>,
    lock: Option<File>,
    /// What is shown what executions come to.
    observer: Option<Arc<dyn Observer>>,
}

impl Parts {
    /// Those of one that keeps nothing and shows nobody anything.
    fn new(
        steps: Vec<StepSpec>,
        mail: Arc<dyn Mail>,
        topics: Arc<dyn Topics>,
        aws: Aws,
        seams: Seams,
    ) -> Self {
        Self {
            steps,
            settings: Settings::default(),
            archive: CodeArchive::in_memory(),
            mail,
            topics,
            aws,
            seams,
            seeds: true,
            custody: None,
            lock: None,
            observer: None,
        }
    }

    /// Wires them with a store of executions, which is that of the embedded buckets, too.
    async fn wire(
        self,
        manifest: &Manifest,
        store: impl Store + KeyValue + Clone + 'static,
    ) -> Result<Stepyard> {
        let Self { steps, settings, mail, topics, aws, custody, lock, .. } = self;
        let (Seams { clock, entropy }, archive) = (self.seams, Arc::new(self.archive));
        let secrets = Arc::new(ManifestSecrets::new(manifest, aws.clone()));
        let keyvalue = buckets::open(manifest, Arc::new(store.clone()), &secrets, &aws).await?;
        let names = Arc::new(SystemNames);
        let outside = Outside {
            keyvalue: keyvalue.clone(),
            mail,
            secrets: secrets.clone(),
            names: names.clone(),
        };
        let kept = Kept {
            store: Arc::new(store.clone()),
            archive,
            clock: clock.clone(),
            entropy: entropy.clone(),
        };
        let steps = stepyard_wasm::open(steps, outside, settings, kept).await;
        let steps = steps.map_err(Refused)?;
        if self.seeds {
            // What functions of Lambda share is begun by `stepyard seed` alone.
            let own = |bucket: &str| manifest.store_of(bucket) != BucketStore::DynamoDb;
            buckets::seed(manifest, &*keyvalue, own).await?;
        }
        let identity = identity(manifest);
        let integrations = stepyard_integrations::all(Reach {
            identity: identity.clone(),
            functions: Arc::new(steps.clone()),
            aws_functions: aws::functions(manifest, &aws),
            topics,
            aws: aws.clone(),
            connections: manifest.connections().map_err(|(_, message)| anyhow!(message))?,
            names,
            secrets,
        });
        let pinned = Arc::new(Pinned::new(steps.clone(), manifest));
        let pinning: Option<Arc<dyn Pinning>> = Some(pinned.clone());
        let config = Config {
            observer: self.observer,
            integrations,
            objects: objects::open(manifest, &aws),
            pinning,
            clock: clock.clone(),
            entropy,
            custody,
            ..Config::new(store)
        };
        let engine = Engine::new(config);
        Ok(Stepyard {
            engine,
            steps,
            keyvalue,
            identity,
            aws,
            clock,
            logs: None,
            #[cfg(feature = "full")]
            telemetry: None,
            pinned,
            _lock: lock,
        })
    }
}

/// Region and account as the manifest has them.
pub fn identity(manifest: &Manifest) -> Identity {
    let written = &manifest.execution;
    Identity { region: written.region.clone(), account: written.account.get_ref().clone() }
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

/// What the step runtime is told of a function.
fn step_spec(name: &str, written: &Function, component: PathBuf) -> Result<StepSpec> {
    let grants = grants(&written.grants);
    let both = grants.and_then(|grants| Ok((grants, limits(&written.limits)?)));
    let (grants, limits) =
        both.map_err(|fault| anyhow!("function `{name}` in the manifest: {fault}"))?;
    let (function, canary) = (name.to_owned(), written.canary.as_ref().map(Into::into));
    Ok(StepSpec { function, component, grants, limits, canary, publishes: false })
}

/// What takes mail; none where the manifest keeps it in the data directory.
async fn mail(
    manifest: &Manifest,
    aws: &Aws,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<dyn Mail>>> {
    if manifest.mail.by_ses() {
        return Ok(Some(Arc::new(Ses::open(aws, clock.clone()).await)));
    }
    let Some(url) = &manifest.mail.smtp else { return Ok(None) };
    let mut url = url.get_ref().clone();
    if let Some(secret) = &manifest.mail.password {
        let secrets = ManifestSecrets::new(manifest, aws.clone());
        let value = secrets.required(secret.get_ref(), "[mail]").await?;
        let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        url = url.replacen('@', &format!(":{encoded}@"), 1);
    }
    Ok(Some(Arc::new(Smtp::new(&url, clock.clone())?)))
}

/// What takes notifications; none where the manifest keeps them in the data directory.
async fn topics(manifest: &Manifest, aws: &Aws) -> Option<Arc<dyn Topics>> {
    match manifest.sns.delivery {
        SnsDelivery::Aws => Some(Arc::new(AwsTopics::load(aws).await)),
        SnsDelivery::Log => None,
    }
}

/// Components that are not let in.
#[derive(Debug)]
pub(crate) struct Refused(Vec<StepError>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(StepError::to_string).collect();
        f.write_str(&texts.join("\n"))
    }
}

impl std::error::Error for Refused {}
