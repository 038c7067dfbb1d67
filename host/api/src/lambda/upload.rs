//! The component of an upload: in a zip, as Lambda's code comes, or as it is.
//!
//! A zip is read entry by entry and unpacked to a limit: a hostile one costs no more than an honest one
//! of its size.

use std::borrow::Cow;

use rawzip::{
    CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive, ZipVerification,
};

/// The most bytes of an unpacked component (Lambda quotas: "250 MB … unzipped").
const UNPACKED_BYTES_MAX: usize = 262_144_000;
/// How a component of any kind begins.
const WASM: &[u8] = b"\0asm";
/// How the name of a component's file ends.
const SUFFIX: &[u8] = b".wasm";

/// Why an upload has no component.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UploadError {
    /// There is nothing.
    #[error("Uploaded file must be a non-empty zip")]
    Empty,
    /// It is no zip, or one that is damaged, encrypted or packed in an unusual way.
    #[error("Could not unzip uploaded file. Please check your file, then try to upload again.")]
    Unreadable,
    /// Its component is too large.
    #[error("Unzipped size must be smaller than {UNPACKED_BYTES_MAX} bytes")]
    TooLarge,
    /// It has no component, or more than one.
    #[error("the zip has {0} files whose names end with .wasm; put exactly one component in it")]
    Components(usize),
}

/// The component that an upload brings.
pub(super) fn component(upload: Vec<u8>) -> Result<Vec<u8>, UploadError> {
    if upload.is_empty() {
        return Err(UploadError::Empty);
    }
    if upload.starts_with(WASM) {
        return Ok(upload);
    }
    let zip = ZipArchive::from_slice(&upload).map_err(unreadable)?;
    let entry = only_component(&zip)?;
    unpack(&zip, &entry)
}

/// The entry that is a component, wherever in the zip's folders.
fn only_component<'a>(
    zip: &'a ZipSliceArchive<&Vec<u8>>,
) -> Result<ZipFileHeaderRecord<'a>, UploadError> {
    let (mut found, mut components, mut seen) = (None, 0, 0);
    let mut entries = zip.entries();
    while let Some(entry) = entries.next_entry().map_err(unreadable)? {
        seen += 1;
        if is_component(&entry) {
            components += 1;
            found = Some(entry);
        }
    }
    if seen != zip.entries_hint() {
        return Err(UploadError::Unreadable);
    }
    found.filter(|_| components == 1).ok_or(UploadError::Components(components))
}

fn is_component(entry: &ZipFileHeaderRecord<'_>) -> bool {
    let path = entry.file_path();
    let name: &[u8] = path.as_ref();
    name.last_chunk().is_some_and(|end: &[u8; 5]| end.eq_ignore_ascii_case(SUFFIX))
}

fn unpack(
    zip: &ZipSliceArchive<&Vec<u8>>,
    entry: &ZipFileHeaderRecord<'_>,
) -> Result<Vec<u8>, UploadError> {
    if entry.flags().is_encrypted() {
        return Err(UploadError::Unreadable);
    }
    let size = usize::try_from(entry.uncompressed_size_hint()).unwrap_or(usize::MAX);
    if size > UNPACKED_BYTES_MAX {
        return Err(UploadError::TooLarge);
    }
    let packed = zip.get_entry(entry.wayfinder()).map_err(unreadable)?;
    let unpacked = match entry.compression_method() {
        CompressionMethod::STORE => Cow::Borrowed(packed.data()),
        // One that says less than it holds is cut short, and is not what it says then.
        CompressionMethod::DEFLATE => {
            let inflated = miniz_oxide::inflate::decompress_to_vec_with_limit(packed.data(), size);
            Cow::Owned(inflated.map_err(unreadable)?)
        }
        _ => return Err(UploadError::Unreadable),
    };
    let is =
        ZipVerification { crc: rawzip::crc32(&unpacked), uncompressed_size: unpacked.len() as u64 };
    packed.claim_verifier().valid(is).map_err(unreadable)?;
    Ok(unpacked.into_owned())
}

