//! The log as CloudWatch shows it: a JSON object a line on standard output, with the invocation that it
//! belongs to; or text, where the function's log format says so.

use std::{
    env,
    fmt::{self, Write as _},
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value, json};
use stepyard_engine::clock::{Clock, SystemClock};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{Layer, layer::Context};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// A JSON object each.
    Json,
    /// Words, the time first.
    Text,
}

/// Writes the log. Clones write the same one.
#[derive(Clone, Debug)]
pub struct Log {
    format: Format,
    level: LevelFilter,
    request: Arc<Mutex<Option<String>>>,
}

/// An invocation is at work.
#[derive(Debug)]
pub(crate) struct Request<'a>(&'a Log);

impl Log {
    /// As the function's logging configuration has it, which Lambda tells by `AWS_LAMBDA_LOG_FORMAT` and
    /// `AWS_LAMBDA_LOG_LEVEL`. Where it tells nothing: JSON, from INFO up.
    pub fn from_environment() -> Self {
        let variable = |name| env::var(name).unwrap_or_default();
        Self::new(&variable("AWS_LAMBDA_LOG_FORMAT"), &variable("AWS_LAMBDA_LOG_LEVEL"))
    }

    fn new(format: &str, level: &str) -> Self {
        let is_text = format.eq_ignore_ascii_case("text");
        let level = match level.to_ascii_uppercase().as_str() {
            "TRACE" => LevelFilter::TRACE,
            "DEBUG" => LevelFilter::DEBUG,
            "WARN" => LevelFilter::WARN,
            "ERROR" | "FATAL" => LevelFilter::ERROR,
            _ => LevelFilter::INFO,
        };
        let format = if is_text { Format::Text } else { Format::Json };
        Self { format, level, request: Arc::default() }
    }

    /// What is logged from here on belongs to this invocation, until what this returns is dropped.
    pub(crate) fn begin(&self, request_id: &str) -> Request<'_> {
        *self.request.lock().unwrap_or_else(PoisonError::into_inner) = Some(request_id.to_owned());
        Request(self)
    }

    /// Of other people's crates only warnings are of interest here: at DEBUG they would drown the rest.
    fn shows(&self, metadata: &Metadata<'_>) -> bool {
        let level = match metadata.target().starts_with("stepyard") {
            true => self.level,
            false => self.level.min(LevelFilter::WARN),
        };
        *metadata.level() <= level
    }

    fn line(&self, level: Level, fields: Fields) -> String {
        let request = self.request.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let timestamp = SystemClock.now().to_string();
        match self.format {
            Format::Json => fields.json(level, &timestamp, request),
            Format::Text => fields.text(level, &timestamp, request),
        }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        *self.0.request.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        self.shows(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = self.line(*event.metadata().level(), fields);
        // There is nowhere left to say that standard output is closed.
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    }
}

/// What an event says.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn json(self, level: Level, timestamp: &str, request: Option<String>) -> String {
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), json!(timestamp));
        line.insert("level".to_owned(), json!(level.as_str()));
        line.insert("message".to_owned(), json!(self.message));
        if let Some(request) = request {
            line.insert("requestId".to_owned(), json!(request));
        }
        line.extend(self.others);
        Value::Object(line).to_string() + "\n"
    }

    /// As Lambda's own runtimes write text, then the fields.
    fn text(self, level: Level, timestamp: &str, request: Option<String>) -> String {
        let request = request.unwrap_or_default();
        // A line stays one line.
        let message = self.message.replace('\n', "\r");
        let mut line = format!("{timestamp}\t{request}\t{level}\t{message}");
        for (name, value) in self.others {
            // A text takes all that is written to it.
            let _ = write!(line, " {name}={value}");
        }
        line + "\n"
    }

    fn add(&mut self, field: &Field, value: Value) {
        self.others.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            _ => self.add(field, json!(format!("{value:?}"))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.add(field, json!(value)),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, json!(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        let others =
            [("function".to_owned(), json!("CheckInventory")), ("id".to_owned(), json!(7))];
        Fields { message: "out\nof stock".to_owned(), others: others.into_iter().collect() }
    }

    #[test]
    fn a_line_has_the_form_that_cloudwatch_knows() {
        let log = Log::new("JSON", "");
        let _request = log.begin("8476a536");
        let line: Value = serde_json::from_str(&log.line(Level::WARN, fields())).unwrap();
        let names: Vec<&String> = line.as_object().unwrap().keys().collect();
        assert_eq!(names, ["timestamp", "level", "message", "requestId", "function", "id"]);
        assert_eq!((&line["level"], &line["id"]), (&json!("WARN"), &json!(7)));
        assert_eq!(line["message"], "out\nof stock");
    }

    #[test]
    fn a_function_may_want_text() {
        let log = Log::new("Text", "");
        let line = log.line(Level::INFO, fields());
        let rest: Vec<&str> = line.splitn(2, '\t').collect();
        assert_eq!(rest[1], "\tINFO\tout\rof stock function=\"CheckInventory\" id=7\n");
    }

    #[test]
    fn the_function_says_from_which_level_up() {
        let level = |written: &str| Log::new("", written).level;
        assert_eq!(level(""), LevelFilter::INFO);
        assert_eq!(level("debug"), LevelFilter::DEBUG);
        assert_eq!(level("FATAL"), LevelFilter::ERROR);
    }

    #[test]
    fn an_invocation_is_forgotten_with_its_end() {
        let log = Log::new("JSON", "");
        drop(log.begin("8476a536"));
        assert!(!log.line(Level::INFO, fields()).contains("requestId"));
    }
}
