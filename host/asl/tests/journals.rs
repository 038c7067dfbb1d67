//! Journals that earlier versions wrote, told again: the same facts lead to the same commands and the
//! same history for ever (DESIGN 2.6). A file of `journals/<version>/`, which ends with the commit where
//! several had one number, has the definition and then a fact a line, as they stand in a store:
//! `perform.py` has a server do the executions, `record.py` takes them out of its store.
//!
//! A golden file that differs is no file to rewrite: executions that run somewhere would go on
//! otherwise than they began.

#![allow(clippy::disallowed_methods, reason = "journals are files, and a test may read files")]

mod rendering;

use std::{fs, path::Path, sync::Arc};

use expect_test::expect_file;
use stepyard_asl::{Execution, Fact, StateMachine};

#[test]
fn a_journal_of_an_earlier_version_leads_to_the_same_commands_and_history() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals");
    let entries = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let versions: Vec<_> = entries(&folder).filter(|entry| entry.is_dir()).collect();
    assert!(versions.len() >= 3, "only {versions:?}");
    for version in versions {
        let journals =
            || entries(&version).filter(|it| it.extension().is_some_and(|it| it == "jsonl"));
        assert!(journals().count() >= 6, "few journals in {}", version.display());
        for file in journals() {
            expect_file![file.with_extension("txt")].assert_eq(&tell(&file));
        }
    }
}

/// What each fact of a journal leads to, each on a replay of those before it.
fn tell(file: &Path) -> String {
    let journal = fs::read_to_string(file).unwrap();
    let mut lines = journal.lines();
    let machine = Arc::new(StateMachine::parse(lines.next().unwrap()).unwrap());
    let facts: Vec<Fact> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let begin = facts[0].at.as_millis();
    let mut told = String::new();
    for (index, fact) in facts.iter().enumerate() {
        let step = Execution::replay(machine.clone(), &facts[..index]).step(fact);
        told += &format!("{} ms ", fact.at.as_millis() - begin);
        told += &rendering::render(&fact.kind, &step, begin);
    }
    told
}
