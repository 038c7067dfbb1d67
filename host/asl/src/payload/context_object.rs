//! The context object: what `$$` shows of an execution and of the state it is in.

use std::cell::OnceCell;

use serde_json::{Map, Value, json};

use super::path::{Miss, Step, walk};
use crate::{EDITION, Payload, Timestamp};

/// `Map.Item.Source` of an item that is in the state's data.
const STATE_DATA: &str = "STATE_DATA";

/// What `$$` is while one state of one execution is evaluated.
///
/// A JSON value is built only when a path asks for it, and the execution's input, which may be
/// large, is copied into it only for a path that ends above it.
#[derive(Debug)]
pub(crate) struct ContextObject<'a> {
    source: Source<'a>,
    item: Option<ItemContext<'a>>,
    /// The item's index: a Map asks for it once for each of its items, and often for nothing else.
    index: OnceCell<Value>,
    outline: OnceCell<Value>,
    value: OnceCell<Value>,
}

/// Where it is from.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    /// An execution, and the state that it is in.
    Execution(ExecutionContext<'a>, StateContext<'a>),
    /// Whoever tests a state.
    Given(&'a Map<String, Value>),
}

/// `$$.Execution` and `$$.StateMachine`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExecutionContext<'a> {
    /// The execution's ARN.
    pub(crate) id: &'a str,
    pub(crate) input: &'a Payload,
    pub(crate) name: &'a str,
    /// None only where a state is tested.
    pub(crate) role_arn: Option<&'a str>,
    pub(crate) start_time: Timestamp,
    /// Of a Standard execution only.
    pub(crate) redrive_count: Option<u32>,
    /// When it was last redriven.
    pub(crate) redrive_time: Option<Timestamp>,
    /// The state machine's unqualified ARN.
    pub(crate) state_machine_id: &'a str,
    pub(crate) state_machine_name: &'a str,
    /// That of the rules that it is run by.
    pub(crate) edition: u32,
}

/// `$$.State` and `$$.Task`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StateContext<'a> {
    pub(crate) name: &'a str,
    pub(crate) entered_time: Timestamp,
    /// Set for Task, Parallel and Map only.
    pub(crate) retry_count: Option<u32>,
    /// Set when the task has a token.
    pub(crate) task_token: Option<&'a str>,
}

/// `$$.Map.Item` ("Context object data for Map states").
#[derive(Clone, Copy, Debug)]
pub(crate) struct ItemContext<'a> {
    pub(crate) index: usize,
    /// "Only valid for JSON objects": the name of the member that is the item.
    pub(crate) key: Option<&'a str>,
    pub(crate) value: &'a Value,
    /// The URI of what it was read from; none where it is in the state's data.
    pub(crate) source: Option<&'a str>,
}

impl ItemContext<'_> {
    /// The members in AWS's order, with or without the value, which may be large, and the source.
    fn shown(&self, with_value: bool, with_source: bool) -> Value {
        let mut item = Map::new();
        item.insert("Index".to_owned(), self.index.into());
        if let Some(key) = self.key {
            item.insert("Key".to_owned(), key.into());
        }
        if with_value {
            item.insert("Value".to_owned(), self.value.clone());
        }
        if with_source {
            item.insert("Source".to_owned(), self.source.unwrap_or(STATE_DATA).into());
        }
        item.into()
    }
}

impl<'a> ContextObject<'a> {
    pub(crate) fn new(execution: ExecutionContext<'a>, state: StateContext<'a>) -> Self {
        Self::from(Source::Execution(execution, state))
    }

    /// One that whoever tests a state has written.
    pub(crate) fn given(object: &'a Map<String, Value>) -> Self {
        Self::from(Source::Given(object))
    }

    fn from(source: Source<'a>) -> Self {
        let (index, outline, value) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { source, item: None, index, outline, value }
    }

