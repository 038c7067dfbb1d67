//! Items that are the rows of a CSV file: objects, every value a string.

use std::{collections::HashSet, sync::Arc};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use serde_json::{Map, Value};
use stepyard_asl::StatesError;

use super::{
    items::failed,
    window::{ITEM_BYTES_MAX, Window},
};

/// The most cells of a row: empty ones take room, too, and no bytes.
const CELLS_MAX: usize = 1 << 20;

/// The most bytes of headers: each row is an object with all of them (Map state, "ItemReader": "headers of up
/// to 10 KiB").
const HEADER_BYTES_MAX: usize = 10 << 10;

/// Reads rows, one after the other.
pub(super) struct Rows {
    reader: Reader,
    /// The names of the columns.
    pub(super) headers: Arc<[String]>,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Rows {
    /// Reads rows with these headers; without them the first row has them.
    pub(super) async fn open(
        window: &mut Window,
        delimiter: u8,
        headers: Option<Arc<[String]>>,
    ) -> Result<Self, StatesError> {
        let reader = ReaderBuilder::new().delimiter(delimiter).build();
        let (text, ends) = (vec![0; 4_096], vec![0; 64]);
        let mut rows = Self { reader, headers: Arc::default(), text, ends };
        rows.headers = match headers {
            Some(headers) => headers,
            None => rows.row(window).await?.unwrap_or_default().into(),
        };
        let separators = rows.headers.len().saturating_sub(1);
        let bytes = rows.headers.iter().map(String::len).sum::<usize>() + separators;
        if bytes > HEADER_BYTES_MAX {
            let most = "at most 10 KiB of them are read";
            return Err(failed(format!("The CSV headers have {bytes} bytes: {most}.")));
        }
        let mut seen = HashSet::new();
        if !rows.headers.iter().all(|header| seen.insert(header)) {
            return Err(failed("CSV headers cannot contain duplicates."));
        }
        Ok(rows)
    }

    /// The next row as an object. What it lacks is empty, and what it has besides is left out.
    pub(super) async fn next(&mut self, window: &mut Window) -> Result<Option<Value>, StatesError> {
        let Some(row) = self.row(window).await? else { return Ok(None) };
        let cells = row.into_iter().map(Value::from);
        let cells = cells.chain(std::iter::repeat_with(|| Value::from("")));
        let object: Map<String, Value> = self.headers.iter().cloned().zip(cells).collect();
        Ok(Some(object.into()))
    }

    async fn row(&mut self, window: &mut Window) -> Result<Option<Vec<String>>, StatesError> {
        let (mut length, mut cells, mut is_last) = (0, 0, false);
        loop {
            if window.bytes().is_empty() && !is_last {
                is_last = !window.more().await?;
            }
            let (text, ends) = (&mut self.text[length..], &mut self.ends[cells..]);
            let (result, read, written, ended) =
                self.reader.read_record(window.bytes(), text, ends);
            window.consume(read);
            length += written;
            cells += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() >= ITEM_BYTES_MAX => {
                    return Err(failed("A row of the CSV file is too long."));
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() >= CELLS_MAX => {
                    return Err(failed("A row of the CSV file has too many cells."));
                }
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => return self.cells(cells).map(Some),
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    fn cells(&self, count: usize) -> Result<Vec<String>, StatesError> {
        let mut start = 0;
        let cells = self.ends[..count].iter().map(|&end| {
            let cell = &self.text[std::mem::replace(&mut start, end)..end];
            let text = std::str::from_utf8(cell).map(str::to_owned);
            text.map_err(|_| failed("The CSV file is not encoded in UTF-8."))
        });
        cells.collect()
    }
}
