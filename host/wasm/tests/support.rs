//! What the tests share: the hostile step, built once; an outside in memory; calls.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, LazyLock, Mutex, OnceLock, mpsc},
    time::Duration,
};

use futures::future::BoxFuture;
use stepyard_asl::{Payload, StatesError};
use stepyard_engine::{
    CodeArchive, FunctionCall, FunctionError, FunctionReply, Functions, Kept, MemoryStore, Quotas,
    Registry, SystemNames,
    clock::{SystemClock, SystemEntropy},
    outside::{Mail, MailError, MailMessage, SecretError, Secrets},
};
use stepyard_wasm::{
    Access, BucketGrant, Grants, HttpGrant, Limits, Outside, Settings, StepError, StepSpec,
};
use tokio::runtime::Runtime;

/// Functions that steps are bound to.
pub(crate) type Steps = Registry<stepyard_wasm::Steps>;

/// The function that the hostile step is bound to.
pub(crate) const FUNCTION: &str = "Hostile";

/// The component of the hostile step.
pub(crate) fn hostile() -> &'static Path {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    COMPONENT
        .get_or_init(|| build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/hostile")))
}

/// Builds a guest next to the steps: `target/tmp` is where cargo lets a test write.
fn build(crate_folder: &Path) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in `target`");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--profile", "step", "--target", "wasm32-wasip2"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(crate_folder)
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the hostile step does not build");
    target.join("wasm32-wasip2/step/hostile.wasm")
}

/// Where compiled components are kept between the tests of a run and from run to run.
pub(crate) fn cache() -> Settings {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("components");
    Settings { cache: Some(cache), instances_max: 16, ..Settings::default() }
}

/// Everything that the hostile step imports, narrowed.
pub(crate) fn grants() -> Grants {
    let bucket = |bucket: &str, access| BucketGrant { bucket: bucket.to_owned(), access };
    Grants {
        keyvalue: vec![bucket("granted", Access::ReadWrite), bucket("readable", Access::Read)],
        config: Some([("greeting".to_owned(), "hello".to_owned())].into()),
        http: vec![HttpGrant::new(stepyard_wasm::Scheme::Https, "api.example.com")],
        mail: vec!["*@example.com".to_owned()],
    }
}

/// Limits that a good task is far from and a bad one soon passes.
pub(crate) fn limits() -> Limits {
    Limits {
        wall_time: Duration::from_secs(30),
        cpu_time: Duration::from_millis(300),
        memory_bytes_max: 16 << 20,
        output_bytes_max: 262_144,
        ..Limits::default()
    }
}

/// The outside in memory.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) sent: Mutex<Vec<MailMessage>>,
    pub(crate) keyvalue: MemoryStore,
}

impl World {
    pub(crate) fn with_quotas(quotas: Quotas) -> Arc<Self> {
        Arc::new(Self { keyvalue: MemoryStore::new(quotas), sent: Mutex::default() })
    }

    pub(crate) fn outside(self: &Arc<Self>) -> Outside {
        let (mail, secrets) = (Arc::clone(self), Arc::clone(self));
        let (keyvalue, names) = (Arc::new(self.keyvalue.clone()), Arc::new(SystemNames));
        Outside { keyvalue, mail, secrets, names }
    }
}

impl Mail for World {
    fn send(&self, message: MailMessage) -> BoxFuture<'_, Result<(), MailError>> {
        self.sent.lock().unwrap().push(message);
        Box::pin(async { Ok(()) })
    }
}

impl Secrets for World {
    fn secret(&self, name: &str) -> BoxFuture<'_, Result<Option<String>, SecretError>> {
        let known = self.known(name);
        Box::pin(async { Ok(known) })
    }

    fn known(&self, name: &str) -> Option<String> {
        (name == "gateway-key").then(|| "s3cret".to_owned())
    }
}

/// The host's log, one JSON object a line, for as long as the guard that comes with it.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes what this thread logs, down to a level.
    pub(crate) fn begin(level: tracing::Level) -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().json().with_max_level(level);
        let subscriber = subscriber.with_writer(move || writer.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// What was logged.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A function bound to the hostile step.
pub(crate) fn spec(grants: Grants, limits: Limits) -> StepSpec {
    let (function, component) = (FUNCTION.to_owned(), hostile().to_owned());
    StepSpec { function, component, grants, limits, canary: None, publishes: false }
}

pub(crate) fn load(spec: StepSpec, world: &Arc<World>) -> Result<Steps, Vec<StepError>> {
    load_all(vec![spec], world.outside(), cache())
}

/// Functions that nothing is kept of. They are bound on another runtime than the test's, so that a test
/// that is not async can do it, too.
pub(crate) fn load_all(
    specs: Vec<StepSpec>,
    outside: Outside,
    settings: Settings,
) -> Result<Steps, Vec<StepError>> {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    let kept = Kept {
        store: Arc::new(MemoryStore::new(Quotas::default())),
        archive: Arc::new(CodeArchive::in_memory()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let (tell, told) = mpsc::channel();
    RUNTIME
        .spawn(async move { tell.send(stepyard_wasm::open(specs, outside, settings, kept).await) });
    told.recv().expect("it comes to an end")
}

/// The hostile step with what the tests grant it by default.
pub(crate) fn steps(limits: Limits) -> Steps {
    load(spec(grants(), limits), &Arc::default()).expect("the hostile step is admitted")
}

/// A call as an execution makes it.
pub(crate) fn call(input: &str) -> FunctionCall {
    FunctionCall {
        execution: Some("arn:aws:states:us-east-1:123456789012:execution:m:n".to_owned()),
        state: Some("Deed".into()),
        attempt: Some(0),
        ..FunctionCall::new(FUNCTION, Payload::from(serde_json::Value::from(input)))
    }
}

pub(crate) async fn invoke(steps: &Steps, input: &str) -> Result<FunctionReply, FunctionError> {
    steps.invoke(call(input)).await
}

/// What the step returned, as JSON text.
pub(crate) async fn reply(steps: &Steps, input: &str) -> String {
    match invoke(steps, input).await {
        Ok(reply) => reply.payload.text().to_owned(),
        Err(error) => panic!("`{input}` failed: {error:?}"),
    }
}

/// What the step returned: a string with the answer of a capability.
pub(crate) async fn answer(steps: &Steps, input: &str) -> String {
    let reply = reply(steps, input).await;
    serde_json::from_str(&reply).expect("the hostile step answers with a string")
}

/// Why the task failed.
pub(crate) async fn error(steps: &Steps, input: &str) -> StatesError {
    match invoke(steps, input).await {
        Err(FunctionError::Function { error, .. }) => error,
        other => panic!("`{input}` ended otherwise: {other:?}"),
    }
}
