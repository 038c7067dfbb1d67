//! A JSON file as text: where in it a place of the definition stands.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::Value,
    common::{Range, Ranged},
    parse_to_ast,
};
use stepyard_asl::{Code, Diagnostic, Location, Segment, Severity};

/// A JSON file that was read.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    text: String,
    /// Where each line begins. This and the tree are read when a place is first asked for.
    lines: OnceLock<Vec<usize>>,
    tree: OnceLock<Tree>,
}

/// Where something stands in a file, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    /// How many characters it has on that line; at least 1.
    pub(crate) width: usize,
    /// How many bytes of the line stand before it.
    pub(crate) offset: usize,
}

impl Source {
    /// Takes a file's text, of any content.
    pub(crate) fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        Self { path, text, lines: OnceLock::new(), tree: OnceLock::new() }
    }

    /// The file, as the user named it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// A line, from 1, without its end; empty when there is none.
    pub(crate) fn line(&self, line: usize) -> &str {
        self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default()
    }

    /// Where a place of the definition stands: of a field that holds an object or an array the name,
    /// else the value. A place that does not exist is that of what should contain it. None when
    /// the text is not JSON.
    pub(crate) fn locate(&self, location: &Location) -> Option<Place> {
        let tree = self.tree();
        let mut node = tree.nodes.first()?;
        for segment in location.segments() {
            let Some(next) = node.child(segment) else { break };
            node = &tree.nodes[next];
        }
        Some(self.place(&node.shown))
    }

    /// Where a diagnostic points: to the bad character of what is not JSON, to the field that the
    /// message quotes when the object at the location has it, else to the location.
    pub(crate) fn place_of(&self, diagnostic: &Diagnostic) -> Option<Place> {
        if matches!(diagnostic.code, Code::InvalidJsonDescription | Code::TooDeeplyNested) {
            return self.place_of_syntax_error();
        }
        let quoted = diagnostic.message.split('\'').nth(1);
        let field = quoted.and_then(|name| self.find(&diagnostic.location.field(name)));
        match field {
            Some(field) => Some(self.place(&field.name)),
            None => self.locate(&diagnostic.location),
        }
    }

    /// The JSON text of the value at this very place; of an object or array a part of it.
    pub(crate) fn text_at(&self, location: &Location) -> Option<&str> {
        let shown = &self.find(location)?.shown;
        self.text.get(shown.start..shown.end)
    }

    /// Fields that occur twice in one object, of which JSON readers see only the last. A state that
    /// is lost so is an error; anything else is a warning.
    pub(crate) fn duplicates(&self) -> Vec<Diagnostic> {
        self.tree().duplicates.clone()
    }

    fn place_of_syntax_error(&self) -> Option<Place> {
        let error = serde_json::from_str::<serde_json::Value>(&self.text).err()?;
        let line = error.line().max(1);
        // The parser counts bytes, and stands behind the last line's end when the text stops short.
        let text = self.line(line);
        let offset = error.column().saturating_sub(1).min(text.len());
        let offset = (0..=offset).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        Some(Place { line, column: text[..offset].chars().count() + 1, width: 1, offset })
    }

    fn find(&self, location: &Location) -> Option<&Node> {
        let tree = self.tree();
        let root = tree.nodes.first()?;
        let mut segments = location.segments().iter();
        segments.try_fold(root, |node, segment| Some(&tree.nodes[node.child(segment)?]))
    }

    fn place(&self, range: &Range) -> Place {
        let line = self.lines().partition_point(|start| *start <= range.start);
        let start = self.lines()[line - 1];
        let column = self.text[start..range.start].chars().count() + 1;
        let shown = self.text[range.start..range.end].lines().next().unwrap_or_default();
        let width = shown.chars().count().max(1);
        Place { line, column, width, offset: range.start - start }
    }

    fn lines(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            let ends = self.text.match_indices('\n').map(|(end, _)| end + 1);
            [0].into_iter().chain(ends).collect()
        })
    }

    fn tree(&self) -> &Tree {
        self.tree.get_or_init(|| Tree::read(&self.text))
    }
}

/// The values of a text and where they stand; empty when the text is not JSON.
#[derive(Debug, Default)]
struct Tree {
    /// The root is the first.
    nodes: Vec<Node>,
    duplicates: Vec<Diagnostic>,
}

#[derive(Debug)]
struct Node {
    /// The field's name; of what is no field, the value.
    name: Range,
    /// What stands for the value in a message.
    shown: Range,
    fields: BTreeMap<String, usize>,
    elements: Vec<usize>,
}

impl Node {
    fn child(&self, segment: &Segment) -> Option<usize> {
        match segment {
            Segment::Field(name) => self.fields.get(&**name).copied(),
            Segment::Index(index) => self.elements.get(*index).copied(),
        }
    }
}

