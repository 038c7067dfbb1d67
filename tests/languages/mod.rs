//! The inventory step in Rust, Python and JavaScript, each built by its own tools against the same
//! contract: one behaviour, whichever is called, and one bucket.

mod suite;

use std::{collections::BTreeMap, path::Path};

use futures::future::join_all;
use serde_json::{Value, json};
use stepyard::{
    manifest::Manifest,
    wiring::{self, Stepyard},
};
use stepyard_asl::Payload;
use stepyard_engine::{FunctionCall, FunctionError, Functions};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::support::{components, toolchains};
use suite::{Case, PRODUCT, call, cases, stock};

const LANGUAGES: [&str; 3] = ["Rust", "Python", "JavaScript"];

const BUCKET: &str = "inventory";

/// The step in every language, on one bucket, by the names in [`LANGUAGES`]; and again as `…Reads`, which
/// may only read, and `…Without`, which has no grant for it.
struct Shop {
    stepyard: Stepyard,
    _folder: TempDir,
}

impl Shop {
    /// None where a toolchain cannot be had: the test returns.
    async fn open() -> Option<Self> {
        let examples = toolchains::inventory()?;
        let rust = &components()["steps/inventory"];
        let files = [rust, &examples.python, &examples.javascript];
        let manifest: String =
            LANGUAGES.iter().zip(files).map(|(language, file)| functions(language, file)).collect();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("stepyard.toml"), manifest).unwrap();
        let manifest = Manifest::read(&folder.path().join("stepyard.toml")).unwrap();
        let steps = wiring::step_specs(&manifest, |_| true, folder.path()).unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        // Those of Python and JavaScript take half a minute to compile: once for all tests and runs.
        static COMPILING: Mutex<()> = Mutex::const_new(());
        let _compiling = COMPILING.lock().await;
        std::os::unix::fs::symlink(toolchains::compiled(), data.join("components")).unwrap();
        let stepyard = Stepyard::open(&manifest, steps, &data).await.unwrap();
        Some(Self { stepyard, _folder: folder })
    }

    /// Puts these values in the bucket in place of all that is there.
    async fn fill(&self, values: &[(&str, Value)]) {
        let keyvalue = &self.stepyard.keyvalue;
        let page = keyvalue.list_keys(BUCKET, None).await.unwrap();
        assert_eq!(page.cursor, None, "a case has few keys");
        let emptied = page.keys.into_iter().map(|key| (key, None));
        keyvalue.write(BUCKET, emptied.collect()).await.unwrap();
        let bytes = |value: &Value| Some(value.to_string().into_bytes());
        let filled = values.iter().map(|(key, value)| ((*key).to_owned(), bytes(value)));
        keyvalue.write(BUCKET, filled.collect()).await.unwrap();
    }

    /// What the product's value is; null where it has none.
    async fn product(&self) -> Value {
        let value = self.stepyard.keyvalue.get(BUCKET, PRODUCT).await.unwrap();
        value.map_or(Value::Null, |value| serde_json::from_slice(&value).unwrap())
    }

    /// What a function returns, or its error's type and message.
    async fn call(&self, function: &str, input: &Value) -> Result<Value, String> {
        let call = FunctionCall::new(function, Payload::from(input.clone()));
        match self.stepyard.steps.invoke(call).await {
            Ok(reply) => Ok(serde_json::from_str(reply.payload.text()).unwrap()),
            Err(FunctionError::Function { error, .. }) => {
                let cause: Value = serde_json::from_str(error.cause.as_deref().unwrap()).unwrap();
                Err(format!("{}: {}", error.name(), cause["errorMessage"].as_str().unwrap()))
            }
            Err(other) => panic!("{function} with {input}: {other:?}"),
        }
    }

    async fn check(&self, language: &str, case: &Case) {
        self.fill(&case.values).await;
        for (input, expected) in &case.calls {
            let answer = self.call(language, input).await;
            let as_expected = match (&answer, expected) {
                (Ok(answer), Ok(expected)) => answer == expected,
                (Err(answer), Err(expected)) => match expected.strip_suffix('…') {
                    Some(beginning) => answer.starts_with(beginning),
                    None => answer == expected,
                },
                _ => false,
            };
            assert!(
                as_expected,
                "{language}, {}: {input} is answered {answer:?} instead of {expected:?}",
                case.name
            );
        }
        assert_eq!(self.product().await, case.after, "{language}, {}", case.name);
    }
}

fn functions(language: &str, component: &Path) -> String {
    let grants = [
        ("", "[\"inventory\"]"),
        ("Reads", "[{ bucket = \"inventory\", access = \"read\" }]"),
        ("Without", "[\"another\"]"),
    ];
    let function = |(name, keyvalue)| {
        format!(
            "[functions.{language}{name}]\nstep = {component:?}\n\
             [functions.{language}{name}.grants]\nkeyvalue = {keyvalue}\n"
        )
    };
    grants.map(function).concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_step_behaves_alike_in_every_language() {
    let Some(shop) = Shop::open().await else { return };
    for case in cases() {
        for language in LANGUAGES {
            shop.check(language, &case).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_grant_is_named_in_every_language() {
    let Some(shop) = Shop::open().await else { return };
    let denied =
        "AccessDenied: no grant for the bucket inventory: add it to the function's grants.keyvalue";
    shop.fill(&[(PRODUCT, stock(5))]).await;
    for language in LANGUAGES {
        for function in ["Reads", "Without"] {
            let function = format!("{language}{function}");
            let answer = shop.call(&function, &call("reserve", "1", 1, "a")).await;
            assert_eq!(answer, Err(denied.to_owned()), "{function}");
        }
        assert_eq!(shop.product().await, stock(5), "{language}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_at_once_never_oversell_in_whichever_languages_they_are() {
    let Some(shop) = Shop::open().await else { return };
    let shops: [&[&str]; 4] = [&["Rust"], &["Python"], &["JavaScript"], &LANGUAGES];
    for languages in shops {
        shop.fill(&[(PRODUCT, stock(30))]).await;
        // Fifty orders of one for thirty pieces, each by two executions.
        let orders = |action: &'static str| {
            let shop = &shop;
            let call = move |number: usize| {
                let (order, holder) = ((number / 2).to_string(), number.to_string());
                let language = languages[number % languages.len()];
                async move { shop.call(language, &call(action, &order, 1, &holder)).await.unwrap() }
            };
            join_all((0..100).map(call))
        };
        let mut answers: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
        for (number, answer) in orders("reserve").await.iter().enumerate() {
            let reserved = answer["available"].as_bool().unwrap();
            answers.entry(number / 2).or_default().push(reserved);
        }
        let both = answers.values().filter(|it| **it == [true, true]).count();
        let neither = answers.values().filter(|it| **it == [false, false]).count();
        assert_eq!((both, neither), (30, 20), "{languages:?}: {answers:?}");
        let product = shop.product().await;
        assert_eq!(product["available"], 0, "{languages:?}: {product}");
        assert_eq!(product["reservations"].as_object().unwrap().len(), 30, "{languages:?}");

        let released = orders("release").await;
        let last = released.iter().filter(|it| it["released"] == json!(true)).count();
        assert_eq!(last, 30, "{languages:?}: the last holder alone gives back");
        let mut before = stock(30);
        before["sold"] = json!(0);
        before["reservations"] = json!({});
        assert_eq!(shop.product().await, before, "{languages:?}");
    }
}
