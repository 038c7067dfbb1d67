//! `stepyard seed`: what buckets hold at first, written to where they are kept.

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::{
    buckets::Seeded,
    manifest::{BucketStore, Manifest},
    project::{Options, Project},
    report, wiring,
};

/// Write what buckets hold at first, where a key is absent.
///
/// The seeds are those of the manifest's [keyvalue.BUCKET.seed], and they are written to where each
/// bucket is kept: the data directory, Redis or Amazon DynamoDB. A key that has a value keeps it, so
/// that seeding again changes nothing. Buckets in DynamoDB are seeded by this command alone.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// One JSON object a line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    place: Options,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let project = Project::open(&arguments.place, Path::new(""))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let seeded = runtime.block_on(wiring::seed(&project.manifest, &project.data))?;
    for seed in &seeded {
        let shown = match arguments.json {
            true => as_json(seed),
            false => as_text(seed, &project.manifest),
        };
        report::output(&shown);
    }
    if seeded.is_empty() && !arguments.json {
        report::output("the manifest has no seeds");
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(Seeded { bucket, key, written }: &Seeded) -> String {
    json!({ "bucket": bucket, "key": key, "written": written }).to_string()
}

fn as_text(Seeded { bucket, key, written }: &Seeded, manifest: &Manifest) -> String {
    let place = match manifest.store_of(bucket) {
        BucketStore::Sqlite => "data directory",
        BucketStore::Redis => "Redis",
        BucketStore::DynamoDb => "DynamoDB",
    };
    let what = if *written { "written" } else { "stands as it was" };
    format!("{bucket} ({place})  {key}  {what}")
}
