//! Manifests: files that name the files with the items.

use futures::StreamExt;
use serde::Deserialize;
use stepyard_asl::{ManifestType, StatesError};

use super::items::{File, failed};
use crate::outside::{ObjectPlace, Objects};

/// The most bytes of a manifest.
const MANIFEST_BYTES_MAX: usize = 64 << 20;

/// What a manifest names.
pub(super) struct Named {
    pub(super) files: Vec<File>,
    /// The names of the columns, where the manifest has them.
    pub(super) headers: Option<Vec<String>>,
}

/// The `manifest.json` of an inventory of Amazon S3.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inventory {
    destination_bucket: String,
    file_format: String,
    file_schema: String,
    files: Vec<InventoryFile>,
}

#[derive(Deserialize)]
struct InventoryFile {
    key: String,
}

pub(super) async fn files(
    objects: &dyn Objects,
    bucket: &str,
    key: &str,
    of: ManifestType,
) -> Result<Named, StatesError> {
    let text = read(objects, bucket, key).await?;
    match of {
        ManifestType::S3Inventory => inventory(&text),
        ManifestType::AthenaData => unloaded(&text),
    }
}

fn inventory(text: &[u8]) -> Result<Named, StatesError> {
    let wrong = |error| failed(format!("The manifest is not that of an S3 inventory: {error}"));
    let manifest: Inventory = serde_json::from_slice(text).map_err(wrong)?;
    if manifest.file_format != "CSV" {
        let format = manifest.file_format;
        return Err(failed(format!("The inventory's files are {format} and not CSV.")));
    }
    let bucket = manifest.destination_bucket.rsplit(':').next().unwrap_or_default();
    let file =
        |key: String| File { bucket: bucket.to_owned(), is_compressed: key.ends_with(".gz"), key };
    let headers = manifest.file_schema.split(',').map(|name| name.trim().to_owned());
    Ok(Named {
        files: manifest.files.into_iter().map(|it| file(it.key)).collect(),
        headers: Some(headers.collect()),
    })
}

/// The manifest of an `UNLOAD`: the URI of a file on each line.
fn unloaded(text: &[u8]) -> Result<Named, StatesError> {
    let text = std::str::from_utf8(text).map_err(|_| failed("The manifest is not in UTF-8."))?;
    let uris = text.lines().map(|line| line.trim().trim_matches('"'));
    let file = |uri: &str| {
        let place = uri.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
        let place = place.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
        let (bucket, key) = place.ok_or_else(|| failed(format!("{uri} names no object of S3.")))?;
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        Ok(File { bucket, is_compressed: key.ends_with(".gz"), key })
    };
    let files: Result<_, StatesError> = uris.filter(|uri| !uri.is_empty()).map(file).collect();
    Ok(Named { files: files?, headers: None })
}

async fn read(objects: &dyn Objects, bucket: &str, key: &str) -> Result<Vec<u8>, StatesError> {
    let (bucket, key) = (bucket.to_owned(), key.to_owned());
    let from = ObjectPlace { bucket, key, ..ObjectPlace::default() };
    let mut body = objects.read(from).await.map_err(|error| failed(error.to_string()))?;
    let mut text = Vec::new();
    while let Some(piece) = body.bytes.next().await {
        text.extend(piece.map_err(|error| failed(error.to_string()))?);
        if text.len() > MANIFEST_BYTES_MAX {
            return Err(failed(format!("The manifest has more than {MANIFEST_BYTES_MAX} bytes.")));
        }
    }
    Ok(text)
}
