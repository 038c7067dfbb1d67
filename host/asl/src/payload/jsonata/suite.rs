//! The official test suite of JSONata, run on the engine as it is: with a context item, and without what
//! AWS adds and takes away. The suite is not part of this repository: `STEPYARD_JSONATA_SUITE` names its
//! folder, and `--ignored` runs it, as `just jsonata-suite` does. The score is printed, for
//! `docs/conformance.md`.

#![allow(clippy::disallowed_methods, reason = "cases are files, and a test may read files")]

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use jlens_core::{Bindings, Expression, Options};
use serde_json::Value;

use super::{hosts::Hosts, names_in, normal, rewrite};
use crate::EDITION;

/// What the suite calls its limits when they are reached.
const LIMIT: &str = "U1001";

/// What no case names.
const MARK: &str = "stepyard_";

/// The cases that no more may miss.
const MISSES_MAX: usize = 1;

#[test]
#[ignore = "the suite is not part of this repository"]
fn the_official_suite_passes() {
    let (mut passed, mut missed) = (0, Vec::new());
    let unreadable = each_case(|case, folder, file| match run(case, folder, file) {
        Ok(()) => passed += 1,
        Err(why) => missed.push(format!("{}: {why}", file.display())),
    });
    let total = passed + missed.len();
    println!("jsonata suite: {passed} of {total}, {unreadable} unreadable");
    assert!(total > 1_600 && missed.len() <= MISSES_MAX, "{missed:#?}");
}

/// But for what AWS has otherwise: numbers that are not finite are no errors.
#[test]
#[ignore = "the suite is not part of this repository"]
fn what_is_evaluated_instead_comes_to_the_same() {
    let (mut same, mut others) = (0, Vec::new());
    each_case(|case, folder, file| {
        let text = expression(case, file);
        let Ok(written) = Expression::compile(&text) else { return };
        let Some(rewritten) = rewrite::rewritten(&written.ast().root, &text, MARK) else { return };
        let one = evaluate(&text, case, folder);
        let other = evaluate(&rewritten, case, folder);
        let is_other_number = one.as_ref().is_err_and(|code| code == "D1001" || code == "D3001");
        if one == other || is_other_number {
            same += 1;
        } else {
            others.push(format!("{}: `{text}` came to {other:?}, not {one:?}", file.display()));
        }
    });
    println!("jsonata suite: {same} of {} as they were written", same + others.len());
    assert!(same > 50 && others.is_empty(), "{others:#?}");
}

/// Goes through all cases; answers how many files hold half a surrogate pair, which Rust has no string
/// for.
fn each_case(mut see: impl FnMut(&Value, &Path, &Path)) -> usize {
    let folder = env::var_os("STEPYARD_JSONATA_SUITE");
    let folder = PathBuf::from(folder.expect("STEPYARD_JSONATA_SUITE names the suite's folder"));
    let mut unreadable = 0;
    for file in case_files(&folder.join("groups")) {
        let text = fs::read_to_string(&file).unwrap();
        let Ok(cases) = serde_json::from_str::<Value>(&text) else {
            unreadable += 1;
            continue;
        };
        let cases = if cases.is_array() { cases } else { Value::from(vec![cases]) };
        cases.as_array().into_iter().flatten().for_each(|case| see(case, &folder, &file));
    }
    unreadable
}

fn case_files(groups: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries(groups).flat_map(|group| entries(&group).collect::<Vec<_>>()).collect();
    files.retain(|file| file.extension().is_some_and(|it| it == "json"));
    files.sort();
    files
}

/// Runs one case: fails with what came instead of what it tells.
fn run(case: &Value, folder: &Path, file: &Path) -> Result<(), String> {
    let text = expression(case, file);
    let result = evaluate(&text, case, folder);
    let code = case.get("code").or(case["error"].get("code")).and_then(Value::as_str);
    let told = match (&result, code) {
        (Err(found), Some(code)) => {
            found == code || (code == LIMIT && ["D1011", "D1012", "U1006"].contains(&&**found))
        }
        (Ok(found), None) => match case.get("result") {
            Some(expected) => found.as_ref().is_some_and(|found| is_same(found, expected, case)),
            None => found.is_none(),
        },
        _ => false,
    };
    if told { Ok(()) } else { Err(format!("`{text}` came to {result:?}")) }
}

fn expression(case: &Value, file: &Path) -> String {
    match case["expr"].as_str() {
        Some(text) => text.to_owned(),
        None => {
            fs::read_to_string(file.with_file_name(case["expr-file"].as_str().unwrap())).unwrap()
        }
    }
}

fn evaluate(text: &str, case: &Value, folder: &Path) -> Result<Option<Value>, String> {
    let data = match case["dataset"].as_str() {
        Some(name) => {
            let file = folder.join("datasets").join(name).with_extension("json");
            Some(serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap())
        }
        None => case.get("data").cloned(),
    };
    let bindings = case["bindings"].as_object().into_iter().flatten();
    let bindings = bindings.fold(Bindings::new(), |all, (name, it)| all.var(name, it.clone()));
    let mut options = Options::new().max_steps(100_000_000);
    if let Some(depth) = case["depth"].as_u64() {
        options = options.max_depth(usize::try_from(depth).unwrap());
    }
    let expression = Expression::compile(text).map_err(|error| error.code().to_owned())?;
    // Ours are bound only where they are called, so that the engine's own are not hidden.
    let bindings = match text.contains(MARK) {
        true => {
            let names = names_in(&expression.ast().root).unwrap_or_default();
            Hosts::of(&names, MARK).bind_pure(bindings, EDITION)
        }
        false => bindings,
    };
    let result = expression.evaluate_with(data.as_ref(), &bindings, &options);
    result.map(|value| value.map(normal)).map_err(|error| error.code().to_owned())
}

/// Whether two values are the same, numbers by value and to 15 digits; in any order where the case says
/// so.
fn is_same(found: &Value, expected: &Value, case: &Value) -> bool {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            let mut rest: Vec<_> = expected.iter().collect();
            let is_unordered = case["unordered"] == true;
            found.len() == expected.len()
                && found.iter().all(|it| {
                    let all = if is_unordered { rest.len() } else { 1 };
                    let place = rest[..all].iter().position(|other| is_same(it, other, case));
                    place.map(|place| rest.remove(place)).is_some()
                })
        }
        (Value::Object(found), Value::Object(expected)) => {
            let same =
                |(name, it)| expected.get(name).is_some_and(|other| is_same(it, other, case));
            found.len() == expected.len() && found.iter().all(same)
        }
        (Value::Number(found), Value::Number(expected)) => {
            let digits = |number: f64| format!("{number:.14e}");
            found.as_f64().map(digits) == expected.as_f64().map(digits)
        }
        _ => found == expected,
    }
}