fn unreadable<E>(_error: E) -> UploadError {
    UploadError::Unreadable
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rawzip::ZipArchiveWriter;

    use super::*;

    const CODE: &[u8] = b"\0asm\x0d\0\x01\0 and so on, and so on, and so on";

    /// A zip of these files, deflated, or stored as they are.
    fn zip(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
        let mut zip = ZipArchiveWriter::new(Vec::new());
        for (name, bytes) in files {
            let file = zip.new_file(name).compression_method(method);
            let (mut entry, config) = file.start().unwrap();
            let packed = match method {
                CompressionMethod::DEFLATE => miniz_oxide::deflate::compress_to_vec(bytes, 6),
                _ => bytes.to_vec(),
            };
            let mut tally = config.wrap(std::io::sink());
            tally.write_all(bytes).unwrap();
            let (_, descriptor) = tally.finish().unwrap();
            entry.write_all(&packed).unwrap();
            entry.finish(descriptor).unwrap();
        }
        zip.finish().unwrap()
    }

    fn deflated(files: &[(&str, &[u8])]) -> Vec<u8> {
        zip(files, CompressionMethod::DEFLATE)
    }

    /// Where a zip's only record in the central directory begins.
    fn record(zip: &[u8]) -> usize {
        zip.windows(4).position(|it| it == b"PK\x01\x02").unwrap()
    }

    /// A zip of the component with bytes of its central record put in another's place.
    fn forged(at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut zip = deflated(&[("code.wasm", CODE)]);
        let at = record(&zip) + at;
        zip[at..at + bytes.len()].copy_from_slice(bytes);
        zip
    }

    #[test]
    fn one_component_is_taken_bare_or_out_of_a_zip() {
        let stored = zip(&[("a/b/code.WASM", CODE)], CompressionMethod::STORE);
        let beside = deflated(&[("README.md", b"read me"), ("code.wasm", CODE), ("lib/", b"")]);
        let elsewhere = deflated(&[("../../etc/passwd/\0.wasm", CODE)]);
        for upload in [CODE.to_vec(), stored, beside, elsewhere] {
            assert_eq!(component(upload).as_deref(), Ok(CODE));
        }
    }

    #[test]
    fn what_has_no_component_or_several_is_told() {
        for (upload, expected) in [
            (vec![], UploadError::Empty),
            (b"hello".to_vec(), UploadError::Unreadable),
            (deflated(&[]), UploadError::Components(0)),
            (deflated(&[("index.js", b"exports")]), UploadError::Components(0)),
            (deflated(&[("a.wasm", CODE), ("a.wasm", CODE)]), UploadError::Components(2)),
        ] {
            assert_eq!(component(upload), Err(expected));
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        const BOMB: usize = 64 << 20;
        let bomb = deflated(&[("bomb.wasm", &vec![0; BOMB])]);
        assert!(bomb.len() < BOMB / 500, "it has {} bytes", bomb.len());
        let mut lies = bomb.clone();
        let size = record(&lies) + 24;
        lies[size..size + 4].copy_from_slice(&100_u32.to_le_bytes());
        assert_eq!(component(lies), Err(UploadError::Unreadable), "it holds more than it says");
        let mut honest = bomb;
        honest[size..size + 4].copy_from_slice(&262_144_001_u32.to_le_bytes());
        assert_eq!(component(honest), Err(UploadError::TooLarge));
    }

    #[test]
    fn a_hundred_thousand_entries_cost_no_more_than_their_bytes() {
        let names: Vec<String> = (0..100_000).map(|it| format!("{it}.wasm")).collect();
        let files: Vec<(&str, &[u8])> = names.iter().map(|it| (it.as_str(), &b""[..])).collect();
        assert_eq!(component(deflated(&files)), Err(UploadError::Components(100_000)));
    }

    #[test]
    fn what_is_encrypted_or_packed_in_another_way_is_refused() {
        for (what, upload) in [
            ("encrypted", forged(8, &1_u16.to_le_bytes())),
            ("bzip2", forged(10, &12_u16.to_le_bytes())),
            ("another checksum", forged(16, &[0; 4])),
            ("packed beyond its end", forged(20, &u32::MAX.to_le_bytes()[..3])),
            ("a smaller size", forged(24, &3_u32.to_le_bytes())),
            ("elsewhere", forged(42, &7_u32.to_le_bytes())),
            ("far elsewhere", forged(42, &0x7fff_ffff_u32.to_le_bytes())),
        ] {
            assert_eq!(component(upload), Err(UploadError::Unreadable), "{what}");
        }
    }

    #[test]
    fn no_damage_to_a_zip_yields_another_component() {
        let whole = deflated(&[("code.wasm", CODE)]);
        for end in 1..whole.len() {
            assert!(component(whole[..end].to_vec()).is_err(), "cut at {end}");
        }
        for at in 0..whole.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] ^= flip;
                if let Ok(code) = component(damaged) {
                    assert_eq!(code, CODE, "byte {at} with {flip:#x}");
                }
            }
        }
    }
}
