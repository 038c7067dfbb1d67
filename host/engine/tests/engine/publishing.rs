//! Versions and aliases of functions, over a runtime whose code is a text: what it answers.

use std::{
    path::Path,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use serde_json::{Value, json};
use stepyard_asl::{Payload, StatesError, Timestamp};
use stepyard_engine::{
    BindError, BindProblem, Binding, Canary, CodeArchive, CodeUpdate, FunctionAliasChange,
    FunctionCall, FunctionError, FunctionLimits, FunctionVersion, Functions, Kept, LATEST,
    MemoryStore, NewFunctionAlias, Publishing, PublishingError, Quotas, Registry, Runtime,
    SqliteStore, VersionPublish,
    clock::{SeededEntropy, VirtualClock},
};
use tokio::sync::Semaphore;

use crate::support::settle;

/// Runs code that is a word: it is the answer, but for `fail…`, which fails, and `wait…`, which waits
/// until it may go on. `refused…` is not admitted.
#[derive(Debug)]
struct Words {
    admitted: Mutex<Vec<Weak<String>>>,
    go_on: Semaphore,
}

#[derive(Debug, thiserror::Error)]
#[error("says `{0}`")]
struct Refusal(String);

impl Runtime for Words {
    type Policy = ();
    type Program = Arc<String>;
    type Refusal = Refusal;
    type Place<'a> = ();

    fn admit(&self, (): &(), code: &[u8], _sha256: &str) -> Result<Arc<String>, Refusal> {
        let word = String::from_utf8_lossy(code).into_owned();
        if word.starts_with("refused") {
            return Err(Refusal(word));
        }
        let word = Arc::new(word);
        self.admitted.lock().unwrap().push(Arc::downgrade(&word));
        Ok(word)
    }

    fn limits(&self, (): &()) -> FunctionLimits {
        FunctionLimits { wall_time: Duration::from_secs(3), memory_bytes_max: 1 << 20 }
    }

    async fn place(&self, (): &()) -> Result<(), FunctionError> {
        Ok(())
    }

    async fn run(
        &self,
        (): Self::Place<'_>,
        _policy: &Arc<()>,
        word: &Arc<String>,
        version: &FunctionVersion,
        _call: FunctionCall,
    ) -> Result<Payload, FunctionError> {
        if word.starts_with("wait") {
            self.go_on.acquire().await.unwrap().forget();
        }
        match word.starts_with("fail") {
            true => {
                let error = StatesError::new("Failed", word.as_str());
                Err(FunctionError::Function { error, version: version.clone() })
            }
            false => Ok(Value::from(word.as_str()).into()),
        }
    }
}

impl Default for Words {
    fn default() -> Self {
        Self { admitted: Mutex::default(), go_on: Semaphore::new(0) }
    }
}

impl Words {
    /// The words that are in memory.
    fn alive(&self) -> Vec<String> {
        let admitted = self.admitted.lock().unwrap();
        let mut alive: Vec<_> =
            admitted.iter().filter_map(|it| Some((*it.upgrade()?).clone())).collect();
        alive.sort();
        alive.dedup();
        alive
    }
}

type Opened = Result<Registry<Words>, Vec<BindError<Refusal>>>;

const CANARY: Canary =
    Canary { calls_min: 5, errors_max: 0.2, latency_max: Some(Duration::from_secs(60)) };

fn binding(function: &str, word: &str) -> Binding<Words> {
    let (function, code) = (function.into(), Ok(word.as_bytes().into()));
    let (policy, canary) = (Arc::new(()), Some(CANARY));
    Binding { function, policy, code, canary, publishes: false }
}

async fn open(kept: Kept, word: &str) -> Opened {
    Registry::open(Words::default(), kept, vec![binding("Say", word)]).await
}

fn in_memory() -> Kept {
    Kept {
        store: Arc::new(MemoryStore::new(Quotas::default())),
        archive: Arc::new(CodeArchive::in_memory()),
        clock: Arc::new(VirtualClock::manual(Timestamp::from_millis(7))),
        entropy: Arc::new(SeededEntropy::new(1)),
    }
}

fn on_disk(folder: &Path) -> Kept {
    let store = SqliteStore::open(folder.join("store.db"), Quotas::default()).unwrap();
    let archive = CodeArchive::open(folder.join("code")).unwrap();
    Kept { store: Arc::new(store), archive: Arc::new(archive), ..in_memory() }
}

fn call(qualifier: Option<&str>) -> FunctionCall {
    let qualifier = qualifier.map(str::to_owned);
    FunctionCall { qualifier, ..FunctionCall::new("Say", json!(null).into()) }
}

/// What a call answers, and the number of the version that answered.
async fn say(functions: &Registry<Words>, qualifier: Option<&str>) -> String {
    match functions.invoke(call(qualifier)).await {
        Ok(reply) => format!("{} {}", reply.payload.text(), reply.version.number),
        Err(FunctionError::Function { error, version }) => {
            format!("{} {}", error.name(), version.number)
        }
        Err(other) => format!("{other:?}"),
    }
}

async fn update(
    functions: &Registry<Words>,
    word: &str,
    publish: bool,
) -> Result<String, PublishingError> {
    let update = CodeUpdate { code: word.into(), publish, ..CodeUpdate::default() };
    functions.update_code("Say", update).await.map(|it| it.version.to_string())
}

async fn publish(functions: &Registry<Words>) -> String {
    let published = functions.publish_function_version("Say", VersionPublish::default()).await;
    published.unwrap().version.to_string()
}

fn alias(name: &str, version: &str, additional: &[(&str, f64)]) -> NewFunctionAlias {
    let additional = additional.iter().map(|(version, weight)| ((*version).to_owned(), *weight));
    let additional = additional.collect();
    let (name, version) = (name.to_owned(), version.to_owned());
    NewFunctionAlias { name, version, additional, description: String::new() }
}

#[tokio::test]
async fn code_is_latest_at_once_and_a_version_when_it_is_published() {
    let functions = open(in_memory(), "one").await.unwrap();
    assert_eq!(say(&functions, None).await, "\"one\" $LATEST");
    assert_eq!(publish(&functions).await, "1");
    assert_eq!(publish(&functions).await, "1", "the same code is the same version");
    assert_eq!(update(&functions, "two", false).await.unwrap(), LATEST);
    assert_eq!(say(&functions, Some(LATEST)).await, "\"two\" $LATEST");
    assert_eq!(say(&functions, Some("1")).await, "\"one\" 1");
    assert_eq!(update(&functions, "three", true).await.unwrap(), "2");
    assert_eq!(say(&functions, Some("2")).await, "\"three\" 2");
    assert_eq!(say(&functions, Some("3")).await, "NotFound");

    functions.delete_function_version("Say", "2").await.unwrap();
    assert_eq!(say(&functions, Some("2")).await, "NotFound");
    assert_eq!(publish(&functions).await, "3", "a number is given once");
    let versions = functions.versions("Say").unwrap();
    let numbers: Vec<_> = versions.iter().map(|it| it.version.to_string()).collect();
    assert_eq!(numbers, [LATEST, "1", "3"]);
    assert_eq!(functions.code("Say", Some("1")).await.unwrap(), b"one");
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let functions = open(in_memory(), "one").await.unwrap();
    let before = functions.configuration("Say", None).unwrap();
    let refused = update(&functions, "refused", true).await.unwrap_err();
    assert_eq!(refused.to_string(), "the component says `refused`");
    let stale =
        CodeUpdate { code: b"two".into(), revision: Some("r".into()), ..CodeUpdate::default() };
    let stale = functions.update_code("Say", stale).await.unwrap_err();
    assert!(matches!(stale, PublishingError::OtherRevision { .. }), "{stale}");
    let dry = CodeUpdate { code: b"two".into(), dry_run: true, ..CodeUpdate::default() };
    assert_ne!(functions.update_code("Say", dry).await.unwrap().sha256, before.sha256);
    assert_eq!(functions.configuration("Say", None).unwrap(), before);
    assert_eq!(say(&functions, None).await, "\"one\" $LATEST");
    assert_eq!(functions.versions("Say").unwrap().len(), 1);
}

#[tokio::test]
async fn an_alias_splits_its_calls_between_two_versions() {
    let functions = open(in_memory(), "one").await.unwrap();
    publish(&functions).await;
    update(&functions, "two", true).await.unwrap();
    functions.create_function_alias("Say", alias("live", "1", &[("2", 0.25)])).await.unwrap();
    let mut counts = [0, 0];
    for _ in 0..400 {
        match say(&functions, Some("live")).await.as_str() {
            "\"one\" 1" => counts[0] += 1,
            "\"two\" 2" => counts[1] += 1,
            other => panic!("{other}"),
        }
    }
    assert!((70..=130).contains(&counts[1]), "a quarter of 400: {counts:?}");

    let version = Some("2".to_owned());
    let change = FunctionAliasChange { version, additional: Some(vec![]), ..Default::default() };
    functions.update_function_alias("Say", "live", change).await.unwrap();
    assert_eq!(say(&functions, Some("live")).await, "\"two\" 2");
    functions.delete_function_alias("Say", "live").await.unwrap();
    assert_eq!(say(&functions, Some("live")).await, "NotFound");
}

#[tokio::test]
async fn aliases_that_lambda_refuses_are_refused() {
    let functions = open(in_memory(), "one").await.unwrap();
    publish(&functions).await;
    update(&functions, "two", true).await.unwrap();
    functions.create_function_alias("Say", alias("live", "1", &[])).await.unwrap();
    for (new, expected) in [
        (alias("live", "1", &[]), "function `Say` has an alias `live` already"),
        (
            alias("7", "1", &[]),
            "`7` is not a name of an alias: letters, digits, `-` and `_`, and no number",
        ),
        (alias("a", "9", &[]), "function `Say` has no version or alias `9`"),
        (alias("a", "1", &[("2", 1.5)]), "the weight of version 2 is 1.5; it is from 0 to 1"),
        (alias("a", "1", &[("1", 0.5)]), "version 1 is what the alias names already"),
        (
            alias("a", LATEST, &[("1", 0.5)]),
            "$LATEST cannot be one of two versions that an alias routes to",
        ),
        (
            alias("a", "1", &[("2", 0.1), ("1", 0.1)]),
            "an alias routes to one additional version, not to 2",
        ),
    ] {
        let refused = functions.create_function_alias("Say", new).await.unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
    let used = functions.delete_function_version("Say", "1").await.unwrap_err();
    assert_eq!(used.to_string(), "version 1 of function `Say` is what aliases route to: live");
    let latest = functions.delete_function_version("Say", LATEST).await.unwrap_err();
    assert_eq!(latest, PublishingError::LatestStays);
}

#[tokio::test]
async fn a_restart_finds_the_versions_that_were_current() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(on_disk(folder.path()), "one").await.unwrap();
    publish(&first).await;
    update(&first, "two", true).await.unwrap();
    update(&first, "three", false).await.unwrap();
    first.create_function_alias("Say", alias("live", "2", &[("1", 0.0)])).await.unwrap();
    let before = (first.versions("Say").unwrap(), first.function_aliases("Say", None).unwrap());
    drop(first);

    // The component of the manifest is the one that it was before: what was published stays.
    let second = open(on_disk(folder.path()), "one").await.unwrap();
    let after = (second.versions("Say").unwrap(), second.function_aliases("Say", None).unwrap());
    assert_eq!(before, after);
    assert_eq!(say(&second, None).await, "\"three\" $LATEST");
    assert_eq!(say(&second, Some("live")).await, "\"two\" 2");
    drop(second);

    // Another component in the manifest takes the place of what was published.
    let third = open(on_disk(folder.path()), "four").await.unwrap();
    assert_eq!(say(&third, None).await, "\"four\" $LATEST");
    assert_eq!(say(&third, Some("live")).await, "\"two\" 2");
    drop(third);
    let fourth = open(on_disk(folder.path()), "four").await.unwrap();
    assert_eq!(say(&fourth, None).await, "\"four\" $LATEST");
    let files = folder.path().join("code").read_dir().unwrap();
    assert_eq!(files.count(), 3, "code that nothing names is removed");
}

#[tokio::test]
async fn all_problems_of_the_bindings_are_found_and_none_is_bound() {
    let functions = open(in_memory(), "one").await.unwrap();
    let bindings = [("A", "refused a"), ("B", "b"), ("B", "c"), ("Say", "refused s")];
    let bindings = bindings.map(|(function, word)| binding(function, word)).into();
    let problems = functions.rebind(bindings).await.unwrap_err();
    let told = problems.iter().map(|it| {
        let function = it.function.as_deref().unwrap_or_default();
        format!("{function} {}", it.problem)
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "A says `refused a`",
            "B is bound to a function that is bound already",
            "Say says `refused s`"
        ]
    );
    assert_eq!(functions.names(), ["Say"]);
    functions.rebind(vec![binding("Say", "two"), binding("Other", "x")]).await.unwrap();
    assert_eq!(functions.names(), ["Other", "Say"]);
    assert_eq!(say(&functions, None).await, "\"two\" $LATEST");
}

#[tokio::test]
async fn code_that_was_published_and_is_lost_is_told_by_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(on_disk(folder.path()), "one").await.unwrap();
    update(&first, "two", false).await.unwrap();
    let lost = first.configuration("Say", None).unwrap().sha256;
    drop(first);
    std::fs::remove_file(folder.path().join(format!("code/{lost}.wasm"))).unwrap();
    let problems = open(on_disk(folder.path()), "one").await.unwrap_err();
    let [BindError { problem: BindProblem::Published { number, sha256, .. }, .. }] = &problems[..]
    else {
        panic!("{problems:?}");
    };
    assert_eq!((&**number, sha256), (LATEST, &lost));
}

