//! Items that stand in a JSON file, as the elements of an array or the members of an object; or one on
//! each line. Whatever the file's size, one item is in memory.

use serde_json::Value;
use stepyard_asl::StatesError;

use super::{items::failed, window::Window};

/// What holds the items of a JSON file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Holder {
    /// Its elements are the items.
    Array,
    /// Its members are.
    Object,
}

/// Goes to what holds the items: the whole file, or what a JSON Pointer names.
pub(super) async fn enter(
    window: &mut Window,
    pointer: Option<&str>,
) -> Result<Holder, StatesError> {
    let tokens = pointer.unwrap_or_default().split('/').skip(1);
    for token in tokens.map(|token| token.replace("~1", "/").replace("~0", "~")) {
        descend(window, &token, pointer.unwrap_or_default()).await?;
    }
    let holder = match peek(window).await? {
        Some(b'[') => Holder::Array,
        Some(b'{') => Holder::Object,
        _ => return Err(failed("Attempting to map over non-iterable node.")),
    };
    window.consume(1);
    Ok(holder)
}

/// The next item, behind its name where it is a member.
pub(super) async fn next(
    window: &mut Window,
    holder: Holder,
) -> Result<Option<(Option<String>, Value)>, StatesError> {
    match peek_past_comma(window).await? {
        Some(b']') if holder == Holder::Array => Ok(None),
        Some(b'}') if holder == Holder::Object => Ok(None),
        Some(_) if holder == Holder::Array => Ok(Some((None, value(window).await?))),
        Some(_) => {
            let key = key(window).await?;
            Ok(Some((Some(key), value(window).await?)))
        }
        None => Err(cut_off()),
    }
}

/// The item on the next line that has one.
pub(super) async fn next_line(window: &mut Window) -> Result<Option<Value>, StatesError> {
    let mut seen = 0;
    loop {
        let found = window.bytes()[seen..].iter().position(|byte| *byte == b'\n');
        seen = found.map_or(window.bytes().len(), |end| seen + end);
        if found.is_none() && window.more().await? {
            continue;
        }
        let line = window.bytes()[..seen].trim_ascii();
        let item = if line.is_empty() { None } else { Some(parse(line)?) };
        window.consume(seen + usize::from(found.is_some()));
        if item.is_some() || found.is_none() {
            return Ok(item);
        }
        seen = 0;
    }
}

/// Goes to the member or element that a token of a JSON Pointer names.
async fn descend(window: &mut Window, token: &str, pointer: &str) -> Result<(), StatesError> {
    let is_object = match peek(window).await? {
        Some(b'{') => true,
        Some(b'[') => false,
        _ => return Err(lost(pointer)),
    };
    window.consume(1);
    let mut index = 0_usize;
    loop {
        match peek_past_comma(window).await? {
            Some(b'}' | b']') => return Err(lost(pointer)),
            None => return Err(cut_off()),
            Some(_) => {}
        }
        let is_named = match is_object {
            true => key(window).await? == token,
            false => index.to_string() == token,
        };
        if is_named {
            return Ok(());
        }
        peek(window).await?;
        skip(window).await?;
        index += 1;
    }
}

/// A member's key, and the colon behind it.
async fn key(window: &mut Window) -> Result<String, StatesError> {
    let Value::String(key) = value(window).await? else {
        return Err(failed("The file is not valid JSON: a member has no name."));
    };
    if peek(window).await? != Some(b':') {
        return Err(failed("The file is not valid JSON: a member has no value."));
    }
    window.consume(1);
    Ok(key)
}

/// The next byte that is no white space.
async fn peek(window: &mut Window) -> Result<Option<u8>, StatesError> {
    loop {
        let space = window.bytes().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        window.consume(space);
        if let Some(byte) = window.bytes().first() {
            return Ok(Some(*byte));
        }
        if !window.more().await? {
            return Ok(None);
        }
    }
}

async fn peek_past_comma(window: &mut Window) -> Result<Option<u8>, StatesError> {
    match peek(window).await? {
        Some(b',') => {
            window.consume(1);
            peek(window).await
        }
        found => Ok(found),
    }
}

async fn value(window: &mut Window) -> Result<Value, StatesError> {
    peek(window).await?;
    let (mut scan, mut seen) = (Scan::default(), 0);
    let end = loop {
        if let Some(end) = scan.end(&window.bytes()[seen..]) {
            break seen + end;
        }
        seen = window.bytes().len();
        if !window.more().await? {
            return Err(cut_off());
        }
    };
    let value = parse(&window.bytes()[..end])?;
    window.consume(end);
    Ok(value)
}

/// Leaves a value behind without having it in memory.
async fn skip(window: &mut Window) -> Result<(), StatesError> {
    let mut scan = Scan::default();
    loop {
        let end = scan.end(window.bytes());
        window.consume(end.unwrap_or(window.bytes().len()));
        if end.is_some() {
            return Ok(());
        }
        if !window.more().await? {
            return Err(cut_off());
        }
    }
}

/// Finds where a value ends, whatever pieces it comes in.
#[derive(Default)]
struct Scan {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    has_begun: bool,
}

impl Scan {
    /// Where in `bytes` the value ends, if it does.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth == 0 => return Some(at),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                b',' | b':' if self.depth == 0 => return Some(at),
                byte if byte.is_ascii_whitespace() && self.depth == 0 && self.has_begun => {
                    return Some(at);
                }
                _ => {}
            }
            self.has_begun = true;
        }
        None
    }
}

fn parse(text: &[u8]) -> Result<Value, StatesError> {
    serde_json::from_slice(text).map_err(|error| failed(format!("An item is no JSON: {error}")))
}

fn cut_off() -> StatesError {
    failed("The file is not valid JSON: it ends too early.")
}

fn lost(pointer: &str) -> StatesError {
    failed(format!("The ItemsPointer {pointer} leads nowhere in the file."))
}
