//! From one invocation to the next, until Lambda ends the process or the environment is lost.

use std::{io, sync::Arc, time::Duration};

use lambda_runtime::{LambdaEvent, LambdaInvocation, Runtime, service_fn, tower::layer::layer_fn};
use lambda_runtime_api_client::{BoxError, PooledClient};
use serde_json::json;
use tokio::{sync::Mutex, time::sleep};

use crate::{Log, Work, answer::Answer, post};

/// How long an event may be on its way that was handed out before SIGTERM came: it is taken still. Where Lambda
/// sends the signal it leaves a process more time than this ("Lambda execution environment lifecycle").
const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// Why no invocation can be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitError {
    /// In AWS's form: `Runtime.ConfigInvalid`.
    pub error_type: &'static str,
    /// What is wrong, where, and how to mend it.
    pub message: String,
}

/// Why no more invocations are taken.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// AWS says to end when it says this.
    #[error("the Runtime API answered {0}: this environment is lost, and another takes its place")]
    Unrecoverable(u16),
    /// The Runtime API does not answer, or answers otherwise than it should.
    #[error("the Runtime API cannot be used: {0}")]
    RuntimeApi(String),
    /// Signals cannot be waited for.
    #[error("cannot wait for SIGTERM: {0}")]
    Signals(#[from] io::Error),
}

/// Takes invocations, one at a time, until SIGTERM: then one that is at work, or was handed out already, comes
/// to its end first. Within a tokio runtime.
pub async fn serve(work: Work, log: Log) -> Result<(), ServeError> {
    let one = Arc::new(One {
        work,
        log,
        client: PooledClient::builder().build(),
        at_work: Mutex::new(()),
    });
    let taking = one.clone();
    let taking = service_fn(move |invocation: LambdaInvocation| {
        let one = taking.clone();
        async move { one.take(invocation).await }
    });
    // Their services would post, and go on after a 500. Ours takes their place, and with it the handler's.
    let runtime = Runtime::new(service_fn(not_reached)).layer(layer_fn(move |_| taking.clone()));
    tokio::select! {
        ended = runtime.run() => match ended {
            Ok(()) => Ok(()),
            Err(error) => Err(match error.downcast::<ServeError>() {
                Ok(error) => *error,
                Err(error) => ServeError::RuntimeApi(error.to_string()),
            }),
        },
        ended = one.end() => Ok(ended?),
    }
}

/// Tells Lambda why no invocation can be taken. The process has to end then, with a failure.
pub async fn refuse(error: &InitError) -> Result<(), ServeError> {
    let InitError { error_type, message } = error;
    let body = json!({ "errorMessage": message, "errorType": error_type, "stackTrace": [] });
    let client = PooledClient::builder().build();
    let told = post::init_error(&client, error_type, body.to_string()).await;
    told.map(drop).map_err(|error| ServeError::RuntimeApi(error.to_string()))
}

/// One invocation at a time.
struct One {
    work: Work,
    log: Log,
    client: PooledClient,
    /// Held from an event to its answer.
    at_work: Mutex<()>,
}

impl One {
    /// Resolves when Lambda wants the process to end, and no invocation is at work.
    async fn end(&self) -> io::Result<()> {
        terminated().await?;
        sleep(ON_ITS_WAY).await;
        drop(self.at_work.lock().await);
        tracing::info!("SIGTERM: no invocation is at work, and none is taken any more");
        Ok(())
    }

    async fn take(&self, invocation: LambdaInvocation) -> Result<(), BoxError> {
        let _at_work = self.at_work.lock().await;
        let _request = self.log.begin(&invocation.context.request_id);
        let answer = self.work.answer(&invocation.body, &invocation.context).await;
        if let Answer::Error(failure) = &answer {
            let error_type = failure.error_type.as_deref();
            tracing::error!(errorType = error_type, errorMessage = failure.message, "Invoke Error");
        }
        post::answer(&self.client, &invocation, answer).await
    }
}

async fn not_reached(_event: LambdaEvent<()>) -> Result<(), BoxError> {
    Err("an invocation went past the layer that takes it".into())
}

/// SIGTERM, which Lambda sends before it takes an environment away.
#[cfg(unix)]
async fn terminated() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

/// Lambda runs on Linux alone.
#[cfg(not(unix))]
async fn terminated() -> io::Result<()> {
    std::future::pending().await
}
