//! Expressions, as tables: what each gives, in the scope of `payload::testing`.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::payload::{
    Payload, States,
    context_object::{ContextObject, ExecutionContext},
    testing::{Counting, execution, in_scope, scope, state},
    variables::Variables,
};

const INPUT: &str = r#"{"name":"Ada","n":3,"big":9007199254740993,"items":[{"id":1,"price":2.5,"tags":["a","b"]},{"id":2,"price":4,"tags":[]}],"nothing":null,"text":"[1,{\"a\":2}]"}"#;

/// What an expression gives as JSON; else what is wrong with it.
fn evaluated(text: &str) -> String {
    let input = serde_json::from_str(INPUT).unwrap();
    let expression = match Jsonata::compile(text) {
        Ok(expression) => expression,
        Err(message) => return format!("invalid: {message}"),
    };
    in_scope(&input, |scope| match expression.evaluate(scope) {
        Ok(value) => value.to_string(),
        Err(Fault::Error(error)) => format!("error: {error}"),
        Err(Fault::Limit(limit)) => format!("error: {limit}"),
        Err(fault) => format!("{fault:?}"),
    })
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(evaluated(text), *expected, "{text}");
    }
}

#[test]
fn an_expression_works_on_states_and_variables() {
    check(&[
        ("$states.input.name", r#""Ada""#),
        ("$states.input.n + 1", "4"),
        ("$states.input.items[price > 3].id", "2"),
        ("$states.input.items.price", "[2.5,4]"),
        ("$sum($states.input.items.(price * id))", "10.5"),
        ("$states.input.items[0].tags", r#"["a","b"]"#),
        ("$states.input.items[0]", r#"{"id":1,"price":2.5,"tags":["a","b"]}"#),
        ("$states.input.items[id = 2][]", r#"[{"id":2,"price":4,"tags":[]}]"#),
        ("$states.input.items[1].tags", "[]"),
        ("$states.input.nothing", "null"),
        ("$box.size", "[3,4]"),
        ("$box.size[0] & ' by ' & $box.size[1]", r#""3 by 4""#),
        ("$states.context.State.Name", r#""Pay""#),
        ("$states.context.Execution.Input.order.id", "7"),
        ("$keys($states.context.State)", r#"["Name","EnteredTime"]"#),
        ("{'a': $states.input.n, 'b': [1..3]}", r#"{"a":3,"b":[1,2,3]}"#),
        ("($x := 2; $x * $states.input.n)", "6"),
        ("$map([1..3], function($v) { $v * $states.input.n })", "[3,6,9]"),
        ("$states.input.n > 2 ? 'many' : 'few'", r#""many""#),
        ("$y := 1", "1"),
        ("$keys($states)", r#"["input","context"]"#),
        ("$contains('hello$world', /^hello\\ /)", "false"),
    ]);
}

#[test]
fn nothing_is_told_from_null_and_from_a_function() {
    check(&[
        ("$states.input.missing", "Undefined"),
        ("$states.input.name.first", "Undefined"),
        ("$states.result", "Undefined"),
        ("$states.input.items[id = 9]", "Undefined"),
        ("$unknown", "Undefined"),
        ("$unknown.x", "Undefined"),
        ("$box.weight", "Undefined"),
        ("null", "null"),
        ("[]", "[]"),
        ("function($x) { $x }", "Function"),
        ("$f := function($x) { $x }", "Function"),
        ("$sum", "Function"),
    ]);
}

#[test]
fn a_variable_may_have_the_name_of_a_function() {
    let cases = [
        ("$error.Cause", r#""no""#),
        ("$error", r#"{"Cause":"no"}"#),
        ("$keys", "[2,1]"),
        ("$keys ~> $sum", "3"),
        ("$distinct($keys)", "[2,1]"),
        ("$range[0]", "7"),
        // A function that is bound within is one.
        ("($keys := function($it) { $it + 1 }; $keys(1))", "2"),
        ("$keys({'a': 1})", "error: T1006: Attempted to invoke a non-function"),
    ];
    let assigned = [("error", r#"{"Cause":"no"}"#), ("keys", "[2,1]"), ("range", "[7]")];
    for (text, expected) in cases {
        let expression = Jsonata::compile(text).unwrap();
        let given = in_scope(&json!({}), |outer| {
            let mut variables = Variables::default();
            let values = assigned.map(|(name, it)| (name.into(), Payload::parse(it).unwrap()));
            variables.assign(values.into());
            expression.evaluate(&Scope { variables: &variables, ..*outer })
        });
        let given = match given {
            Ok(value) => value.to_string(),
            Err(Fault::Error(error)) => format!("error: {error}"),
            Err(Fault::Limit(limit)) => format!("error: {limit}"),
            Err(fault) => format!("{fault:?}"),
        };
        assert_eq!(given, expected, "{text}");
    }
}

#[test]
fn to_an_execution_that_began_before_a_functions_name_is_the_function() {
    let execution_input = Payload::parse("{}").unwrap();
    let execution = ExecutionContext { edition: 0, ..execution(&execution_input) };
    let context = ContextObject::new(execution, state());
    let mut variables = Variables::default();
    variables.assign([("count".into(), Payload::parse("5").unwrap())].into());
    let (input, random) = (json!({}), Counting::default());
    let scope = scope(&input, &context, &variables, &random);
    let given = Jsonata::compile("$count([1, 2])").unwrap().evaluate(&scope);
    assert_eq!(given, Ok(json!(2)));
}

#[test]
fn a_number_found_by_names_is_written_like_any_other() {
    let given =
        json!({"whole": 1.0, "part": 1.5, "most": i64::MAX, "more": 9_223_372_036_854_775_808_u64});
    let execution_input = Payload::parse("{}").unwrap();
    let (variables, random) = (Variables::default(), Counting::default());
    for (edition, name, expected) in [
        (2, "whole", "1"),
        (2, "part", "1.5"),
        (2, "most", "9223372036854775807"),
        (2, "more", "9.223372036854776e+18"),
        (1, "whole", "1.0"),
        (1, "more", "9223372036854775808"),
    ] {
        let execution = ExecutionContext { edition, ..execution(&execution_input) };
        let context = ContextObject::new(execution, state());
        let scope = scope(&given, &context, &variables, &random);
        let expression = Jsonata::compile(&format!("$states.input.{name}")).unwrap();
        assert_eq!(expression.evaluate(&scope).unwrap().to_string(), expected, "{edition} {name}");
    }
}

#[test]
fn to_an_execution_that_began_before_functions_numbers_and_limits_are_as_they_were() {
    let execution_input = Payload::parse("{}").unwrap();
    let execution = ExecutionContext { edition: 1, ..execution(&execution_input) };
    let context = ContextObject::new(execution, state());
    let (input, variables, random) = (json!({}), Variables::default(), Counting::default());
    let scope = scope(&input, &context, &variables, &random);
    for (text, expected) in [
        ("$range(3, 3, 1)", "[3]"),
        ("$range(0, 1, 0.25)", "[0,0.25,0.5,0.75,1]"),
        ("$partition([], 2)", "[]"),
        ("1e18 * 10", "10000000000000000000"),
        ("$hash('a')", "T0410: Argument 2 of function \"hash\" does not match function signature"),
        (
            "$hash('a', 'md5')",
            "D3137: The second argument of the hash function must be one of MD5, SHA-1, SHA-256, \
             SHA-384, SHA-512, not md5",
        ),
        (
            "$parse('{')",
            "D3137: The argument of the parse function is no JSON: EOF while parsing an object at \
             line 1 column 1",
        ),
        ("$range(0, 1e12, 1)", "D3137: The range function would give too many items"),
    ] {
        let given = match Jsonata::compile(text).unwrap().evaluate(&scope) {
            Ok(value) => value.to_string(),
            Err(Fault::Error(error)) => error,
            Err(fault) => format!("{fault:?}"),
        };
        assert_eq!(given, expected, "{text}");
    }
    let endless = Jsonata::compile("($f := function($n) { $f($n + 1) }; $f(1))").unwrap();
    let Err(Fault::Error(told)) = endless.evaluate(&scope) else { panic!("it has no end") };
    assert!(told.starts_with("U1006: "), "{told}");
}

#[test]
fn a_limit_is_told_in_the_words_of_aws() {
    check(&[
        (
            "$range(0, 1e12, 1)",
            "error: Expression evaluation memory limit exceeded: Check for excessive memory usage",
        ),
        (
            "($f := function($n) { $f($n + 1) }; $f(1))",
            "error: Expression evaluation timeout: Check for infinite loop",
        ),
        (
            "($f := function($n) { 1 + $f($n + 1) }; $f(1))",
            "error: Stack overflow error: Check for non-terminating recursive function. Consider \
             rewriting as tail-recursive",
        ),
    ]);
}

/// What AWS takes, and the next it does not.
#[test]
fn evaluations_end_where_those_of_aws_do() {
    let memory =
        "error: Expression evaluation memory limit exceeded: Check for excessive memory usage";
    let stack = "error: Stack overflow error: Check for non-terminating recursive function. Consider \
                 rewriting as tail-recursive";
    let sum = |terms: usize| format!("1{}", "+1".repeat(terms - 1));
    let nested = |[open, close]: [&str; 2], depth: usize| {
        format!("{}1{}", open.repeat(depth), close.repeat(depth))
    };
    let piped = |times: usize| format!("1{}", "~>$string".repeat(times));
    let recursive =
        |n: usize| format!("($f := function($x) {{ $x <= 0 ? 0 : 1 + $f($x - 1) }}; $f({n}))");
    let doubled = |times: usize| {
        format!(
            "($f := function($s, $n) {{ $n = 0 ? $s : $f($s & $s, $n - 1) }}; \
             $length($f('x', {times})))"
        )
    };
    for (text, expected) in [
        (sum(100), "100"),
        (sum(101), stack),
        (nested(["(", ")"], 99), "1"),
        (nested(["(", ")"], 100), stack),
        (format!("$count({})", nested(["[", "]"], 97)), "1"),
        (nested(["[", "]"], 100), stack),
        (piped(99), "\"1\""),
        (piped(100), stack),
        (recursive(31), "31"),
        (recursive(32), stack),
        ("$count([1..873782])".to_owned(), "873782"),
        ("[1..873783] ~> $count()".to_owned(), memory),
        ("$sum([1..900000])".to_owned(), memory),
        ("$sum($map([1..200000], function($v) { $v * 2 }))".to_owned(), "40000200000"),
        ("$count($range(1, 360145, 1))".to_owned(), "360145"),
        ("$count($range(1, 360146, 1))".to_owned(), memory),
        (doubled(22), "4194304"),
        (doubled(23), memory),
        // Names that are bound around an expression take nothing of its depth.
        (format!("{} + $count($keys({{}}))", sum(97)), "97"),
    ] {
        check(&[(&text, expected)]);
    }
}

#[test]
fn numbers_are_written_as_they_are() {
    check(&[
        // As it is where it is passed on; a float where it is computed with.
        ("$states.input.big", "9007199254740993"),
        ("$states.input.big + 0", "9007199254740992"),
        ("1e15 * 1000", "1000000000000000000"),
        ("9e18 * 1", "9000000000000000000"),
        // Past 64 bits a double, as in Java.
        ("1e18 * 10", "1e+19"),
        ("1e300", "1e+300"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("6 / 2", "3"),
        ("[1.0, 2.50]", "[1,2.5]"),
    ]);
}

#[test]
fn what_is_not_finite_is_text() {
    check(&[
        ("1 / 0", r#""Infinity""#),
        ("-1 / 0", r#""-Infinity""#),
        ("0 / 0", r#""NaN""#),
        ("{'a': [$states.input.n / 0]}", r#"{"a":["Infinity"]}"#),
        ("$states.input.n / 2 / 3", "0.5"),
        ("$states.input.missing / 2", "Undefined"),
        ("2 / $states.input.missing", "Undefined"),
        (
            "'a' / $states.input.n",
            r#"error: T2001: The left side of the "/" operator must evaluate to a number"#,
        ),
        (
            "1 / $states.input.name",
            r#"error: T2002: The right side of the "/" operator must evaluate to a number"#,
        ),
        ("'a' / 2", r#"error: T2001: The left side of the "/" operator must evaluate to a number"#),
    ]);
}

#[test]
fn what_is_compared_by_functions_of_ours_is_compared_as_by_the_engine() {
    check(&[
        ("$states.input.items[0] = {'tags': ['a', 'b'], 'price': 2.5, 'id': 1}", "true"),
        ("$states.input.items[0] != $states.input.items[1]", "true"),
        ("$states.input.missing = $states.input.missing", "false"),
        ("$states.input.missing != $states.input.n", "false"),
        ("$states.input.nothing = $states.input.nothing", "true"),
        ("$states.input.items[id = price]", "Undefined"),
        ("$states.input.items[price = $states.input.items[1].price].id", "2"),
        ("$states.input.n in $states.input.items.id", "false"),
        ("2 in $states.input.items.id", "true"),
        ("$states.input.name in 'Ada'", "true"),
        ("$states.input.missing in [1]", "false"),
        ("$distinct([1, 1])", "[1]"),
        ("$distinct($states.input.items.$type(id))", r#""number""#),
        ("$distinct($states.input.items.id)", "[1,2]"),
        ("$distinct([1, 2, 1, {'a': 1}, {'a': 1.0}])", r#"[1,2,{"a":1}]"#),
        ("$distinct('a')", r#""a""#),
        ("$distinct($states.input.missing)", "Undefined"),
        ("$map([[1, 1], [1, 2]], $distinct)", "[[1],[1,2]]"),
        ("[1, 1, 2] ~> $distinct", "[1,2]"),
        ("[1, 1, 2] ~> $distinct()", "[1,2]"),
        ("$keys({'a': 1})", r#""a""#),
        ("$keys({'a': 1})[]", r#"["a"]"#),
        ("$keys([{'a': 1}, {'b': 2, 'a': 3}])", r#"["a","b"]"#),
        ("$keys({})", "Undefined"),
        ("$keys(1)", "Undefined"),
        ("$states.input.items[0].$keys($)", r#"["id","price","tags"]"#),
        ("$states.input.items.$keys()", r#"["id","price","tags","id","price","tags"]"#),
    ]);
}

#[test]
fn aws_adds_functions_and_takes_one_away() {
    check(&[
        ("$partition([1,2,3], 2)", "[[1,2],[3]]"),
        ("$range(0, 10, 5)", "[0,5,10]"),
        ("$hash('a', 'MD5')", r#""0cc175b9c0f1b6a831c399e269772661""#),
        ("$parse($states.input.text)", r#"[1,{"a":2}]"#),
        ("$parse('{')", "error: D3137: Invalid JSON"),
        ("$random(42)", "0.7275636800328681"),
        ("$uuid() = $uuid()", "false"),
        ("$length($uuid())", "36"),
        ("$random() < 1", "true"),
        ("$eval('1 + 1')", "error: T1006: Attempted to invoke a non-function"),
        ("$randomSeeded(1)", "error: T1006: Attempted to invoke a non-function"),
        (
            "$sum(['a'])",
            "error: T0412: Argument 1 of function \"sum\" must be an array of \"numbers\"",
        ),
        ("$hash('a')", "Undefined"),
        (
            "$hash(1, 'MD5')",
            "error: T0410: Argument 1 of function \"hash\" does not match function signature",
        ),
    ]);
}

#[test]
fn time_and_chance_come_from_the_scope_and_are_the_same_again() {
    check(&[
        ("$now()", r#""2026-11-22T21:04:17.000Z""#),
        ("$millis()", "1795381457000"),
        ("$toMillis($now()) = $millis()", "true"),
    ]);
    for text in [
        "$random()",
        "[$random(), $random()]",
        "$shuffle([1..50])",
        "$uuid()",
        "[$uuid(), $uuid()]",
    ] {
        assert_eq!(evaluated(text), evaluated(text), "{text}");
    }
    // Another draw gives another result.
    let expression = Jsonata::compile("[$random(), $uuid(), $shuffle([1..50])]").unwrap();
    in_scope(&Value::Null, |scope| {
        assert_ne!(expression.evaluate(scope), expression.evaluate(scope));
    });
}

#[test]
fn what_is_no_expression_is_refused_in_the_words_of_jsonata() {
    check(&[
        ("", "invalid: Unexpected end of expression"),
        ("1 +", "invalid: Unexpected end of expression"),
        ("$states.input.a[1,2)", r#"invalid: Expected "]", got ",""#),
        ("'unterminated", "invalid: String literal must be terminated by a matching quote"),
        ("{'a':}", r#"invalid: The symbol "}" cannot be used as a unary operator"#),
        ("$match('a', /abc", "invalid: No terminating / in regular expression"),
        // What came to JSONata after 2.0.6.
        ("$states.input.x ?? 1", r#"invalid: The symbol "?" cannot be used as a unary operator"#),
        ("$states.input.x ?: 1", r#"invalid: The symbol ":" cannot be used as a unary operator"#),
    ]);
}

/// A message of an edition before 3 is a cause that an execution may have gone on with.
#[test]
fn whole_numbers_in_messages_have_no_point() {
    let execution_input = Payload::parse("{}").unwrap();
    let (input, variables, random) = (json!({}), Variables::default(), Counting::default());
    for (edition, text, number) in
        [(2, "$sqrt(-1)", "-1.0"), (3, "$sqrt(-1)", "-1"), (3, "$sqrt(-1.5)", "-1.5")]
    {
        let execution = ExecutionContext { edition, ..execution(&execution_input) };
        let context = ContextObject::new(execution, state());
        let scope = scope(&input, &context, &variables, &random);
        let given = Jsonata::compile(text).unwrap().evaluate(&scope);
        let message = "The sqrt function cannot be applied to a negative number";
        assert_eq!(given, Err(Fault::Error(format!("D3060: {message}: {number}"))), "{edition}");
    }
}

#[test]
fn names_at_the_top_level_are_found() {
    let cases = [
        ("phone", "phone"),
        ("phone.number", "phone"),
        ("$", "$"),
        ("$$.a", "$$"),
        ("a + b * $c + a", "a b"),
        ("$sum(prices)", "prices"),
        ("{'k': v}", "v"),
        ("($x := y; [z])", "y z"),
        ("$states.input.items[price > 3].(id + $)", ""),
        ("$states.input.items^(price).id", ""),
        ("$map($states.input.items, function($v) { price })", "price"),
        ("$map($states.input.items, function() { $ })", "$"),
        ("$map($states.input.items, function($v) { $v.price })", ""),
        ("$map($states.input.items, function($v) { $string(price) })", "price"),
        ("$map($states.input.items, function($v) { function($w) { $w + id } })", "id"),
        ("$states.input.items.$map(tags, function($v) { id })", ""),
        ("$states.input.items[$filter(tags, function($v) { id })]", ""),
        ("$states.input{id: $sum(price)}", ""),
        ("[$x][a = 1]", ""),
        ("$x ~> |$|{'a': b}|", ""),
        ("`quoted name`", "quoted name"),
    ];
    for (text, expected) in cases {
        let found = Jsonata::compile(text).unwrap().top_level_references();
        assert_eq!(found.join(" "), expected, "{text}");
    }
}

#[test]
fn variables_are_those_that_it_does_not_bind_itself() {
    let cases = [
        ("$a + $b.c", "a b"),
        ("($x := $y; $x + $states.input.z)", "y"),
        ("$map($list, function($v) { $v + $k })", "k list"),
        ("$sum($parse($text))", "text"),
        ("$f(1)", "f"),
        ("1", ""),
    ];
    for (text, expected) in cases {
        let expression = Jsonata::compile(text).unwrap();
        let variables: Vec<_> = expression.variables().collect();
        assert_eq!(variables.join(" "), expected, "{text}");
    }
}

#[test]
fn hostile_expressions_fail_and_no_more() {
    let nested = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let sum = ["1"; 3_000].join("+");
    let cases = [
        "($f := function($n) { $f($n + 1) }; $f(1))",
        "($f := function($n) { 1 + $f($n + 1) }; $f(1))",
        "[1..1000000000]",
        "[1..9000000]",
        "$pad('a', 300000000)",
        "($s := 'a'; $d := function($n) { $n = 0 ? $s : $d($n - 1) & $d($n - 1) }; $d(30))",
        "$match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab', /^(a+)+$/)",
        "$map([1..800000], function($x) { $map([1..800000], function($y) { $x * $y }) })",
        "$range(0, 1e12, 1)",
        "$map([1..100000], function($x) { [1..100000] })",
        "$map([1..100000], function($x) { $reverse($states.input.items) })[0].$string($$.x)",
        "($a := [1..100000]; $map($a, function($x) { $reverse($a) }))",
        "($a := [1..100000]; $map($map($a, function() { $a }), $reverse))",
        "$map([1..100000], function() { $pad('a', 1000000) })",
        "($s := $pad('a', 1000000); $map([1..100000], function() { $uppercase($s) }))",
        "($s := $pad('a', 1000000); $map($map([1..100000], function() { $s }), $uppercase))",
        "($d := {'s': $pad('a', 1000000)}; $map([1..100000], function() { $string($d) }))",
        "[1..100000].($ & $pad('a', 1000000))",
        "($a := [1..100000]; [1..100000].{'k': $append($a, $a)})",
        "$distinct([1..1000000])",
        "$count([1..5000].$count($distinct([1..32000])))",
        "($a := [1..30000].{'k' & $: 1}; $count([1..3000].$count($keys($a))))",
        "($a := [1..100000]; $count($a[$ in $a]))",
        "($s := $pad('a', 60000); $t := $s & 'b'; $a := $map([1..4000], function() { $s & 'c' }); $count($map([1..900], function() { $t in $a })))",
        // Values that share their parts: 2 to the power of 60 are compared, or written, one by one.
        "($f := function($n) { $n = 0 ? {'v': 1} : ($x := $f($n - 1); {'a': $x, 'b': $x}) }; $f(60) = $f(60))",
        "($f := function($n) { $n = 0 ? {'v': 1} : ($x := $f($n - 1); {'a': $x, 'b': $x}) }; $f(60) != $f(60))",
        "($f := function($n) { $n = 0 ? {'v': 1} : ($x := $f($n - 1); {'a': $x, 'b': $x}) }; $f(60) in [$f(60)])",
        "($f := function($n) { $n = 0 ? {'v': 1} : ($x := $f($n - 1); {'a': $x, 'b': $x}) }; $distinct([$f(60), $f(60)]))",
        "($f := function($n) { $n = 0 ? {'v': 1} : ($x := $f($n - 1); {'a': $x, 'b': $x}) }; $f(60))",
        "($f := function($n) { $n = 0 ? {'v': 1} : ($x := $f($n - 1); {'a': $x, 'b': $x}) }; $string($f(60)))",
        "($f := function($n) { $n = 0 ? {'v': 1} : ($x := $f($n - 1); {'a': $x, 'b': $x}) }; $f(60).**)",
        // The same of arrays with nothing in them.
        "($f := function($n) { $n = 0 ? [] : ($x := $f($n - 1); [[$x], [$x]]) }; {'a': $f(60)}.**)",
        "($f := function($n) { $n = 0 ? [] : ($x := $f($n - 1); [[$x], [$x]]) }; $f(60) = $f(60))",
        // Where a name of the engine's functions is another's somewhere, it is guarded elsewhere.
        "($x := function($keys) { $keys }; $a := [1..30000].{'k' & $: 1}; $count([1..3000].$count($keys($a))))",
        "($distinct := 1; $f := function() { $distinct }; $count([1..5000]#$distinct)) + ($count([1..5000].$count($distinct([1..32000]))))",
        "($f := function() { $count($distinct([1..32000])) }; $n := $count([1..5000].$f()); $distinct := $n; $distinct)",
        "($stepyard_unique := 1; $stepyard_uniform := function() { true }; $count([1..5000].$count($distinct([1..32000]))))",
        "($a := [1..100000]; $count([1..100000].$sum($a)))",
        "($a := [1..100000]; $count($map($map([1..100000], function() { $a }), $sum)))",
        "($s := $pad('a', 4000000); $count([1..100000].$length($s)))",
        "($x := [1]; $f := function($n, $v) { $n = 0 ? $v : $f($n - 1, [$v, $v]) }; $a := $f(40, $x); $a = $f(40, $x))",
        &nested,
        &sum,
    ];
    for text in cases {
        let came_to = evaluated(text);
        let failed = came_to.starts_with("error: ") || came_to.starts_with("invalid: ");
        let shown = &text[..text.len().min(60)];
        assert!(
            failed || came_to == "Undefined",
            "{shown} came to {}",
            &came_to[..came_to.len().min(60)]
        );
    }
}

/// What an expression gives must not depend on how much of the data was copied for it.
#[test]
fn an_expression_reads_all_that_it_needs() {
    let context = crate::payload::context_object::ContextObject::new;
    let execution_input = crate::Payload::parse(r#"{"order":{"id":7}}"#).unwrap();
    let context = context(
        crate::payload::testing::execution(&execution_input),
        crate::payload::testing::state(),
    );
    let (variables, random) = (Default::default(), Counting::default());
    let input: Value = serde_json::from_str(INPUT).unwrap();
    let (result, error) = (json!({"r": 1}), json!({"Error": "E"}));
    let states = States { input: &input, result: Some(&result), error_output: Some(&error) };
    let scope = Scope { states, ..scope(&Value::Null, &context, &variables, &random) };
    let whole = json!({"input": input, "result": result, "errorOutput": error,
        "context": scope.context.value()});
    for text in [
        "$states",
        "$states.*",
        "$states.**.id",
        "$keys($states)",
        "$states.input.*[0]",
        "$count($states.input.items)",
        "$exists($states.result)",
        "$string($states.result)",
        "($s := $states; $s.errorOutput.Error)",
        "$lookup($states, 'result')",
        "$each($states.input, function($v, $k) { $k })",
        "$states.context.**.id",
        "$merge([$states.result, $states.errorOutput])",
        "$states.(input).name",
        "$spread($states.result)",
    ] {
        let expression = Jsonata::compile(text).unwrap();
        let bindings = Bindings::new().var(STATES, whole.clone());
        let expected = expression.written.evaluate(None, &bindings).unwrap().map(normal);
        assert_eq!(expression.evaluate(&scope).ok(), expected, "{text}");
    }
}

/// An expression in which names of functions are bound, and called, at random.
fn with_bound_names() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "[1, 1, 2]",
        "{'a': 1, 'b': [[2]]}",
        "$states.input.items",
        "$distinct",
        "$keys",
        "$distinct([1, 1])",
        "$keys({'a': 1})",
        "{'a': {'b': [[], 3]}}.**",
        "$states.input.**",
        "$states.input.**[1]",
        "[[1, 1]].$distinct($)",
        "[{'a': 1}].$keys()",
        "{'distinct': 1}.distinct",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 2, |inner| {
        let forms = prop::sample::select(vec![
            "(A; B)",
            "($distinct := A; B)",
            "($keys := A; B)",
            "(A; $keys := B; $keys)",
            "($f := function() { A }; $distinct := B; $f())",
            "($f := function() { A }; $keys := B; [$f(), $f()])",
            "(function($keys) { A })(B)",
            "(function($distinct) { A })(B)",
            "$map([1, 2], function($keys) { (A; B) })",
            "[1, 2]#$keys.(A)",
            "([[1, 1], 2])@$distinct.[A, B]",
            "[A, B]",
            "{'k': A, 'l': B}",
            "A ~> B",
            "(A)[B]",
            "(A).(B)",
            "(A).**",
            "(A).**.$",
            // Not of A: a function is no data, and the engine tells its own from an author's.
            "(A; $map($states.input.items, B))",
            "$count(A) = $count(B)",
            "A ? B",
        ]);
        (forms, inner.clone(), inner)
            .prop_map(|(form, one, other)| form.replace('A', &one).replace('B', &other))
    })
}

proptest! {
    /// Whatever names an author binds, and wherever, what is evaluated in the place of a text comes to the
    /// same.
    #[test]
    fn names_mean_what_they_meant_in_the_text(text in with_bound_names()) {
        let Ok(expression) = Jsonata::compile(&text) else { return Ok(()) };
        let input = serde_json::from_str(INPUT).unwrap();
        let came_to = |of: &Jsonata| in_scope(&input, |scope| match of.evaluate(scope) {
            Err(Fault::Error(error)) => Err(error[..5].to_owned()),
            other => Ok(other),
        });
        let written = Jsonata { engine: expression.written.clone(), ..expression.clone() };
        prop_assert_eq!(came_to(&expression), came_to(&written));
    }

    #[test]
    fn any_text_is_an_expression_or_is_not(text in "[$a.*()'{}\\[\\]:=?<>~^|&, 0-9+-]{0,24}") {
        evaluated(&text);
    }

    /// A path of names gives the same with and without the engine.
    #[test]
    fn a_plain_path_is_what_the_engine_makes_of_it(
        path in "(\\.(a|b|`c d`)){0,4}",
        value in crate::payload::path::tests::values(),
    ) {
        let expression = Jsonata::compile(&format!("$states.input{path}")).unwrap();
        prop_assert!(expression.plain.is_some());
        let slow = Jsonata { plain: None, ..expression.clone() };
        let one = in_scope(&value, |scope| expression.evaluate(scope).map(normal));
        prop_assert_eq!(one, in_scope(&value, |scope| slow.evaluate(scope)));
    }
}

/// Into the context object, too; but for large whole numbers, of which the engine makes floats.
#[test]
fn a_plain_path_into_the_context_is_what_the_engine_makes_of_it() {
    for path in ["", ".Execution", ".Execution.Input.order", ".State.Name", ".No.No", ".Map.Item"] {
        let expression = Jsonata::compile(&format!("$states.context{path}")).unwrap();
        assert!(expression.plain.is_some());
        let slow = Jsonata { plain: None, ..expression.clone() };
        let one = in_scope(&Value::Null, |scope| expression.evaluate(scope));
        assert_eq!(one, in_scope(&Value::Null, |scope| slow.evaluate(scope)), "{path}");
    }
}

/// Work on as much data as a payload can have is done.
#[test]
fn large_data_is_worked_on() {
    let items: Vec<_> = (0..20_000).map(|n| json!({"id": n, "p": n % 7})).collect();
    let input =
        json!({"items": items, "numbers": (0..130_000).map(|n| n % 10).collect::<Vec<_>>()});
    let cases = [
        ("$count($map($states.input.items, function($i) { $i.p * 2 }))", "20000"),
        ("$sum($states.input.items[p = 3].id)", "28567143"),
        ("$count($states.input.items^(>id))", "20000"),
        ("$count($states.input.numbers.($ + 1))", "130000"),
        ("$count($distinct($states.input.numbers))", "10"),
        ("$count($map($states.input.items, function($i) { $string($i.id) }))", "20000"),
        ("$length($join($states.input.items.($string(id)), ','))", "108889"),
        ("$count($map($states.input.items.id, $string))", "20000"),
        ("$count($split($join([1..6000].$string($), ','), /,/))", "6000"),
    ];
    for (text, expected) in cases {
        let expression = Jsonata::compile(text).unwrap();
        let found = in_scope(&input, |scope| expression.evaluate(scope));
        assert_eq!(found.map(|it| it.to_string()), Ok(expected.to_owned()), "{text}");
    }
}
