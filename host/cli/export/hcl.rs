//! Terraform's language as far as a stack needs it, laid out as `terraform fmt` does: the equals signs of
//! attributes that follow one another, each on one line, stand in a column.

use std::fmt::{self, Display, Formatter, Write};

use super::text::{Part, Text};

/// The most columns of a line that a list is written on.
const COLUMNS: usize = 110;

/// What stands in a body.
#[derive(Clone, Debug)]
pub(super) enum Hcl {
    /// A line of its own, or several.
    Comment(String),
    /// An empty line.
    Gap,
    /// `name = value`
    Attribute(String, Value),
    /// `head { … }`
    Block(String, Vec<Self>),
}

/// What an attribute is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A text in quotes.
    Text(Text),
    /// A reference, a call, a number: as it stands here.
    Expression(String),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Map(Vec<(String, Self)>),
}

impl Hcl {
    /// `name = value`
    pub(super) fn attribute(name: &str, value: Value) -> Self {
        Self::Attribute(name.to_owned(), value)
    }

    /// `resource "kind" "name" { … }`
    pub(super) fn resource(kind: &str, name: &str, body: Vec<Self>) -> Self {
        Self::Block(format!("resource \"{kind}\" \"{name}\""), body)
    }

    /// `data "kind" "name" { … }`
    pub(super) fn data(kind: &str, name: &str, body: Vec<Self>) -> Self {
        Self::Block(format!("data \"{kind}\" \"{name}\""), body)
    }

    /// `head { … }`
    pub(super) fn block(head: &str, body: Vec<Self>) -> Self {
        Self::Block(head.to_owned(), body)
    }
}

impl Value {
    /// A text in quotes.
    pub(super) fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    /// As it stands.
    pub(super) fn expression(expression: impl Into<String>) -> Self {
        Self::Expression(expression.into())
    }

    /// A list of texts.
    pub(super) fn texts<T: Into<Text>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// The value on one line; none where that is too long, and of an object that has members.
    fn on_a_line(&self, columns: usize) -> Option<String> {
        let line = match self {
            Self::Text(text) => quoted(text),
            Self::Expression(expression) => return Some(expression.clone()),
            Self::List(values) => {
                let each = values.iter().map(|value| value.on_a_line(columns));
                format!("[{}]", each.collect::<Option<Vec<_>>>()?.join(", "))
            }
            Self::Map(members) if members.is_empty() => "{}".to_owned(),
            Self::Map(_) => return None,
        };
        let fits = matches!(self, Self::Text(_)) || line.chars().count() <= columns;
        let is_alone = matches!(self, Self::List(values) if values.len() == 1);
        (fits || is_alone).then_some(line)
    }

    /// Writes a value that takes more than a line, after what stands before it on its first.
    fn write(&self, f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
        match self {
            Self::Map(members) => {
                writeln!(f, "{{")?;
                let attribute =
                    |(name, value): &(String, Self)| Hcl::attribute(name, value.clone());
                let members: Vec<Hcl> = members.iter().map(attribute).collect();
                write_body(f, &members, depth + 1)?;
                indent(f, depth)?;
                f.write_char('}')
            }
            Self::List(values) => {
                writeln!(f, "[")?;
                for value in values {
                    indent(f, depth + 1)?;
                    match value.on_a_line(usize::MAX) {
                        Some(line) => f.write_str(&line)?,
                        None => value.write(f, depth + 1)?,
                    }
                    writeln!(f, ",")?;
                }
                indent(f, depth)?;
                f.write_char(']')
            }
            Self::Text(_) | Self::Expression(_) => Ok(()),
        }
    }
}

/// A file.
#[derive(Debug)]
pub(super) struct File(pub(super) Vec<Hcl>);

impl Display for File {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_body(f, &self.0, 0)
    }
}

/// Writes what stands in a body; blocks have an empty line before and behind them.
fn write_body(f: &mut Formatter<'_>, body: &[Hcl], depth: usize) -> fmt::Result {
    let mut index = 0;
    while let Some(item) = body.get(index) {
        match item {
            Hcl::Gap => f.write_char('\n')?,
            Hcl::Comment(comment) => {
                if index > 0 && matches!(body[index - 1], Hcl::Block(..)) {
                    f.write_char('\n')?;
                }
                for line in super::wrapped(comment, COLUMNS - depth * 2) {
                    indent(f, depth)?;
                    writeln!(f, "# {line}")?;
                }
            }
            Hcl::Attribute(..) => {
                if index > 0 && matches!(body[index - 1], Hcl::Block(..)) {
                    f.write_char('\n')?;
                }
                index += write_attributes(f, &body[index..], depth)?;
                continue;
            }
            Hcl::Block(head, inner) => {
                let is_apart = matches!(
                    index.checked_sub(1).map(|before| &body[before]),
                    Some(Hcl::Attribute(..) | Hcl::Block(..))
                );
                if is_apart {
                    f.write_char('\n')?;
                }
                indent(f, depth)?;
                if inner.is_empty() {
                    writeln!(f, "{head} {{}}")?;
                } else {
                    writeln!(f, "{head} {{")?;
                    write_body(f, inner, depth + 1)?;
                    indent(f, depth)?;
                    writeln!(f, "}}")?;
                }
            }
        }
        index += 1;
    }
    Ok(())
}

