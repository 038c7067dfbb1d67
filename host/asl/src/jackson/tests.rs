use super::*;
use crate::Payload;

const SOURCE: &str = "[Source: (String)";

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(complaint(text).as_deref(), Some(expected), "{text}");
    assert_eq!(Payload::received(text).unwrap_err(), expected, "{text}");
}

#[test]
fn an_unknown_word_is_told_whole() {
    let told = |word: &str| format!("Unrecognized token '{word}': was expecting {VALUES}");
    for (text, word) in [
        ("not some json", "not"),
        ("tru", "tru"),
        ("[nulll]", "nulll"),
        ("[falsy, 1]", "falsy"),
        ("{\"a\": undefined}", "undefined"),
        ("Naan", "Naan"),
        ("$a_1-b", "$a_1"),
        ("größe", "größe"),
        ("{} rest", "rest"),
    ] {
        check(text, &told(word));
    }
    check(&"x".repeat(1_000), &told(&format!("{}...", "x".repeat(256))));
}

#[test]
fn an_unexpected_character_is_told_with_what_was_expected() {
    let value = format!("expected a valid value {VALUES}");
    for (text, character, expected) in [
        ("{'not': 'json'", "''' (code 39)", "was expecting double-quote to start field name"),
        ("{a: 1}", "'a' (code 97)", "was expecting double-quote to start field name"),
        ("{\"a\": 1,}", "'}' (code 125)", "was expecting double-quote to start field name"),
        ("{\"a\" 1}", "'1' (code 49)", "was expecting a colon to separate field name and value"),
        ("{\"a\":}", "'}' (code 125)", "expected a value"),
        ("{\"a\": 1 \"b\": 2}", "'\"' (code 34)", "was expecting comma to separate Object entries"),
        ("[1 2]", "'2' (code 50)", "was expecting comma to separate Array entries"),
        ("[1,]", "']' (code 93)", &value),
        ("[,1]", "',' (code 44)", &value),
        ("'text'", "''' (code 39)", &value),
        ("<xml/>", "'<' (code 60)", &value),
        ("\u{2192}", "'\u{2192}' (code 8594 / 0x2192)", &value),
        ("\"\\u12x4\"", "'x' (code 120)", "expected a hex-digit for character escape sequence"),
        ("2x", "'x' (code 120)", "Expected space separating root-level values"),
        (
            "// 1",
            "'/' (code 47)",
            "maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)",
        ),
    ] {
        check(text, &format!("Unexpected character ({character}): {expected}"));
    }
}

#[test]
fn a_text_that_ends_too_early_is_told_where_it_was_open() {
    let unclosed = |kind: &str, text: &str, line: u32, column: u32| {
        let start = format!("{SOURCE}\"{text}\"; line: {line}, column: {column}]");
        format!(": expected close marker for {kind} (start marker at {start})")
    };
    for (text, expected) in [
        ("{", unclosed("Object", "{", 1, 1)),
        ("{\"a\": 1", unclosed("Object", "{\"a\": 1", 1, 1)),
        ("{\n \"ä\": [1", unclosed("Array", "{\n \"ä\": [1", 2, 7)),
        ("[", unclosed("Array", "[", 1, 1)),
        ("[1,", " within/between Array entries".to_owned()),
        ("{\"a\"", " within/between Object entries".to_owned()),
        ("{\"a\":", " within/between Object entries".to_owned()),
        ("{\"a", " in field name".to_owned()),
        ("\"a", ": was expecting closing quote for a string value".to_owned()),
        ("\"\\", " in character escape sequence".to_owned()),
        ("\"\\u12", " in character escape sequence".to_owned()),
    ] {
        check(text, &format!("Unexpected end-of-input{expected}"));
    }
    let told = complaint(&format!("[\"{}\"", "x".repeat(600))).unwrap();
    let shown = format!("\"[\"{}\"[truncated 103 chars]; line: 1, column: 1])", "x".repeat(498));
    assert!(told.ends_with(&shown), "{told}");
}

#[test]
fn what_closes_what_is_not_open_is_told() {
    for (text, close, expected, kind, column) in
        [("[1}", '}', ']', "Array", 1), ("}", '}', ']', "root", 0), ("{]", ']', '}', "Object", 1)]
    {
        let start = format!("{SOURCE}\"{text}\"; line: 1, column: {column}]");
        let told = format!("expected '{expected}' (for {kind} starting at {start})");
        check(text, &format!("Unexpected close marker '{close}': {told}"));
    }
}

#[test]
fn a_number_is_told_by_its_part() {
    const POINT: &str = "Decimal point not followed by a digit";
    const EXPONENT: &str = "Exponent indicator not followed by a digit";
    for (text, character, expected) in [
        ("[1.]", "']' (code 93)", POINT),
        ("1.", "'.' (code 46)", POINT),
        ("[1e]", "']' (code 93)", EXPONENT),
        ("[1E+-2]", "'-' (code 45)", EXPONENT),
        (
            "-x",
            "'x' (code 120)",
            "expected digit (0-9) to follow minus sign, for valid numeric value",
        ),
    ] {
        check(text, &format!("Unexpected character ({character}) in numeric value: {expected}"));
    }
    check("01", "Invalid numeric value: Leading zeroes not allowed");
    check("[-00]", "Invalid numeric value: Leading zeroes not allowed");
    for word in ["NaN", "Infinity"] {
        let mend = "enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow";
        check(word, &format!("Non-standard token '{word}': {mend}"));
    }
}

#[test]
fn characters_that_must_be_escaped_are_told_by_their_code() {
    for (text, code, what) in [
        ("\"a\nb\"", 10, "string value"),
        ("{\"a\tb\": 1}", 9, "name"),
        ("[\"\0\"]", 0, "string value"),
    ] {
        let mend = format!("has to be escaped using backslash to be included in {what}");
        check(text, &format!("Illegal unquoted character ((CTRL-CHAR, code {code})): {mend}"));
    }
    check(
        "[\u{1}]",
        "Illegal character ((CTRL-CHAR, code 1)): only regular white space (\\r, \\n, \\t) is allowed between tokens",
    );
    check("\"\\x\"", "Unrecognized character escape 'x' (code 120)");
}

#[test]
fn of_json_there_is_no_complaint() {
    for text in [
        "null",
        " [1, -0.5e+3, {\"a\": [true, false, {}], \"\": \"\\u00e4\\n\"}, []] ",
        "\"\u{7f} \u{10ffff}\"",
        "0",
        "12\n",
    ] {
        assert_eq!(complaint(text), None, "{text}");
        assert!(Payload::received(text).is_ok(), "{text}");
    }
}

#[test]
fn what_jackson_takes_and_we_do_not_is_told_in_our_words() {
    for (text, part) in
        [("", "EOF"), ("  ", "EOF"), ("1e999", "out of range"), ("\"\\ud800\"", "escape")]
    {
        assert_eq!(complaint(text), None, "{text}");
        let told = Payload::received(text).unwrap_err();
        assert!(told.contains(part), "{told}");
    }
    assert!(Payload::received(&"[".repeat(100_000)).is_err());
    assert!(complaint("1 2").unwrap().starts_with("Trailing token"));
}
