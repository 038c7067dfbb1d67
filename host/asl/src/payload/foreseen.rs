//! What a definition alone tells of a value that it computes: texts that are made of literals and of what is
//! the same in the ARN of every execution.
//!
//! Such a value is evaluated as any other, with a mark where an ARN has its partition, region or account.

use serde_json::Value;

use super::{
    Payload, Random, Scope, States,
    context_object::{ContextObject, ExecutionContext, StateContext},
    expression::Expression,
    variables::Variables,
};
use crate::{EDITION, Timestamp};

/// What a member of a template will be, as far as its definition tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreseen {
    /// There is no such member.
    Absent,
    /// This text.
    Text(Vec<Piece>),
    /// What an execution alone knows.
    Computed,
}

/// A piece of a text that is foreseen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it stands here.
    Text(String),
    /// The partition that the state machine is in.
    Partition,
    /// Its region.
    Region,
    /// Its account.
    Account,
}

/// What `$$.Execution.Id` and `$$.StateMachine.Id` are evaluated to. Where an EXPRESS execution's ARN, or that
/// of another state machine, differs, there is the mark of what is not known.
const EXECUTION: &str = "arn:\u{e000}:states:\u{e001}:\u{e002}:\u{e003}:\u{e003}:\u{e003}";
const MACHINE: &str = "arn:\u{e000}:states:\u{e001}:\u{e002}:stateMachine:\u{e003}";

/// The mark of what is not known.
const UNKNOWN: char = '\u{e003}';

impl Foreseen {
    /// What `member` of `template` will be: a text as it is, or what the expression of `member.$` gives.
    pub fn of(template: &Value, member: &str) -> Self {
        if let Some(value) = template.get(member) {
            let literal = value.as_str().filter(|text| !has_mark(text) && !text.starts_with("{%"));
            return literal.map_or(Self::Computed, |text| Self::Text(pieces(text)));
        }
        match template.get(format!("{member}.$")) {
            None => Self::Absent,
            Some(expression) => foresee(expression)
                .filter(|text| !text.contains(UNKNOWN))
                .map_or(Self::Computed, |text| Self::Text(pieces(&text))),
        }
    }
}

/// The text that an expression gives, with marks; none when it depends on more than they stand for.
fn foresee(expression: &Value) -> Option<String> {
    let expression = Expression::read(expression).ok()?;
    if !expression.is_foreseeable() {
        return None;
    }
    let (null, payload) = (Value::Null, Payload::from(Value::Null));
    let context = ContextObject::new(execution(&payload), state());
    let states = States { input: &null, result: None, error_output: None };
    let (now, variables) = (Timestamp::from_millis(0), Variables::default());
    let scope = Scope {
        input: &null,
        states,
        context: &context,
        variables: &variables,
        now,
        random: &NoDraws,
    };
    let value = expression.evaluate("", &scope).ok()?;
    value.as_str().map(str::to_owned)
}

/// Whether a path leads to what is foreseen.
pub(super) fn is_known(path: &str) -> bool {
    matches!(path, "$$.Execution.Id" | "$$.StateMachine.Id")
}

/// Whether a text could be taken for one with marks.
pub(super) fn has_mark(text: &str) -> bool {
    text.contains(|character| ('\u{e000}'..=UNKNOWN).contains(&character))
}

/// Whether none of these characters can be within what a mark stands for: a name of AWS's has letters,
/// digits, `-` and what an execution's name may have.
pub(super) fn splits_no_mark(delimiters: &str) -> bool {
    !delimiters.is_empty() && delimiters.chars().all(|it| ":/,;|".contains(it))
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    for character in text.chars() {
        let piece = match character {
            '\u{e000}' => Piece::Partition,
            '\u{e001}' => Piece::Region,
            '\u{e002}' => Piece::Account,
            _ => {
                literal.push(character);
                continue;
            }
        };
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(piece);
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    pieces
}

fn execution(input: &Payload) -> ExecutionContext<'_> {
    ExecutionContext {
        id: EXECUTION,
        input,
        name: "",
        role_arn: Some(""),
        start_time: Timestamp::from_millis(0),
        redrive_count: None,
        redrive_time: None,
        state_machine_id: MACHINE,
        state_machine_name: "",
        edition: EDITION,
    }
}

