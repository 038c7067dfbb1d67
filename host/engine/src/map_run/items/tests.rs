//! Items are the same wherever reading them was left off and gone on with.

use std::{fs, io::Write, path::Path, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use stepyard_asl::{Dataset, Item, ItemFormat, ItemSource, ManifestType, StatesError};

use super::{Items, Place};
use crate::ObjectFolder;

fn source(dataset: Dataset, format: Option<ItemFormat>) -> ItemSource {
    ItemSource {
        bucket: "shop".to_owned(),
        dataset,
        format,
        csv_headers: None,
        csv_delimiter: b',',
        pointer: None,
        max_items: 0,
    }
}

fn object(key: &str, format: ItemFormat) -> ItemSource {
    source(Dataset::Object { key: key.to_owned() }, Some(format))
}

async fn read(
    folder: &Path,
    source: &ItemSource,
    place: Place,
    count: usize,
    most: usize,
) -> Result<(Vec<Item>, Place), StatesError> {
    let objects = Arc::new(ObjectFolder::new(folder, false));
    let mut items = Items::new(objects, source.clone(), place, count as u64)?;
    let mut found = Vec::new();
    while found.len() < most
        && let Some(item) = items.next().await?
    {
        found.push(item);
    }
    Ok((found, items.place().clone()))
}

/// Reads all at once, and then leaves off behind each item, to go on from the place as it is kept.
async fn check(folder: &Path, source: &ItemSource, expected: Value) {
    let (all, _) = read(folder, source, Place::default(), 0, usize::MAX).await.unwrap();
    assert_eq!(Value::from_iter(all.iter().map(Item::input)), expected, "{source:?}");
    for left_off in 0..=all.len() {
        let (mut before, place) =
            read(folder, source, Place::default(), 0, left_off).await.unwrap();
        let kept = serde_json::to_string(&place).unwrap();
        let place = serde_json::from_str(&kept).unwrap();
        let (rest, _) = read(folder, source, place, left_off, usize::MAX).await.unwrap();
        before.extend(rest);
        assert_eq!(before, all, "{source:?} left off behind {left_off}: {kept}");
    }
}

#[tokio::test]
async fn reading_goes_on_from_every_place_of_every_kind_of_file() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("a.csv", "\u{feff}a,b\r\n1,\"x\r\n\"\"y\"\r\n\r\n2,\n,3,4\n   \n");
    let rows = json!([
        {"a": "1", "b": "x\r\n\"y"}, {"a": "2", "b": ""}, {"a": "", "b": "3"}, {"a": "   ", "b": ""},
    ]);
    check(folder, &object("a.csv", ItemFormat::Csv), rows).await;
    write("b.jsonl", "\u{feff}{\"a\":\"}\"}\n\n  [1, 2]\r\n3");
    check(folder, &object("b.jsonl", ItemFormat::JsonLines), json!([{"a": "}"}, [1, 2], 3])).await;
    write("c.json", r#" [ 1 , "a\"],b" , {"x":[{}]} , [ ] ,null,-2.5e3]"#);
    let elements = json!([1, "a\"],b", {"x": [{}]}, [], null, -2.5e3]);
    check(folder, &object("c.json", ItemFormat::Json), elements).await;
    write("d.json", r#"{"no": {"a/b": [9]}, "yes": [0, {"a/b": {"one": 1, "two": [2]}}]}"#);
    let pointer = Some("/yes/1/a~1b".to_owned());
    let members = ItemSource { pointer, ..object("d.json", ItemFormat::Json) };
    let expected = json!([{"Key": "one", "Value": 1}, {"Key": "two", "Value": [2]}]);
    check(folder, &members, expected).await;

    write("parts/1.jsonl", "1\n2\n");
    write("parts/2.jsonl", "");
    write("parts/3.jsonl", "3\n");
    let parts = || Dataset::Objects { prefix: "parts/".to_owned() };
    check(folder, &source(parts(), Some(ItemFormat::JsonLines)), json!([1, 2, 3])).await;
    let most = ItemSource { max_items: 2, ..source(parts(), Some(ItemFormat::JsonLines)) };
    check(folder, &most, json!([1, 2])).await;
    let listed = read(folder, &source(parts(), None), Place::default(), 0, 9).await.unwrap().0;
    let listed = Value::from_iter(listed.iter().map(Item::input));
    check(folder, &source(parts(), None), listed.clone()).await;
    assert_eq!((&listed[0]["Size"], &listed[2]["Size"]), (&json!(4), &json!(2)));

    let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
    compressed.write_all(b"\"shop\",\"a%20b\"\n\"shop\",\"c\"\n").unwrap();
    fs::write(folder.join("inventory.csv.gz"), compressed.finish().unwrap()).unwrap();
    write(
        "manifest.json",
        r#"{"sourceBucket": "s", "destinationBucket": "arn:aws:s3:::shop", "fileFormat": "CSV",
            "fileSchema": "Bucket, Key", "files": [{"key": "inventory.csv.gz", "size": 1}]}"#,
    );
    let manifest = |key: &str, of| Dataset::Manifest { key: key.to_owned(), of };
    let inventory = source(manifest("manifest.json", ManifestType::S3Inventory), None);
    let rows = json!([{"Bucket": "shop", "Key": "a%20b"}, {"Bucket": "shop", "Key": "c"}]);
    check(folder, &inventory, rows).await;
    write("unload.csv", "s3://shop/parts/1.jsonl\ns3://shop/parts/3.jsonl\n");
    let unloaded = manifest("unload.csv", ManifestType::AthenaData);
    check(folder, &source(unloaded, Some(ItemFormat::JsonLines)), json!([1, 2, 3])).await;
}

#[tokio::test]
async fn items_know_what_they_were_read_from() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    fs::create_dir(folder.join("in")).unwrap();
    for (name, text) in [
        ("in/a.json", r#"{"x": 1, "y": {"Key": "k", "Value": 2}}"#),
        ("in/b.json", r#"[{"Key": "k", "Value": 3}]"#),
        ("unload.csv", "s3://shop/in/a.json\ns3://shop/in/b.json\n"),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    let all = || Dataset::Objects { prefix: "in/".to_owned() };
    let manifest = Dataset::Manifest { key: "unload.csv".to_owned(), of: ManifestType::AthenaData };
    let (a, b) = ("s3://shop/in/a.json", "s3://shop/in/b.json");
    let parts = vec![(Some("x"), a), (Some("y"), a), (None, b)];
    for (source, expected) in [
        (object("in/a.json", ItemFormat::Json), parts[..2].to_vec()),
        (object("in/b.json", ItemFormat::JsonLines), vec![(None, b)]),
        (source(all(), Some(ItemFormat::Json)), parts.clone()),
        (source(manifest, Some(ItemFormat::Json)), parts.clone()),
        (source(all(), None), vec![(None, "s3://shop"); 2]),
    ] {
        let (items, _) = read(folder, &source, Place::default(), 0, 9).await.unwrap();
        let told = |item: &Item| (item.key.clone(), item.source.as_deref().map(str::to_owned));
        let expected =
            expected.iter().map(|(key, it)| (key.map(str::to_owned), Some((*it).to_owned())));
        assert_eq!(
            items.iter().map(told).collect::<Vec<_>>(),
            expected.collect::<Vec<_>>(),
            "{source:?}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_not_what_it_should_be_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let long = format!("[\"{}\"]", "x".repeat(9 << 20));
    let wide = ",".repeat(2 << 20);
    let headers = |bytes: usize| format!("a,{}\n1,2\n", "b".repeat(bytes - 2));
    for (text, format, cause) in [
        (long.as_str(), ItemFormat::Json, "An item has more than 8388608 bytes."),
        (long.as_str(), ItemFormat::JsonLines, "An item has more than 8388608 bytes."),
        (long.as_str(), ItemFormat::Csv, "A row of the CSV file is too long."),
        (wide.as_str(), ItemFormat::Csv, "A row of the CSV file has too many cells."),
        ("a,a\n1,2\n", ItemFormat::Csv, "CSV headers cannot contain duplicates."),
        (&headers(10_241), ItemFormat::Csv, "The CSV headers have 10241 bytes: "),
        ("5", ItemFormat::Json, "Attempting to map over non-iterable node."),
        ("", ItemFormat::Json, "Attempting to map over non-iterable node."),
        ("[1, 2", ItemFormat::Json, "The file is not valid JSON: it ends too early."),
        ("[1, {]", ItemFormat::Json, "An item is no JSON: "),
        ("[tru]", ItemFormat::Json, "An item is no JSON: "),
        ("{}\n{", ItemFormat::JsonLines, "An item is no JSON: EOF while parsing"),
    ] {
        fs::write(folder.join("file"), text).unwrap();
        let read = read(folder, &object("file", format), Place::default(), 0, 9).await;
        let error = read.unwrap_err();
        assert_eq!(error.name(), "States.ItemReaderFailed");
        let said = error.cause.unwrap();
        assert!(said.starts_with(cause), "{said}: {}", text.get(..20).unwrap_or(text));
    }
    fs::write(folder.join("file"), headers(10_240)).unwrap();
    let read_all = read(folder, &object("file", ItemFormat::Csv), Place::default(), 0, 9).await;
    assert_eq!(read_all.unwrap().0.len(), 1);
    let negative = ItemSource { max_items: -1, ..object("file", ItemFormat::Csv) };
    let refused = read(folder, &negative, Place::default(), 0, 9).await.unwrap_err();
    assert_eq!(refused.cause.as_deref(), Some("field MaxItems must be positive"));
}

#[tokio::test]
async fn a_file_that_changed_is_not_read_on() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "1\n2\n").unwrap();
    let source = object("file", ItemFormat::JsonLines);
    let (_, place) = read(directory.path(), &source, Place::default(), 0, 1).await.unwrap();
    fs::write(&file, "1\n22\n").unwrap();
    let refused = read(directory.path(), &source, place, 1, 9).await.unwrap_err();
    assert!(refused.cause.unwrap().contains("has changed since it was read first"));
}
