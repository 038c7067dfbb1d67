//! GetExecutionHistory.

use serde::{Deserialize, Serialize};
use stepyard_asl::HistoryEvent;

use super::{Action, required};
use crate::{Api, arn, constraint::Constraints, error::ApiError, page};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetExecutionHistory {
    execution_arn: Option<String>,
    max_results: Option<i64>,
    reverse_order: Option<bool>,
    next_token: Option<String>,
    include_execution_data: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct History {
    events: Vec<HistoryEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Action for GetExecutionHistory {
    type Output = History;

    async fn run(self, api: &Api) -> Result<History, ApiError> {
        Constraints::default()
            .arn("executionArn", &self.execution_arn)
            .max_results(self.max_results)
            .next_token(&self.next_token)
            .check()?;
        let execution = required(self.execution_arn)?;
        let reverse = self.reverse_order.unwrap_or(false);
        let list = format!("history/{reverse}/{execution}");
        // A page begins behind the last event of the one before, whatever has happened since.
        let after = api.pages.place(&list, self.next_token.as_deref())?;
        let after = after.map(|id| id.parse::<u64>()).transpose();
        let after = after.map_err(|_| ApiError::invalid_token())?;
        let size = page::size(self.max_results);
        let execution = arn::execution(&execution)?;
        let found = api.engine.history_page(execution, after, reverse, size).await?;
        let last = found.events.last().filter(|_| found.has_more);
        let next_token = last.map(|last| api.pages.token(&list, &last.id.to_string()));
        let with_data = self.include_execution_data.unwrap_or(true);
        let shown = |event: HistoryEvent| if with_data { event } else { event.without_data() };
        Ok(History { events: found.events.into_iter().map(shown).collect(), next_token })
    }
}
