//! What a Map Run's children came to, exported as AWS does: files of those that succeeded, of those
//! that failed and of those that were stopped, and a manifest that names them (Map state, "ResultWriter").

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stepyard_asl::{
    ExportPlace, MapRun, OutputType, Outputs, Payload, ResultDestination, StatesError, Status,
    Timestamp, Transformation, error_name,
};

use crate::{
    Engine, EngineError, ExecutionArn,
    outside::{ObjectError, ObjectWriter},
    recall::blocking,
};

use super::Halt;

/// How many results are read from the store at a time: each may have all of an input and an output.
const PAGE: usize = 64;

/// The most bytes of a file (Map state, "ResultWriter": 5 GB).
const FILE_BYTES_MAX: u64 = 5_000_000_000;

/// What is kept of a child that is over: what is to be exported of it. Of one of which nothing is, only that
/// it did not succeed, so that a redrive begins it anew, and what is told of it in the state's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChildResult {
    /// In which of the files it belongs.
    pub(super) file: ResultFile,
    /// What stands there.
    pub(super) text: Box<str>,
}

impl ChildResult {
    /// What is to be kept of a child; none where the store tells what it came to.
    pub(super) fn of(run: &MapRun, told: Option<&ToldChild>, status: &Status) -> Option<Self> {
        if run.destination().is_none() && !run.is_express() {
            return None;
        }
        let file = ResultFile::of(status);
        let text = match (told, run.destination()) {
            (Some(told), Some(it)) if it.export.is_some() => told.exported(run, it, status),
            // It takes the place of what was kept before the redrive.
            _ if file == ResultFile::Succeeded && run.redrive_count() > 0 => String::new(),
            _ if file == ResultFile::Succeeded => return None,
            (Some(told), Some(_)) => told.record(run.machine_arn(), status).to_string(),
            _ => String::new(),
        };
        Some(Self { file, text: text.into() })
    }
}

/// Which files a result may stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ResultFile {
    Failed,
    Pending,
    Succeeded,
}

impl ResultFile {
    const ALL: [Self; 3] = [Self::Failed, Self::Pending, Self::Succeeded];

    fn of(status: &Status) -> Self {
        match status {
            Status::Succeeded { .. } => Self::Succeeded,
            Status::Aborted { .. } | Status::Running => Self::Pending,
            Status::Failed { .. } | Status::TimedOut => Self::Failed,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::Pending => "PENDING",
            Self::Succeeded => "SUCCEEDED",
        }
    }
}

/// A child that is over, as its run tells of it.
pub(super) struct ToldChild {
    pub(super) arn: ExecutionArn,
    pub(super) name: String,
    pub(super) input: Payload,
    pub(super) started_at: Timestamp,
    pub(super) stopped_at: Timestamp,
    pub(super) redrive_count: u32,
}

impl ToldChild {
    /// All that is known of it, as AWS writes it.
    pub(super) fn record(&self, machine: &str, status: &Status) -> Value {
        let mut told = serde_json::Map::new();
        let mut tell = |name: &str, value: Value| drop(told.insert(name.to_owned(), value));
        let included = json!({ "Included": true });
        if let Status::Failed { error } | Status::Aborted { error } = status {
            error.cause.iter().for_each(|cause| tell("Cause", json!(cause)));
            error.error.iter().for_each(|error| tell("Error", json!(error)));
        }
        tell("ExecutionArn", json!(self.arn));
        tell("Input", json!(self.input.text()));
        tell("InputDetails", included.clone());
        tell("Name", json!(self.name));
        if let Status::Succeeded { output } = status {
            tell("Output", json!(output.text()));
            tell("OutputDetails", included);
        }
        tell("RedriveCount", json!(self.redrive_count));
        match status {
            Status::Succeeded { .. } => {
                tell("RedriveStatus", json!("NOT_REDRIVABLE"));
                let reason = "Execution is SUCCEEDED and cannot be redriven";
                tell("RedriveStatusReason", json!(reason));
            }
            _ => tell("RedriveStatus", json!("REDRIVABLE_BY_MAP_RUN")),
        }
        tell("StartDate", json!(self.started_at.to_string()));
        tell("StateMachineArn", json!(machine));
        tell("Status", json!(status.name()));
        tell("StopDate", json!(self.stopped_at.to_string()));
        told.into()
    }

    /// What stands of it in the files of a destination.
    fn exported(&self, run: &MapRun, destination: &ResultDestination, status: &Status) -> String {
        match (status, destination.transformation) {
            (Status::Succeeded { output }, Transformation::Compact) => output.text().to_owned(),
            (Status::Succeeded { output }, Transformation::Flatten) => {
                let between = match destination.output_type {
                    OutputType::Json => ",",
                    OutputType::JsonLines => "\n",
                };
                match output.value() {
                    Value::Array(elements) => {
                        let texts: Vec<String> = elements.iter().map(Value::to_string).collect();
                        texts.join(between)
                    }
                    _ => output.text().to_owned(),
                }
            }
            _ => self.record(run.machine_arn(), status).to_string(),
        }
    }
}

