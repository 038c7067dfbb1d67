//! `stepyard topics`: what was published to the local topic log.

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use stepyard_engine::TopicMessage;

use crate::{
    project::{Options, Project},
    report, wiring,
};

/// Show the notifications in the local topic log, oldest first.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only those of this topic, by its ARN
    #[arg(long, value_name = "ARN")]
    topic: Option<String>,

    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    limit: usize,

    /// One JSON object a line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    place: Options,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let project = Project::open(&arguments.place, Path::new(""))?;
    let store = wiring::open_store(&project.manifest, &project.data)?;
    for message in store.topic_messages(arguments.topic.as_deref(), 0, arguments.limit)? {
        report::output(&if arguments.json { as_json(&message) } else { as_text(&message) });
    }
    Ok(ExitCode::SUCCESS)
}

/// In the members of SNS's HTTP delivery.
fn as_json(message: &TopicMessage) -> String {
    json!({
        "MessageId": message.message_id,
        "TopicArn": message.destination,
        "Subject": message.subject,
        "Message": message.message,
        "Timestamp": message.at.to_string(),
        "MessageAttributes": message.attributes,
    })
    .to_string()
}

fn as_text(message: &TopicMessage) -> String {
    let mut text = format!("{}  {}\n", message.at, message.destination);
    if let Some(subject) = &message.subject {
        text += &format!("  subject: {subject}\n");
    }
    for (name, attribute) in message.attributes.as_object().into_iter().flatten() {
        let value = attribute["Value"].as_str().unwrap_or_default();
        text += &format!("  {name}: {value}\n");
    }
    text + &format!("  {}\n", message.message)
}