    /// The same while a Map's `ItemSelector` is evaluated for one item.
    pub(crate) fn for_item<'b>(&self, item: ItemContext<'b>) -> ContextObject<'b>
    where
        'a: 'b,
    {
        ContextObject { item: Some(item), ..ContextObject::from(self.source) }
    }

    /// The edition of the rules that the execution is run by.
    pub(crate) fn edition(&self) -> u32 {
        match self.source {
            Source::Execution(execution, _) => execution.edition,
            Source::Given(_) => EDITION,
        }
    }

    /// The node that `steps` lead to from `$$`.
    pub(crate) fn resolve(&self, steps: &[Step]) -> Result<&Value, Miss> {
        let names: Vec<_> = steps.iter().map_while(Step::name).take(3).collect();
        match (&*names, self.source, self.item) {
            (["Execution", "Input", ..], Source::Execution(execution, _), _) => {
                walk(execution.input.value(), steps, 2)
            }
            (["Map", "Item", "Value"], _, Some(item)) => walk(item.value, steps, 3),
            (["Map", "Item", "Index"], _, Some(item)) => {
                walk(self.index.get_or_init(|| item.index.into()), steps, 3)
            }
            ([] | ["Execution"] | ["Map"] | ["Map", "Item"], ..) => walk(self.value(), steps, 0),
            _ => walk(self.outline.get_or_init(|| self.build(false, false)), steps, 0),
        }
    }

    /// `$$` as a whole.
    pub(crate) fn value(&self) -> &Value {
        self.value.get_or_init(|| self.build(true, true))
    }

    /// Builds the object, with or without the members that may be large: the execution's input and a
    /// Map's item. The order of members is AWS's.
    pub(crate) fn build(&self, with_input: bool, with_item: bool) -> Value {
        let mut context = match self.source {
            Source::Execution(execution, state) => shown(&execution, &state, with_input),
            Source::Given(object) => object.clone().into(),
        };
        if let Some(item) = self.item {
            context["Map"] = json!({ "Item": item.shown(with_item, self.edition() >= 1) });
        }
        context
    }
}