/// Writes attributes that a body begins with, their equals signs in a column; answers how many.
fn write_attributes(
    f: &mut Formatter<'_>,
    body: &[Hcl],
    depth: usize,
) -> Result<usize, fmt::Error> {
    let line_of = |name: &str, value: &Value| {
        value.on_a_line(COLUMNS.saturating_sub(depth * 2 + name.len() + 3))
    };
    let mut lines = Vec::new();
    for item in body {
        let Hcl::Attribute(name, value) = item else { break };
        let Some(line) = line_of(name, value) else { break };
        lines.push((name, line));
    }
    if lines.is_empty() {
        let [Hcl::Attribute(name, value), ..] = body else { return Ok(0) };
        indent(f, depth)?;
        write!(f, "{name} = ")?;
        value.write(f, depth)?;
        f.write_char('\n')?;
        return Ok(1);
    }
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, line) in &lines {
        indent(f, depth)?;
        writeln!(f, "{name:width$} = {line}")?;
    }
    Ok(lines.len())
}

fn indent(f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
    write!(f, "{:width$}", "", width = depth * 2)
}

/// A text in quotes, unless it is but one name, with Terraform's names for where the stack is.
fn quoted(text: &Text) -> String {
    match text.parts() {
        [Part::Partition] => return "local.partition".to_owned(),
        [Part::Region] => return "local.region".to_owned(),
        [Part::Account] => return "local.account".to_owned(),
        _ => {}
    }
    let written = text.written(|part| match part {
        Part::Literal(text) => escaped(text),
        Part::Partition => "${local.partition}".to_owned(),
        Part::Region => "${local.region}".to_owned(),
        Part::Account => "${local.account}".to_owned(),
    });
    format!("\"{written}\"")
}

/// A text in which nothing is evaluated.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ if character.is_control() => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => escaped.push(character),
        }
    }
    escaped.replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_laid_out_as_terraform_does() {
        let statement = |sid: &str, action: &str| {
            Hcl::block(
                "statement",
                vec![
                    Hcl::attribute("sid", Value::text(sid)),
                    Hcl::attribute("actions", Value::texts([action])),
                ],
            )
        };
        let file = File(vec![
            Hcl::Comment("Two\nlines.".to_owned()),
            Hcl::Gap,
            Hcl::data("aws_region", "current", vec![]),
            Hcl::Comment("What it is.".to_owned()),
            Hcl::resource(
                "aws_lambda_function",
                "pay",
                vec![
                    Hcl::attribute("function_name", Value::text("Pay")),
                    Hcl::attribute("role", Value::expression("aws_iam_role.pay.arn")),
                    Hcl::attribute("timeout", Value::expression("3")),
                    Hcl::attribute(
                        "tags",
                        Value::Map(vec![
                            ("A".to_owned(), Value::text("a\"${b}")),
                            ("LONG".to_owned(), Value::text(Text::arn("sns", "t"))),
                        ]),
                    ),
                    Hcl::attribute("after", Value::List(vec![])),
                    statement("A", "a:B"),
                    statement("B", &"long".repeat(40)),
                    Hcl::block(
                        "lists",
                        vec![Hcl::attribute(
                            "actions",
                            Value::texts(["x".repeat(60), "y".repeat(60)]),
                        )],
                    ),
                ],
            ),
        ]);
        let (long, x, y) = ("long".repeat(40), "x".repeat(60), "y".repeat(60));
        let expected = format!(
            r##"# Two
# lines.

data "aws_region" "current" {{}}

# What it is.
resource "aws_lambda_function" "pay" {{
  function_name = "Pay"
  role          = aws_iam_role.pay.arn
  timeout       = 3
  tags = {{
    A    = "a\"$${{b}}"
    LONG = "arn:${{local.partition}}:sns:${{local.region}}:${{local.account}}:t"
  }}
  after = []

  statement {{
    sid     = "A"
    actions = ["a:B"]
  }}

  statement {{
    sid     = "B"
    actions = ["{long}"]
  }}

  lists {{
    actions = [
      "{x}",
      "{y}",
    ]
  }}
}}
"##
        );
        assert_eq!(file.to_string(), expected);
    }
}
