//! The text that is evaluated in the place of one that is written. What the engine does in one go, and so
//! cannot be stopped at, and what AWS does otherwise, is a call of a function of ours there (`hosts`):
//!
//! | written | why |
//! | --- | --- |
//! | `a = b`, `a != b`, `a in b` | what shares its parts takes exponentially long to compare |
//! | `**` | and to go through |
//! | `$distinct`, `$keys` | compare each with each |
//! | `a / b` | `1 / 0` is no error on AWS |
//!
//! Whatever has a literal for one side costs nothing and stays as it is. A name is bound around the whole, so
//! that it means a function of ours just where it would mean the engine's: authors bind names as they like.

use std::collections::BTreeSet;

use jlens_core::ast::{BinaryOp, Node, NodeKind};

/// The names of our functions, behind a mark.
pub(super) const EQUAL: &str = "equal";
pub(super) const UNEQUAL: &str = "unequal";
pub(super) const MEMBER: &str = "member";
pub(super) const COUNTED: &str = "counted";
pub(super) const QUOTIENT: &str = "quotient";
pub(super) const KEYS: &str = "keys";
pub(super) const FEW_KEYS: &str = "few_keys";
pub(super) const UNIQUE: &str = "unique";
pub(super) const UNIFORM: &str = "uniform";

/// What all names of ours in the place of a text begin with: nothing in the text does.
pub(super) fn mark(text: &str) -> String {
    let taken = text.split("stepyard_").skip(1).filter_map(|rest| rest.split('_').next());
    let taken: BTreeSet<&str> = taken.collect();
    let mut numbers = (0_usize..).map(|number| number.to_string());
    let free = numbers.find(|number| !taken.contains(&**number)).unwrap_or_default();
    format!("stepyard_{free}_")
}

/// Whether a function of the engine is called by way of one of ours.
pub(super) fn is_guarded(name: &str) -> bool {
    GUARDS.iter().any(|guard| guard.name == name)
}

/// How much deeper an expression nests that names such a function: the two blocks around it, and a call by way
/// of ours.
pub(super) const DEEPER: usize = 5;

/// What is true where a variable has the name of such a function.
pub(super) fn variable(mark: &str, name: &str) -> String {
    format!("{mark}is_{name}")
}

/// A function of the engine that is not called for what it would take too long with.
struct Guard {
    name: &'static str,
    signature: &'static str,
    /// Of ours: whether the engine's may do the work. Where it comes to one value the engine alone knows
    /// whether that is a sequence or an array.
    is_cheap: &'static str,
    /// Of ours: what does it else.
    instead: &'static str,
}

static GUARDS: [Guard; 2] = [
    Guard { name: "distinct", signature: "<x:x>", is_cheap: UNIFORM, instead: UNIQUE },
    Guard { name: "keys", signature: "<x-:x>", is_cheap: FEW_KEYS, instead: KEYS },
];

/// A change of the text.
struct Edit {
    at: usize,
    removed: usize,
    inserted: String,
}

/// The text to evaluate; none when it is `text`, whose tree begins at `root`.
pub(super) fn rewritten(root: &Node, text: &str, mark: &str) -> Option<String> {
    let mut edits = Vec::new();
    root.walk(&mut |node| edit(node, mark, &mut edits));
    let is_named = |guard: &&Guard| names(root, guard.name);
    let guards: Vec<&Guard> = GUARDS.iter().filter(is_named).collect();
    match (edits.is_empty(), guards.is_empty()) {
        (true, true) => None,
        (_, true) => Some(edited(text, edits)),
        _ => Some(guarded(&edited(text, edits), &guards, mark)),
    }
}

fn edited(text: &str, mut edits: Vec<Edit>) -> String {
    // The tree is walked from the outside in, and so in the order of what begins at the same place;
    // what stood there before comes after it.
    edits.sort_by_key(|edit| (edit.at, edit.removed > 0));
    let (mut edited, mut done) = (String::with_capacity(2 * text.len()), 0);
    for Edit { at, removed, inserted } in edits {
        edited.push_str(&text[done..at]);
        edited.push_str(&inserted);
        done = at + removed;
    }
    edited.push_str(&text[done..]);
    edited
}

fn edit(node: &Node, mark: &str, edits: &mut Vec<Edit>) {
    match &node.kind {
        NodeKind::Binary { op, lhs, rhs } => {
            let Some(function) = function_for(*op, lhs, rhs) else { return };
            let removed = op.symbol().len();
            let at = node.pos - removed;
            let call = format!("${mark}{function}(");
            edits.push(Edit { at: node.span.start, removed: 0, inserted: call });
            edits.push(Edit { at, removed, inserted: ",".to_owned() });
            edits.push(Edit { at: node.span.end, removed: 0, inserted: ")".to_owned() });
        }
        NodeKind::Descendant => {
            let inserted = format!("(${mark}{COUNTED}($) ? **)");
            edits.push(Edit { at: node.span.start, removed: "**".len(), inserted });
        }
        _ => {}
    }
}

/// Whether there is a variable of this name in an expression.
fn names(root: &Node, wanted: &str) -> bool {
    let mut found = false;
    root.walk(&mut |node| {
        found |= matches!(&node.kind, NodeKind::Variable { name } if name == wanted);
    });
    found
}

