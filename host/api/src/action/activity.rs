//! Activities: create, describe, delete, list; and a worker's question for a task.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_engine::{ActivityRecord, ActivityTask, check_name};
use tokio::{sync::oneshot, time};

use super::{
    Action, Empty,
    configuration::Encryption,
    required, seconds,
    tag::{self, Tag, tags},
};
use crate::{Api, arn, constraint::Constraints, error::ApiError, page};

/// How long a worker waits for a task (API reference, `GetActivityTask`).
const POLL: Duration = Duration::from_secs(60);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateActivity {
    name: Option<String>,
    tags: Option<Vec<Tag>>,
    encryption_configuration: Option<Encryption>,
}

impl Action for CreateActivity {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        let check = Constraints::default().present("name", &self.name);
        let check = check.length("name", self.name.as_deref(), (1, 80));
        let check = tag::constrain(check, self.tags.as_deref());
        Encryption::constrain(check, self.encryption_configuration.as_ref()).check()?;
        Encryption::check(self.encryption_configuration.as_ref())?;
        let tags = tags(self.tags.unwrap_or_default())?;
        let name = required(self.name)?;
        check_name(&name)?;
        let arn = api.identity.activity(&name)?;
        let created = api.engine.create_activity(arn, name, tags).await?;
        Ok(json!({
            "activityArn": created.arn,
            "creationDate": seconds(created.created_at),
        }))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeActivity {
    activity_arn: Option<String>,
}

impl Action for DescribeActivity {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default().arn("activityArn", &self.activity_arn).check()?;
        let activity = required(self.activity_arn)?;
        let found = api.engine.activity(arn::activity(&activity)?).await?;
        let mut shown = listed(&found);
        shown["encryptionConfiguration"] = json!({ "type": "AWS_OWNED_KEY" });
        Ok(shown)
    }
}

fn listed(activity: &ActivityRecord) -> Value {
    json!({
        "activityArn": activity.arn,
        "name": activity.name,
        "creationDate": seconds(activity.created_at),
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeleteActivity {
    activity_arn: Option<String>,
}

impl Action for DeleteActivity {
    type Output = Empty;

    async fn run(self, api: &Api) -> Result<Empty, ApiError> {
        Constraints::default().arn("activityArn", &self.activity_arn).check()?;
        let activity = required(self.activity_arn)?;
        api.engine.delete_activity(arn::activity(&activity)?).await?;
        Ok(Empty {})
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListActivities {
    max_results: Option<i64>,
    next_token: Option<String>,
}

impl Action for ListActivities {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        const LIST: &str = "activities";
        Constraints::default()
            .max_results(self.max_results)
            .next_token(&self.next_token)
            .check()?;
        // A page begins behind the last name of the one before.
        let after = api.pages.place(LIST, self.next_token.as_deref())?;
        let all = api.engine.activities().await?;
        let mut rest = all.iter().filter(|it| after.as_deref().is_none_or(|at| *it.name > *at));
        let page: Vec<_> = rest.by_ref().take(page::size(self.max_results)).collect();
        let shown: Vec<Value> = page.iter().map(|activity| listed(activity)).collect();
        let mut answer = json!({ "activities": shown });
        if let (Some(last), Some(_)) = (page.last(), rest.next()) {
            answer["nextToken"] = json!(api.pages.token(LIST, &last.name));
        }
        Ok(answer)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetActivityTask {
    activity_arn: Option<String>,
    worker_name: Option<String>,
}

impl Action for GetActivityTask {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .arn("activityArn", &self.activity_arn)
            .length("workerName", self.worker_name.as_deref(), (1, 80))
            .check()?;
        let activity = required(self.activity_arn)?;
        let activity = arn::activity(&activity)?;
        let comes = api.engine.activity_task(activity, self.worker_name).await?;
        Ok(match wait(comes).await {
            Some(task) => json!({ "taskToken": task.token.0, "input": task.input.text() }),
            None => json!({ "taskToken": null }),
        })
    }
}

/// The task that comes in time, if one does.
async fn wait(mut comes: oneshot::Receiver<ActivityTask>) -> Option<ActivityTask> {
    match time::timeout(POLL, &mut comes).await {
        Ok(task) => task.ok(),
        Err(_) => {
            // Closed first: what is not here by then goes to another worker.
            comes.close();
            comes.try_recv().ok()
        }
    }
}
