//! Things counted by a name that is learnt as it comes.

use std::{
    array,
    sync::{Arc, OnceLock},
};

/// The most names that are told apart: whoever writes a definition chooses them.
const NAMES_MAX: usize = 64;

/// What the names past the most are counted under together.
const OTHERS: &str = "other";

/// A `T` for each name. A name keeps its place for good, so that finding it takes no lock.
#[derive(Debug)]
pub struct Named<T> {
    places: [(OnceLock<Arc<str>>, T); NAMES_MAX],
    others: T,
}

impl<T: Default> Default for Named<T> {
    fn default() -> Self {
        Self {
            places: array::from_fn(|_| <(OnceLock<Arc<str>>, T)>::default()),
            others: T::default(),
        }
    }
}

impl<T> Named<T> {
    /// The one of this name; the one of all others when too many have a place.
    pub fn of(&self, name: &str) -> &T {
        self.at(self.place(name))
    }

    /// Where the one of this name is.
    pub(crate) fn place(&self, name: &str) -> usize {
        let is_of = |place: &OnceLock<Arc<str>>| **place.get_or_init(|| name.into()) == *name;
        self.places.iter().position(|(place, _)| is_of(place)).unwrap_or(NAMES_MAX)
    }

    pub(crate) fn at(&self, place: usize) -> &T {
        self.places.get(place).map_or(&self.others, |(_, of)| of)
    }

    /// All there are, those without a place of their own last.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        let named = self.places.iter().map_while(|(place, of)| Some((&**place.get()?, of)));
        let is_full = self.places.last().is_some_and(|(place, _)| place.get().is_some());
        named.chain(is_full.then_some((OTHERS, &self.others)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures::Count;

    #[test]
    fn each_name_has_its_own_until_there_are_too_many() {
        let named = Named::<Count>::default();
        assert_eq!(named.iter().count(), 0);
        for round in 0..3 {
            for number in 0..NAMES_MAX + 2 {
                if round == 0 || !(2..=NAMES_MAX).contains(&number) {
                    named.of(&format!("name-{number}")).add();
                }
            }
        }
        let seen: Vec<(&str, u64)> =
            named.iter().map(|(name, count)| (name, count.get())).collect();
        assert_eq!(seen[..3], [("name-0", 3), ("name-1", 3), ("name-2", 1)]);
        assert_eq!(seen[NAMES_MAX..], [(OTHERS, 4)]);
    }
}
