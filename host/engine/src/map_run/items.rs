//! Where the items of a Map Run come from: the state's data, or objects that are read piece by piece.
//! Each item has a place that reading may go on from, in another process too.

use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::json;
use stepyard_asl::{Dataset, Item, ItemFormat, ItemSource, ManifestType, StatesError, error_name};

use super::{
    csv::Rows,
    json::{self as members, Holder},
    manifest,
    window::Window,
};
use crate::outside::{ObjectPlace, ObjectSummary, Objects};

/// Reads items, one after the other.
pub(super) struct Items {
    objects: Arc<dyn Objects>,
    source: ItemSource,
    files: Files,
    open: Option<Open>,
    place: Place,
    /// The key of the object of the list that was looked at last.
    listed: Option<Arc<str>>,
    /// How many were read.
    count: u64,
}

/// Before which item reading is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// How many files were read to their ends.
    #[serde(default)]
    files: usize,
    /// The key that was listed before the one at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Arc<str>>,
    /// Of the file at hand: how many bytes are behind.
    #[serde(default)]
    offset: u64,
    /// Of a compressed one instead: how many items.
    #[serde(default)]
    skipped: u64,
    /// Which content of the file that is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<Arc<str>>,
    /// The names of its columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    headers: Option<Arc<[String]>>,
    /// What holds its items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
}

/// The files that are read, in their order.
enum Files {
    /// These.
    Named(Vec<File>),
    /// Those that a manifest is yet to name.
    Manifest { key: String, of: ManifestType },
    /// Those that are listed.
    Listed { prefix: String, page: VecDeque<ObjectSummary>, more: bool },
}

/// An object with items in it.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) is_compressed: bool,
}

/// A file that is being read.
struct Open {
    window: Window,
    decoder: Decoder,
    is_compressed: bool,
    /// What its items have for their source.
    source: Arc<str>,
}

enum Decoder {
    Rows(Box<Rows>),
    Members(Holder),
    Lines,
}

impl Items {
    /// Items of `source` from `place` on; `count` are before it.
    pub(super) fn new(
        objects: Arc<dyn Objects>,
        mut source: ItemSource,
        place: Place,
        count: u64,
    ) -> Result<Self, StatesError> {
        if source.max_items < 0 {
            return Err(failed("field MaxItems must be positive"));
        }
        let files = match source.dataset.clone() {
            Dataset::Object { key } => {
                let bucket = source.bucket.clone();
                Files::Named(vec![File { bucket, key, is_compressed: false }])
            }
            Dataset::Manifest { key, of } => {
                // The files of an inventory are rows.
                source.format = source.format.or(Some(ItemFormat::Csv));
                Files::Manifest { key, of }
            }
            Dataset::Objects { prefix } => {
                Files::Listed { prefix, page: VecDeque::new(), more: true }
            }
        };
        let listed = place.after.clone();
        Ok(Self { objects, source, files, open: None, place, listed, count })
    }

    /// Where the next item is.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The next item.
    pub(super) async fn next(&mut self) -> Result<Option<Item>, StatesError> {
        if self.source.max_items > 0 && self.count >= self.source.max_items.cast_unsigned() {
            return Ok(None);
        }
        let item = match self.source.format {
            None => {
                let object = self.next_listed().await?;
                self.place.after = self.listed.clone();
                object.map(|object| self.listed(&object))
            }
            Some(format) => self.next_read(format).await?,
        };
        self.count += u64::from(item.is_some());
        Ok(item)
    }

    async fn next_read(&mut self, format: ItemFormat) -> Result<Option<Item>, StatesError> {
        loop {
            let Some(open) = &mut self.open else {
                if !self.open_next(format).await? {
                    return Ok(None);
                }
                continue;
            };
            match open.next().await? {
                Some(item) if open.is_compressed => {
                    self.place.skipped += 1;
                    return Ok(Some(item));
                }
                Some(item) => {
                    self.place.offset = open.window.offset;
                    return Ok(Some(item));
                }
                None => {
                    self.open = None;
                    let (files, after) = (self.place.files + 1, self.listed.clone());
                    self.place = Place { files, after, ..Place::default() };
                }
            }
        }
    }

