//! The AWS Step Functions API: any AWS SDK, the AWS CLI and boto3 take this server for the service.
//!
//! ```text
//!   POST /  X-Amz-Target: AWSStepFunctions.StartExecution
//!     wire.rs ── action/ (one struct an operation) ──► Engine
//!        └────── error.rs: {"__type": …, "message": …}
//! ```
//!
//! This crate alone knows AWS's server wire format (AWS JSON 1.0). It keeps nothing and decides
//! nothing: what it acknowledges, the engine has made durable.
#![forbid(unsafe_code)]

mod action;
mod arn;
mod constraint;
mod error;
mod page;
mod wire;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    routing::{get, post},
};
use stepyard_asl::Seed;
use stepyard_engine::{Engine, Identity};

use self::page::PageTokens;

/// The most bytes of a request: the longest definition (1 MiB) with its JSON escapes, and the rest.
const REQUEST_BYTES_MAX: usize = 4 << 20;

/// What the operations work with.
#[derive(Clone, Debug)]
pub struct Api {
    engine: Engine,
    identity: Identity,
    pages: PageTokens,
}

impl Api {
    /// An API to `engine`. `identity` is whose state machines it creates; `key` signs page tokens:
    /// with another key, those given before are invalid.
    pub fn new(engine: Engine, identity: Identity, key: Seed) -> Self {
        Self { engine, identity, pages: PageTokens::new(key) }
    }

    /// Its routes: `POST /` for AWS calls, `/healthz` (it is up) and `/readyz` (it takes work).
    /// For a loopback listener: a request that names another host in `Host` is refused, so that no
    /// web page can reach it by a name of its own.
    pub fn router(self) -> Router {
        Router::new()
            .route("/", post(wire::call))
            .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(wire::ready))
            .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing here: POST /\n") })
            .layer(middleware::from_fn(wire::local_host_only))
            .with_state(self)
    }
}
