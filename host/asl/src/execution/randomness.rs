//! Randomness that a replay draws again: each use is HMAC-SHA-256 of its purpose and place under the
//! execution's seed. Purposes never share a stream, so a UUID that a user sees tells nothing of a
//! task token.

use std::cell::Cell;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{CommandId, Seed, payload::Random};

/// What randomness is drawn for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Token,
    Jitter,
    /// Intrinsic functions while a state is entered.
    Entering,
    /// Intrinsic functions while its result is made its output.
    Leaving,
    /// Intrinsic functions while a catcher assigns variables.
    Catching,
    /// Intrinsic functions while a Map selects an item.
    Item,
    /// Intrinsic functions while a Map makes a batch of items.
    Batch,
    /// The names of a Map Run and of its children.
    MapRun,
}

impl Purpose {
    /// Stands in what is hashed: a change would change every journal's replay.
    fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Jitter => "jitter",
            Self::Entering => "entering",
            Self::Leaving => "leaving",
            Self::Catching => "catching",
            Self::Item => "item",
            Self::Batch => "batch",
            Self::MapRun => "map_run",
        }
    }
}

/// The bytes of a seal.
pub(super) const SEAL_BYTES: usize = 32;

/// What makes a task's token unguessable.
pub(super) fn seal(seed: &Seed, task: &CommandId) -> [u8; SEAL_BYTES] {
    draw(seed, Purpose::Token, task, 0)
}

/// Whether these bytes are a task's seal; how long the answer takes tells nothing of it.
pub(super) fn is_seal(seed: &Seed, task: &CommandId, bytes: &[u8]) -> bool {
    mac(seed, Purpose::Token, task, 0).verify_slice(bytes).is_ok()
}

/// Where a jittered delay falls in its range.
pub(super) fn jitter(seed: &Seed, backoff: &CommandId) -> u64 {
    let bytes = draw(seed, Purpose::Jitter, backoff, 0);
    let (first, _) = bytes.split_first_chunk().expect("a digest has 32 bytes");
    u64::from_be_bytes(*first)
}

/// A UUID, the same for the same use.
pub(super) fn uuid(seed: &Seed, purpose: Purpose, place: &CommandId, number: u64) -> String {
    let bytes = draw(seed, purpose, place, number);
    let first = *bytes.first_chunk().expect("a digest has 32 bytes");
    uuid::Builder::from_random_bytes(first).into_uuid().to_string()
}

/// The draws of one evaluation.
#[derive(Debug)]
pub(super) struct Draws<'a> {
    seed: &'a Seed,
    purpose: Purpose,
    place: &'a CommandId,
    drawn: Cell<u64>,
}

impl<'a> Draws<'a> {
    pub(super) fn new(seed: &'a Seed, purpose: Purpose, place: &'a CommandId) -> Self {
        Self { seed, purpose, place, drawn: Cell::new(0) }
    }
}

impl Random for Draws<'_> {
    fn draw(&self) -> [u8; 16] {
        self.drawn.set(self.drawn.get() + 1);
        let bytes = draw(self.seed, self.purpose, self.place, self.drawn.get());
        let (first, _) = bytes.split_first_chunk().expect("a digest has 32 bytes");
        *first
    }
}

fn draw(seed: &Seed, purpose: Purpose, place: &CommandId, number: u64) -> [u8; 32] {
    mac(seed, purpose, place, number).finalize().into_bytes().into()
}

fn mac(seed: &Seed, purpose: Purpose, place: &CommandId, number: u64) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(seed).expect("HMAC takes a key of any length");
    // Neither a purpose nor an id contains a zero byte, so no two uses hash the same bytes.
    mac.update(format!("{}\0{place}\0{number}", purpose.name()).as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_uses_share_a_stream() {
        let (seed, other) = ([7; 32], [8; 32]);
        let places = ["0.0:task", "0.1:task", "0.0:backoff", "0.0.0/0.0:task"];
        let purposes = [
            Purpose::Token,
            Purpose::Jitter,
            Purpose::Entering,
            Purpose::Leaving,
            Purpose::Catching,
            Purpose::Item,
            Purpose::Batch,
            Purpose::MapRun,
        ];
        let mut seen = BTreeSet::new();
        for place in places.map(|place| place.parse::<CommandId>().unwrap()) {
            for purpose in purposes {
                for number in 0..3 {
                    assert!(seen.insert(draw(&seed, purpose, &place, number)));
                    assert!(seen.insert(draw(&other, purpose, &place, number)));
                }
            }
        }
    }

    #[test]
    fn an_evaluation_draws_others_each_time_and_the_same_on_replay() {
        let (seed, place) = ([7; 32], "1.0:task".parse().unwrap());
        let drawn = || {
            let draws = Draws::new(&seed, Purpose::Entering, &place);
            [draws.draw(), draws.draw(), draws.draw()]
        };
        assert_eq!(drawn(), drawn());
        assert_eq!(BTreeSet::from(drawn()).len(), 3);
    }
}
