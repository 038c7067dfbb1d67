//! Calls that nobody waits for (`InvocationType: Event`): begun at once, and again when the function
//! fails, as Lambda does with an asynchronous invocation. They are kept in memory only.

use std::{sync::Arc, time::Duration};

use stepyard_engine::{FunctionCall, FunctionError};
use tokio::{
    sync::{Semaphore, watch},
    time::sleep,
};

use super::Published;
use crate::error::ApiError;

/// The most of them at once. More are answered TooManyRequestsException.
const EVENTS_MAX: u32 = 1_000;

/// What comes before each further attempt (Lambda Developer Guide, asynchronous invocation: "two
/// more times, with a one-minute wait before the first retry and two minutes before the second").
const PAUSES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];

/// The calls that are at work, or wait for another attempt.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    places: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

impl Events {
    pub(crate) fn new() -> Self {
        let places = Arc::new(Semaphore::new(EVENTS_MAX as usize));
        Self { places, stopping: watch::Sender::new(false) }
    }

    /// Begins a call. Its end is in the log.
    pub(super) fn begin(
        &self,
        functions: Arc<dyn Published>,
        call: FunctionCall,
        request_id: &str,
    ) -> Result<(), ApiError> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| ApiError::throttled())?;
        let (request_id, mut stopping) = (request_id.to_owned(), self.stopping.subscribe());
        tokio::spawn(async move {
            let function = call.name.clone();
            for pause in PAUSES.iter().map(Some).chain([None]) {
                let Err(error) = functions.invoke(call.clone()).await else { break };
                let detail = detail(error);
                let Some(pause) = pause else {
                    tracing::error!(function, request_id, detail, "an event was given up");
                    break;
                };
                tracing::warn!(function, request_id, detail, "an event failed, and is tried again");
                tokio::select! {
                    () = sleep(*pause) => {}
                    _ = stopping.wait_for(|stopping| *stopping) => {
                        tracing::error!(function, request_id, "an event was given up: the server ends");
                        break;
                    }
                }
            }
            drop(place);
        });
        Ok(())
    }

    /// Lets the calls that are at work come to their end; what waits for another attempt gets none.
    pub(crate) async fn end(&self) {
        self.stopping.send_replace(true);
        // It fails only when closed, and it never is.
        let _ = self.places.acquire_many(EVENTS_MAX).await;
    }
}

/// What a failed attempt came to.
fn detail(error: FunctionError) -> String {
    match error {
        FunctionError::Function { error, .. } => error.cause.or(error.error).unwrap_or_default(),
        FunctionError::NotFound => "the function is there no more".to_owned(),
        FunctionError::TooManyRequests(message) | FunctionError::Service(message) => message,
    }
}
