//! What is let in as a step and what is refused, with the words of the refusal.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use expect_test::{Expect, expect};
use stepyard_engine::{CodeUpdate, FunctionError, Functions, Publishing};
use stepyard_wasm::{
    Grants, HttpGrant, ImportStanding, Limits, Scheme, Settings, StepSpec, inspect,
};
use tempfile::TempDir;

use crate::{
    support::{Steps, World, call, grants, hostile, limits, load, load_all, reply, spec},
    text_step::{MEMORY, TextStep, step},
};

/// Writes a file as a component and binds a function to it.
fn bind(bytes: &[u8], grants: Grants) -> (TempDir, Result<Steps, String>) {
    let directory = tempfile::tempdir().unwrap();
    let component = directory.path().join("step.wasm");
    fs::write(&component, bytes).unwrap();
    let spec = StepSpec { function: "Check".to_owned(), component, ..spec(grants, limits()) };
    let settings = Settings { instances_max: 2, ..Settings::default() };
    let steps = load_all(vec![spec], Arc::<World>::default().outside(), settings);
    let steps = steps.map_err(|errors| {
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        texts.join("\n").replace(&*directory.path().to_string_lossy(), "DIR")
    });
    (directory, steps)
}

fn refused(bytes: &[u8], grants: Grants, expected: Expect) {
    let (_directory, steps) = bind(bytes, grants);
    expected.assert_eq(&steps.expect_err("it is refused"));
}

#[tokio::test]
async fn a_component_of_the_world_is_admitted() {
    let (_directory, steps) = bind(&step("", MEMORY), Grants::default());
    let mut call = call("any");
    call.name = "Check".to_owned();
    let reply = steps.unwrap().invoke(call).await.unwrap();
    assert_eq!(reply.payload.text(), "null");
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let none = Grants::default;
    refused(
        b"not WebAssembly",
        none(),
        expect![
            "function `Check`: DIR/step.wasm is not a component: the file does not begin as WebAssembly does"
        ],
    );
    refused(
        b"",
        none(),
        expect![
            "function `Check`: DIR/step.wasm is not a component: the file does not begin as WebAssembly does"
        ],
    );
    refused(
        &wat::parse_str("(module)").unwrap(),
        none(),
        expect![
            "function `Check`: DIR/step.wasm is a core module, not a component: build it for the target `wasm32-wasip2`, or wrap it with `wasm-tools component new`"
        ],
    );
    let mut broken = step("", MEMORY);
    broken.truncate(broken.len() / 2);
    let (_directory, steps) = bind(&broken, none());
    let error = steps.expect_err("it is refused");
    assert!(error.contains("is not a component that runs here"), "{error}");
}

#[test]
fn machine_code_is_refused() {
    let cache = TempDir::new().unwrap();
    load_cached(&step("", MEMORY), &cache);
    let entry = fs::read(only_entry(&cache)).unwrap();
    // What follows the cache's own header is what wasmtime compiled.
    let compiled = &entry[entry.windows(4).position(|bytes| bytes == b"\x7fELF").unwrap()..];
    refused(
        compiled,
        grants(),
        expect![
            "function `Check`: DIR/step.wasm is compiled already; only a component's own `.wasm` is taken, which is checked first"
        ],
    );
}

#[test]
fn a_missing_file_is_named() {
    let spec = StepSpec { component: "absent/step.wasm".into(), ..spec(grants(), limits()) };
    let errors = load(spec, &Arc::default()).unwrap_err();
    expect!["function `Hostile`: absent/step.wasm cannot be read: No such file or directory (os error 2)"]
        .assert_eq(&errors[0].to_string());
}

