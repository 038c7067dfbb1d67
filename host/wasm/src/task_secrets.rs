//! The secrets that a task's requests are made with.

use std::collections::BTreeMap;

use stepyard_engine::{Cover, outside::Secrets};

use crate::Grants;

/// The values that a function's secrets have when a task first needs them.
#[derive(Default)]
pub(crate) struct TaskSecrets {
    values: BTreeMap<String, String>,
    /// Covers them.
    pub(crate) cover: Cover,
}

impl TaskSecrets {
    /// Looks up what the headers of `grants` name.
    pub(crate) fn look_up(grants: &Grants, secrets: &dyn Secrets) -> Self {
        let headers = grants.http.iter().flat_map(|grant| grant.headers.values());
        let values: BTreeMap<String, String> = headers
            .filter_map(|header| Some((header.secret.clone(), secrets.secret(&header.secret)?)))
            .collect();
        Self { cover: Cover::new(values.values().map(String::as_str)), values }
    }

    /// The value of a secret, if it has one.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// Their names, and nothing of their values.
impl std::fmt::Debug for TaskSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}
