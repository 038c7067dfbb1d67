//! A task that is done by itself, as TestState has it: no execution's, and no journal knows of it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use stepyard_asl::{ScheduleTask, StatesError};

use crate::{
    Answer, Engine, EngineError, EngineHandle,
    tasks::{perform, task},
};

/// A task on trial: whether it may show secrets, and what it exchanged with an HTTP API.
pub struct Trial {
    /// Whether what a connection adds to a request is shown.
    pub reveal_secrets: bool,
    exchange: Mutex<Exchange>,
}

/// What a task exchanged with an HTTP API, as far as it came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// What was sent.
    pub request: Option<SentRequest>,
    /// What came back.
    pub response: Option<ReceivedResponse>,
}

/// Nothing of it: it may have secrets.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

/// A request that a task sent (API reference, `InspectionDataRequest`).
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "it may have secrets")]
pub struct SentRequest {
    /// `https` or `http`.
    pub protocol: String,
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body; empty when there is none.
    pub body: String,
}

/// A response that a task got (API reference, `InspectionDataResponse`).
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "it may have secrets")]
pub struct ReceivedResponse {
    /// `https` or `http`.
    pub protocol: String,
    /// The status code.
    pub status_code: u16,
    /// What the API called that.
    pub status_message: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, as a text.
    pub body: String,
}

impl Trial {
    /// One that shows secrets, or does not.
    pub fn new(reveal_secrets: bool) -> Self {
        Self { reveal_secrets, exchange: Mutex::default() }
    }

    /// The task sends this.
    pub fn sent(&self, request: SentRequest) {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner).request = Some(request);
    }

    /// The task got this.
    pub fn received(&self, response: ReceivedResponse) {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner).response = Some(response);
    }

    /// What was exchanged so far.
    pub fn exchange(&self) -> Exchange {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Nothing of what was exchanged: it may have secrets.
impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").finish_non_exhaustive()
    }
}

impl Engine {
    /// Does a task once, for an execution of this ARN that is not there. What it came to is told when
    /// what it wrote is durable. Dropping the future gives the task up.
    pub async fn try_task(
        &self,
        execution: &str,
        command: ScheduleTask,
        trial: Arc<Trial>,
    ) -> Result<Result<Answer, StatesError>, EngineError> {
        self.check_running()?;
        self.check_pressure()?;
        let handle = EngineHandle::default();
        handle.set(self.downgrade());
        let _burden = self.burden(command.input.len());
        let (integration, mut task) = task(self.integrations(), handle, execution, command);
        task.trial = Some(trial);
        let outcome = perform(integration, task, |it, task| it.run(task)).await;
        self.store().settle().await?;
        Ok(outcome.result)
    }
}
