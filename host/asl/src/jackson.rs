//! What is wrong with a text that is no JSON, in the words of Jackson, the parser of AWS's services:
//! clients see them in `InvalidExecutionInput`, in the diagnostics of a definition, and where Lambda refuses
//! a payload.

#[cfg(test)]
mod tests;

use std::{fmt, iter::Peekable, str::CharIndices};

/// What may stand where a value is expected.
const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
/// The most characters of an unknown token that are shown.
const TOKEN_MAX: usize = 256;
/// The most characters of the whole text that are shown where a place in it is told.
const SOURCE_MAX: usize = 500;

/// What Jackson minds about a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) words: String,
    /// The text, and where in it Jackson stood: `[Source: (String)"{a"; line: 1, column: 3]`.
    pub(crate) source: String,
}

/// Jackson's complaint about `text`. It has none about a text without any value, nor about some that
/// are no JSON for us: half of a surrogate pair, a number that no double holds.
pub(crate) fn complaint(text: &str) -> Option<Complaint> {
    let mut parser = Parser { text, rest: text.char_indices().peekable(), open: Vec::new() };
    let Stopped(words) = parser.document().err()?;
    let read = parser.rest.peek().map_or(text.len(), |(place, _)| *place);
    Some(Complaint { words, source: parser.place(read) })
}

/// Why parsing ended.
struct Stopped(String);

/// An array or object that is not closed yet.
#[derive(Clone, Copy)]
struct Open {
    is_object: bool,
    /// The byte where it begins.
    start: usize,
    /// Whether it has an entry already.
    is_filled: bool,
}

impl Open {
    fn kind(self) -> &'static str {
        if self.is_object { "Object" } else { "Array" }
    }

    fn close(self) -> char {
        if self.is_object { '}' } else { ']' }
    }
}

/// Reads token after token; what is open is on a stack of its own, however deep it nests.
struct Parser<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
    open: Vec<Open>,
}

