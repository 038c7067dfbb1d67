//! Live progress on stderr: a line per state with its time, and on a terminal a spinner for the
//! states that an execution is in.

use std::{
    collections::{BTreeMap, VecDeque},
    io::IsTerminal,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use stepyard_asl::{Details, EventType, HistoryEvent, StateName, Timestamp};

/// Shows an execution's history as it happens.
#[derive(Debug)]
pub(crate) struct Progress {
    spinner: Option<ProgressBar>,
    /// When each state that is not left yet was entered; a Map enters one several times.
    entered: BTreeMap<StateName, VecDeque<Timestamp>>,
}

impl Progress {
    /// With a spinner where stderr is a terminal.
    pub(crate) fn new() -> Self {
        let spinner = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("  {spinner} {msg}");
            let spinner =
                ProgressBar::new_spinner().with_style(style.expect("the template is well formed"));
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        Self { spinner, entered: BTreeMap::new() }
    }

    /// Shows one event.
    pub(crate) fn event(&mut self, event: &HistoryEvent) {
        if let Some(line) = self.line(event) {
            self.print(&line);
        }
        if let Some(spinner) = &self.spinner {
            let states: Vec<&str> = self.entered.keys().map(|name| &**name).collect();
            spinner.set_message(states.join(", "));
        }
    }

    /// Prints a line above the spinner.
    pub(crate) fn print(&self, line: &str) {
        match &self.spinner {
            Some(spinner) => spinner.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// Takes the spinner away.
    pub(crate) fn finish(self) {
        if let Some(spinner) = self.spinner {
            spinner.finish_and_clear();
        }
    }

    fn line(&mut self, event: &HistoryEvent) -> Option<String> {
        let details = &event.details;
        let type_name = event.kind.name();
        if let (true, Some(name)) = (type_name.ends_with("StateEntered"), &details.name) {
            self.entered.entry(name.clone()).or_default().push_back(event.timestamp);
            return (event.kind == EventType::FailStateEntered).then(|| format!("  {name}"));
        }
        if let (true, Some(name)) = (type_name.ends_with("StateExited"), &details.name) {
            let since = self.left(name)?;
            let took = event.timestamp.as_millis() - since.as_millis();
            return Some(format!("  {name:<28} {}", duration(took)));
        }
        match event.kind {
            EventType::TaskFailed
            | EventType::LambdaFunctionFailed
            | EventType::ActivityFailed
            | EventType::TaskTimedOut
            | EventType::LambdaFunctionTimedOut
            | EventType::ActivityTimedOut => Some(format!("  ! {}", failure(details))),
            _ => None,
        }
    }

    fn left(&mut self, name: &StateName) -> Option<Timestamp> {
        let times = self.entered.get_mut(name)?;
        let since = times.pop_front();
        if times.is_empty() {
            self.entered.remove(name);
        }
        since
    }
}

/// `CardDeclined: Your card was declined.`, on one line of bounded length.
fn failure(details: &Details) -> String {
    let cause = details.cause.as_deref().unwrap_or_default();
    let cause: String =
        cause.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect();
    match details.error.as_deref() {
        Some(error) if cause.is_empty() => error.to_owned(),
        Some(error) => format!("{error}: {cause}"),
        None => cause,
    }
}

/// `340 ms`, `2.5 s`, `3 min 20 s`.
pub(crate) fn duration(millis: i64) -> String {
    match millis {
        ..1_000 => format!("{} ms", millis.max(0)),
        1_000..60_000 => format!("{:.1} s", millis as f64 / 1_000.0),
        _ => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_shown_with_its_time_once_it_is_left() {
        let mut progress = Progress { spinner: None, entered: BTreeMap::new() };
        let event = |kind, at, name: &str| HistoryEvent {
            id: 1,
            previous_event_id: 0,
            timestamp: Timestamp::from_millis(at),
            kind,
            details: Box::new(Details { name: Some(name.into()), ..Details::default() }),
        };
        assert_eq!(progress.line(&event(EventType::TaskStateEntered, 1_000, "Pay")), None);
        let line = progress.line(&event(EventType::TaskStateExited, 1_340, "Pay"));
        assert_eq!(line.as_deref(), Some("  Pay                          340 ms"));
        assert!(progress.entered.is_empty());
    }

    #[test]
    fn a_duration_is_shown_in_its_own_unit() {
        for (millis, expected) in
            [(-1, "0 ms"), (999, "999 ms"), (2_500, "2.5 s"), (200_000, "3 min 20 s")]
        {
            assert_eq!(duration(millis), expected);
        }
    }
}
