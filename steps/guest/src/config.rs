//! The step's settings: what the manifest gives it under `config`.

use crate::{Error, host};

/// The value of this setting, or none where it is not set.
pub fn get(key: &str) -> Result<Option<String>, Error> {
    host::config_get(key).map_err(|reason| {
        Error::new("ConfigUnavailable", format!("cannot read the setting {key}: {reason}"))
    })
}
