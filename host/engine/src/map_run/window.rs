//! An object's bytes as a reader of items sees them: those at hand, and more when it asks.

use std::io::Write;

use flate2::write::MultiGzDecoder;
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use stepyard_asl::StatesError;

use super::items::failed;
use crate::outside::{ObjectBody, ObjectError};

/// The most bytes of one item, however it is written. An execution takes 262,144, and a selector may
/// make less of more.
pub(super) const ITEM_BYTES_MAX: usize = 8 << 20;

/// How many compressed bytes are inflated at a time: they may become a thousand times as many.
const COMPRESSED_BYTES: usize = 8 << 10;

/// The byte order mark that some programs begin UTF-8 with.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The part of an object that is at hand.
pub(super) struct Window {
    body: ObjectBody,
    inflate: Option<MultiGzDecoder<Vec<u8>>>,
    buffer: Vec<u8>,
    start: usize,
    /// How far into the object, or into what was compressed there, the window begins.
    pub(super) offset: u64,
}

impl Window {
    /// A window at `offset`, where the body begins; of a compressed object that is 0.
    pub(super) async fn open(
        mut body: ObjectBody,
        offset: u64,
        is_compressed: bool,
    ) -> Result<Self, StatesError> {
        let inflate = is_compressed.then(|| MultiGzDecoder::new(Vec::new()));
        if is_compressed {
            body.bytes = in_small_pieces(body.bytes);
        }
        let mut window = Self { body, inflate, buffer: Vec::new(), start: 0, offset };
        if offset == 0 {
            while window.bytes().len() < MARK.len() && window.more().await? {}
            if window.bytes().starts_with(MARK) {
                window.consume(MARK.len());
            }
        }
        Ok(window)
    }

    /// What is at hand.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Leaves so many bytes behind.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    /// Has more at hand; false at the object's end.
    pub(super) async fn more(&mut self) -> Result<bool, StatesError> {
        if self.bytes().len() > ITEM_BYTES_MAX {
            return Err(failed(format!("An item has more than {ITEM_BYTES_MAX} bytes.")));
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let before = self.buffer.len();
        while self.buffer.len() == before {
            match (self.body.bytes.next().await, &mut self.inflate) {
                (None, None) => return Ok(false),
                (None, Some(inflate)) => {
                    inflate.try_finish().map_err(|error| failed(error.to_string()))?;
                    self.buffer.append(inflate.get_mut());
                    return Ok(self.buffer.len() > before);
                }
                (Some(piece), None) => {
                    self.buffer.extend(piece.map_err(|error| failed(error.to_string()))?);
                }
                (Some(piece), Some(inflate)) => {
                    let piece = piece.map_err(|error| failed(error.to_string()))?;
                    inflate.write_all(&piece).map_err(|error| failed(error.to_string()))?;
                    self.buffer.append(inflate.get_mut());
                }
            }
        }
        Ok(true)
    }
}

type Pieces = BoxStream<'static, Result<Vec<u8>, ObjectError>>;

/// The same bytes in pieces that may be inflated whole.
fn in_small_pieces(bytes: Pieces) -> Pieces {
    let split = |piece: Vec<u8>| {
        let pieces = piece.chunks(COMPRESSED_BYTES).map(|it| Ok(it.to_vec()));
        let pieces: Vec<Result<Vec<u8>, ObjectError>> = pieces.collect();
        stream::iter(pieces)
    };
    bytes.map_ok(split).try_flatten().boxed()
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    #[tokio::test]
    async fn what_was_compressed_is_at_hand_a_little_at_a_time() {
        let length = 32 << 20;
        let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
        compressed.write_all(&vec![b'\n'; length]).unwrap();
        let compressed = compressed.finish().unwrap();
        let bytes = stream::iter([Ok(compressed)]).boxed();
        let body = ObjectBody { etag: String::new(), bytes };
        let mut window = Window::open(body, 0, true).await.unwrap();
        loop {
            let at_hand = window.bytes().len();
            assert!(at_hand <= 1_100 * COMPRESSED_BYTES, "{at_hand} bytes are at hand");
            window.consume(at_hand);
            if !window.more().await.unwrap() {
                break;
            }
        }
        assert_eq!(window.offset, length as u64);
    }
}