#[tokio::test]
async fn a_call_ends_on_the_version_it_began_with_which_is_freed_then() {
    let functions = open(in_memory(), "wait").await.unwrap();
    let running = tokio::spawn({
        let functions = functions.clone();
        async move { say(&functions, None).await }
    });
    settle().await;
    update(&functions, "two", false).await.unwrap();
    assert_eq!(say(&functions, None).await, "\"two\" $LATEST");
    assert_eq!(functions.runtime().alive(), ["two", "wait"]);
    functions.runtime().go_on.add_permits(1);
    assert_eq!(running.await.unwrap(), "\"wait\" $LATEST");
    assert_eq!(functions.runtime().alive(), ["two"]);
}

#[tokio::test]
async fn a_canary_that_fails_is_rolled_back_and_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let functions = open(on_disk(folder.path()), "good").await.unwrap();
    publish(&functions).await;
    update(&functions, "fails", true).await.unwrap();
    functions.create_function_alias("Say", alias("live", "1", &[("2", 0.5)])).await.unwrap();
    let mut failed = 0;
    for _ in 0..100 {
        failed += usize::from(say(&functions, Some("live")).await == "Failed 2");
    }
    assert_eq!(failed, 5, "as many as its judgement takes");
    assert_eq!(functions.function_alias("Say", "live").unwrap().additional, None);
    drop(functions);
    let again = open(on_disk(folder.path()), "good").await.unwrap();
    assert_eq!(again.function_alias("Say", "live").unwrap().additional, None);
}

#[tokio::test]
async fn a_change_comes_to_its_end_though_nobody_waits_for_it() {
    let functions = open(in_memory(), "one").await.unwrap();
    for turns in 0..40 {
        let word = format!("word {turns}");
        let change = update(&functions, &word, true);
        let mut change = Box::pin(change);
        for _ in 0..turns {
            if futures::poll!(change.as_mut()).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(change);
    }
    // One more takes its turn after all that were begun.
    update(&functions, "last", true).await.unwrap();
    let versions = functions.versions("Say").unwrap();
    let newest = versions.last().unwrap();
    assert_eq!(versions[0].sha256, newest.sha256, "what is current is what was published last");
    assert_eq!(
        say(&functions, Some(&newest.version.clone())).await,
        format!("\"last\" {}", newest.version)
    );
}
