//! The one door to what lies outside: everything that a granted capability can reach.

use std::{fmt, sync::Arc};

use stepyard_engine::outside::{KeyValue, Mail, Names, Secrets};

/// What the steps' capabilities are made of.
#[derive(Clone)]
pub struct Outside {
    /// Behind `wasi:keyvalue`.
    pub keyvalue: Arc<dyn KeyValue>,
    /// Behind `mail`.
    pub mail: Arc<dyn Mail>,
    /// What headers of `wasi:http` are made from.
    pub secrets: Arc<dyn Secrets>,
    /// What says where the hosts of `wasi:http` are.
    pub names: Arc<dyn Names>,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside")
            .field("keyvalue", &self.keyvalue)
            .field("mail", &self.mail)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
