//! `ItemReader`: the items of a Distributed Map are read from objects in Amazon S3, or are the objects
//! that are listed there (Map state, "ItemReader").

use serde::{Deserialize, Serialize};

use crate::{
    EvaluationError, Payload, StatesError, error_name,
    fields::Fields,
    payload::{
        path::ReferencePath,
        query::{Moment, Query},
        template::Template,
    },
    state::{
        Context,
        flow::{shown, whole, whole_number},
    },
};

/// The most items that `MaxItems` may name (Map state, "ItemReader": "MaxItems").
const MAX_ITEMS_MAX: u64 = 100_000_000;

const GET_OBJECT: &str = "arn:aws:states:::s3:getObject";
const LIST_OBJECTS: &str = "arn:aws:states:::s3:listObjectsV2";

/// What the items of a Map Run are read from: an `ItemReader`, evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemSource {
    /// The bucket.
    pub bucket: String,
    /// What is read there.
    pub dataset: Dataset,
    /// How the items stand in an object (`InputType`); none where the objects listed are the items.
    pub format: Option<ItemFormat>,
    /// The names of a CSV file's columns (`CSVHeaders`); none where its first row has them.
    pub csv_headers: Option<Vec<String>>,
    /// What parts a CSV file's columns (`CSVDelimiter`).
    pub csv_delimiter: u8,
    /// Where the items are in a JSON file (`ItemsPointer`), as a JSON Pointer.
    pub pointer: Option<String>,
    /// How many items are read (`MaxItems`): all when 0. One below 0 is the reader's to refuse.
    pub max_items: i64,
}

/// What of a bucket is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dataset {
    /// The items of one object.
    Object {
        /// Its key.
        key: String,
    },
    /// The objects whose keys begin so, or what is in them.
    Objects {
        /// What the keys begin with.
        prefix: String,
    },
    /// What is in the objects that a manifest names.
    Manifest {
        /// The manifest's key.
        key: String,
        /// What wrote it.
        of: ManifestType,
    },
}

/// How items stand in an object (`InputType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemFormat {
    /// Rows of comma-separated values.
    Csv,
    /// One array, or an object whose members are the items.
    Json,
    /// A JSON value on each line.
    JsonLines,
}

/// What wrote a manifest (`ManifestType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ManifestType {
    /// An inventory of Amazon S3.
    S3Inventory,
    /// An `UNLOAD` of Amazon Athena.
    AthenaData,
}

/// An `ItemReader` as the definition has it.
#[derive(Debug)]
pub(crate) struct Reader {
    lists: bool,
    arguments: Option<Template>,
    config: Config,
}

/// A `ReaderConfig`.
#[derive(Debug, Default)]
struct Config {
    format: Option<ItemFormat>,
    manifest: Option<ManifestType>,
    flattens: bool,
    headers: Option<Vec<String>>,
    delimiter: Option<u8>,
    pointer: Option<String>,
    max_items: Option<MaxItems>,
}

/// `MaxItems`, or the path of it. Unlike other numbers it may be negative until the reader sees it.
#[derive(Debug)]
enum MaxItems {
    Literal(u64),
    Path(ReferencePath),
    Query(Query),
}

impl Reader {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        const NAME: &str = "ItemReader";
        const RESOURCE: &str = "Resource";
        let (value, at) = (fields.value(NAME)?, fields.at().field(NAME));
        let mut fields = fields.inner(value, at)?;
        let resource = fields.required_string(RESOURCE);
        let lists = resource == Some(LIST_OBJECTS);
        if resource.is_some_and(|it| it != LIST_OBJECTS && it != GET_OBJECT) {
            let message = format!(
                "The resource provided {} is not recognized. The value is not a valid resource ARN, or \
                 the resource is not available in this region.",
                resource.unwrap_or_default()
            );
            fields.wrong(RESOURCE, message, format!("use {GET_OBJECT} or {LIST_OBJECTS}"));
        }
        let config = Config::read(&mut fields, lists);
        let arguments = fields.template("Parameters", Moment::Entering);
        let arguments = arguments.or(fields.template("Arguments", Moment::Entering));
        fields.finish();
        Some(Self { lists, arguments, config: config.unwrap_or_default() })
    }

    /// What is to be read.
    pub(crate) fn source(
        &self,
        cx: &Context<'_>,
        input: &Payload,
    ) -> Result<ItemSource, EvaluationError> {
        let config = &self.config;
        let arguments = self.arguments.as_ref();
        let arguments = arguments.map(|it| it.evaluate(&cx.scope(input.value()))).transpose()?;
        let text = |name: &str| arguments.as_ref()?.get(name)?.as_str();
        let required = |name: &str| {
            let missing = || {
                let cause = format!("The argument {name} of the ItemReader must be a string.");
                StatesError::new(error_name::ITEM_READER_FAILED, cause)
            };
            text(name).map(str::to_owned).ok_or_else(missing)
        };
        let dataset = match (self.lists, config.manifest) {
            (true, _) => Dataset::Objects { prefix: text("Prefix").unwrap_or_default().to_owned() },
            (false, Some(of)) => Dataset::Manifest { key: required("Key")?, of },
            (false, None) => Dataset::Object { key: required("Key")? },
        };
        // Without a transformation the listed objects are the items, whatever is in them.
        let format = config.format.filter(|_| !self.lists || config.flattens);
        let max_items = config.max_items.as_ref().map(|it| it.resolve(cx, input)).transpose()?;
        Ok(ItemSource {
            bucket: required("Bucket")?,
            dataset,
            format,
            csv_headers: config.headers.clone(),
            csv_delimiter: config.delimiter.unwrap_or(b','),
            pointer: config.pointer.clone(),
            max_items: max_items.unwrap_or_default(),
        })
    }
}