#[test]
fn a_component_of_another_world_is_told_which_export_is_missing() {
    let none = Grants::default;
    refused(
        &wat::parse_str("(component)").unwrap(),
        none(),
        expect![
            "function `Check`: DIR/step.wasm is not a step: it does not export `stepyard:step/handler@1.0.0` (it exports nothing)"
        ],
    );
    refused(
        &wat::parse_str(
            r#"(component (instance $run) (export "wasi:cli/run@0.2.0" (instance $run)))"#,
        )
        .unwrap(),
        none(),
        expect![
            "function `Check`: DIR/step.wasm is not a step: it does not export `stepyard:step/handler@1.0.0` (it exports `wasi:cli/run@0.2.0`)"
        ],
    );
    refused(
        &wat::parse_str(
            r#"(component (instance $i) (export "stepyard:step/handler@1.0.0" (instance $i)))"#,
        )
        .unwrap(),
        none(),
        expect![
            "function `Check`: DIR/step.wasm is not a step of this version: its export `stepyard:step/handler@1.0.0` has another type (it has no function `invoke`)"
        ],
    );
    refused(
        &TextStep { input: "(list u8)", ..TextStep::default() }.component(),
        none(),
        expect![
            "function `Check`: DIR/step.wasm is not a step of this version: its export `stepyard:step/handler@1.0.0` has another type (`invoke`: expected `string` found `list`)"
        ],
    );
}

#[test]
fn an_import_without_a_grant_is_told_which_grant_to_add() {
    let imports = r#"
        (import "wasi:keyvalue/store@0.2.0-draft2" (instance))
        (import "wasi:keyvalue/atomics@0.2.0-draft2" (instance))
        (import "wasi:clocks/wall-clock@0.2.0" (instance))
        (import "stepyard:step/mail@1.0.0" (instance))
    "#;
    refused(
        &step(imports, MEMORY),
        Grants::default(),
        expect![[
            r#"function `Check`: DIR/step.wasm imports what is not granted to it: `wasi:keyvalue/store@0.2.0-draft2`, `wasi:keyvalue/atomics@0.2.0-draft2`, `stepyard:step/mail@1.0.0`; in stepyard.toml, under [functions.Check.grants], add `keyvalue = ["BUCKET"]`, `mail = ["*@DOMAIN"]`"#
        ]],
    );
    let imports = r#"
        (import "wasi:config/store@0.2.0-rc.1" (instance))
        (import "wasi:http/outgoing-handler@0.2.6" (instance))
    "#;
    refused(
        &step(imports, MEMORY),
        Grants { keyvalue: grants().keyvalue, ..Grants::default() },
        expect![[
            r#"function `Check`: DIR/step.wasm imports what is not granted to it: `wasi:config/store@0.2.0-rc.1`, `wasi:http/outgoing-handler@0.2.6`; in stepyard.toml, under [functions.Check.grants], add `config = { KEY = "VALUE" }`, `http = [{ url = "https://HOST" }]`"#
        ]],
    );
}

#[test]
fn what_no_step_is_given_cannot_be_granted() {
    let imports = r#"
        (import "wasi:http/incoming-handler@0.2.0" (instance))
        (import "example:own/thing" (func))
    "#;
    refused(
        &step(imports, MEMORY),
        grants(),
        expect![
            "function `Check`: DIR/step.wasm imports what no step is given: `wasi:http/incoming-handler@0.2.0`, `example:own/thing`"
        ],
    );
}

#[test]
fn an_interface_of_another_version_is_refused() {
    let import = r#"(import "wasi:keyvalue/store@0.2.0-draft" (instance
        (export "open" (func (param "identifier" string) (result string)))))"#;
    let (_directory, steps) = bind(&step(import, MEMORY), grants());
    let error = steps.expect_err("it is refused");
    assert!(error.contains("imports an interface in another version than the host's"), "{error}");
    assert!(error.contains("wasi:keyvalue/store@0.2.0-draft"), "{error}");
}

