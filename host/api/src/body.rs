//! Reading a request's body, within limits of size and time.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::StatusCode,
};
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{Limits, error::ApiError};

/// Bodies are accounted for in units of so many bytes.
const UNIT: usize = 1 << 10;

/// The error of a body that is longer than it may be.
pub(crate) const TOO_LARGE: &str = "RequestEntityTooLarge";

/// How many bodies' worth of bytes a client may still send of a body that is refused.
const DISCARDED_MAX: usize = 4;

/// How much of a body is taken, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
}

/// Reads bodies; all of them together hold no more than their limit.
#[derive(Clone, Debug)]
pub(crate) struct Bodies {
    limits: Arc<Limits>,
    budget: Arc<Semaphore>,
}

/// A body that was read. It counts against the limit of all until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: Bytes,
    _units: Option<OwnedSemaphorePermit>,
}

impl std::ops::Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Bodies {
    pub(crate) fn new(limits: Arc<Limits>) -> Self {
        let budget = Arc::new(Semaphore::new(limits.bodies_bytes / UNIT));
        Self { limits, budget }
    }

    /// What any body is allowed whose call needs no more.
    pub(crate) fn usual(&self) -> Allowance {
        Allowance { bytes: self.limits.body_bytes, time: self.limits.body_time }
    }

    /// Reads a body whole.
    pub(crate) async fn read(&self, mut body: Body, allowed: Allowance) -> Result<Held, ApiError> {
        let collecting = self.collect(&mut body, allowed.bytes);
        let Ok(read) = timeout(allowed.time, collecting).await else {
            return Err(too_slow(allowed.time));
        };
        if read.is_err() {
            self.discard(body, allowed).await;
        }
        read
    }

    /// Reads what is left of a body that is not wanted, so that its sender comes to hear why: many
    /// clients read no answer before they have sent all.
    pub(crate) async fn discard(&self, mut body: Body, allowed: Allowance) {
        let most = allowed.bytes.saturating_mul(DISCARDED_MAX);
        let rest = async {
            let mut seen = 0;
            while let Some(Ok(frame)) = body.frame().await {
                seen += frame.data_ref().map_or(0, Bytes::len);
                if seen > most {
                    break;
                }
            }
        };
        // One that is still not whole is cut off with its connection.
        let _ = timeout(allowed.time, rest).await;
    }

    async fn collect(&self, body: &mut Body, most: usize) -> Result<Held, ApiError> {
        let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if declared > most {
            return Err(too_large(most));
        }
        let mut bytes = Vec::new();
        let mut units: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                let message = format!("the request's body cannot be read: {error}");
                ApiError::new("SerializationException", message)
            })?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > most {
                return Err(too_large(most));
            }
            let missing = (bytes.len() + data.len()).div_ceil(UNIT) - bytes.len().div_ceil(UNIT);
            let more = self.take(missing)?;
            match &mut units {
                Some(units) => units.merge(more),
                None => units = Some(more),
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Held { bytes: bytes.into(), _units: units })
    }

    fn take(&self, units: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        self.budget.clone().try_acquire_many_owned(units).map_err(|_| ApiError::throttled())
    }
}

fn too_large(most: usize) -> ApiError {
    let message = format!("a request has at most {most} bytes");
    ApiError::with_status(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE, message)
}

fn too_slow(time: Duration) -> ApiError {
    let seconds = time.as_secs_f64();
    let message = format!("the request's body did not come within {seconds} s");
    ApiError::with_status(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", message)
}