impl Parser<'_> {
    /// One value, and nothing behind it.
    fn document(&mut self) -> Result<(), Stopped> {
        let mut values = 0;
        while let Some((place, character)) = self.token()? {
            if self.open.is_empty() {
                values += 1;
            }
            self.entry(place, character)?;
        }
        match values {
            0 | 1 => Ok(()),
            _ => complain(
                "Trailing token found after value: not allowed as per \
                 `DeserializationFeature.FAIL_ON_TRAILING_TOKENS`",
            ),
        }
    }

    /// The next character that is no space; none at the end of a text in which nothing is open.
    fn token(&mut self) -> Result<Option<(usize, char)>, Stopped> {
        let next = self.skip_space()?;
        match (next, self.open.last()) {
            (None, Some(open)) => complain(format_args!(
                "Unexpected end-of-input: expected close marker for {} (start marker at {})",
                open.kind(),
                self.place(open.start)
            )),
            _ => Ok(next),
        }
    }

    /// What begins with this character where an entry may begin, or its array or object end.
    fn entry(&mut self, place: usize, character: char) -> Result<(), Stopped> {
        let (mut place, mut character) = (place, character);
        if matches!(character, ']' | '}') {
            return self.close(character);
        }
        if let Some(open) = self.open.last_mut() {
            let open_before = *open;
            open.is_filled = true;
            if open_before.is_filled {
                (place, character) = self.comma(character, open_before.kind())?;
            }
            if open_before.is_object {
                (place, character) = self.name(character)?;
            }
        }
        self.value(place, character)
    }

    fn close(&mut self, character: char) -> Result<(), Stopped> {
        match self.open.pop() {
            Some(open) if open.close() == character => Ok(()),
            Some(open) => complain(format_args!(
                "Unexpected close marker '{character}': expected '{}' (for {} starting at {})",
                open.close(),
                open.kind(),
                self.place(open.start)
            )),
            None => complain(format_args!(
                "Unexpected close marker '{character}': expected '{}' (for root starting at {})",
                if character == ']' { '}' } else { ']' },
                self.location(1, 0)
            )),
        }
    }

    fn comma(&mut self, character: char, kind: &str) -> Result<(usize, char), Stopped> {
        if character != ',' {
            let comment = format!("was expecting comma to separate {kind} entries");
            return unexpected(character, &comment);
        }
        self.within(kind)
    }

    /// A member's name and its colon; answers where its value begins.
    fn name(&mut self, character: char) -> Result<(usize, char), Stopped> {
        if character != '"' {
            return unexpected(character, "was expecting double-quote to start field name");
        }
        self.string("name", " in field name")?;
        match self.within("Object")? {
            (_, ':') => self.within("Object"),
            (_, other) => {
                unexpected(other, "was expecting a colon to separate field name and value")
            }
        }
    }

    /// The next character that is no space, where the text must not end.
    fn within(&mut self, kind: &str) -> Result<(usize, char), Stopped> {
        match self.skip_space()? {
            Some(next) => Ok(next),
            None => complain(format_args!("Unexpected end-of-input within/between {kind} entries")),
        }
    }

    fn value(&mut self, place: usize, character: char) -> Result<(), Stopped> {
        match character {
            '{' | '[' => {
                let is_object = character == '{';
                self.open.push(Open { is_object, start: place, is_filled: false });
                Ok(())
            }
            '"' => self.string("string value", ": was expecting closing quote for a string value"),
            't' => self.literal(place, "true"),
            'f' => self.literal(place, "false"),
            'n' => self.literal(place, "null"),
            'N' => self.non_number(place, "NaN"),
            'I' => self.non_number(place, "Infinity"),
            '-' => self.negative(),
            '0'..='9' => self.number(character),
            '}' => unexpected(character, "expected a value"),
            _ if is_identifier_start(character) => self.unrecognized(place),
            _ => unexpected(character, &format!("expected a valid value {VALUES}")),
        }
    }

    /// The rest of a string whose quote has been read.
    fn string(&mut self, what: &str, unclosed: &str) -> Result<(), Stopped> {
        loop {
            match self.rest.next() {
                None => return complain(format_args!("Unexpected end-of-input{unclosed}")),
                Some((_, '"')) => return Ok(()),
                Some((_, '\\')) => self.escape()?,
                Some((_, character)) if character < ' ' => {
                    return complain(format_args!(
                        "Illegal unquoted character ({}): has to be escaped using backslash to be \
                         included in {what}",
                        Shown(character)
                    ));
                }
                Some(_) => {}
            }
        }
    }

    fn escape(&mut self) -> Result<(), Stopped> {
        const UNENDED: &str = "Unexpected end-of-input in character escape sequence";
        match self.rest.next() {
            None => complain(UNENDED),
            Some((_, 'b' | 't' | 'n' | 'f' | 'r' | '"' | '/' | '\\')) => Ok(()),
            Some((_, 'u')) => (0..4).try_for_each(|_| match self.rest.next() {
                None => complain(UNENDED),
                Some((_, digit)) if digit.is_ascii_hexdigit() => Ok(()),
                Some((_, other)) => {
                    unexpected(other, "expected a hex-digit for character escape sequence")
                }
            }),
            Some((_, other)) => {
                complain(format_args!("Unrecognized character escape {}", Shown(other)))
            }
        }
    }

    /// A word whose first character has been read.
    fn literal(&mut self, place: usize, word: &str) -> Result<(), Stopped> {
        for expected in word.chars().skip(1) {
            if self.rest.next_if(|(_, it)| *it == expected).is_none() {
                return self.unrecognized(place);
            }
        }
        match self.peek() {
            Some(next) if is_identifier_part(next) => self.unrecognized(place),
            _ => Ok(()),
        }
    }

    fn non_number(&mut self, place: usize, word: &str) -> Result<(), Stopped> {
        self.literal(place, word)?;
        complain(format_args!(
            "Non-standard token '{word}': enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow"
        ))
    }

    /// Complains of the word that began at `place`, whole.
    fn unrecognized(&mut self, place: usize) -> Result<(), Stopped> {
        let word = self.text[place..].chars().take_while(|it| is_identifier_part(*it));
        let word: String = word.take(TOKEN_MAX).collect();
        let more = if word.chars().count() == TOKEN_MAX { "..." } else { "" };
        while self.rest.next_if(|(_, it)| is_identifier_part(*it)).is_some() {}
        complain(format_args!("Unrecognized token '{word}{more}': was expecting {VALUES}"))
    }

    fn negative(&mut self) -> Result<(), Stopped> {
        const DIGIT: &str = "expected digit (0-9) to follow minus sign, for valid numeric value";
        match self.rest.next() {
            // Jackson has no space there.
            None => complain("Unexpected end-of-inputNo digit following minus sign"),
            Some((_, digit @ '0'..='9')) => self.number(digit),
            Some((_, other)) => unexpected_in_number(other, DIGIT),
        }
    }

    /// The rest of a number whose first digit has been read.
    fn number(&mut self, first: char) -> Result<(), Stopped> {
        let more = self.digits();
        if first == '0' && more > 0 {
            return complain("Invalid numeric value: Leading zeroes not allowed");
        }
        if self.rest.next_if(|(_, it)| *it == '.').is_some() && self.digits() == 0 {
            let next = self.peek().unwrap_or('.');
            return unexpected_in_number(next, "Decimal point not followed by a digit");
        }
        if self.rest.next_if(|(_, it)| matches!(it, 'e' | 'E')).is_some() {
            self.exponent()?;
        }
        match self.peek() {
            Some(next) if self.open.is_empty() && !matches!(next, ' ' | '\t' | '\r' | '\n') => {
                self.rest.next();
                unexpected(next, "Expected space separating root-level values")
            }
            _ => Ok(()),
        }
    }

    fn exponent(&mut self) -> Result<(), Stopped> {
        self.rest.next_if(|(_, it)| matches!(it, '+' | '-'));
        match (self.digits(), self.peek()) {
            (0, None) => complain("Unexpected end-of-inputexpected a digit for number exponent"),
            (0, Some(next)) => {
                unexpected_in_number(next, "Exponent indicator not followed by a digit")
            }
            _ => Ok(()),
        }
    }

    fn digits(&mut self) -> usize {
        std::iter::from_fn(|| self.rest.next_if(|(_, it)| it.is_ascii_digit())).count()
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, character)| *character)
    }

    fn skip_space(&mut self) -> Result<Option<(usize, char)>, Stopped> {
        for (place, character) in self.rest.by_ref() {
            match character {
                ' ' | '\t' | '\r' | '\n' => {}
                '\0'..' ' => {
                    return complain(format_args!(
                        "Illegal character ({}): only regular white space (\\r, \\n, \\t) is \
                         allowed between tokens",
                        Shown(character)
                    ));
                }
                '/' => {
                    let comment = "maybe a (non-standard) comment? (not recognized as one since \
                                   Feature 'ALLOW_COMMENTS' not enabled for parser)";
                    return unexpected(character, comment);
                }
                _ => return Ok(Some((place, character))),
            }
        }
        Ok(None)
    }

    /// The place of a byte, as Jackson tells it.
    fn place(&self, byte: usize) -> String {
        let before = &self.text[..byte];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count() + 1;
        self.location(line, column)
    }

    fn location(&self, line: usize, column: usize) -> String {
        let shown: String = self.text.chars().take(SOURCE_MAX).collect();
        let rest = match self.text.chars().count().saturating_sub(SOURCE_MAX) {
            0 => String::new(),
            more => format!("[truncated {more} chars]"),
        };
        format!("[Source: (String)\"{shown}\"{rest}; line: {line}, column: {column}]")
    }
}

fn complain<T>(words: impl fmt::Display) -> Result<T, Stopped> {
    Err(Stopped(words.to_string()))
}

fn unexpected<T>(character: char, comment: &str) -> Result<T, Stopped> {
    complain(format_args!("Unexpected character ({}): {comment}", Shown(character)))
}

fn unexpected_in_number<T>(character: char, comment: &str) -> Result<T, Stopped> {
    complain(format_args!(
        "Unexpected character ({}) in numeric value: {comment}",
        Shown(character)
    ))
}

/// A character with its code.
struct Shown(char);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(character) = self;
        // Java's characters are UTF-16: of a pair, the first half is told.
        let code = character.encode_utf16(&mut [0; 2])[0];
        match code {
            _ if character.is_control() => write!(f, "(CTRL-CHAR, code {code})"),
            0..=255 => write!(f, "'{character}' (code {code})"),
            _ => write!(f, "'{character}' (code {code} / 0x{code:x})"),
        }
    }
}

/// As Java's identifiers begin.
fn is_identifier_start(character: char) -> bool {
    // Beyond 16 bits Jackson sees half a pair, which is no letter.
    character.len_utf16() == 1 && (character.is_alphabetic() || matches!(character, '_' | '$'))
}

fn is_identifier_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}