    /// Opens the next file at its place; false when there is none.
    async fn open_next(&mut self, format: ItemFormat) -> Result<bool, StatesError> {
        let Some(file) = self.next_file().await? else { return Ok(false) };
        let is_compressed = file.is_compressed;
        let source = Item::source_of(&file.bucket, Some(&file.key));
        let from = ObjectPlace {
            bucket: file.bucket,
            key: file.key,
            offset: if is_compressed { 0 } else { self.place.offset },
            etag: self.place.etag.as_deref().map(str::to_owned),
        };
        let offset = from.offset;
        let body = self.objects.read(from).await.map_err(|error| failed(error.to_string()))?;
        let etag: Arc<str> = body.etag.as_str().into();
        let mut window = Window::open(body, offset, is_compressed).await?;
        let decoder = match format {
            ItemFormat::Csv => {
                let given = self.source.csv_headers.as_ref().map(|it| it.clone().into());
                let headers = given.or(self.place.headers.clone().filter(|_| !is_compressed));
                let rows = Rows::open(&mut window, self.source.csv_delimiter, headers).await?;
                Decoder::Rows(Box::new(rows))
            }
            ItemFormat::Json => Decoder::Members(match self.place.holder {
                Some(holder) if !is_compressed => holder,
                _ => members::enter(&mut window, self.source.pointer.as_deref()).await?,
            }),
            ItemFormat::JsonLines => Decoder::Lines,
        };
        self.place.etag = Some(etag);
        match &decoder {
            Decoder::Rows(rows) => self.place.headers = Some(rows.headers.clone()),
            Decoder::Members(holder) => self.place.holder = Some(*holder),
            Decoder::Lines => {}
        }
        let mut open = Open { window, decoder, is_compressed, source };
        if is_compressed {
            open.skip(self.place.skipped).await?;
        } else {
            self.place.offset = open.window.offset;
        }
        self.open = Some(open);
        Ok(true)
    }

    async fn next_file(&mut self) -> Result<Option<File>, StatesError> {
        if let Files::Manifest { key, of } = &self.files {
            let named = manifest::files(&*self.objects, &self.source.bucket, key, *of).await?;
            if let Some(headers) = named.headers {
                self.source.csv_headers = Some(headers);
            }
            self.files = Files::Named(named.files);
        }
        if let Files::Named(files) = &self.files {
            return Ok(files.get(self.place.files).cloned());
        }
        // What stands for a folder has no items in it.
        loop {
            let Some(object) = self.next_listed().await? else { return Ok(None) };
            if !object.key.ends_with('/') {
                let (bucket, key) = (self.source.bucket.clone(), object.key);
                return Ok(Some(File { bucket, key, is_compressed: false }));
            }
        }
    }

    async fn next_listed(&mut self) -> Result<Option<ObjectSummary>, StatesError> {
        let Files::Listed { prefix, page, more } = &mut self.files else { return Ok(None) };
        while page.is_empty() && *more {
            let after = self.listed.as_deref();
            let listed = self.objects.list(&self.source.bucket, prefix, after).await;
            let listed = listed.map_err(|error| failed(error.to_string()))?;
            *more = listed.more && !listed.objects.is_empty();
            page.extend(listed.objects);
        }
        let object = page.pop_front();
        if let Some(object) = &object {
            self.listed = Some(object.key.as_str().into());
        }
        Ok(object)
    }

    /// A listed object as an item, in AWS's shape.
    fn listed(&self, object: &ObjectSummary) -> Item {
        let value = json!({
            "Etag": object.etag,
            "Key": object.key,
            "LastModified": object.last_modified.as_millis() / 1_000,
            "Size": object.size,
            "StorageClass": object.storage_class,
        });
        Item { key: None, value, source: Some(Item::source_of(&self.source.bucket, None)) }
    }
}

impl Open {
    async fn next(&mut self) -> Result<Option<Item>, StatesError> {
        let Self { window, decoder, source, .. } = self;
        let unnamed = |value| (None, value);
        let found = match decoder {
            Decoder::Rows(rows) => rows.next(window).await?.map(unnamed),
            Decoder::Members(holder) => members::next(window, *holder).await?,
            Decoder::Lines => members::next_line(window).await?.map(unnamed),
        };
        Ok(found.map(|(key, value)| Item { key, value, source: Some(source.clone()) }))
    }

    async fn skip(&mut self, count: u64) -> Result<(), StatesError> {
        for _ in 0..count {
            self.next().await?;
        }
        Ok(())
    }
}

/// An error of reading items.
pub(super) fn failed(cause: impl Into<String>) -> StatesError {
    StatesError::new(error_name::ITEM_READER_FAILED, cause)
}

#[cfg(test)]
mod tests;
