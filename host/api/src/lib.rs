//! The AWS Step Functions API, and AWS Lambda's for the functions that it calls: any AWS SDK, the AWS CLI
//! and boto3 take this server for the services.
//!
//! ```text
//!   listen.rs: connections, TLS, limits of time
//!     hosts.rs ── POST /  X-Amz-Target: AWSStepFunctions.StartExecution
//!       wire.rs ── access.rs: whose signature it is; calls.rs: its place; body.rs: its body
//!          ├────── members.rs, action/ (one struct an operation) ──► Engine
//!          └────── error.rs: {"__type": …, "message": …}
//!     lambda/ ── POST /2015-03-31/functions/CheckInventory/invocations ──► Published
//!     start.rs ── POST /start/orders: a request's body is an execution's input
//! ```
//!
//! This crate alone knows AWS's server wire formats (AWS JSON 1.0, REST-JSON). It keeps nothing and
//! decides nothing: what it acknowledges, the engine has made durable.
#![forbid(unsafe_code)]

mod access;
mod action;
mod arn;
mod body;
mod calls;
mod constraint;
mod error;
mod hosts;
mod lambda;
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
use stepyard_engine::{Engine, Identity, outside::Logs};
use tokio::net::TcpListener;

pub use self::{
    access::{Access, AccessKey},
    lambda::Published,
    limits::Limits,
    tls::{Tls, TlsError},
};
use self::{body::Bodies, calls::Calls, lambda::Events, page::PageTokens};

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
    events: Events,
    functions: Option<Arc<dyn Published>>,
    metrics_token: Option<Arc<str>>,
    logs: Option<Arc<dyn Logs>>,
}

impl Api {
    /// An API to `engine`. `identity` is whose state machines it creates; `key` signs page tokens:
    /// with another key, those given before are invalid.
    pub fn new(engine: Engine, identity: Identity, key: Seed) -> Self {
        let limits = Arc::new(Limits::default());
        let bodies = Bodies::new(limits.clone());
        let (pages, calls) = (PageTokens::new(key), Calls::new(limits.calls));
        Self {
            engine,
            identity,
            pages,
            access: None,
            hosts: Arc::new([]),
            limits,
            bodies,
            calls,
            events: Events::new(),
            functions: None,
            metrics_token: None,
            logs: None,
        }
    }

    /// Answers the AWS Lambda API for these functions, too.
    #[must_use]
    pub fn with_functions(self, functions: Arc<dyn Published>) -> Self {
        Self { functions: Some(functions), ..self }
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

    /// Looks here whether the log groups are there that state machines are to log to. Without this any is
    /// taken.
    #[must_use]
    pub fn with_logs(self, logs: Arc<dyn Logs>) -> Self {
        Self { logs: Some(logs), ..self }
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
        let (limits, events) = (self.limits.clone(), self.events.clone());
        let scheme = if tls.is_some() { "https" } else { "http" };
        listen::serve(listener, tls, self.router(scheme), limits, stop).await;
        events.end().await;
    }

    /// Its routes: `POST /` for calls of AWS Step Functions, `/2015-03-31/…` for those of AWS Lambda,
    /// `POST /start/<machine>` for any other client, `/healthz` (it is up) and `/readyz` (it takes work),
    /// which need no signature, and `/metrics`, which has a token of its own. A request that names another
    /// host than this server is refused. `scheme` is how it is reached.
    fn router(self, scheme: &'static str) -> Router {
        let own_only = middleware::from_fn_with_state(self.clone(), hosts::own_only);
        let functions = self.functions.clone();
        let lambda = functions.map(|it| lambda::router(self.clone(), it, scheme));
        let router = Router::new()
            .route("/", post(wire::call))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(wire::ready))
            .route("/start/{machine}", post(start::start))
            .route("/metrics", get(metrics::metrics))
            .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing here: POST /\n") })
            .with_state(self);
        router.merge(lambda.unwrap_or_default()).layer(own_only)
    }
}