fn state() -> StateContext<'static> {
    let entered_time = Timestamp::from_millis(0);
    StateContext { name: "", entered_time, retry_count: None, task_token: None }
}

/// No function that draws is foreseeable.
struct NoDraws;

impl Random for NoDraws {
    fn draw(&self) -> [u8; 16] {
        [0; 16]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(template: &Value, expected: &str) {
        let shown = match Foreseen::of(template, "Arn") {
            Foreseen::Absent => "absent".to_owned(),
            Foreseen::Computed => "computed".to_owned(),
            Foreseen::Text(pieces) => {
                let piece = |piece: &Piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Partition => "<partition>".to_owned(),
                    Piece::Region => "<region>".to_owned(),
                    Piece::Account => "<account>".to_owned(),
                };
                pieces.iter().map(piece).collect()
            }
        };
        assert_eq!(shown, expected, "{template}");
    }

    #[test]
    fn what_no_execution_changes_is_foreseen() {
        check(&json!({}), "absent");
        check(&json!(null), "absent");
        check(&json!({"Arn": "arn:aws:sns:r:1:t"}), "arn:aws:sns:r:1:t");
        check(&json!({"Arn": ""}), "");
        check(&json!({"Arn.$": "States.Format('a{}\\{{}', 'b', 7)"}), "ab{7");
        check(
            &json!({"Arn.$": "States.Format('arn:{}:sns:{}:{}:t', \
                States.ArrayGetItem(States.StringSplit($$.Execution.Id, ':'), 1), \
                States.ArrayGetItem(States.StringSplit($$.StateMachine.Id, ':'), 3), \
                States.ArrayGetItem(States.StringSplit($$.Execution.Id, ':'), 4))"}),
            "arn:<partition>:sns:<region>:<account>:t",
        );
        check(
            &json!({"Arn.$": "States.ArrayGetItem(States.StringSplit($$.Execution.Id, ':'), 2)"}),
            "states",
        );
    }

    #[test]
    fn what_an_execution_alone_knows_is_not() {
        let item = |index| {
            format!("States.ArrayGetItem(States.StringSplit($$.Execution.Id, ':'), {index})")
        };
        for expression in [
            "$.arn",
            "$$.Execution.Id",
            "$$.StateMachine.Id",
            "$$.Execution.Name",
            "States.Format('t-{}', $.name)",
            "States.UUID()",
            "States.Array('a')",
            // What a mark stands for would be changed, or cut.
            "States.Hash($$.Execution.Id, 'MD5')",
            "States.Base64Encode($$.Execution.Id)",
            "States.ArrayGetItem(States.StringSplit($$.Execution.Id, '-'), 0)",
            "States.ArrayGetItem(States.StringSplit($$.Execution.Id, ''), 0)",
            "States.ArrayGetItem(States.StringSplit($$.Execution.Id, States.Format(':')), 3)",
            // `execution` or `express`, the state machine's name, the execution's.
            &item(5),
            &item(6),
            &item(7),
            // It would fail.
            &item(8),
            "States.Format('{}')",
            "not an expression",
        ] {
            check(&json!({"Arn.$": expression}), "computed");
        }
        let jsonata = json!({"Arn": "{% $arn %}"});
        for value in [json!({"Arn": 5}), json!({"Arn": "a\u{e000}"}), json!({"Arn.$": 5}), jsonata]
        {
            check(&value, "computed");
        }
        check(&json!({"Arn.$": "States.Format('a\u{e001}')"}), "computed");
    }
}
