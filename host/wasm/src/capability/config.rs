//! `wasi:config`: the settings that the manifest gives a function, and no other.

use std::collections::BTreeMap;

use wasmtime::Result;

use super::bindings::wasi::config::store::{Error, Host};
use crate::state::State;

impl Host for State {
    async fn get(&mut self, key: String) -> Result<Result<Option<String>, Error>> {
        self.invocation.host_call()?;
        Ok(Ok(self.settings().and_then(|settings| settings.get(&key).cloned())))
    }

    async fn get_all(&mut self) -> Result<Result<Vec<(String, String)>, Error>> {
        self.invocation.host_call()?;
        Ok(Ok(self.settings().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect()))
    }
}

impl State {
    fn settings(&self) -> Option<&BTreeMap<String, String>> {
        self.invocation.policy.grants.config.as_ref()
    }
}
