//! Intrinsic calls, as tables: a call, an input, and what it gives.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::payload::{path::tests::values, testing::in_scope};

/// What a call gives for `input`, as JSON; else the cause of its failure, or why it is no call.
fn evaluated(call: &str, input: &Value) -> String {
    match Call::parse(call) {
        Err(error) => format!("error: {error}"),
        Ok(call) => match in_scope(input, |scope| call.evaluate(scope)) {
            Ok(value) => value.to_string(),
            Err(error) => {
                assert_eq!(error.name(), "States.Runtime");
                error.cause.unwrap_or_default()
            }
        },
    }
}

#[track_caller]
fn check(input: &Value, cases: &[(&str, &str)]) {
    for (call, expected) in cases {
        assert_eq!(evaluated(call, input), *expected, "{call}");
    }
}

/// Checks calls that fail with a cause that ends so.
#[track_caller]
fn check_fails(input: &Value, cases: &[(&str, &str)]) {
    for (call, expected) in cases {
        let expected = format!("The function '{call}' had the following error: {expected}");
        assert_eq!(evaluated(call, input), expected);
    }
}

#[test]
fn format_puts_values_in_the_place_of_braces() {
    check(
        &json!({
            "s": "text", "n": 1.1, "z": null, "o": {"a": 1, "b": [], "c": {"d": "e"}},
            "l": [1, "two", null, [true]], "j": "{\"a\":1}", "t": "{} is {}", "e": "\\{\\} {}"
        }),
        &[
            ("States.Format('')", r#""""#),
            ("States.Format('plain')", r#""plain""#),
            ("States.Format('{}-{}', $.s, $.n)", r#""text-1.1""#),
            ("States.Format('{}{}{}', 1, true, null)", r#""1truenull""#),
            ("States.Format('{}', $.z)", r#""null""#),
            ("States.Format('{}', $.o)", r#""{a=1, b=[], c={d=e}}""#),
            ("States.Format('{}', $.l)", r#""[1, two, null, [true]]""#),
            ("States.Format('{}', $.j)", r#""{\"a\":1}""#),
            ("States.Format('{}', 'a {} b')", r#""a {} b""#),
            ("States.Format($.t, 'x', -1)", r#""x is -1""#),
            ("States.Format($.e, 1)", r#""{} 1""#),
            (r"States.Format('\{\}{} it\'s \\', 1)", r#""{}1 it's \\""#),
            ("States.Format('}{}', 1)", r#""}1""#),
            ("States.Format( '{}' ,$.s )", r#""text""#),
            ("States.Format('{}', States.Format('<{}>', $.n))", r#""<1.1>""#),
            ("States.Format('{}', $$.Execution.Input.order)", r#""{id=7}""#),
            ("States.Format('{}', $.l[0:2])", r#""[1, two]""#),
            ("States.Format('{}', $['o']['c'].d)", r#""e""#),
            ("States.Format('{}', $.l[?(@ == 'two')])", r#""[two]""#),
            ("States.Format('é{}✓', 'ü')", r#""éü✓""#),
        ],
    );
    let mismatch = "Invalid arguments in States.Format: number of arguments do not match the \
                    occurrences of {}.";
    let brace = "Invalid template in States.Format: matching '}' not found for '{'.";
    check_fails(
        &json!({"n": 1}),
        &[
            ("States.Format('{}')", mismatch),
            ("States.Format('', 1)", mismatch),
            ("States.Format('{} {}', 1)", mismatch),
            ("States.Format('{', 1)", brace),
            ("States.Format('{0}', 1)", brace),
            ("States.Format($.n, 1)", "Invalid arguments in States.Format"),
        ],
    );
}

#[test]
fn string_to_json_reads_json() {
    let cases = [
        ("", "null"),
        (" \n", "null"),
        ("null", "null"),
        ("-0", "0"),
        ("[-0, \"-0\", -0.0, 1e-0, -0]", "[0,\"-0\",-0.0,1.0,0]"),
        ("\"a\\\"-0\"", "\"a\\\"-0\""),
        ("-01", "fails"),
        ("1", "1"),
        ("1.10", "1.1"),
        ("true", "true"),
        ("\"text\"", "\"text\""),
        ("[1, 2, \"x\"]", "[1,2,\"x\"]"),
        ("{\"b\": 1, \"a\": []}", "{\"b\":1,\"a\":[]}"),
        ("{", "fails"),
        ("text", "fails"),
        ("1 2", "fails"),
    ];
    let call = "States.StringToJson($.s)";
    for (text, expected) in cases {
        if expected == "fails" {
            check_fails(&json!({"s": text}), &[(call, "Invalid arguments in States.StringToJson")]);
        } else {
            assert_eq!(evaluated(call, &json!({"s": text})), expected, "{text}");
        }
    }
    check(&json!({}), &[(r#"States.StringToJson('{"a":1}')"#, r#"{"a":1}"#)]);
    for given in [json!(1), json!(null), json!({})] {
        check_fails(&json!({"s": given}), &[(call, "Invalid arguments in States.StringToJson")]);
    }
}

#[test]
fn json_to_string_writes_compact_json() {
    check(
        &json!({"o": {"b": [1, 2.5], "a": "x\"y"}, "z": null}),
        &[
            ("States.JsonToString($.o)", r#""{\"b\":[1,2.5],\"a\":\"x\\\"y\"}""#),
            ("States.JsonToString($.z)", r#""null""#),
            ("States.JsonToString($.o.b)", r#""[1,2.5]""#),
            ("States.JsonToString('x')", r#""\"x\"""#),
            ("States.JsonToString(true)", r#""true""#),
        ],
    );
}

#[test]
fn string_split_cuts_at_any_delimiter_and_drops_what_is_empty() {
    check(
        &json!({"s": "a-b_c"}),
        &[
            ("States.StringSplit($.s, '-_')", r#"["a","b","c"]"#),
            ("States.StringSplit('1,2,3', ',')", r#"["1","2","3"]"#),
            ("States.StringSplit(',,,,', ',')", "[]"),
            ("States.StringSplit(', , ,', ',')", r#"[" "," "]"#),
            ("States.StringSplit('', ',')", "[]"),
            ("States.StringSplit('a,b', '')", r#"["a,b"]"#),
            ("States.StringSplit('a✓b', '✓')", r#"["a","b"]"#),
        ],
    );
    let invalid = "Invalid arguments in States.StringSplit";
    check_fails(
        &json!({}),
        &[("States.StringSplit(1, ',')", invalid), ("States.StringSplit('a', null)", invalid)],
    );
}

#[test]
fn array_get_item_counts_from_zero() {
    check(
        &json!({"l": ["a", null, {"b": 1}], "i": 2}),
        &[
            ("States.ArrayGetItem($.l, 0)", r#""a""#),
            ("States.ArrayGetItem($.l, 1)", "null"),
            ("States.ArrayGetItem($.l, $.i)", r#"{"b":1}"#),
            (
                "States.ArrayGetItem(States.StringSplit($$.StateMachine.Name, '-'), 1)",
                r#""orders""#,
            ),
        ],
    );
    let invalid = "Invalid arguments in States.ArrayGetItem";
    check_fails(
        &json!({"l": ["a"], "s": "a"}),
        &[
            ("States.ArrayGetItem($.l, 1)", invalid),
            ("States.ArrayGetItem($.l, -1)", invalid),
            ("States.ArrayGetItem($.l, 0.5)", invalid),
            ("States.ArrayGetItem($.l, '0')", invalid),
            ("States.ArrayGetItem($.s, 0)", invalid),
        ],
    );
}

#[test]
fn each_uuid_of_a_call_is_another() {
    check(
        &json!({}),
        &[
            ("States.UUID()", r#""01010101-0101-4101-8101-010101010101""#),
            (
                "States.Format('{} {}', States.UUID( ), States.UUID())",
                r#""01010101-0101-4101-8101-010101010101 02020202-0202-4202-8202-020202020202""#,
            ),
        ],
    );
}

#[test]
fn an_argument_that_is_not_there_is_named_with_the_whole_call() {
    let missing = |path| {
        format!(
            "The JsonPath argument for the field '{path}' could not be found in the input \
             '{{\"other\":1,\"l\":[1]}}'"
        )
    };
    check_fails(
        &json!({"other": 1, "l": [1]}),
        &[
            ("States.Format('{}', $.nope)", &missing("$.nope")),
            ("States.Format('{} {}',$.other,$.a.b)", &missing("$.a.b")),
            ("States.Format($.nope, 1)", &missing("$.nope")),
            ("States.Format('{}', States.JsonToString($.nope))", &missing("$.nope")),
            ("States.Format('{}', $.l[5])", &missing("$.l[5]")),
            ("States.Format('{}', $.l[5].x)", &missing("$.l[5].x")),
            ("States.Format('{}', $$.Nope.Deep)", &missing("$.Nope.Deep")),
            (
                "States.Format('{}', $.other[0])",
                "Filter: [0] can only be applied to arrays. Current context is: 1",
            ),
        ],
    );
    check(&json!({}), &[("States.JsonToString($.items[*].nope)", r#""[]""#)]);
}

#[test]
fn what_is_no_call_is_refused_with_what_is_wrong() {
    let argument = |at| {
        format!(
            "character {at} of the call should be a path, a call, a text in single quotes, a \
             number, `true`, `false` or `null`"
        )
    };
    let escape = |at| {
        format!("the backslash at character {at} should be followed by `'`, `{{`, `}}` or `\\`")
    };
    let cases = [
        ("", "a path starts with `$`, an intrinsic call with `States.`".to_owned()),
        ("Format('x')", "a path starts with `$`, an intrinsic call with `States.`".to_owned()),
        ("States.", "`States.` is not an intrinsic function".to_owned()),
        ("States.format('')", "`States.format` is not an intrinsic function".to_owned()),
        ("States.Format", "character 14 of the call should be `(`".to_owned()),
        (
            "States.Format('a",
            "character 16 of the call should be a text that ends with a single quote".to_owned(),
        ),
        ("States.Format('a' 'b')", "character 19 of the call should be `,` or `)`".to_owned()),
        ("States.Format('a',)", argument(19)),
        ("States.Format(", argument(15)),
        ("States.Format(abc)", argument(15)),
        ("States.Format(\"a\")", argument(15)),
        ("States.Format([1])", argument(15)),
        (
            "States.Format('a') ",
            "character 19 of the call should be the end, as the call ends before it".to_owned(),
        ),
        (
            r"States.Format('a\')",
            "character 16 of the call should be a text that ends with a single quote".to_owned(),
        ),
        (r"States.Format('a\", escape(17)),
        (r"States.Format('a\n')", escape(17)),
        (r#"States.Format('say \"hi\"')"#, escape(20)),
        (
            "States.Format('{}', $.)",
            "character 23 of the path should be a name, `*` or `[`".to_owned(),
        ),
        ("States.Format('{}', $.a.b", "character 26 of the call should be `,` or `)`".to_owned()),
        ("States.Format()", "`States.Format` takes 1 or more arguments, not 0".to_owned()),
        ("States.UUID(1)", "`States.UUID` takes no arguments, not 1".to_owned()),
        ("States.StringSplit('a')", "`States.StringSplit` takes 2 arguments, not 1".to_owned()),
        ("States.MathRandom(1)", "`States.MathRandom` takes 2 to 3 arguments, not 1".to_owned()),
    ];
    for (call, expected) in cases {
        assert_eq!(evaluated(call, &json!({})), format!("error: {expected}"), "{call}");
    }
}

#[test]
fn arrays_are_made_and_read() {
    check(
        &json!({"a": [1, [2], {"x": 1, "y": 2}, {"y": 2, "x": 1}, 1, "1"], "e": [], "o": {"y": 2, "x": 1}}),
        &[
            ("States.Array()", "[]"),
            ("States.Array(1, 'a', $.e, null)", r#"[1,"a",[],null]"#),
            ("States.ArrayContains($.a, $.o)", "true"),
            ("States.ArrayContains($.a, 2)", "false"),
            ("States.ArrayLength($.a)", "6"),
            ("States.ArrayPartition($.e, 2)", "[]"),
            ("States.ArrayPartition(States.ArrayRange(1, 5, 1), 1.5)", "[[1,2],[3,4],[5]]"),
            ("States.ArrayRange(2, 12, 4)", "[2,6,10]"),
            ("States.ArrayRange(3, 0, -1.5)", "[3,2,1,0]"),
            ("States.ArrayRange(3, 0, 1)", "[]"),
            ("States.ArrayLength(States.ArrayRange(1, 1000, 1))", "1000"),
            ("States.ArrayUnique($.a)", r#"[1,[2],{"x":1,"y":2},"1"]"#),
        ],
    );
    check_fails(
        &json!({"a": [1], "n": 1}),
        &[
            ("States.ArrayLength($.n)", "Invalid arguments in States.ArrayLength"),
            ("States.ArrayPartition($.a, 0)", "Invalid arguments in States.ArrayPartition"),
            ("States.ArrayPartition($.a, -1)", "Invalid arguments in States.ArrayPartition"),
            ("States.ArrayRange(0, 1000, 1)", "Invalid arguments in States.ArrayRange"),
            ("States.ArrayRange(0, 1, 0)", "Invalid arguments in States.ArrayRange"),
            ("States.ArrayUnique('a')", "Invalid arguments in States.ArrayUnique"),
        ],
    );
}

#[test]
fn numbers_are_rounded_half_up_and_added() {
    check(
        &json!({}),
        &[
            ("States.MathAdd(-7, 2)", "-5"),
            ("States.MathAdd(4.49, 4.5)", "9"),
            ("States.MathAdd(-4.49, -4.5)", "-8"),
            ("States.MathAdd(-4.5, -4.51)", "-9"),
            ("States.MathAdd(2147483646, 1)", "2147483647"),
            ("States.MathAdd(0.49999999999999994, 0)", "0"),
            ("States.MathRandom(7, 8)", "7"),
            ("States.MathRandom(-7.4, -6)", "-7"),
        ],
    );
    let invalid = |name: &str| format!("Invalid arguments in States.{name}");
    check_fails(
        &json!({}),
        &[
            ("States.MathAdd('1', 2)", &invalid("MathAdd")),
            ("States.MathAdd(2147483648, 1)", &invalid("MathAdd")),
            ("States.MathAdd(1e300, 1)", &invalid("MathAdd")),
            ("States.MathAdd(2147483647, 1)", &invalid("MathAdd")),
            ("States.MathAdd(-2147483648, -1)", &invalid("MathAdd")),
            ("States.MathRandom(2, 2)", &invalid("MathRandom")),
            ("States.MathRandom(1, 2, 'x')", &invalid("MathRandom")),
        ],
    );
    let seeded =
        |seed: u32| evaluated(&format!("States.MathRandom(0, 1000000, {seed})"), &json!({}));
    assert_eq!(seeded(3), seeded(3));
    assert_ne!(seeded(3), seeded(4));
}

#[test]
fn texts_are_encoded_and_hashed_and_objects_merged() {
    check(
        &json!({"o": {"a": {"b": 1}, "c": 2}, "p": {"a": {"d": 3}}, "l": "x".repeat(10_000)}),
        &[
            ("States.Base64Encode('an order')", r#""YW4gb3JkZXI=""#),
            ("States.Base64Decode('YW4gb3JkZXI=')", r#""an order""#),
            ("States.Base64Decode(States.Base64Encode(''))", r#""""#),
            ("States.Hash('abc', 'MD5')", r#""900150983cd24fb0d6963f7d28e17f72""#),
            ("States.Hash('abc', 'SHA-1')", r#""a9993e364706816aba3e25717850c26c9cd0d89d""#),
            ("States.ArrayLength(States.Array(States.Hash($.l, 'SHA-512')))", "1"),
            ("States.JsonMerge($.o, $.p, false)", r#"{"a":{"d":3},"c":2}"#),
        ],
    );
    check_fails(
        &json!({"o": {}, "l": "x".repeat(10_001)}),
        &[
            ("States.Base64Encode($.l)", "Invalid arguments in States.Base64Encode"),
            ("States.Base64Decode('&')", "Invalid arguments in States.Base64Decode"),
            ("States.Base64Decode('/w==')", "Invalid arguments in States.Base64Decode"),
            ("States.Base64Decode(1)", "Invalid arguments in States.Base64Decode"),
            ("States.Base64Decode($.l)", "Invalid arguments in States.Base64Decode"),
            ("States.Hash($.l, 'MD5')", "Invalid arguments in States.Hash"),
            ("States.Hash('a', 'md5')", "Invalid arguments in States.Hash"),
            ("States.JsonMerge($.o, $.o, true)", "Invalid arguments in States.JsonMerge"),
        ],
    );
}

#[test]
fn calls_nest_ten_deep_at_most() {
    let nested =
        |depth: usize| format!("{}1{}", "States.JsonToString(".repeat(depth), ")".repeat(depth));
    assert!(Call::parse(&nested(10)).is_ok());
    for depth in [11, 1_000_000] {
        assert_eq!(Call::parse(&nested(depth)).unwrap_err(), CallError::TooDeep);
    }
}

#[test]
fn what_a_call_gives_is_bounded() {
    let input = json!({"s": "\"".repeat(200_000)});
    let nested = (0..9).fold("$.s".to_owned(), |call, _| format!("States.JsonToString({call})"));
    let many = format!("States.Format('{}'{})", "{}".repeat(100), ", $.s".repeat(100));
    let array = format!("States.Array($.s{})", ", $.s".repeat(50_000));
    let calls = format!("States.Array(0{})", ", States.JsonToString($.s)".repeat(20_000));
    check_fails(
        &input,
        &[
            (&nested, "The result of States.JsonToString is too large"),
            (&many, "The result of States.Format is too large"),
            (&array, "The result of States.Array is too large"),
            (&calls, "The result of States.Array is too large"),
        ],
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*") {
        let _ = Call::parse(&text);
        let _ = Call::parse(&format!("States.Format({text})"));
    }

    #[test]
    fn no_call_makes_evaluation_panic(
        function in "(Format|StringToJson|JsonToString|StringSplit|ArrayGetItem)",
        arguments in r"(\$(\.[ab]|\[[0-2]\])?|'[ab,{}]{0,4}'|-?[0-3](\.5)?|null|States\.UUID\(\)){1,1}(, (\$\.[ab]|'[ab]'|[0-2])){0,2}",
        input in values(),
    ) {
        evaluated(&format!("States.{function}({arguments})"), &input);
    }

    #[test]
    fn what_is_written_as_json_reads_back(value in values()) {
        let read = evaluated("States.StringToJson(States.JsonToString($))", &value);
        prop_assert_eq!(read, value.to_string());
    }

    #[test]
    fn no_argument_makes_a_function_panic(
        function in "(Array(Contains|GetItem|Length|Partition|Range|Unique)?|Base64(Decode|Encode)\
                     |Hash|JsonMerge|Math(Add|Random))",
        order in prop::collection::vec("\\$(\\[[0-3]\\])?|-?[0-9]{1,10}(\\.[0-9])?|'MD5'|false", 0..4),
        input in prop::collection::vec(values(), 4),
    ) {
        evaluated(&format!("States.{function}({})", order.join(", ")), &input.into());
    }

    #[test]
    fn what_is_encoded_decodes_to_itself(text in "\\PC{0,40}") {
        let read = evaluated("States.Base64Decode(States.Base64Encode($))", &json!(text));
        prop_assert_eq!(read, json!(text).to_string());
    }

    #[test]
    fn partitions_joined_are_the_array(
        elements in prop::collection::vec(values(), 0..8), size in 1..10_usize,
    ) {
        let call = format!("States.ArrayPartition($, {size})");
        let chunks = evaluated(&call, &json!(elements));
        let chunks: Vec<Vec<Value>> = serde_json::from_str(&chunks).unwrap();
        prop_assert!(chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= size));
        prop_assert_eq!(json!(chunks.concat()).to_string(), json!(elements).to_string());
    }

    #[test]
    fn what_is_unique_stays_as_it_is(elements in prop::collection::vec(0..4_u8, 0..8)) {
        let once = evaluated("States.ArrayUnique($)", &json!(elements));
        let twice = evaluated("States.ArrayUnique(States.ArrayUnique($))", &json!(elements));
        prop_assert_eq!(&once, &twice);
        let mut left: Vec<u8> = serde_json::from_str(&once).unwrap();
        left.sort_unstable();
        prop_assert!(left.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn a_random_number_lies_in_its_range(start in -5000..5000_i64, width in 1..100_i64, seed: i32) {
        let call = format!("States.MathRandom({start}, {}, {seed})", start + width);
        let drawn: i64 = evaluated(&call, &json!({})).parse().unwrap();
        prop_assert!((start..start + width).contains(&drawn));
        prop_assert_eq!(evaluated(&call, &json!({})), drawn.to_string());
    }
}