#[test]
fn a_component_that_begins_too_large_is_refused() {
    let large = step("", r#"(memory (export "memory") 512)"#);
    let (directory, steps) = bind(&large, Grants::default());
    let error = steps.expect_err("it is refused");
    assert!(error.contains("is not a component that runs here"), "{error}");

    // A neighbour with more memory makes room in the pool, and not for this one.
    let component = directory.path().join("step.wasm");
    let large = StepSpec { component, function: "Large".to_owned(), ..spec(grants(), limits()) };
    let neighbour = spec(grants(), Limits { memory_bytes_max: 64 << 20, ..limits() });
    let outside = Arc::<World>::default().outside();
    let errors = load_all(vec![large, neighbour], outside, Settings::default()).unwrap_err();
    let error = errors[0].to_string();
    let says =
        "begins with 33554432 bytes of memory and may have 16777216; raise `limits.memory_mib`";
    assert!(error.ends_with(says), "{error}");
}

#[test]
fn every_problem_is_found_at_once() {
    let absent = |function: &str| StepSpec {
        function: function.to_owned(),
        component: "absent.wasm".into(),
        ..spec(grants(), limits())
    };
    let outside = Arc::<World>::default().outside();
    let malformed = Grants { mail: vec!["nobody".to_owned()], ..Grants::default() };
    let specs = vec![absent("A"), spec(malformed, limits()), absent("B")];
    let errors = load_all(specs, outside, Settings::default()).unwrap_err();
    let functions: Vec<_> = errors.iter().filter_map(|error| error.function.as_deref()).collect();
    assert_eq!(functions, ["A", "Hostile", "B"]);
    assert!(errors[1].to_string().contains("malformed grant: mail: `nobody`"), "{}", errors[1]);
}

/// A module that does this before anything is called.
async fn started(body: &str) -> stepyard_asl::StatesError {
    let module = format!("{MEMORY} (func $start {body}) (start $start)");
    let (_directory, steps) = bind(&step("", &module), Grants::default());
    let mut call = call("any");
    call.name = "Check".to_owned();
    match steps.unwrap().invoke(call).await {
        Err(FunctionError::Function { error, .. }) => error,
        other => panic!("{body} ended otherwise: {other:?}"),
    }
}

#[tokio::test]
async fn a_start_function_is_bounded_like_the_rest() {
    assert_eq!(started("(loop (br 0))").await.name(), "Sandbox.CpuTimeExceeded");
    let grow = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    assert_eq!(started(grow).await.name(), "Runtime.OutOfMemory");
    assert_eq!(started("unreachable").await.name(), "Runtime.ExitError");
    assert_eq!(started("call $start").await.name(), "Runtime.StackOverflow");
}

/// Loads a component with a cache, as the hostile step's function.
fn load_cached(bytes: &[u8], cache: &TempDir) -> Steps {
    let directory = TempDir::new().unwrap();
    let component = directory.path().join("step.wasm");
    fs::write(&component, bytes).unwrap();
    let settings =
        Settings { cache: Some(cache.path().to_owned()), instances_max: 2, ..Settings::default() };
    let spec = StepSpec { component, ..spec(Grants::default(), limits()) };
    load_all(vec![spec], Arc::<World>::default().outside(), settings).unwrap()
}

fn only_entry(cache: &TempDir) -> PathBuf {
    let mut entries = fs::read_dir(cache.path()).unwrap();
    let entry = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none());
    entry
}

