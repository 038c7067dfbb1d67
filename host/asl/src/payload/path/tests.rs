//! Paths, as tables: a path, an input, and what it gives.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::payload::testing::in_scope;

/// What a path gives for `input`, as JSON; else why it finds nothing, or is no path.
fn evaluated(path: &str, input: &Value) -> String {
    match Path::parse(path) {
        Err(error) => format!("error: {error}"),
        Ok(path) => in_scope(input, |scope| match path.evaluate(scope) {
            Ok(value) => value.to_string(),
            Err(miss) => format!("miss: {miss}"),
        }),
    }
}

#[track_caller]
fn check(input: &str, cases: &[(&str, &str)]) {
    let input = serde_json::from_str(input).unwrap();
    for (path, expected) in cases {
        assert_eq!(evaluated(path, &input), *expected, "{path} of {input}");
    }
}

#[test]
fn names_and_indexes_lead_to_one_value() {
    check(
        r#"{"a":{"b":[10,20,30],"c d":"x","":0},"a-b":1,"1Day":2,"é":3,"it's":4,"@x":5,"n":null}"#,
        &[
            ("$.a.b", "[10,20,30]"),
            ("$.a.b[0]", "10"),
            ("$.a.b[-1]", "30"),
            ("$['a']['b'][2]", "30"),
            (r#"$["a"]["c d"]"#, r#""x""#),
            ("$.a.['c d']", r#""x""#),
            ("$[ 'a' ].b[ 1 ]", "20"),
            ("$.a['']", "0"),
            ("$.a-b", "1"),
            ("$.1Day", "2"),
            ("$.é", "3"),
            (r"$['it\'s']", "4"),
            ("$.@x", "5"),
            ("$.n", "null"),
        ],
    );
    check("[[1,2],[3]]", &[("$", "[[1,2],[3]]"), ("$[0][1]", "2"), ("$[1]", "[3]")]);
    check("5", &[("$", "5")]);
}

#[test]
fn a_path_may_start_at_a_variable() {
    check(
        r#"{"size":1}"#,
        &[
            ("$box", r#"{"size":[3,4]}"#),
            ("$box.size[-1]", "4"),
            ("$box['size'][*]", "[3,4]"),
            ("$box.size.length()", "2"),
            ("$box[?(@.size[0] == 3)].size[1]", "[4]"),
            ("$box.weight", "miss: No results for path: $['weight']"),
            ("$bag", "miss: The variable 'bag' has not been assigned"),
            ("$états_1.x", "miss: The variable 'états_1' has not been assigned"),
        ],
    );
}

#[test]
fn a_definite_path_that_finds_nothing_says_where() {
    check(
        r#"{"a":{"b":[1]},"s":"text","n":null}"#,
        &[
            ("$.x", "miss: No results for path: $['x']"),
            ("$.a.x", "miss: No results for path: $['a']['x']"),
            ("$.no.such.path", "miss: Missing property in path $['no']"),
            ("$.a.no[0]", "miss: Missing property in path $['a']['no']"),
            ("$.a.b[1]", "miss: No results for path: $['a']['b'][1]"),
            ("$.a.b[-2]", "miss: No results for path: $['a']['b'][-2]"),
            ("$.a.b[1].c", "miss: No results for path: $['a']['b'][1]['c']"),
            (
                "$.s.x",
                "miss: Expected to find an object with property ['x'] in path $['s'] but found a \
                 string",
            ),
            (
                "$.n.x",
                "miss: Expected to find an object with property ['x'] in path $['n'] but found \
                 null",
            ),
            (
                "$.s[0]",
                "miss: Filter: [0] can only be applied to arrays. Current context is: \"text\"",
            ),
            ("$.x.length()", "miss: No results for path: $['x']"),
        ],
    );
}

#[test]
fn an_indefinite_path_gives_an_array() {
    check(
        r#"{"items":[{"n":1,"t":"a"},{"n":2},{"n":3,"t":"c"}],"m":{"x":1,"y":[2]}}"#,
        &[
            ("$.items[*].n", "[1,2,3]"),
            ("$.items[*].t", r#"["a","c"]"#),
            ("$.items.*.n", "[1,2,3]"),
            ("$.m.*", "[1,[2]]"),
            ("$.m[*]", "[1,[2]]"),
            ("$.items[0,2].n", "[1,3]"),
            ("$.items[ 0 , 9 ].n", "[1]"),
            ("$.items[1:].n", "[2,3]"),
            ("$.items[:2].n", "[1,2]"),
            ("$.items[:-1].n", "[1,2]"),
            ("$.items[-2:].n", "[2,3]"),
            ("$.items[-9:].n", "[1,2,3]"),
            ("$.items[0:1].n", "[1]"),
            ("$.items[1:1].n", "[]"),
            ("$.items[0:99].n", "[1,2,3]"),
            ("$.items[-3:-1].n", "[1,2]"),
            ("$.items[1:-1].n", "[]"),
            ("$.items[-2147483648:2147483647].n", "[1,2,3,1,2,3]"),
            ("$..n", "[1,2,3]"),
            ("$..['n']", "[1,2,3]"),
            ("$..t", r#"["a","c"]"#),
            ("$..y[0]", "[2]"),
            ("$..[0]", r#"[{"n":1,"t":"a"},2]"#),
            ("$.m..*", "[1,[2],2]"),
            ("$.m.x[*]", "[]"),
        ],
    );
}

#[test]
fn an_indefinite_path_past_something_missing_gives_an_empty_array() {
    let paths = [
        "$.items[*]",
        "$.items[1:]",
        "$.item.items[1:]",
        "$.items[*].itemValue",
        "$.items[1:].itemValue",
        "$.items[?(@.n > 1)]",
        "$.s[*]",
        "$.s[0,1]",
        "$..no",
    ];
    for path in paths {
        check(r#"{"s":"text"}"#, &[(path, "[]")]);
    }
}

#[test]
fn several_names_at_the_end_give_an_object() {
    check(
        r#"{"a":{"x":1,"y":2,"z":3},"l":[{"x":4},5]}"#,
        &[
            ("$.a['x','z']", r#"{"x":1,"z":3}"#),
            (r#"$.a[ 'y' , "no" ]"#, r#"{"y":2}"#),
            ("$['a','l']['x']", "[1]"),
            ("$.l[*]['x','y']", r#"[{"x":4}]"#),
            (
                "$.l['x','y']",
                "miss: Expected to find an object with property ['x','y'] in path $['l'] but \
                 found an array",
            ),
        ],
    );
}

#[test]
fn length_is_that_of_an_array_or_object() {
    check(
        r#"{"a":[1,2,3],"m":{"x":1},"s":"text","length":7,"l":[[1],[]]}"#,
        &[
            ("$.a.length()", "3"),
            ("$.m.length( )", "1"),
            ("$.length()", "5"),
            ("$.s.length()", "null"),
            ("$.length", "7"),
            ("$.l[*].length()", "[1,0]"),
            ("$.a[0:2].length()", "[null,null]"),
        ],
    );
}

#[test]
fn filters_keep_the_elements_they_hold_for() {
    let input = r#"{"min":2,"tags":["a","c"],"l":[
        {"id":1,"n":1,"t":"a","ok":true,"e":[]},
        {"id":2,"n":2.0,"t":"B-2","sub":{"k":["x","y"]}},
        {"id":3,"n":"3","t":"c","ok":false,"z":null},
        {"id":4}
    ]}"#;
    let cases = [
        ("@.n == 1", "[1]"),
        ("@.n==2", "[2]"),
        ("@.n == 3", "[3]"),
        ("@.n === 3", "[]"),
        ("@.n != 1", "[2,3,4]"),
        ("@.n !== 2", "[1,3,4]"),
        ("@.n < 2", "[1]"),
        ("@.n <= 2", "[1,2]"),
        ("@.n > 1", "[2]"),
        ("@.n >= $.min", "[2]"),
        ("2 > @.n", "[1]"),
        ("@.t == 'a'", "[1]"),
        (r#"@.t == "c""#, "[3]"),
        ("@['t'] > 'a'", "[3]"),
        ("@.ok == true", "[1]"),
        ("@.z == null", "[3]"),
        ("@.e == []", "[1]"),
        ("@.ok", "[1,3]"),
        ("@.z", "[3]"),
        ("!@.n", "[4]"),
        ("!(@.ok)", "[2,4]"),
        ("! ! @.ok", "[1,3]"),
        ("@.sub.k[0]", "[2]"),
        ("@.sub.k[*]", "[2]"),
        ("@.sub.k[?(@ == 'x')]", "[2]"),
        ("@.sub.k[1] == 'y'", "[2]"),
        ("@.ok && @.n == 1", "[1]"),
        ("@.n == 1 || @.n == 2", "[1,2]"),
        ("@.id == 4 || @.ok && @.t == 'c'", "[3,4]"),
        ("(@.id == 4 || @.ok) && @.id > 1", "[3,4]"),
        ("@.t in ['a', \"c\"]", "[1,3]"),
        ("@.t in $.tags", "[1,3]"),
        ("@.t IN []", "[]"),
        ("@.t nin ['a']", "[2,3,4]"),
        ("$.tags contains @.t", "[1,3]"),
        ("@.t contains '-'", "[2]"),
        ("@.sub.k size 2", "[2]"),
        ("@.e empty true", "[1]"),
        ("@.t empty false", "[1,2,3]"),
        ("@.sub.k subsetof ['x','y','z']", "[2]"),
        ("@.sub.k anyof ['y','q']", "[2]"),
        ("@.sub.k noneof ['q']", "[2]"),
        ("@.t =~ /[a-c]/", "[1,3]"),
        ("@.t =~ /b.*/i", "[2]"),
        ("@.t =~ /b/", "[]"),
        ("@.n =~ /[12](\\.0)?/", "[1,2]"),
        ("@.sub.k =~ /x/", "[2]"),
        ("@.sub == {\"k\":[\"x\",\"y\"]}", "[2]"),
        ("@.n == -1.5e3", "[]"),
        ("1 == 1", "[1,2,3,4]"),
        ("@.l.length() == 4", "[]"),
        ("@.e.length() == 0", "[1]"),
    ];
    for (filter, expected) in cases {
        check(input, &[(&format!("$.l[?({filter})].id"), expected)]);
    }
}

#[test]
fn a_filter_on_an_object_tests_the_object() {
    check(
        r#"{"o":{"a":1,"b":{"a":2}},"l":[{"a":{"a":3}}],"s":"x"}"#,
        &[
            ("$.o[?(@.a == 1)].b.a", "[2]"),
            ("$.o[?(@.a == 2)]", "[]"),
            ("$.s[?(@.a)]", "[]"),
            ("$..[?(@.a > 1)].a", "[2,3]"),
        ],
    );
}

#[test]
fn a_slash_in_a_regular_expression_is_escaped() {
    check(
        r#"[{"u":"a/b"},{"u":"x*"}]"#,
        &[(r"$[?(@.u =~ /a\/b/)].u", r#"["a/b"]"#), (r"$[?(@.u =~ /x\*/)].u", r#"["x*"]"#)],
    );
}

#[test]
fn the_context_object_is_reached_by_two_dollars() {
    check(
        "{}",
        &[
            ("$$.Execution.Input.order.id", "7"),
            ("$$.State.Name", r#""Pay""#),
            ("$$.Execution.Input['order'].*", "[7]"),
            ("$$['Execution']['Name']", r#""first""#),
            ("$$..id", "[7]"),
            ("$$.Task.Token", "miss: Missing property in path $['Task']"),
            ("$$.Execution.Input.x", "miss: No results for path: $['Execution']['Input']['x']"),
        ],
    );
}

#[test]
fn what_is_no_path_is_refused_with_what_is_wrong() {
    let starts = "a path starts with `$`, `$$` or a variable such as `$name`";
    let name = |at| format!("character {at} of the path should be a name, `*` or `[`");
    let step = |at| format!("character {at} of the path should be `.` or `[`");
    let index =
        |at| format!("character {at} of the path should be an index, `*`, `?` or a quoted name");
    let close = |at| format!("character {at} of the path should be `]`");
    let cases = [
        ("", starts.to_owned()),
        ("a.b", starts.to_owned()),
        ("@.a", starts.to_owned()),
        (" $", starts.to_owned()),
        ("$ ", step(2)),
        ("$.", name(3)),
        ("$..", name(4)),
        ("$.a.", name(5)),
        ("$.a..", name(6)),
        ("$...a", name(4)),
        ("$.a b", step(4)),
        ("$.*a", step(4)),
        ("$[]", index(3)),
        ("$[", index(3)),
        ("$[a]", index(3)),
        ("$[0", close(4)),
        ("$[1.5]", close(4)),
        ("$[0:4:2]", close(6)),
        ("$['a'", close(6)),
        (
            "$['a]",
            "character 3 of the path should be a text that ends with the quote it starts with"
                .to_owned(),
        ),
        ("$['a',]", "character 7 of the path should be a quoted name".to_owned()),
        ("$[0,]", "character 5 of the path should be an index".to_owned()),
        ("$[:]", "character 4 of the path should be an index; a slice has one at least".to_owned()),
        ("$[-]", "character 3 of the path should be an index that fits in 32 bits".to_owned()),
        (
            "$[2147483648]",
            "character 3 of the path should be an index that fits in 32 bits".to_owned(),
        ),
        ("$[?]", "character 4 of the path should be `(`".to_owned()),
        ("$[?(@.a]", "character 9 of the path should be `)`".to_owned()),
        ("$[?(@.a)", close(9)),
        (
            "$[?()]",
            "character 5 of the path should be a path that starts with `@` or `$`, or a literal"
                .to_owned(),
        ),
        ("$[?(1)]", "character 6 of the path should be an operator such as `==`".to_owned()),
        (
            "$[?(@.a ==)]",
            "character 11 of the path should be a path that starts with `@` or `$`, or a literal"
                .to_owned(),
        ),
        ("$[?(@.a like 1)]", "character 9 of the path should be `)`".to_owned()),
        ("$[?(@.a in [1 2])]", "character 15 of the path should be `,` or `]`".to_owned()),
        (
            "$[?(@.a =~ /x)]",
            "character 13 of the path should be a regular expression that ends with `/`".to_owned(),
        ),
        (
            "$[?(@.a =~ /x/q)]",
            "the regular expression `x` cannot be used: its flag `q` is none of `i`, `m`, `s`, `x`"
                .to_owned(),
        ),
        ("$name-x", step(6)),
        ("$1", step(2)),
        (
            "$.a.sum()",
            "`sum()` cannot be used in a path here; of functions only `length()` can, at its end"
                .to_owned(),
        ),
        ("$.a.length().b", step(13)),
    ];
    for (path, expected) in cases {
        check("{}", &[(path, &format!("error: {expected}"))]);
    }
    let error = Path::parse("$[?(@.a =~ /(?=x)/)]").unwrap_err().to_string();
    assert!(error.ends_with("look-around and back-references are not supported"), "{error}");
}

#[test]
fn how_deep_a_path_nests_is_bounded_and_how_long_it_is_is_not() {
    let nested = |depth: usize| format!("$[?({}@.a{})]", "(".repeat(depth), ")".repeat(depth));
    assert!(Path::parse(&nested(31)).is_ok());
    let too_deep = [
        nested(32),
        nested(1_000_000),
        format!("$[?({}@.a)]", "!".repeat(1_000_000)),
        format!("$[?({}", "@[?(".repeat(1_000_000)),
        format!("$[?(@.a in {}", "[".repeat(1_000_000)),
    ];
    for text in too_deep {
        assert_eq!(Path::parse(&text).unwrap_err(), PathError::TooDeep { max: 32 });
    }
    let long = format!("${}", ".a".repeat(100_000));
    assert!(Path::parse(&long).unwrap().route.definite());
    let objects = format!("$[?(@.a == {}", r#"{"a":"#.repeat(1_000_000));
    assert!(Path::parse(&objects).is_err());
}

#[test]
fn a_path_that_visits_or_copies_too_much_is_stopped() {
    let mut nested = json!("x".repeat(100_000));
    for _ in 0..100 {
        nested = json!([nested, 1]);
    }
    let wide = json!(vec![vec![1; 500]; 500]);
    let cases = [
        ("$..*", &nested),
        ("$..*..*..*", &nested),
        ("$[?($..*)]", &wide),
        ("$..[?($[*] anyof $[*])]", &wide),
        ("$[?(@[?($..[?(@ > 0)])])]", &wide),
    ];
    for (path, input) in cases {
        assert_eq!(evaluated(path, input), "miss: The path visits or copies too many values");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*") {
        let _ = Path::parse(&text);
        let _ = Path::parse(&format!("${text}"));
        let _ = ReferencePath::parse(&format!("$[{text}]"));
    }

    #[test]
    fn no_path_makes_evaluation_panic(
        path in r#"\$\$?((\.[ab*]|\.\.[ab*]|\[-?[0-3](:-?[0-3])?\]|\[\*\]|\['a','b'\]|\[\?\((!?@\.a|@ [<>=]= [ab12"/@$'.]{1,4}|@\.b (in|nin|size|contains) ([12]|\[1,'a'\]))( && @| \|\| @\.a)?\)\]){0,5}(\.length\(\))?)"#,
        input in values(),
    ) {
        if let Ok(path) = Path::parse(&path) {
            let result = in_scope(&input, |scope| path.evaluate(scope).map(Cow::into_owned));
            match result {
                Ok(value) => {
                    prop_assert!(path.route.definite() || value.is_array());
                }
                Err(miss) => prop_assert!(path.route.definite() || miss == Miss::TooLarge, "{miss}"),
            }
        }
    }
}

/// JSON values with few names, so that paths find something.
pub(in crate::payload) fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ab1]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[ab]", inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
