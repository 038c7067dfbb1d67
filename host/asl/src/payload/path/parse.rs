//! Reads paths. Names run up to `.`, `[`, `(` or a space, as in Jayway; the dot before `[` is
//! optional.

use super::{Path, PathError, Root, Route, Segment, Step, filter::Filter, quoted};
use crate::payload::variables::name_at_start_of;

/// How deep filters and parentheses may nest in one path. AWS documents no limit.
const DEPTH_MAX: u32 = 32;

/// What a path stands in, which decides where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// It is the whole text.
    Text,
    /// It is an argument of an intrinsic call.
    Call,
    /// It is an operand of a filter.
    Filter,
}

impl Within {
    fn ends_name(self, character: char) -> bool {
        let also = match self {
            Self::Text => "",
            Self::Call => ",)",
            Self::Filter => "<>=~!&|,)",
        };
        ".[( ".contains(character) || also.contains(character)
    }
}

/// Reads a text from its start. What it has read is never read again, except that a name is looked
/// at once more to see whether it is a function's.
#[derive(Debug)]
pub(crate) struct Parser<'t> {
    text: &'t str,
    position: usize,
    depth: u32,
    within: Within,
}

impl<'t> Parser<'t> {
    /// For a text that is one path.
    pub(super) fn whole(text: &'t str) -> Self {
        Self { text, position: 0, depth: 0, within: Within::Text }
    }

    /// For a path that starts at `position` of an intrinsic call.
    pub(crate) fn argument(text: &'t str, position: usize) -> Self {
        Self { text, position, depth: 0, within: Within::Call }
    }

    /// Bytes read.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Reads a path with its root.
    pub(crate) fn path(&mut self) -> Result<Path, PathError> {
        let start = self.position;
        if !self.eat("$") {
            return Err(PathError::NoRoot);
        }
        let root = self.root();
        let route = self.route()?;
        if self.within == Within::Text && !self.rest().is_empty() {
            return Err(self.unexpected("`.` or `[`"));
        }
        Ok(Path { text: self.text[start..self.position].into(), root, route })
    }

    /// Reads what follows a path's first `$`.
    fn root(&mut self) -> Root {
        if self.eat("$") {
            return Root::Context;
        }
        let name = name_at_start_of(self.rest());
        self.position += name.len();
        if name.is_empty() { Root::Input } else { Root::Variable(name.into()) }
    }

    /// Reads what follows a root.
    pub(super) fn route(&mut self) -> Result<Route, PathError> {
        let mut all = Vec::new();
        let mut length = false;
        while !length {
            if self.eat("..") {
                all.push(Segment::Descend);
                length = self.after_dot(&mut all)?;
            } else if self.eat(".") {
                length = self.after_dot(&mut all)?;
            } else if self.eat("[") {
                all.push(self.bracket()?);
            } else {
                break;
            }
        }
        Ok(Route::new(all, length))
    }

    /// Reads what follows a dot; says whether it was `length()`.
    fn after_dot(&mut self, all: &mut Vec<Segment>) -> Result<bool, PathError> {
        if self.eat("[") {
            all.push(self.bracket()?);
            return Ok(false);
        }
        if self.eat("*") {
            all.push(Segment::Wildcard);
            return Ok(false);
        }
        let name = self.name()?;
        if !self.eat("(") {
            all.push(Segment::Step(Step::Name(name.into())));
            return Ok(false);
        }
        self.skip_spaces();
        if name == "length" && self.eat(")") {
            return Ok(true);
        }
        Err(PathError::Function { name: name.to_owned() })
    }

