//! The zip that AWS Lambda unpacks: the same files give the same bytes, whenever and wherever it is made.

use std::io::{self, Write};

use anyhow::{Context, Result};
use rawzip::{CompressionMethod, DataDescriptorOutput, ZipArchiveWriter, time::UtcDateTime};

/// The moment that all files bear: 1980-01-01, the first that a zip can say.
const MODIFIED: i64 = 315_532_800;
/// Of miniz's levels the last that still gains something: a package is made once and loaded often.
const LEVEL: u8 = 9;

/// A file, packed: the bootstrap is the same in every package of an architecture, and packed once.
#[derive(Clone, Debug)]
pub(super) struct PackedFile {
    name: String,
    mode: u32,
    size: u64,
    crc: u32,
    deflated: Vec<u8>,
}

impl PackedFile {
    /// What the function's process reads.
    pub(super) fn data(name: impl Into<String>, content: &[u8]) -> Self {
        Self::packed(name.into(), 0o644, content)
    }

    /// What is run.
    pub(super) fn executable(name: impl Into<String>, content: &[u8]) -> Self {
        Self::packed(name.into(), 0o755, content)
    }

    fn packed(name: String, mode: u32, content: &[u8]) -> Self {
        let deflated = miniz_oxide::deflate::compress_to_vec(content, LEVEL);
        Self { name, mode, size: content.len() as u64, crc: rawzip::crc32(content), deflated }
    }

    /// How many bytes it has, unpacked.
    pub(super) fn size(&self) -> u64 {
        self.size
    }
}

/// A zip of these files, in the order of their names.
pub(super) fn zip(files: &[PackedFile]) -> Result<Vec<u8>> {
    let mut files: Vec<&PackedFile> = files.iter().collect();
    files.sort_by_key(|file| &file.name);
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for file in files {
        write(&mut archive, file).with_context(|| format!("packing {}", file.name))?;
    }
    Ok(archive.finish()?)
}

fn write(archive: &mut ZipArchiveWriter<Vec<u8>>, file: &PackedFile) -> io::Result<()> {
    let begun = archive
        .new_file(file.name.as_str())
        .compression_method(CompressionMethod::DEFLATE)
        .last_modified(UtcDateTime::from_unix(MODIFIED))
        .unix_permissions(file.mode)
        .start();
    let (mut entry, _) = begun.map_err(io::Error::other)?;
    entry.write_all(&file.deflated)?;
    let end = DataDescriptorOutput::new(file.crc, file.size);
    entry.finish(end).map_err(io::Error::other)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rawzip::{ZipArchive, ZipVerification};

    use super::*;

    #[test]
    fn the_same_files_in_any_order_are_the_same_zip() {
        let [one, other] = [
            PackedFile::executable("bootstrap", b"run me"),
            PackedFile::data("components/A.cwasm", &[7; 5000]),
        ];
        let zipped = zip(&[one.clone(), other.clone()]).unwrap();
        assert_eq!(zipped, zip(&[other, one]).unwrap());
        assert!(zipped.len() < 1000, "it is deflated");
    }

    #[test]
    fn a_file_comes_out_as_it_went_in_with_its_mode_and_no_time_of_its_own() {
        let content = b"[functions.A]\n".repeat(100);
        let zipped = zip(&[
            PackedFile::data("stepyard.toml", &content),
            PackedFile::executable("bootstrap", b"run me"),
        ])
        .unwrap();
        let archive = ZipArchive::from_slice(&zipped).unwrap();
        let mut entries = archive.entries();
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry().unwrap() {
            let name = String::from_utf8(entry.file_path().as_ref().to_vec()).unwrap();
            let packed = archive.get_entry(entry.wayfinder()).unwrap();
            let unpacked = miniz_oxide::inflate::decompress_to_vec(packed.data()).unwrap();
            let size = unpacked.len() as u64;
            let verification =
                ZipVerification { crc: rawzip::crc32(&unpacked), uncompressed_size: size };
            packed.claim_verifier().valid(verification).unwrap();
            let time = entry.last_modified();
            let date = (time.year(), time.month(), time.day());
            found.push((name, entry.mode().value() & 0o7777, date, unpacked));
        }
        let first_day = (1980, 1, 1);
        assert_eq!(
            found,
            [
                ("bootstrap".to_owned(), 0o755, first_day, b"run me".to_vec()),
                ("stepyard.toml".to_owned(), 0o644, first_day, content),
            ]
        );
    }
}
