//! The secrets that a task's requests are made with.

use std::collections::BTreeMap;

use stepyard_engine::{Cover, outside::Secrets};

use crate::Grants;

/// The values that a function's secrets have when a task first needs them.
#[derive(Default)]
pub(crate) struct TaskSecrets {
    values: BTreeMap<String, Result<String, String>>,
    /// Covers them.
    pub(crate) cover: Cover,
}

impl TaskSecrets {
    /// Looks up what the headers of `grants` name.
    pub(crate) async fn look_up(grants: &Grants, secrets: &dyn Secrets) -> Self {
        let mut values = BTreeMap::new();
        for name in names(grants) {
            let value = match secrets.secret(name).await {
                Ok(value) => value.ok_or_else(|| "has no value".to_owned()),
                Err(error) => Err(format!("cannot be had: {error}")),
            };
            values.insert(name.to_owned(), value);
        }
        let cover = Cover::new(values.values().flatten().map(String::as_str));
        Self { values, cover }
    }

    /// The value of a secret, or what is to be said of it instead.
    pub(crate) fn value(&self, name: &str) -> Result<&str, &str> {
        let value = self.values.get(name).map(|value| value.as_deref().map_err(String::as_str));
        value.unwrap_or(Err("has no value"))
    }
}

/// Covers the values that are known without asking for them: a task that has asked for none yet cannot
/// have been told another.
pub(crate) fn known(grants: &Grants, secrets: &dyn Secrets) -> Cover {
    let values: Vec<String> = names(grants).filter_map(|name| secrets.known(name)).collect();
    Cover::new(values.iter().map(String::as_str))
}

/// The secrets that the headers of `grants` name.
fn names(grants: &Grants) -> impl Iterator<Item = &str> {
    let headers = grants.http.iter().flat_map(|grant| grant.headers.values());
    headers.map(|header| header.secret.as_str())
}

/// Their names, and nothing of their values.
impl std::fmt::Debug for TaskSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}