#[tokio::test]
async fn an_intact_entry_of_the_cache_is_run() {
    let (cache, others) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let component = step("", MEMORY);
    assert_eq!(reply(&load_cached(&component, &cache), "any").await, "null");
    let other = step("", &format!(r#"{MEMORY} (data (i32.const 16) "true")"#));
    assert_eq!(reply(&load_cached(&other, &others), "any").await, "true");

    // An entry is trusted to be what its name says: so that it is used can be seen.
    fs::copy(only_entry(&others), only_entry(&cache)).unwrap();
    assert_eq!(reply(&load_cached(&component, &cache), "any").await, "true");
}

#[tokio::test]
async fn a_damaged_entry_of_the_cache_is_not_run() {
    let cache = TempDir::new().unwrap();
    let component = step("", MEMORY);
    load_cached(&component, &cache);
    let entry = only_entry(&cache);
    let intact = fs::read(&entry).unwrap();

    let (half, mut flipped) = (intact[..intact.len() / 2].to_vec(), intact.clone());
    flipped[half.len()] ^= 0x40;
    for damaged in [half, flipped, Vec::new()] {
        fs::write(&entry, damaged).unwrap();
        assert_eq!(reply(&load_cached(&component, &cache), "any").await, "null");
        assert!(fs::read(&entry).unwrap() == intact, "the entry is made anew");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_done_without() {
    let directory = TempDir::new().unwrap();
    let component = directory.path().join("step.wasm");
    fs::write(&component, step("", MEMORY)).unwrap();
    let settings =
        Settings { cache: Some(component.clone()), instances_max: 2, ..Settings::default() };
    let spec = StepSpec { component, ..spec(Grants::default(), limits()) };
    assert!(load_all(vec![spec], Arc::<World>::default().outside(), settings).is_ok());
}

#[tokio::test]
async fn a_swap_takes_effect_with_the_next_task_and_a_refused_one_changes_nothing() {
    let limits = Limits { wall_time: Duration::from_secs(1), ..limits() };
    let steps = load(spec(grants(), limits), &Arc::default()).unwrap();
    let first = steps.resolve("Hostile", None).unwrap();

    let running = steps.invoke(call("resources sleep"));
    let swapped = async {
        while steps.runtime().instances() == 0 {
            tokio::task::yield_now().await;
        }
        let update = CodeUpdate { code: step("", MEMORY), ..CodeUpdate::default() };
        steps.update_code("Hostile", update).await.unwrap()
    };
    let (ended, second) = tokio::join!(running, swapped);
    assert_ne!(first.sha256, second.sha256);
    let now = steps.resolve("Hostile", None).unwrap();
    assert_eq!(now.sha256, second.sha256);
    let Err(FunctionError::Function { version, .. }) = ended else {
        panic!("the sleeper ended otherwise: {ended:?}");
    };
    assert_eq!(version, first, "a running task stays on its version");
    assert_eq!(reply(&steps, "good").await, "null");

    let update = CodeUpdate { code: b"no component".to_vec(), ..CodeUpdate::default() };
    let error = steps.update_code("Hostile", update).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the component is not a component: the file does not begin as WebAssembly does"
    );
    let ungranted = fs::read(hostile()).unwrap();
    let (_directory, narrow) = bind(&step("", MEMORY), Grants::default());
    let update = CodeUpdate { code: ungranted, ..CodeUpdate::default() };
    let error = narrow.unwrap().update_code("Check", update).await.unwrap_err();
    assert!(error.to_string().contains("under [functions.Check.grants], add"), "{error}");
    assert_eq!(steps.resolve("Hostile", None), Some(now));
}

#[test]
fn an_inspection_tells_what_a_component_is_and_needs() {
    let shop = HttpGrant::new(Scheme::Https, "api.example.com");
    let inspection = inspect(hostile(), &Grants { http: vec![shop], ..Grants::default() }).unwrap();
    assert_eq!(inspection.not_a_step, None);
    assert_eq!(inspection.exports, ["stepyard:step/handler@1.0.0#invoke"]);
    assert_eq!(inspection.bytes as u64, fs::metadata(hostile()).unwrap().len());
    assert_eq!(inspection.sha256.len(), 64);
    let standing = |interface: &str| {
        let import = inspection.imports.iter().find(|import| import.name.starts_with(interface));
        import.unwrap_or_else(|| panic!("{interface} is not imported")).standing
    };
    assert_eq!(standing("wasi:cli/stderr@"), ImportStanding::Powerless);
    assert_eq!(standing("wasi:logging/logging@"), ImportStanding::Powerless);
    assert_eq!(standing("wasi:http/outgoing-handler@"), ImportStanding::Granted);
    assert_eq!(
        standing("wasi:keyvalue/store@"),
        ImportStanding::Missing("keyvalue = [\"BUCKET\"]")
    );

    let directory = tempfile::tempdir().unwrap();
    let component = directory.path().join("other.wasm");
    let other = r#"(component (import "wasi:http/incoming-handler@0.2.0" (instance)))"#;
    fs::write(&component, wat::parse_str(other).unwrap()).unwrap();
    let inspection = inspect(&component, &Grants::default()).unwrap();
    assert_eq!(inspection.imports[0].standing, ImportStanding::NotOffered);
    let reason = inspection.not_a_step.unwrap();
    assert!(reason.contains("does not export `stepyard:step/handler@1.0.0`"), "{reason}");
    assert!(inspect(Path::new("absent.wasm"), &Grants::default()).is_err());
}
