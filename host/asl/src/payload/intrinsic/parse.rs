//! Reads intrinsic calls.

use serde_json::Value;

use super::{
    super::path::Parser, Argument, Call, CallError, DEPTH_MAX, Invocation, function::Function,
};

impl Call {
    pub(crate) fn parse(text: &str) -> Result<Self, CallError> {
        let mut reader = Reader { text, position: 0 };
        if !text.starts_with("States.") {
            return Err(CallError::NotACall);
        }
        let invocation = reader.invocation(1)?;
        if !reader.rest().is_empty() {
            return Err(reader.unexpected("the end, as the call ends before it"));
        }
        Ok(Self { text: text.into(), invocation })
    }
}

struct Reader<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Reader<'t> {
    /// Recursion here is at most [`DEPTH_MAX`] deep.
    fn invocation(&mut self, depth: usize) -> Result<Invocation, CallError> {
        if depth > DEPTH_MAX {
            return Err(CallError::TooDeep);
        }
        let name = self.word();
        let function = Function::named(name)?;
        self.expect("(", "`(`")?;
        let arguments = self.arguments(depth)?;
        function.check(arguments.len())?;
        Ok(Invocation { function, arguments: arguments.into() })
    }

    fn arguments(&mut self, depth: usize) -> Result<Vec<Argument>, CallError> {
        let mut arguments = Vec::new();
        self.skip_spaces();
        if self.eat(")") {
            return Ok(arguments);
        }
        loop {
            self.skip_spaces();
            arguments.push(self.argument(depth)?);
            self.skip_spaces();
            if self.eat(")") {
                return Ok(arguments);
            }
            self.expect(",", "`,` or `)`")?;
        }
    }

    fn argument(&mut self, depth: usize) -> Result<Argument, CallError> {
        let rest = self.rest();
        if rest.starts_with('$') {
            let mut parser = Parser::argument(self.text, self.position);
            let path = parser.path()?;
            self.position = parser.position();
            return Ok(Argument::Path(path));
        }
        if self.eat("'") {
            return self.literal_text();
        }
        if rest.starts_with("States.") {
            return self.invocation(depth + 1).map(Argument::Invocation);
        }
        let end = rest.find([',', ')', ' ']).unwrap_or(rest.len());
        match serde_json::from_str(&rest[..end]) {
            Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => {
                self.position += end;
                Ok(Argument::Literal(value))
            }
            _ => Err(self.unexpected(
                "a path, a call, a text in single quotes, a number, `true`, `false` or `null`",
            )),
        }
    }

    /// Reads what follows a text's opening quote.
    fn literal_text(&mut self) -> Result<Argument, CallError> {
        let rest = self.rest();
        let mut value = String::new();
        let mut characters = rest.char_indices();
        while let Some((position, character)) = characters.next() {
            match character {
                '\'' => {
                    self.position += position + 1;
                    return Ok(Argument::Text {
                        raw: rest[..position].into(),
                        value: value.into(),
                    });
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('\'' | '{' | '}' | '\\'))) => value.push(escaped),
                    _ => {
                        self.position += position;
                        return Err(CallError::Escape { position: self.character() });
                    }
                },
                _ => value.push(character),
            }
        }
        Err(self.unexpected("a text that ends with a single quote"))
    }

    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '.';
        let end = rest.find(|character| !is_name(character)).unwrap_or(rest.len());
        self.position += end;
        &rest[..end]
    }

    fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.position += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str, expected: &'static str) -> Result<(), CallError> {
        if self.eat(token) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_ascii_start().len();
    }

    /// Which character of the text comes next, from 1.
    fn character(&self) -> usize {
        self.text[..self.position].chars().count() + 1
    }

    fn unexpected(&self, expected: &'static str) -> CallError {
        CallError::Unexpected { position: self.character(), expected }
    }
}
