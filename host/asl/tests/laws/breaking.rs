//! Every rule of the language that is broken in a definition that was valid is found, and its place named:
//! the field that breaks it, the object that has the field, or what is inside it.

mod fields;
mod structure;
mod victim;

use stepyard_asl::{Diagnostic, StateMachine};

use crate::{generator, random::Random};
use victim::Victim;

/// How many definitions each rule is broken in.
const CASES: usize = 10;

/// Breaks one rule; gives the place, or nothing where the definition has no such place.
type Break = fn(&mut Victim, &mut Random) -> Option<String>;

#[test]
fn every_rule_that_is_broken_in_a_field_is_found_there() {
    for mistake in fields::MISTAKES {
        check(&format!("{mistake:?}"), |victim, random| mistake.make(victim, random));
    }
}

#[test]
fn every_rule_that_is_broken_in_the_structure_is_found_there() {
    for (name, broken) in structure::MISTAKES {
        check(name, *broken);
    }
}

fn check(name: &str, broken: impl Fn(&mut Victim, &mut Random) -> Option<String>) {
    let mut cases = 0;
    for seed in 0..4_000 {
        let mut random = Random(seed);
        let mut victim = Victim::new(generator::definition(&mut random));
        let Some(place) = broken(&mut victim, &mut random) else { continue };
        let text = victim.definition.to_string();
        let Err(found) = StateMachine::parse(&text) else {
            panic!("{name} at {place} is accepted, seed {seed}:\n{:#}", victim.definition)
        };
        let is_named = found.iter().any(|problem| names(problem, &place));
        assert!(is_named, "{name}, seed {seed}: none names {place}: {found:#?}");
        assert!(found.iter().all(|problem| !problem.mend.is_empty()), "{found:#?}");
        cases += 1;
        if cases == CASES {
            return;
        }
    }
    panic!("{name} was broken in {cases} definitions only");
}

fn names(problem: &Diagnostic, place: &str) -> bool {
    let found = problem.location.to_string();
    let end = place.rfind(['/', '[']).unwrap_or(0);
    found == place
        || found == place[..end]
        || found.starts_with(&format!("{place}/"))
        || found.starts_with(&format!("{place}["))
}