/// Adds what is told of the children that did not succeed, where that is in the state's result.
pub(super) async fn add_unsuccessful(
    engine: &Engine,
    run: &str,
    outputs: &mut Outputs,
) -> Result<(), EngineError> {
    let mut after = None;
    loop {
        let page = page(engine, run, after).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(*last);
        for (child, ChildResult { file, text }) in page {
            if file != ResultFile::Succeeded
                && let Ok(told) = Payload::parse(text)
            {
                outputs.keep(usize::try_from(child).unwrap_or(usize::MAX), told);
            }
        }
    }
}

/// Writes the files, and yields what is the state's result: where the manifest is.
pub(super) async fn export(
    engine: &Engine,
    run: &MapRun,
    destination: &ResultDestination,
    place: &ExportPlace,
) -> Result<Payload, Halt> {
    let id = run.arn().rsplit(':').next().unwrap_or_default();
    let folder = match place.prefix.trim_end_matches('/') {
        "" => id.to_owned(),
        prefix => format!("{prefix}/{id}"),
    };
    let output_type = destination.output_type;
    let mut kinds = ResultFile::ALL.map(|file| {
        let (listed, writing) = (Vec::new(), None);
        Files { engine, place, folder: &folder, output_type, file, listed, writing }
    });
    let mut after = None;
    loop {
        let page = page(engine, run.arn(), after).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        for (_, ChildResult { file, text }) in page {
            let files = kinds.iter_mut().find(|it| it.file == file);
            if let Some(files) = files {
                files.add(&text).await?;
            }
        }
    }
    let mut listed = serde_json::Map::new();
    for mut files in kinds {
        files.close().await?;
        listed.insert(files.file.name().to_owned(), files.listed.into());
    }
    let manifest = json!({
        "DestinationBucket": place.bucket,
        "MapRunArn": run.arn(),
        "ResultFiles": listed,
    });
    let key = format!("{folder}/manifest.json");
    let mut writer = create(engine, place, &key).await?;
    writer.write(manifest.to_string().into_bytes()).await.map_err(not_written)?;
    writer.finish().await.map_err(not_written)?;
    let details = json!({ "Bucket": place.bucket, "Key": key });
    Ok(json!({ "MapRunArn": run.arn(), "ResultWriterDetails": details }).into())
}

/// What is kept of the children of a run behind the one numbered `after`: a page of it.
pub(super) async fn page(
    engine: &Engine,
    run: &str,
    after: Option<u64>,
) -> Result<Vec<(u64, ChildResult)>, EngineError> {
    let (store, run) = (engine.shared.config.store.clone(), run.to_owned());
    blocking(move || Ok(store.map_run_results(&run, after, PAGE)?)).await
}

/// The files of one kind of result.
struct Files<'a> {
    engine: &'a Engine,
    place: &'a ExportPlace,
    folder: &'a str,
    output_type: OutputType,
    file: ResultFile,
    /// What the manifest says of those that are written.
    listed: Vec<Value>,
    writing: Option<Writing>,
}

impl Files<'_> {
    /// What is before the results in a file, between them and behind them.
    fn frame(&self) -> [&'static str; 3] {
        match self.output_type {
            OutputType::Json => ["[", ",", "]"],
            OutputType::JsonLines => ["", "\n", "\n"],
        }
    }

    async fn add(&mut self, text: &str) -> Result<(), StatesError> {
        if text.is_empty() {
            return Ok(());
        }
        let [open, between, _] = self.frame();
        if self.writing.as_ref().is_some_and(|it| it.size + text.len() as u64 > FILE_BYTES_MAX) {
            self.close().await?;
        }
        if let Some(writing) = &mut self.writing {
            return writing.write(&[between, text]).await;
        }
        let number = self.listed.len();
        let key = format!("{}/{}_{number}.json", self.folder, self.file.name());
        let writer = create(self.engine, self.place, &key).await?;
        let begun = self.writing.insert(Writing { writer, key, size: 0 });
        begun.write(&[open, text]).await
    }

    /// Finishes the file at hand, if there is one.
    async fn close(&mut self) -> Result<(), StatesError> {
        let [_, _, close] = self.frame();
        if let Some(full) = self.writing.take() {
            self.listed.push(full.finish(close).await?);
        }
        Ok(())
    }
}

/// A file that is being written.
struct Writing {
    writer: Box<dyn ObjectWriter>,
    key: String,
    size: u64,
}

impl Writing {
    async fn write(&mut self, texts: &[&str]) -> Result<(), StatesError> {
        let bytes = texts.concat().into_bytes();
        self.size += bytes.len() as u64;
        self.writer.write(bytes).await.map_err(not_written)
    }

    async fn finish(mut self, close: &str) -> Result<Value, StatesError> {
        self.write(&[close]).await?;
        self.writer.finish().await.map_err(not_written)?;
        Ok(json!({ "Key": self.key, "Size": self.size }))
    }
}

async fn create(
    engine: &Engine,
    place: &ExportPlace,
    key: &str,
) -> Result<Box<dyn ObjectWriter>, StatesError> {
    let objects: &Arc<_> = &engine.shared.config.objects;
    objects.create(&place.bucket, key).await.map_err(not_written)
}

fn not_written(error: ObjectError) -> StatesError {
    StatesError::new(error_name::RESULT_WRITER_FAILED, error.to_string())
}
