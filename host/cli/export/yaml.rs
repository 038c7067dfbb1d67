//! YAML as far as a template needs it: mappings and lists, CloudFormation's short tags, and comments.

use std::fmt::{self, Display, Formatter, Write};

/// The most columns of a comment.
const COLUMNS: usize = 110;

/// A node of a document.
#[derive(Clone, Debug)]
pub(super) enum Yaml {
    /// A text, quoted where it has to be.
    Text(String),
    /// A number.
    Number(u64),
    /// `true` or `false`.
    Flag(bool),
    /// A text that a tag makes something else of: `!Sub`.
    Tagged(&'static str, String),
    /// A list.
    List(Vec<Self>),
    /// A mapping.
    Map(Vec<(String, Self)>),
    /// A mapping with an empty line between its members.
    Sections(Vec<(String, Self)>),
    /// A node with a comment above it.
    Commented(String, Box<Self>),
}

impl Yaml {
    /// A mapping.
    pub(super) fn map<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Map(members.map(|(key, value)| (key.to_owned(), value)).into())
    }

    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The node with a comment above it.
    pub(super) fn commented(self, comment: impl Into<String>) -> Self {
        Self::Commented(comment.into(), Box::new(self))
    }

    fn comment(&self) -> (Option<&str>, &Self) {
        match self {
            Self::Commented(comment, node) => (Some(comment), node),
            node => (None, node),
        }
    }

    /// Writes a node that begins on a line of its own, or, with `inline`, on one that is begun.
    fn write(&self, f: &mut Formatter<'_>, depth: usize, inline: bool) -> fmt::Result {
        match self {
            Self::Map(members) | Self::Sections(members) => {
                let is_spaced = matches!(self, Self::Sections(_));
                for (index, (key, value)) in members.iter().enumerate() {
                    if is_spaced && index > 0 {
                        f.write_char('\n')?;
                    }
                    let (comment, value) = value.comment();
                    write_comment(f, comment, depth)?;
                    if !(inline && index == 0) {
                        indent(f, depth)?;
                    }
                    write!(f, "{}:", Scalar(key))?;
                    value.write_value(f, depth + 1)?;
                }
                Ok(())
            }
            Self::List(items) => items.iter().try_for_each(|item| {
                let (comment, item) = item.comment();
                write_comment(f, comment, depth)?;
                indent(f, depth)?;
                f.write_char('-')?;
                match item {
                    Self::Map(_) => {
                        f.write_char(' ')?;
                        item.write(f, depth + 1, true)
                    }
                    _ => item.write_value(f, depth + 1),
                }
            }),
            Self::Commented(..) | Self::Text(_) | Self::Number(_) | Self::Flag(_) => Ok(()),
            Self::Tagged(..) => Ok(()),
        }
    }

    /// Writes what stands behind a `:` or a `-`.
    fn write_value(&self, f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
        match self {
            Self::Text(text) => writeln!(f, " {}", Scalar(text)),
            Self::Number(number) => writeln!(f, " {number}"),
            Self::Flag(flag) => writeln!(f, " {flag}"),
            Self::Tagged(tag, text) => writeln!(f, " !{tag} {}", Scalar(text)),
            Self::List(items) if items.is_empty() => writeln!(f, " []"),
            Self::Map(members) | Self::Sections(members) if members.is_empty() => {
                writeln!(f, " {{}}")
            }
            Self::List(_) | Self::Map(_) | Self::Sections(_) => {
                f.write_char('\n')?;
                self.write(f, depth, false)
            }
            Self::Commented(_, node) => node.write_value(f, depth),
        }
    }
}

/// The document.
impl Display for Yaml {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (comment, node) = self.comment();
        write_comment(f, comment, 0)?;
        node.write(f, 0, false)
    }
}

fn indent(f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
    write!(f, "{:width$}", "", width = depth * 2)
}

fn write_comment(f: &mut Formatter<'_>, comment: Option<&str>, depth: usize) -> fmt::Result {
    for line in comment.into_iter().flat_map(|it| super::wrapped(it, COLUMNS - depth * 2)) {
        indent(f, depth)?;
        writeln!(f, "# {line}")?;
    }
    Ok(())
}

/// A text as YAML has it: plain where no reader can take it for anything else, and else as JSON.
struct Scalar<'a>(&'a str);

impl Scalar<'_> {
    fn is_plain(&self) -> bool {
        /// What YAML 1.1, or 1.2, takes for something else than a text.
        const OTHERS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
        let first = |it: char| it.is_ascii_alphabetic() || it == '/';
        let each = |it: char| it.is_ascii_alphanumeric() || "_./:-".contains(it);
        self.0.starts_with(first)
            && self.0.chars().all(each)
            && !self.0.ends_with(':')
            && !OTHERS.contains(&self.0.to_lowercase().as_str())
    }
}

impl Display for Scalar<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_plain() {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                // Not printable in YAML.
                _ if character.is_control() || ('\u{fff0}'..='\u{ffff}').contains(&character) => {
                    write!(f, "\\u{:04x}", u32::from(character))?;
                }
                '\u{feff}' | '\u{2028}' | '\u{2029}' => {
                    write!(f, "\\u{:04x}", u32::from(character))?;
                }
                _ => f.write_char(character)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_written_as_a_person_would() {
        let document = Yaml::Sections(vec![
            ("Version".to_owned(), Yaml::text("2012-10-17").commented("Not a\ndate.")),
            (
                "Resources".to_owned(),
                Yaml::map([
                    ("List", Yaml::List(vec![Yaml::text("a"), Yaml::text("b c").commented("two")])),
                    ("Empty", Yaml::List(vec![])),
                    ("None", Yaml::map([])),
                    (
                        "Maps",
                        Yaml::List(vec![
                            Yaml::map([
                                ("Sid", Yaml::text("A")),
                                ("In", Yaml::map([("B", Yaml::Flag(true))])),
                            ])
                            .commented("The first."),
                            Yaml::map([("Sid", Yaml::Number(7))]),
                        ]),
                    ),
                    ("Arn", Yaml::Tagged("Sub", "arn:${AWS::Partition}".to_owned())),
                ]),
            ),
        ]);
        let expected = r##"# Not a
# date.
Version: "2012-10-17"

Resources:
  List:
    - a
    # two
    - "b c"
  Empty: []
  None: {}
  Maps:
    # The first.
    - Sid: A
      In:
        B: true
    - Sid: 7
  Arn: !Sub "arn:${AWS::Partition}"
"##;
        assert_eq!(document.to_string(), expected);
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_quoted() {
        for (text, expected) in [
            ("states:StartExecution", "states:StartExecution"),
            ("../../workflow.asl.json", "\"../../workflow.asl.json\""),
            ("/aws/lambda/A", "/aws/lambda/A"),
            ("", "\"\""),
            ("No", "\"No\""),
            ("a:", "\"a:\""),
            ("12:30", "\"12:30\""),
            ("1e3", "\"1e3\""),
            ("*", "\"*\""),
            ("a #b", "\"a #b\""),
            ("a\"b\\c\n", "\"a\\\"b\\\\c\\u000a\""),
            ("\u{7f}\u{85}é", "\"\\u007f\\u0085é\""),
        ] {
            assert_eq!(Scalar(text).to_string(), expected, "{text}");
        }
    }
}
