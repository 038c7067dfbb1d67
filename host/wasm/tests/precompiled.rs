//! Components that are compiled beforehand, for the machines of a target.

use std::{env::consts::ARCH, fs, path::PathBuf, sync::Arc};

use expect_test::{Expect, expect};
use stepyard_engine::Functions;
use stepyard_wasm::{Grants, Settings, StepSpec, precompile};
use tempfile::TempDir;

use crate::{
    support::{Steps, World, call, grants, limits, load_all, spec},
    text_step::{MEMORY, step},
};

/// A step in a file of its own, bound to `Check`.
fn check_step(directory: &TempDir, bytes: &[u8]) -> StepSpec {
    let component = directory.path().join("step.wasm");
    fs::write(&component, bytes).unwrap();
    StepSpec { function: "Check".to_owned(), component, ..spec(Grants::default(), limits()) }
}

/// A target of this machine's operating system.
fn target(architecture: &str) -> String {
    format!("{architecture}-unknown-linux-musl")
}

fn precompiled(bytes: &[u8], target: &str) -> Result<Vec<u8>, String> {
    let directory = TempDir::new().unwrap();
    let compiled = precompile(&check_step(&directory, bytes), target, None);
    compiled.map_err(|it| it.to_string().replace(&*directory.path().to_string_lossy(), "DIR"))
}

/// Binds `Check` to what was compiled.
fn bound(compiled: &[u8], settings: Settings) -> Result<Steps, String> {
    let directory = TempDir::new().unwrap();
    let spec = check_step(&directory, compiled);
    let steps = load_all(vec![spec], Arc::<World>::default().outside(), settings);
    steps.map_err(|errors| {
        errors[0].to_string().replace(&*directory.path().to_string_lossy(), "DIR")
    })
}

fn vouched_for() -> Settings {
    Settings { instances_max: 2, precompiled: true, ..Settings::default() }
}

#[tokio::test]
async fn what_was_compiled_beforehand_runs_where_it_is_vouched_for() {
    let compiled = precompiled(&step("", MEMORY), &target(ARCH)).unwrap();
    for pooled in [true, false] {
        let steps = bound(&compiled, Settings { pooled, ..vouched_for() }).unwrap();
        let mut call = call("any");
        call.name = "Check".to_owned();
        assert_eq!(steps.invoke(call).await.unwrap().payload.text(), "null", "pooled: {pooled}");
    }
    expect!["function `Check`: DIR/step.wasm is compiled already; only a component's own `.wasm` is taken, which is checked first"]
        .assert_eq(&bound(&compiled, Settings::default()).unwrap_err());
}

#[test]
fn what_was_compiled_for_another_architecture_is_refused() {
    let others = [("aarch64", 183_u16), ("x86_64", 62)];
    for (architecture, elf_machine) in others {
        let compiled = precompiled(&step("", MEMORY), &target(architecture)).unwrap();
        // An ELF file says at byte 18 which machine it is for.
        assert_eq!(compiled[18..20], elf_machine.to_le_bytes(), "{architecture}");
        if architecture != ARCH {
            let refusal = bound(&compiled, vouched_for()).unwrap_err();
            let expected = format!(
                "function `Check`: DIR/step.wasm was compiled by another version of Stepyard or for \
                 another machine: package it again (Module was compiled for architecture \
                 '{architecture}')"
            );
            assert_eq!(refusal, expected);
        }
    }
}

#[test]
fn no_feature_of_this_very_processor_is_used() {
    // What wasmtime notes of the processor's features: a name, then 2 for a truth value, then that.
    let flag = |compiled: &[u8], name: &str| {
        let note = [name.as_bytes(), &[2]].concat();
        let at = compiled.windows(note.len()).position(|bytes| bytes == note)?;
        compiled.get(at + note.len()).map(|value| *value == 1)
    };
    let features: &[(&str, &[&str])] = &[
        ("x86_64", &["has_sse3", "has_sse41", "has_avx", "has_avx2", "has_bmi1", "has_lzcnt"]),
        ("aarch64", &["has_lse", "has_fp16", "has_dotprod"]),
    ];
    for (architecture, features) in features {
        let compiled = precompiled(&step("", MEMORY), &target(architecture)).unwrap();
        for feature in *features {
            assert_eq!(flag(&compiled, feature), Some(false), "{architecture}: {feature}");
        }
    }
    // The same for this machine alone uses what there is, so that the notes are read rightly.
    #[cfg(target_arch = "x86_64")]
    {
        let cache = TempDir::new().unwrap();
        let directory = TempDir::new().unwrap();
        let settings = Settings { cache: Some(cache.path().to_owned()), ..vouched_for() };
        let spec = check_step(&directory, &step("", MEMORY));
        load_all(vec![spec], Arc::<World>::default().outside(), settings).unwrap();
        let entry: PathBuf = fs::read_dir(cache.path()).unwrap().next().unwrap().unwrap().path();
        let native = fs::read(entry).unwrap();
        assert_eq!(flag(&native, "has_sse3"), Some(std::is_x86_feature_detected!("sse3")));
    }
}

#[test]
fn a_component_that_would_be_refused_is_not_compiled() {
    let refused = |bytes: &[u8], target: &str, expected: Expect| {
        expected.assert_eq(&precompiled(bytes, target).unwrap_err());
    };
    let mail = step(r#"(import "stepyard:step/mail@1.0.0" (instance))"#, MEMORY);
    refused(
        &mail,
        &target("aarch64"),
        expect![[
            r#"function `Check`: DIR/step.wasm imports what is not granted to it: `stepyard:step/mail@1.0.0`; in stepyard.toml, under [functions.Check.grants], add `mail = ["*@DOMAIN"]`"#
        ]],
    );
    refused(
        &wat::parse_str("(component)").unwrap(),
        &target("aarch64"),
        expect![
            "function `Check`: DIR/step.wasm is not a step: it does not export `stepyard:step/handler@1.0.0` (it exports nothing)"
        ],
    );
    let unknown = precompiled(&step("", MEMORY), "sparc-sun-solaris").unwrap_err();
    let expected = "function `Check`: DIR/step.wasm cannot be compiled for `sparc-sun-solaris`: ";
    assert!(unknown.starts_with(expected), "{unknown}");
    let compiled = precompiled(&step("", MEMORY), &target(ARCH)).unwrap();
    refused(
        &compiled,
        &target(ARCH),
        expect![
            "function `Check`: DIR/step.wasm is compiled already; only a component's own `.wasm` is taken, which is checked first"
        ],
    );
}

#[tokio::test]
async fn a_step_with_all_capabilities_is_compiled_beforehand() {
    let hostile = spec(grants(), limits());
    let cache = crate::support::cache().cache;
    let compiled = precompile(&hostile, &target(ARCH), cache).unwrap();
    let directory = TempDir::new().unwrap();
    let component = directory.path().join("hostile.cwasm");
    fs::write(&component, compiled).unwrap();
    let settings = Settings { pooled: false, ..vouched_for() };
    let spec = StepSpec { component, ..hostile };
    let steps = load_all(vec![spec], Arc::<World>::default().outside(), settings).unwrap();
    let answer = crate::support::answer(&steps, "config greeting").await;
    assert_eq!(answer, r#"Ok(Some("hello"))"#);
}
