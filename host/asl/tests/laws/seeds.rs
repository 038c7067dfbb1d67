//! The seeds of the fuzz targets, tried as the targets try them: what once crashed stays mended, and the
//! targets stay true to the crate.

#![expect(clippy::disallowed_methods, reason = "seeds are files, and a test may read files")]

use std::{fs, path::Path};

use stepyard_asl::{Snippet, StateMachine};

use crate::trials;

#[test]
fn definitions() {
    let accepted =
        try_all("definition", trials::definition, |text| StateMachine::parse(text).is_ok());
    assert!(accepted >= 8, "{accepted} seeds are definitions");
}

#[test]
fn paths() {
    let is_path = |text: &str| Snippet::expression(text.lines().next().unwrap_or("")).is_ok();
    let accepted = try_all("jsonpath", trials::expression, is_path);
    assert!(accepted >= 10, "{accepted} seeds are paths");
}

#[test]
fn calls() {
    let is_call = |text: &str| Snippet::expression(text.lines().next().unwrap_or("")).is_ok();
    let accepted = try_all("intrinsic", trials::expression, is_call);
    assert!(accepted >= 18, "{accepted} seeds are calls");
}

#[test]
fn jsonata() {
    let is_expression =
        |text: &str| Snippet::jsonata(text.split("\n---\n").next().unwrap()).is_ok();
    let accepted = try_all("jsonata", trials::jsonata, is_expression);
    assert!(accepted >= 20, "{accepted} seeds are expressions");
}

/// Tries every seed of a target; says how many of them mean something.
fn try_all(target: &str, attempt: fn(&str), means_something: impl Fn(&str) -> bool) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let seeds = fs::read_dir(&folder).expect("there are seeds").map(|entry| entry.unwrap().path());
    let texts = seeds.map(|seed| fs::read_to_string(seed).expect("a seed is text"));
    texts
        .filter(|text| {
            attempt(text);
            means_something(text)
        })
        .count()
}