impl Config {
    fn read(reader: &mut Fields<'_>, lists: bool) -> Option<Self> {
        const NAME: &str = "ReaderConfig";
        let value = if lists { reader.value(NAME) } else { reader.required(NAME) };
        let at = reader.at().field(NAME);
        let mut fields = reader.inner(value?, at)?;
        let flattens = word(&mut fields, "Transformation", &TRANSFORMATIONS).unwrap_or(false);
        let manifest = word(&mut fields, "ManifestType", &MANIFESTS);
        if !lists || flattens {
            fields.required("InputType");
        }
        if fields.value("InputType").is_some_and(|it| it == "PARQUET") {
            let mend = "convert the file to CSV or JSONL, or have it read by a task before the Map";
            fields.not_built("InputType PARQUET", mend);
        }
        let input = word(&mut fields, "InputType", &INPUT_TYPES).flatten();
        let is_manifest = fields.value("InputType").is_some_and(|it| it == "MANIFEST");
        let headers = read_headers(&mut fields, input == Some(ItemFormat::Csv));
        let config = Self {
            format: input,
            manifest: manifest.or(is_manifest.then_some(ManifestType::S3Inventory)),
            flattens,
            headers,
            delimiter: word(&mut fields, "CSVDelimiter", &DELIMITERS),
            pointer: read_pointer(&mut fields),
            max_items: MaxItems::read(&mut fields),
        };
        fields.finish();
        Some(config)
    }
}

const INPUT_TYPES: [(&str, Option<ItemFormat>); 5] = [
    ("CSV", Some(ItemFormat::Csv)),
    ("JSON", Some(ItemFormat::Json)),
    ("JSONL", Some(ItemFormat::JsonLines)),
    ("PARQUET", None),
    ("MANIFEST", None),
];
const MANIFESTS: [(&str, ManifestType); 2] =
    [("S3_INVENTORY", ManifestType::S3Inventory), ("ATHENA_DATA", ManifestType::AthenaData)];
const TRANSFORMATIONS: [(&str, bool); 2] = [("NONE", false), ("LOAD_AND_FLATTEN", true)];
const LOCATIONS: [(&str, bool); 2] = [("FIRST_ROW", false), ("GIVEN", true)];
const DELIMITERS: [(&str, u8); 5] =
    [("COMMA", b','), ("PIPE", b'|'), ("SEMICOLON", b';'), ("SPACE", b' '), ("TAB", b'\t')];

/// A field whose value is one of these words, and what the word means.
pub(super) fn word<T: Copy>(
    fields: &mut Fields<'_>,
    name: &'static str,
    words: &[(&str, T)],
) -> Option<T> {
    let text = fields.string(name)?;
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let words = words.join(", ");
        let message = format!("The field '{name}' should have one of these values: [{words}]");
        fields.wrong(name, message, format!("use one of {words}"));
    }
    found.map(|(_, meaning)| *meaning)
}

fn read_headers(fields: &mut Fields<'_>, is_csv: bool) -> Option<Vec<String>> {
    const LOCATION: &str = "CSVHeaderLocation";
    const HEADERS: &str = "CSVHeaders";
    if is_csv {
        fields.required(LOCATION);
    }
    let are_given = word(fields, LOCATION, &LOCATIONS) == Some(true);
    if are_given {
        fields.required(HEADERS);
    }
    let headers = fields.array(HEADERS)?;
    let texts: Option<Vec<String>> =
        headers.iter().map(|header| header.as_str().map(str::to_owned)).collect();
    if texts.is_none() {
        fields.wrong(HEADERS, "Expected value of type [STRING]", "name each column by a string");
    }
    texts.filter(|_| are_given)
}

