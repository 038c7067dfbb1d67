//! What a task was denied, so that an error of the step can say which grants it was without.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

/// The most denials that are remembered.
const DENIALS_MAX: usize = 8;

/// The most bytes of one: a step has a say in it.
const DENIAL_BYTES_MAX: usize = 512;

/// The grants that a task was without, as the manifest has them.
#[derive(Debug, Default)]
pub(crate) struct Denials(Mutex<Vec<String>>);

impl Denials {
    /// Remembers one, once.
    pub(crate) fn add(&self, grant: &str) {
        let grant = &grant[..grant.floor_char_boundary(DENIAL_BYTES_MAX)];
        let mut grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if grants.len() < DENIALS_MAX && grants.iter().all(|known| known != grant) {
            grants.push(grant.to_owned());
        }
    }

    /// The cause of an error, JSON as Lambda answers it, with the grants under `denied` where there
    /// are any.
    pub(crate) fn told(&self, cause: String) -> String {
        let grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if grants.is_empty() {
            return cause;
        }
        match serde_json::from_str::<Map<String, Value>>(&cause) {
            Ok(mut members) => {
                members.insert("denied".to_owned(), grants.clone().into());
                Value::Object(members).to_string()
            }
            Err(_) => cause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_are_told_once_each_and_within_bounds() {
        let denials = Denials::default();
        let cause = r#"{"errorMessage":"no","errorType":"No"}"#;
        assert_eq!(denials.told(cause.to_owned()), cause);
        denials.add("mail = [\"a@b\"]");
        denials.add("mail = [\"a@b\"]");
        assert_eq!(
            denials.told(cause.to_owned()),
            r#"{"errorMessage":"no","errorType":"No","denied":["mail = [\"a@b\"]"]}"#
        );
        (0..100).for_each(|number| denials.add(&format!("{number}{}", "é".repeat(1_000))));
        assert!(denials.told(cause.to_owned()).len() < DENIALS_MAX * (DENIAL_BYTES_MAX + 8));
    }
}