fn shown(of: &ExecutionContext<'_>, state: &StateContext<'_>, with_input: bool) -> Value {
    let mut execution = Map::new();
    execution.insert("Id".to_owned(), of.id.into());
    if with_input {
        execution.insert("Input".to_owned(), of.input.value().clone());
    }
    execution.insert("StartTime".to_owned(), of.start_time.to_string().into());
    execution.insert("Name".to_owned(), of.name.into());
    if let Some(role) = of.role_arn {
        execution.insert("RoleArn".to_owned(), role.into());
    }
    if let Some(count) = of.redrive_count {
        execution.insert("RedriveCount".to_owned(), count.into());
    }
    if let Some(at) = of.redrive_time {
        execution.insert("RedriveTime".to_owned(), at.to_string().into());
    }
    let mut context = json!({
        "Execution": execution,
        "StateMachine": { "Id": of.state_machine_id, "Name": of.state_machine_name },
        "State": { "Name": state.name, "EnteredTime": state.entered_time.to_string() },
    });
    if let Some(retry_count) = state.retry_count {
        context["State"]["RetryCount"] = retry_count.into();
    }
    if let Some(token) = state.task_token {
        context["Task"] = json!({ "Token": token });
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{path::ReferencePath, testing};

    fn written(state: StateContext<'_>, item: Option<ItemContext<'_>>) -> String {
        let input = Payload::parse(r#"{"a":1}"#).unwrap();
        let context = ContextObject::new(testing::execution(&input), state);
        match item {
            Some(item) => context.for_item(item).value().to_string(),
            None => context.value().to_string(),
        }
    }

    const EXECUTION: &str = r#""Execution":{"Id":"arn:aws:states:us-east-1:123456789012:execution:shop-orders:first","Input":{"a":1},"StartTime":"1970-01-01T00:00:00.000Z","Name":"first","RoleArn":"arn:aws:iam::123456789012:role/shop","RedriveCount":0}"#;
    const MACHINE: &str = r#""StateMachine":{"Id":"arn:aws:states:us-east-1:123456789012:stateMachine:shop-orders","Name":"shop-orders"}"#;

    #[test]
    fn the_context_object_has_what_the_state_has_in_the_order_of_aws() {
        let entered = r#""EnteredTime":"1970-01-01T00:00:01.500Z""#;
        let bare = testing::state();
        assert_eq!(
            written(bare, None),
            format!(r#"{{{EXECUTION},{MACHINE},"State":{{"Name":"Pay",{entered}}}}}"#)
        );
        let task = StateContext { retry_count: Some(2), task_token: Some("token"), ..bare };
        assert_eq!(
            written(task, None),
            format!(
                r#"{{{EXECUTION},{MACHINE},"State":{{"Name":"Pay",{entered},"RetryCount":2}},"Task":{{"Token":"token"}}}}"#
            )
        );
        for (key, source, item) in [
            (None, None, r#"{"Index":3,"Value":"x","Source":"STATE_DATA"}"#),
            (Some("k"), None, r#"{"Index":3,"Key":"k","Value":"x","Source":"STATE_DATA"}"#),
            (None, Some("s3://b/o"), r#"{"Index":3,"Value":"x","Source":"s3://b/o"}"#),
        ] {
            let context = ItemContext { index: 3, key, value: &json!("x"), source };
            assert_eq!(
                written(bare, Some(context)),
                format!(
                    r#"{{{EXECUTION},{MACHINE},"State":{{"Name":"Pay",{entered}}},"Map":{{"Item":{item}}}}}"#
                )
            );
        }
    }

    #[test]
    fn one_that_is_given_is_shown_as_it_is() {
        let object = json!({"Execution": {"Input": {"a": 1}}, "State": {}});
        let context = ContextObject::given(object.as_object().unwrap());
        assert_eq!(*context.value(), object);
        let path = |text| ReferencePath::parse(text).unwrap();
        let (variables, random) = (Default::default(), testing::Counting::default());
        let scope = testing::scope(&Value::Null, &context, &variables, &random);
        assert_eq!(path("$$.Execution.Input.a").read(&scope).ok(), Some(&json!(1)));
        assert!(path("$$.Execution.Id").read(&scope).is_err());
        let value = json!("x");
        let item =
            context.for_item(ItemContext { index: 3, key: None, value: &value, source: None });
        let expected = json!({"Execution": {"Input": {"a": 1}}, "State": {},
            "Map": {"Item": {"Index": 3, "Value": "x", "Source": "STATE_DATA"}}});
        assert_eq!(*item.value(), expected);
    }

    /// Paths take short cuts past the whole; they must not show.
    #[test]
    fn a_path_finds_what_it_would_find_in_the_whole() {
        let input = Payload::parse(r#"{"a":{"b":[1,2]}}"#).unwrap();
        let value = json!({"c": 5});
        let state = StateContext { task_token: Some("token"), ..testing::state() };
        let context = ContextObject::new(testing::execution(&input), state);
        let item =
            ItemContext { index: 0, key: Some("k"), value: &value, source: Some("s3://b/o") };
        let context = context.for_item(item);
        let (variables, random) = (Default::default(), testing::Counting::default());
        let scope = testing::scope(&Value::Null, &context, &variables, &random);
        let paths = [
            "$$",
            "$$.Execution",
            "$$.Execution.Id",
            "$$.Execution.Input",
            "$$.Execution.Input.a.b[1]",
            "$$.Execution.Input.a.no.b",
            "$$.Execution.Input.no",
            "$$.Execution.RedriveTime",
            "$$.StateMachine",
            "$$.StateMachine.Name",
            "$$.State.RetryCount",
            "$$.Task.Token",
            "$$.Map",
            "$$.Map.Item",
            "$$.Map.Item.Index",
            "$$.Map.Item.Index.no",
            "$$.Map.Item.Value",
            "$$.Map.Item.Value.c",
            "$$.Map.Item.Value.no",
            "$$.Map.Item.Key",
            "$$.Map.Item.Source",
            "$$.Map.Item.Source.no",
            "$$.No.No",
            "$$[0]",
        ];
        for path in paths {
            let in_whole = ReferencePath::parse(&path[1..]).unwrap();
            let whole = crate::payload::Scope { input: context.value(), ..scope };
            let path = ReferencePath::parse(path).unwrap();
            assert_eq!(path.read(&scope), in_whole.read(&whole), "{}", path.text());
        }
    }
}