fn read_pointer(fields: &mut Fields<'_>) -> Option<String> {
    const NAME: &str = "ItemsPointer";
    let pointer = fields.string(NAME)?;
    if !pointer.is_empty() && !pointer.starts_with('/') {
        let mend = "begin it with a slash: a JSON Pointer (RFC 6901), as in /orders/open";
        fields.wrong(NAME, "Value is not a JSON Pointer", mend);
        return None;
    }
    Some(pointer.to_owned())
}

impl MaxItems {
    const NAME: &str = "MaxItems";
    const PATH: &str = "MaxItemsPath";

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.at_most_one(&[Self::NAME, Self::PATH]);
        if let Some(query) = fields.query(Self::NAME, Moment::Entering) {
            return query.map(Self::Query);
        }
        let literal = fields.integer(Self::NAME, 0..=MAX_ITEMS_MAX).map(Self::Literal);
        let path = fields.reference_path(Self::PATH).map(Self::Path);
        literal.or(path)
    }

    fn resolve(&self, cx: &Context<'_>, input: &Payload) -> Result<i64, EvaluationError> {
        let scope = cx.scope(input.value());
        match self {
            Self::Literal(number) => Ok(i64::try_from(*number).unwrap_or(i64::MAX)),
            Self::Query(query) => whole_number(query, &scope),
            Self::Path(path) => {
                let value = path.apply(&scope)?;
                let refused = || {
                    let (field, text, path) = (Self::PATH, shown(&value), path.text());
                    StatesError::runtime(format!(
                        "The {field} field refers to value \"{text}\" which is not a valid integer: {path}"
                    ))
                };
                Ok(whole(&value).ok_or_else(refused)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::state::testing::check;

    fn reader(resource: &str, config: Value) -> Value {
        json!({"ItemReader": {"Resource": format!("arn:aws:states:::s3:{resource}"),
            "Parameters": {"Bucket": "b", "Key.$": "$.key"}, "ReaderConfig": config}})
    }

    #[test]
    fn its_fields_are_checked() {
        let processor = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "B", "States": {"B": {"Type": "Succeed"}}});
        let csv = |more: Value| {
            let mut config =
                json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"]});
            config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            reader("getObject", config)
        };
        let at = "/States/A/ItemReader";
        let said = |message: &str, place: &str| format!("{message} at {at}{place}");
        let cases = [
            (csv(json!({"CSVDelimiter": "TAB", "MaxItemsPath": "$.n"})), None),
            (reader("listObjectsV2", json!({"MaxItems": 0})), None),
            (json!({"ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2"}}), None),
            (
                reader("listObjectsV2", json!({"Transformation": "LOAD_AND_FLATTEN"})),
                Some(said("These fields are required: [InputType]", "/ReaderConfig")),
            ),
            (
                reader("getObject", json!({"InputType": "CSV"})),
                Some(said("These fields are required: [CSVHeaderLocation]", "/ReaderConfig")),
            ),
            (
                reader("getObject", json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN"})),
                Some(said("These fields are required: [CSVHeaders]", "/ReaderConfig")),
            ),
            (
                csv(json!({"CSVDelimiter": ";"})),
                Some(said(
                    "The field 'CSVDelimiter' should have one of these values: [COMMA, PIPE, SEMICOLON, SPACE, TAB]",
                    "/ReaderConfig/CSVDelimiter",
                )),
            ),
            (
                csv(json!({"MaxItems": 1, "MaxItemsPath": "$.n"})),
                Some(said(
                    "There should only be one of the following fields: [MaxItems, MaxItemsPath]",
                    "/ReaderConfig",
                )),
            ),
            (
                csv(json!({"MaxItems": 100_000_001})),
                Some(said("Maximum value is 100000000", "/ReaderConfig/MaxItems")),
            ),
            (
                reader("getObject", json!({"InputType": "JSON", "ItemsPointer": "orders"})),
                Some(said("Value is not a JSON Pointer", "/ReaderConfig/ItemsPointer")),
            ),
            (
                json!({"ItemReader": {"Resource": "arn:aws:states:::s3:getObject"}}),
                Some(said("These fields are required: [ReaderConfig]", "")),
            ),
        ];
        for (fields, expected) in cases {
            let expected = expected.as_deref();
            check(
                &json!({"Type": "Map", "ItemProcessor": processor, "End": true}),
                &[(fields, expected.as_slice())],
            );
        }
    }
}