/// A text in which these names are bound. The functions stand in a block around that, where the same
/// names are still the engine's.
fn guarded(text: &str, guards: &[&Guard], mark: &str) -> String {
    let (mut functions, mut names) = (String::new(), String::new());
    for Guard { name, signature, is_cheap, instead } in guards {
        functions += &format!(
            "${mark}for_{name} := function($it){signature} \
             {{ ${mark}{is_cheap}($it) ? ${name}($it) : ${mark}{instead}($it) }}; "
        );
        let is_variable = variable(mark, name);
        names += &format!("${name} := ${is_variable} ? ${name} : ${mark}for_{name}; ");
    }
    format!("({functions}({names}{text}))")
}

fn function_for(op: BinaryOp, lhs: &Node, rhs: &Node) -> Option<&'static str> {
    match op {
        BinaryOp::Eq | BinaryOp::Ne if is_scalar(lhs) || is_scalar(rhs) => None,
        BinaryOp::Eq => Some(EQUAL),
        BinaryOp::Ne => Some(UNEQUAL),
        BinaryOp::In if is_list_of_scalars(rhs) => None,
        BinaryOp::In => Some(MEMBER),
        BinaryOp::Div if matches!(rhs.kind, NodeKind::Number { value } if value != 0.0) => None,
        BinaryOp::Div => Some(QUOTIENT),
        _ => None,
    }
}

fn is_scalar(node: &Node) -> bool {
    matches!(
        node.kind,
        NodeKind::String { .. } | NodeKind::Number { .. } | NodeKind::Bool { .. } | NodeKind::Null
    )
}

fn is_list_of_scalars(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Array { items } if items.iter().all(is_scalar))
}

#[cfg(test)]
mod tests {
    use jlens_core::Expression;

    use super::*;

    fn rewrite(text: &str) -> String {
        let expression = Expression::compile(text).unwrap();
        let mark = mark(text);
        let Some(rewritten) = rewritten(&expression.ast().root, text, &mark) else {
            return text.to_owned();
        };
        Expression::compile(&rewritten).unwrap_or_else(|error| panic!("{rewritten}: {error:?}"));
        rewritten.replace(&mark, "")
    }

    #[test]
    fn what_cannot_be_bounded_is_a_call() {
        let distinct = |text: &str| {
            format!(
                "($for_distinct := function($it)<x:x> {{ $uniform($it) ? $distinct($it) : $unique($it) }}; \
                 ($distinct := $is_distinct ? $distinct : $for_distinct; {text}))"
            )
        };
        let keys = |text: &str| {
            format!(
                "($for_keys := function($it)<x-:x> {{ $few_keys($it) ? $keys($it) : $keys($it) }}; \
                 ($keys := $is_keys ? $keys : $for_keys; {text}))"
            )
        };
        let cases = [
            ("$a = $b", "$equal($a , $b)".to_owned()),
            ("$a=$b!=$c", "$unequal($equal($a,$b),$c)".to_owned()),
            ("$a in $b and ($c).d = [1]", "$member($a , $b) and $equal(($c).d , [1])".to_owned()),
            ("$a[b = c].d / e", "$quotient($a[$equal(b , c)].d , e)".to_owned()),
            ("1/$x/$y", "$quotient($quotient(1,$x),$y)".to_owned()),
            ("-$x / (1 - 1)", "$quotient(-$x , (1 - 1))".to_owned()),
            (
                "$a = $b ? $c = $d : 'ä' & ($e = $f)",
                "$equal($a , $b) ? $equal($c , $d) : 'ä' & ($equal($e , $f))".to_owned(),
            ),
            ("function($v) { $v = $w }", "function($v) { $equal($v , $w) }".to_owned()),
            ("$keys($x) = $y", keys("$equal($keys($x) , $y)")),
            ("$a/$b/$c=$d", "$equal($quotient($quotient($a,$b),$c),$d)".to_owned()),
            ("$map($x, $distinct)", distinct("$map($x, $distinct)")),
            ("$x ~> $distinct()", distinct("$x ~> $distinct()")),
            ("($keys := 1; $keys)", keys("($keys := 1; $keys)")),
            ("**", "($counted($) ? **)".to_owned()),
            ("$a.**[b = c].d", "$a.($counted($) ? **)[$equal(b , c)].d".to_owned()),
            ("**.a = **", "$equal(($counted($) ? **).a , ($counted($) ? **))".to_owned()),
            // What is cheap, and what is not JSONata's.
            ("$a = 'x' or 1 != $b or $c = null", "$a = 'x' or 1 != $b or $c = null".to_owned()),
            ("$a in ['x', 1]", "$a in ['x', 1]".to_owned()),
            ("$a / 100", "$a / 100".to_owned()),
            ("function($distinct) { 1 }", "function($distinct) { 1 }".to_owned()),
        ];
        for (text, expected) in cases {
            assert_eq!(rewrite(text), expected, "{text}");
        }
    }

    #[test]
    fn names_of_ours_are_no_names_of_the_author() {
        for (text, expected) in [
            ("$a = $b", "stepyard_0_"),
            ("$stepyard_equal = $b", "stepyard_0_"),
            ("$stepyard_0_equal = $b", "stepyard_1_"),
            ("$a = 'stepyard_0_stepyard_1' & $stepyard_3_b", "stepyard_1_"),
        ] {
            assert_eq!(mark(text), expected, "{text}");
            assert!(!text.contains(expected), "{text}");
        }
        // Whatever the author writes, ours stay short.
        let taken: String =
            (0..1_000).map(|it| format!("stepyard_{it}_{}", "_".repeat(it))).collect();
        assert_eq!(mark(&taken), "stepyard_1000_");
    }
}