impl Tree {
    fn read(text: &str) -> Self {
        // The parser stops at 512 levels; the queue below does not recurse.
        let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT);
        let Some(root) = parsed.ok().and_then(|parsed| parsed.value) else {
            return Self::default();
        };
        let mut tree = Self::default();
        let mut queue = vec![tree.add(&root, None, Location::default())];
        while let Some((index, value, at)) = queue.pop() {
            match value {
                Value::Object(object) => {
                    for property in &object.properties {
                        let name = property.name.as_str();
                        let at = at.field(name);
                        let added = tree.add(&property.value, Some(property.name.range()), at);
                        if tree.nodes[index].fields.insert(name.to_owned(), added.0).is_some() {
                            tree.duplicates.push(duplicate(name, added.2.clone()));
                        }
                        queue.push(added);
                    }
                }
                Value::Array(array) => {
                    for (position, element) in array.elements.iter().enumerate() {
                        let added = tree.add(element, None, at.index(position));
                        tree.nodes[index].elements.push(added.0);
                        queue.push(added);
                    }
                }
                _ => {}
            }
        }
        tree
    }

    fn add<'a, 'b>(
        &mut self,
        value: &'b Value<'a>,
        name: Option<Range>,
        at: Location,
    ) -> (usize, &'b Value<'a>, Location) {
        let range = value.range();
        let is_container = matches!(value, Value::Object(_) | Value::Array(_));
        // Of a container without a name the opening bracket is enough.
        let opening = Range::new(range.start, range.start + 1);
        let own = if is_container { opening } else { range };
        let shown = if is_container { name.unwrap_or(own) } else { own };
        let name = name.unwrap_or(own);
        self.nodes.push(Node { name, shown, fields: BTreeMap::new(), elements: Vec::new() });
        (self.nodes.len() - 1, value, at)
    }
}

fn duplicate(name: &str, location: Location) -> Diagnostic {
    let segments = location.segments();
    let is_state = matches!(segments, [.., Segment::Field(parent), _] if **parent == *"States");
    let (severity, code) = match is_state {
        true => (Severity::Error, Code::DuplicateStateName),
        false => (Severity::Warning, Code::SchemaValidationFailed),
    };
    let message = match is_state {
        true => format!("Duplicate state name: {name}"),
        false => format!("Field '{name}' occurs twice"),
    };
    let mend = "only the last one counts: rename or remove the others".to_owned();
    Diagnostic { severity, code, message, location, mend }
}

/// JSON and nothing more.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "StartAt": "A",
  "States": {
    "Ä": { "Type": "Pass", "Nxt": {} },
    "C": { "Choices": [ { "Next": "Z" } ] }
  }
}"#;

    fn location(path: &[&str]) -> Location {
        path.iter().fold(Location::default(), |at, segment| match segment.parse() {
            Ok(index) => at.index(index),
            Err(_) => at.field(segment),
        })
    }

    #[test]
    fn a_place_is_found_by_line_and_column() {
        let source = Source::new("w.json", TEXT);
        for (path, (line, column, width)) in [
            (&[] as &[&str], (1, 1, 1)),
            (&["StartAt"], (2, 14, 3)),
            (&["States"], (3, 3, 8)),
            (&["States", "Ä"], (4, 5, 3)),
            (&["States", "Ä", "Type"], (4, 20, 6)),
            (&["States", "Ä", "Nxt"], (4, 28, 5)),
            (&["States", "C", "Choices", "0"], (5, 25, 1)),
            (&["States", "C", "Choices", "0", "Next"], (5, 35, 3)),
            // What is missing is shown where it should be.
            (&["States", "C", "Default"], (5, 5, 3)),
            (&["States", "C", "Choices", "7", "Next"], (5, 12, 9)),
            (&["Nothing", "at", "all"], (1, 1, 1)),
        ] {
            let found = source.locate(&location(path));
            let found = found.map(|place| (place.line, place.column, place.width));
            assert_eq!(found, Some((line, column, width)), "{path:?}");
        }
    }

    #[test]
    fn a_diagnostic_points_to_the_field_that_it_quotes() {
        let source = Source::new("w.json", TEXT);
        let place = |message: &str, path: &[&str]| {
            let diagnostic = Diagnostic {
                severity: Severity::Error,
                code: Code::SchemaValidationFailed,
                message: message.to_owned(),
                location: location(path),
                mend: String::new(),
            };
            source.place_of(&diagnostic).map(|place| (place.line, place.column, place.width))
        };
        let state = ["States", "Ä"];
        assert_eq!(place("Field 'Nxt' is not supported", &state), Some((4, 28, 5)));
        assert_eq!(place("Field 'Type' is not supported", &state), Some((4, 12, 6)));
        assert_eq!(place("Field 'Other' is not supported", &state), Some((4, 5, 3)));
        assert_eq!(place("don't", &state), Some((4, 5, 3)));
    }

    #[test]
    fn what_is_not_json_is_shown_at_the_bad_character() {
        for (text, expected) in [
            ("{\n  \"a\": 1,\n}", (3, 1)),
            ("{\"ä\": x}", (1, 7)),
            ("{\n", (2, 1)),
            ("", (1, 1)),
            ("[1] 2", (1, 5)),
        ] {
            let source = Source::new("w.json", text);
            let place = source.place_of_syntax_error().unwrap();
            assert_eq!((place.line, place.column), expected, "{text}");
            assert_eq!(source.locate(&Location::default()), None, "{text}");
        }
    }

    #[test]
    fn absurd_nesting_is_an_error_with_a_place() {
        for open in ["[", "{\"a\":"] {
            let source = Source::new("w.json", open.repeat(100_000));
            assert_eq!(source.locate(&location(&["a", "a"])), None);
            let place = source.place_of_syntax_error().unwrap();
            assert_eq!((place.line, place.column), (1, 127 * open.len() + 1));
        }
    }

    #[test]
    fn a_field_that_occurs_twice_is_reported() {
        let text = r#"{"States": {"A": {"Type": 1}, "A": {"Type": 2, "Type": 3}}}"#;
        let source = Source::new("w.json", text);
        let shown: Vec<String> = source
            .duplicates()
            .iter()
            .map(|it| format!("{:?} {} at {}", it.severity, it.message, it.location))
            .collect();
        assert_eq!(
            shown,
            [
                "Error Duplicate state name: A at /States/A",
                "Warning Field 'Type' occurs twice at /States/A/Type",
            ],
        );
    }
}