    fn name(&mut self) -> Result<&'t str, PathError> {
        let rest = self.rest();
        let end = rest.find(|character| self.within.ends_name(character)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.unexpected("a name, `*` or `[`"));
        }
        self.position += end;
        Ok(&rest[..end])
    }

    fn bracket(&mut self) -> Result<Segment, PathError> {
        self.skip_spaces();
        let segment = match self.peek() {
            Some('\'' | '"') => self.names()?,
            Some('*') => {
                self.position += 1;
                Segment::Wildcard
            }
            Some('?') => {
                self.position += 1;
                self.skip_spaces();
                self.expect("(", "`(`")?;
                let filter = self.nested(Filter::read)?;
                self.skip_spaces();
                self.expect(")", "`)`")?;
                Segment::Filter(Box::new(filter))
            }
            _ => self.indexes()?,
        };
        self.skip_spaces();
        self.expect("]", "`]`")?;
        Ok(segment)
    }

    fn names(&mut self) -> Result<Segment, PathError> {
        let names = self.list(|parser| parser.quoted().map(String::into_boxed_str))?;
        Ok(match <[_; 1]>::try_from(names) {
            Ok([name]) => Segment::Step(Step::Name(name)),
            Err(names) => Segment::Names(names.into()),
        })
    }

    fn indexes(&mut self) -> Result<Segment, PathError> {
        let first = self.index()?;
        self.skip_spaces();
        if self.eat(":") {
            self.skip_spaces();
            let to = self.index()?;
            if first.is_none() && to.is_none() {
                return Err(self.unexpected("an index; a slice has one at least"));
            }
            return Ok(Segment::Slice(first, to));
        }
        let expected = "an index, `*`, `?` or a quoted name";
        let Some(first) = first else { return Err(self.unexpected(expected)) };
        if !self.eat(",") {
            return Ok(Segment::Step(Step::Index(first)));
        }
        let rest =
            self.list(|parser| parser.index()?.ok_or_else(|| parser.unexpected("an index")))?;
        Ok(Segment::Indexes([first].into_iter().chain(rest).collect()))
    }

    /// Reads `item, item, ...`.
    fn list<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T, PathError>,
    ) -> Result<Vec<T>, PathError> {
        let mut items = Vec::new();
        loop {
            self.skip_spaces();
            items.push(item(self)?);
            self.skip_spaces();
            if !self.eat(",") {
                return Ok(items);
            }
        }
    }

    fn index(&mut self) -> Result<Option<i32>, PathError> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with('-'));
        let digits = rest[sign..].bytes().take_while(u8::is_ascii_digit).count();
        if sign + digits == 0 {
            return Ok(None);
        }
        let Ok(index) = rest[..sign + digits].parse() else {
            return Err(self.unexpected("an index that fits in 32 bits"));
        };
        self.position += sign + digits;
        Ok(Some(index))
    }

    /// Reads a text in single or double quotes.
    pub(super) fn quoted(&mut self) -> Result<String, PathError> {
        let Some(quote) = self.peek().filter(|quote| ['\'', '"'].contains(quote)) else {
            return Err(self.unexpected("a quoted name"));
        };
        let Some((text, taken)) = quoted::read(&self.rest()[1..], quote) else {
            return Err(self.unexpected("a text that ends with the quote it starts with"));
        };
        self.position += 1 + taken;
        Ok(text)
    }

    /// Reads something that may contain itself.
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, PathError>,
    ) -> Result<T, PathError> {
        if self.depth == DEPTH_MAX {
            return Err(PathError::TooDeep { max: DEPTH_MAX });
        }
        let within = std::mem::replace(&mut self.within, Within::Filter);
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        self.within = within;
        Ok(value)
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.position += token.len();
        }
        found
    }

    /// Takes `bytes` of the text, which end at a character.
    pub(super) fn take(&mut self, bytes: usize) -> &'t str {
        let taken = &self.rest()[..bytes];
        self.position += bytes;
        taken
    }

    pub(super) fn expect(&mut self, token: &str, expected: &'static str) -> Result<(), PathError> {
        if self.eat(token) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    pub(super) fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start_matches(' ').len();
    }

    pub(super) fn unexpected(&self, expected: &'static str) -> PathError {
        PathError::Unexpected { position: self.text[..self.position].chars().count() + 1, expected }
    }
}

impl Route {
    fn new(all: Vec<Segment>, length: bool) -> Self {
        let mut steps = Vec::new();
        let mut segments = all.into_iter().peekable();
        while let Some(Segment::Step(step)) =
            segments.next_if(|segment| matches!(segment, Segment::Step(_)))
        {
            steps.push(step);
        }
        Self { steps: steps.into(), segments: segments.collect(), length }
    }
}
