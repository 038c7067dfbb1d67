//! Redrive: an execution that ended without success goes on where it stood (`RedriveExecution`).

use stepyard_asl::{Fact, FactKind, Status, Timestamp};
use tokio::sync::oneshot;

use crate::{Engine, EngineError, ExecutionRecord, driver::Message};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;
/// How long after its end an execution can be redriven (API reference, `RedriveExecution`).
const REDRIVABLE_MILLIS: i64 = 14 * DAY_MILLIS;
/// How long an execution may take, and how long after its start it can be redriven (Quotas: "Maximum
/// execution time", of Standard workflows).
pub(crate) const EXECUTION_MILLIS_MAX: i64 = 365 * DAY_MILLIS;
/// With so many events it cannot: no room is left for the redrive's own and another.
const EVENTS_MAX: u64 = 24_999;
/// How long a client token stands for the redrive it was first given with, and of how many.
const CLIENT_TOKEN_MILLIS: i64 = 15 * 60 * 1_000;
const CLIENT_TOKENS: usize = 10;

/// Why an execution was not redriven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedriveError {
    /// It cannot be.
    #[error("{reason}")]
    NotRedrivable {
        /// Why, in AWS's words.
        reason: String,
    },
    /// The engine could not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl ExecutionRecord {
    /// Why it cannot be redriven at `now`, in AWS's words; none when it can, as far as is known
    /// without its history.
    pub fn not_redrivable(&self, now: Timestamp) -> Option<String> {
        let word = self.status.name();
        let since = |at: Timestamp| now.as_millis().saturating_sub(at.as_millis());
        match (&self.status, self.summary.stopped_at) {
            (Status::Running | Status::Succeeded { .. }, _) | (_, None) => {
                Some(format!("Execution is {word} and cannot be redriven"))
            }
            _ if since(self.summary.started_at) > EXECUTION_MILLIS_MAX => Some(
                "Execution cannot be redriven because it would exceed the max execution time"
                    .into(),
            ),
            (_, Some(stopped)) if since(stopped) > REDRIVABLE_MILLIS => Some(
                "Execution cannot be redriven because its redrivable period is exceeded".into(),
            ),
            _ => None,
        }
    }
}

impl Engine {
    /// Lets an execution that ended without success go on from where it failed; that is durable when
    /// this returns. Answers when it was redriven: of a request with a client token given before,
    /// when it was then.
    pub async fn redrive(
        &self,
        arn: &str,
        client_token: Option<String>,
    ) -> Result<Timestamp, RedriveError> {
        self.check_pressure()?;
        let held = self.hold(&arn.into()).await;
        let record = self.record(arn)?;
        if let Some(token) = &client_token
            && let Some(at) = self.redriven_before(arn, token).await?
        {
            return Ok(at);
        }
        if let Some(reason) = record.not_redrivable(self.now()) {
            return Err(RedriveError::NotRedrivable { reason });
        }
        let live = self.replayed(&record).await?;
        if live.execution.event_count() >= EVENTS_MAX {
            let reason =
                "Execution cannot be redriven because it would exceed the max event count limit";
            return Err(RedriveError::NotRedrivable { reason: reason.to_owned() });
        }
        let (done, redriven) = oneshot::channel();
        let execution = record.summary.arn;
        self.give(Message::Redrive { execution, live, client_token, held, done })?;
        Ok(redriven.await.map_err(|_| self.gone())?)
    }

    /// When the execution was redriven by a request with this token, if that is not long ago.
    async fn redriven_before(
        &self,
        arn: &str,
        token: &str,
    ) -> Result<Option<Timestamp>, EngineError> {
        let facts = self.journal(arn).await?;
        let since = self.now().plus_millis(-CLIENT_TOKEN_MILLIS);
        let redrives = facts.iter().rev().filter_map(|Fact { at, kind, .. }| match kind {
            FactKind::ExecutionRedriven { client_token } => Some((*at, client_token.as_deref())),
            _ => None,
        });
        let recent = redrives.take(CLIENT_TOKENS).take_while(|(at, _)| *at >= since);
        Ok(recent.into_iter().find(|(_, given)| *given == Some(token)).map(|(at, _)| at))
    }
}
