//! The text that is evaluated in the place of one that is written. What the engine does in one go, and so
//! cannot be stopped at, and what AWS does otherwise, is a call of a function of ours there (`hosts`):
//!
//! | written | why |
//! | --- | --- |
//! | `a = b`, `a != b`, `a in b` | what shares its parts takes exponentially long to compare |
//! | `$distinct`, `$keys` | compare each with each |
//! | `a / b` | `1 / 0` is no error on AWS |
//!
//! Whatever has a literal for one side costs nothing and stays as it is.

use std::collections::BTreeSet;

use jlens_core::ast::{Attrs, BinaryOp, Node, NodeKind, Stage};

/// The names of our functions.
pub(super) const EQUAL: &str = "stepyard_equal";
pub(super) const UNEQUAL: &str = "stepyard_unequal";
pub(super) const MEMBER: &str = "stepyard_member";
pub(super) const QUOTIENT: &str = "stepyard_quotient";
pub(super) const KEYS: &str = "stepyard_keys";
pub(super) const FEW_KEYS: &str = "stepyard_few_keys";
pub(super) const UNIQUE: &str = "stepyard_unique";
pub(super) const UNIFORM: &str = "stepyard_uniform";

/// A change of the text.
struct Edit {
    at: usize,
    removed: usize,
    inserted: String,
}

/// The text to evaluate; none when it is `text`, whose tree begins at `root`.
pub(super) fn rewritten(root: &Node, text: &str) -> Option<String> {
    let bound = names_bound_in(root);
    let mut edits = Vec::new();
    root.walk(&mut |node| edit(node, &bound, &mut edits));
    if edits.is_empty() {
        return None;
    }
    // The tree is walked from the outside in, and so in the order of what begins at the same place;
    // what stood there before comes after it.
    edits.sort_by_key(|edit| (edit.at, edit.removed > 0));
    let (mut rewritten, mut done) = (String::with_capacity(2 * text.len()), 0);
    for Edit { at, removed, inserted } in edits {
        rewritten.push_str(&text[done..at]);
        rewritten.push_str(&inserted);
        done = at + removed;
    }
    rewritten.push_str(&text[done..]);
    Some(rewritten)
}

fn edit(node: &Node, bound: &BTreeSet<&str>, edits: &mut Vec<Edit>) {
    match &node.kind {
        NodeKind::Binary { op, lhs, rhs } => {
            let Some(function) = function_for(*op, lhs, rhs) else { return };
            let removed = op.symbol().len();
            let at = node.pos - removed;
            let call = format!("${function}(");
            edits.push(Edit { at: node.span.start, removed: 0, inserted: call });
            edits.push(Edit { at, removed, inserted: ",".to_owned() });
            edits.push(Edit { at: node.span.end, removed: 0, inserted: ")".to_owned() });
        }
        NodeKind::Variable { name } if !bound.contains(name.as_str()) => {
            // Where it comes to one value the engine alone knows whether that is a sequence or an array.
            let inserted = match name.as_str() {
                "distinct" => format!(
                    "(function($it) {{ ${UNIFORM}($it) ? $distinct($it) : ${UNIQUE}($it) }})"
                ),
                "keys" => format!(
                    "(function($it)<x-:x> {{ ${FEW_KEYS}($it) ? $keys($it) : ${KEYS}($it) }})"
                ),
                _ => return,
            };
            edits.push(Edit { at: node.span.start, removed: 1 + name.len(), inserted });
        }
        _ => {}
    }
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

/// The names that an expression gives a meaning of its own.
fn names_bound_in(root: &Node) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    root.walk(&mut |node| {
        let Attrs { focus, index, stages, .. } = &node.attrs;
        names.extend(focus.iter().chain(index).map(String::as_str));
        names.extend(stages.iter().filter_map(|stage| match stage {
            Stage::Index { var, .. } => Some(var.as_str()),
            Stage::Filter { .. } => None,
        }));
        match &node.kind {
            NodeKind::Bind { lhs, .. } => {
                if let NodeKind::Variable { name } = &lhs.kind {
                    names.insert(name.as_str());
                }
            }
            NodeKind::Lambda(def) => names.extend(def.params.iter().map(String::as_str)),
            _ => {}
        }
    });
    names
}

#[cfg(test)]
mod tests {
    use jlens_core::Expression;

    use super::*;

    fn rewrite(text: &str) -> String {
        let expression = Expression::compile(text).unwrap();
        let Some(rewritten) = rewritten(&expression.ast().root, text) else {
            return text.to_owned();
        };
        Expression::compile(&rewritten).unwrap_or_else(|error| panic!("{rewritten}: {error:?}"));
        rewritten.replace("stepyard_", "")
    }

    #[test]
    fn what_cannot_be_bounded_is_a_call() {
        let distinct = "(function($it) { $uniform($it) ? $distinct($it) : $unique($it) })";
        let keys = "(function($it)<x-:x> { $few_keys($it) ? $keys($it) : $keys($it) })";
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
            ("$keys($x) = $y", format!("$equal({keys}($x) , $y)")),
            ("$a/$b/$c=$d", "$equal($quotient($quotient($a,$b),$c),$d)".to_owned()),
            ("$map($x, $distinct)", format!("$map($x, {distinct})")),
            ("$x ~> $distinct()", format!("$x ~> {distinct}()")),
            // What is cheap, and what is not JSONata's.
            ("$a = 'x' or 1 != $b or $c = null", "$a = 'x' or 1 != $b or $c = null".to_owned()),
            ("$a in ['x', 1]", "$a in ['x', 1]".to_owned()),
            ("$a / 100", "$a / 100".to_owned()),
            ("($keys := 1; $keys)", "($keys := 1; $keys)".to_owned()),
            ("function($distinct) { $distinct }", "function($distinct) { $distinct }".to_owned()),
            ("$a@$keys.($keys.b)", "$a@$keys.($keys.b)".to_owned()),
            ("$a#$keys.($keys)", "$a#$keys.($keys)".to_owned()),
            ("$a[b]#$keys.($keys)", "$a[b]#$keys.($keys)".to_owned()),
        ];
        for (text, expected) in cases {
            assert_eq!(rewrite(text), expected, "{text}");
        }
    }
}
