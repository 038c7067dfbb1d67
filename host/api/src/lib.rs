//! The AWS Step Functions API: any AWS SDK, the AWS CLI and boto3 take this server for the service.
//!
//! ```text
//!   listen.rs: connections, TLS, limits of time
//!     hosts.rs ── POST /  X-Amz-Target: AWSStepFunctions.StartExecution
//!       wire.rs ── access.rs: whose signature it is; calls.rs: its place; body.rs: its body
//!          ├────── members.rs, action/ (one struct an operation) ──► Engine
//!          └────── error.rs: {"__type": …, "message": …}
//!     start.rs ── POST /start/orders: a request's body is an execution's input
//! ```
//!
//! This crate alone knows AWS's server wire format (AWS JSON 1.0). It keeps nothing and decides
//! nothing: what it acknowledges, the engine has made durable.
#![forbid(unsafe_code)]

mod access;
mod action;
mod arn;
mod body;
mod calls;
mod constraint;
mod error;
mod hosts;
mod jackson;
mod limits;
mod listen;
mod members;
mod metrics;
mod page;
mod start;
mod tls;
mod wire;

use std::{future::Future, sync::Arc};

use axum::{
    Router,
    http::StatusCode,
    middleware,
    routing::{get, post},
};
use stepyard_asl::Seed;
use stepyard_engine::{Engine, Identity};
use tokio::net::TcpListener;

pub use self::{
    access::{Access, AccessKey},
    limits::Limits,
    tls::{Tls, TlsError},
};
use self::{body::Bodies, calls::Calls, page::PageTokens};

/// What the operations work with.
#[derive(Clone, Debug)]
pub struct Api {
    engine: Engine,
    identity: Identity,
    pages: PageTokens,
    access: Option<Arc<Access>>,
    hosts: Arc<[String]>,
    limits: Arc<Limits>,
    bodies: Bodies,
    calls: Calls,
    metrics_token: Option<Arc<str>>,
}

impl Api {
    /// An API to `engine`. `identity` is whose state machines it creates; `key` signs page tokens:
    /// with another key, those given before are invalid.
    pub fn new(engine: Engine, identity: Identity, key: Seed) -> Self {
        let limits = Arc::new(Limits::default());
        let bodies = Bodies::new(limits.clone());
        let (pages, calls) = (PageTokens::new(key), Calls::new(limits.calls));
        let (access, hosts, metrics_token) = (None, Arc::new([]), None);
        Self { engine, identity, pages, access, hosts, limits, bodies, calls, metrics_token }
    }

    /// Performs only calls that are signed with a key of `access`. Without this any call is.
    #[must_use]
    pub fn with_access(self, access: Access) -> Self {
        Self { access: Some(Arc::new(access)), ..self }
    }

    /// Answers requests to these hosts too.
    #[must_use]
    pub fn with_hosts(self, hosts: Vec<String>) -> Self {
        Self { hosts: hosts.into(), ..self }
    }

    /// Shows metrics to whoever has this token. Without one they are shown to anybody, or with
    /// [`Self::with_access`] to nobody.
    #[must_use]
    pub fn with_metrics_token(self, token: String) -> Self {
        Self { metrics_token: Some(token.into()), ..self }
    }

    /// Asks no more and no less of clients than these limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        let limits = Arc::new(limits);
        let (bodies, calls) = (Bodies::new(limits.clone()), Calls::new(limits.calls));
        Self { bodies, calls, limits, ..self }
    }

    /// Answers the connections of `listener`, encrypted with `tls`, until `stop` resolves. Requests
    /// that are at work then are answered still, within their limit.
    pub async fn serve(
        self,
        listener: TcpListener,
        tls: Option<Tls>,
        stop: impl Future<Output = ()>,
    ) {
        let limits = self.limits.clone();
        listen::serve(listener, tls, self.router(), limits, stop).await;
    }

    /// Its routes: `POST /` for AWS calls, `POST /start/<machine>` for any other client, `/healthz` (it
    /// is up) and `/readyz` (it takes work), which need no signature, and `/metrics`, which has a token
    /// of its own. A request that names another host than this server is refused.
    fn router(self) -> Router {
        let own_only = middleware::from_fn_with_state(self.clone(), hosts::own_only);
        Router::new()
            .route("/", post(wire::call))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(wire::ready))
            .route("/start/{machine}", post(start::start))
            .route("/metrics", get(metrics::metrics))
            .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing here: POST /\n") })
            .layer(own_only)
            .with_state(self)
    }
}
