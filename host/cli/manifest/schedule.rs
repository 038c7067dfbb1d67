//! What `[[workflows.NAME.schedule]]` means: moments, and the input of what starts then.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use stepyard_triggers::{Expression, ScheduleInput};
use toml::Spanned;

use super::{Fault, Schedule};

/// The most characters of a schedule's name: the rest of an execution's 80 say which moment it is of.
const SCHEDULE_NAME_MAX: usize = 60;

impl Schedule {
    /// When it comes.
    pub fn moments(&self) -> Result<Expression, Fault> {
        let zone = self.timezone.as_ref();
        let parsed =
            Expression::parse(self.expression.get_ref(), zone.map(|zone| zone.get_ref().as_str()));
        parsed.map_err(|error| {
            let at = match (&error, zone) {
                (stepyard_triggers::ExpressionError::Zone(_), Some(zone)) => zone.span(),
                _ => self.expression.span(),
            };
            (Some(at), error.to_string())
        })
    }

    /// What its executions are given.
    pub fn input(&self) -> Result<ScheduleInput, Fault> {
        let Some(input) = &self.input else { return Ok(ScheduleInput::default()) };
        let text = match input.get_ref() {
            toml::Value::String(text) => Ok(text.clone()),
            table => json_of(table).map(|it| it.to_string()),
        };
        let parsed =
            text.and_then(|text| ScheduleInput::parse(text).map_err(|error| error.to_string()));
        parsed.map_err(|message| (Some(input.span()), message))
    }

    /// What tells it from others where it has no name.
    pub fn written(&self) -> [&str; 2] {
        let zone = self.timezone.as_ref().map_or("", |zone| zone.get_ref());
        [self.expression.get_ref(), zone]
    }
}

/// Whether they can come, and each can be told from the others.
pub(super) fn check(schedules: &[Schedule]) -> Result<(), Fault> {
    let mut known = BTreeSet::new();
    for schedule in schedules {
        schedule.moments()?;
        schedule.input()?;
        let (own, at) = match &schedule.name {
            Some(name) => (vec![name.get_ref().as_str()], name.span()),
            None => (schedule.written().to_vec(), schedule.expression.span()),
        };
        if let Some(name) = &schedule.name {
            check_schedule_name(name)?;
        }
        if !known.insert(own) {
            let message =
                "another schedule of the workflow is the same: give each a `name` of its own";
            return Err((Some(at), message.to_owned()));
        }
    }
    Ok(())
}

/// EventBridge Scheduler's rule, and room for the moment in an execution's name.
fn check_schedule_name(name: &Spanned<String>) -> Result<(), Fault> {
    let text = name.get_ref();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=SCHEDULE_NAME_MAX).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(());
    }
    let message = format!(
        "`{text}` is not a schedule's name: 1 to {SCHEDULE_NAME_MAX} letters, digits, -, _ and ."
    );
    Err((Some(name.span()), message))
}

/// TOML as JSON: a date and time is a text there.
fn json_of(value: &toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) if number.is_finite() => json!(number),
        toml::Value::Float(number) => return Err(format!("{number} is not a number in JSON")),
        toml::Value::Boolean(it) => json!(it),
        toml::Value::Datetime(at) => json!(at.to_string()),
        toml::Value::Array(all) => all.iter().map(json_of).collect::<Result<Vec<_>, _>>()?.into(),
        toml::Value::Table(table) => {
            let members = table.iter().map(|(key, it)| Ok((key.clone(), json_of(it)?)));
            Value::Object(members.collect::<Result<Map<_, _>, String>>()?)
        }
    })
}
