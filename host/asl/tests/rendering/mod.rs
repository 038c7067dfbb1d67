//! What a fact led to, as text that a person reviews: `> fact`, `+ command`, and the history as
//! `id<previous type details`. Timers are told in milliseconds since `begin`.

use serde_json::Value;
use stepyard_asl::{Command, Details, FactKind, HistoryEvent, Status, Step};

/// One fact, and the step it led to.
pub(crate) fn render(fact: &FactKind, step: &Step, begin: i64) -> String {
    let mut text = match fact {
        FactKind::ExecutionStarted { .. } => "> ExecutionStarted".to_owned(),
        FactKind::TaskStarted { task, .. } => format!("> TaskStarted {task}"),
        FactKind::TaskSubmitted { task, .. } => format!("> TaskSubmitted {task}"),
        FactKind::TaskSucceeded { task, .. } => format!("> TaskSucceeded {task}"),
        FactKind::TaskFailed { task, .. } => format!("> TaskFailed {task}"),
        FactKind::TimerFired { timer, also } => {
            let also: String = also.iter().map(|timer| format!(" {timer}")).collect();
            format!("> TimerFired {timer}{also}")
        }
        FactKind::TaskBeat { task } => format!("> TaskBeat {task}"),
        FactKind::ExecutionRedriven { .. } => "> ExecutionRedriven".to_owned(),
        FactKind::ExecutionAborted { .. } => "> ExecutionAborted".to_owned(),
        FactKind::ExecutionOverdue => "> ExecutionOverdue".to_owned(),
    };
    text += "\n";
    text += &step.history.iter().map(render_event).collect::<String>();
    text += &step.commands.iter().map(|it| render_command(it, begin)).collect::<String>();
    text
}

/// One event of the history.
pub(crate) fn render_event(event: &HistoryEvent) -> String {
    let (id, previous, kind) = (event.id, event.previous_event_id, event.kind.name());
    let details = render_details(&event.details);
    format!("{id:>5}<{previous:<3} {kind}{details}\n")
}

fn render_details(details: &Details) -> String {
    let mut text = String::new();
    if let Some(name) = &details.name {
        text += &format!(" {name}");
    }
    let Value::Object(members) = serde_json::to_value(details).unwrap() else { unreachable!() };
    for (name, member) in members.iter().filter(|(name, _)| *name != "name") {
        let shown = member.as_str().map_or_else(|| member.to_string(), str::to_owned);
        text += &format!(" {name}={}", brief(&shown));
    }
    text
}

/// Long data by its beginning and length.
fn brief(text: &str) -> String {
    if text.len() <= 300 {
        return text.to_owned();
    }
    format!("{}... ({} bytes)", &text[..20], text.len())
}

/// One command.
pub(crate) fn render_command(command: &Command, begin: i64) -> String {
    match command {
        Command::ScheduleTask(task) => {
            let (id, visit, input) = (&task.task, &task.visit, &task.input);
            let resource = task.resource.text().trim_start_matches("arn:aws:");
            let token = task.token.as_ref().map_or("", |_| " with a token");
            format!("      + task {id} of {visit}: {resource} {input}{token}\n")
        }
        Command::StartTimer { timer, at } => {
            format!("      + timer {timer} at +{} ms\n", at.as_millis() - begin)
        }
        Command::Cancel { command } => format!("      + cancel {command}\n"),
        Command::Finish { status } => format!("      + finish {}\n", render_status(status)),
    }
}

fn render_status(status: &Status) -> String {
    match status {
        Status::Running => "RUNNING".to_owned(),
        Status::Succeeded { output } => format!("SUCCEEDED {output}"),
        Status::Failed { error } => format!("FAILED {}", error.name()),
        Status::TimedOut => "TIMED_OUT".to_owned(),
        Status::Aborted { error } => format!("ABORTED {}", error.name()),
    }
}
