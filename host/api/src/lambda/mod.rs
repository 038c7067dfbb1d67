//! The AWS Lambda API (REST-JSON, 2015-03-31): functions are called, published and routed as on AWS, on
//! the port of the Step Functions API.
//!
//! ```text
//!   wire.rs ── route.rs: PUT /2015-03-31/functions/CheckInventory/code is UpdateFunctionCode
//!     ├──── name.rs: which function, and which version or alias of it
//!     ├──── function.rs, version.rs, alias.rs, invoke.rs ──► Functions, Publishing
//!     │       upload.rs: the component in a zip   link.rs: where it is had back
//!     │       event.rs: calls that nobody waits for   page.rs: Marker and NextMarker
//!     └──── error.rs: x-amzn-ErrorType, {"Type": "User", "Message": …}
//! ```
//!
//! Functions come and go with the manifest: none is created or deleted here.

mod alias;
mod error;
mod event;
mod function;
mod invoke;
mod link;
mod name;
mod page;
mod route;
mod upload;
mod version;
mod wire;

use std::{fmt, sync::Arc};

use axum::{
    Router,
    routing::{any, get},
};
use stepyard_engine::{Functions, Publishing};
use tokio::sync::Semaphore;

pub(crate) use self::{event::Events, route::OPERATIONS};
use crate::Api;

/// What requests for a component by its link are counted under.
pub(crate) const LINK: &str = "GET /code";

/// Functions that are called and published.
pub trait Published: Functions + Publishing + fmt::Debug {}

impl<T: Functions + Publishing + fmt::Debug> Published for T {}

/// What the operations work with.
#[derive(Clone, Debug)]
struct Service {
    api: Api,
    functions: Arc<dyn Published>,
    /// Places for components on their way in or out.
    transfers: Arc<Semaphore>,
    /// `http` or `https`.
    scheme: &'static str,
}

/// The routes of the API to `functions`. Links begin with `scheme`.
pub(crate) fn router(api: Api, functions: Arc<dyn Published>, scheme: &'static str) -> Router {
    let transfers = Arc::new(Semaphore::new(api.limits.transfers));
    Router::new()
        .route("/2015-03-31/{*path}", any(wire::call))
        .route("/code/{link}", get(link::follow))
        .with_state(Service { api, functions, transfers, scheme })
}
