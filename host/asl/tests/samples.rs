//! The definitions of public sample collections, which are not part of this repository: `STEPYARD_SAMPLES`
//! names a folder of `*.json`, and `--ignored` reads them all. What AWS accepts, we accept.

#![allow(clippy::disallowed_methods, reason = "samples are files, and a test may read files")]

use std::{env, fs, path::PathBuf};

use stepyard_asl::{Severity, StateMachine};

#[test]
#[ignore = "the samples are not part of this repository"]
fn every_sample_is_accepted() {
    let folder = env::var_os("STEPYARD_SAMPLES").expect("STEPYARD_SAMPLES names a folder");
    let (mut read, mut refused) = (0, Vec::new());
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = fs::read_to_string(&path) else { continue };
            read += 1;
            let found = StateMachine::diagnose(&text);
            let errors = found.iter().filter(|it| it.severity == Severity::Error);
            refused.extend(errors.map(|it| {
                format!("{}: {}: {} at {}", path.display(), it.code, it.message, it.location)
            }));
        }
    }
    println!("samples: {read} read");
    assert!(read > 0 && refused.is_empty(), "{refused:#?}");
}
