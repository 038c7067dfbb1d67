//! Mistakes in how states stand to one another.

use serde_json::{Value, json};

use super::{Break, victim::Victim};
use crate::random::Random;

/// Each by the rule that it breaks.
pub(super) const MISTAKES: &[(&str, Break)] = &[
    ("a container has a StartAt", |victim, random| without(victim, random, "StartAt")),
    ("a container has States", |victim, random| without(victim, random, "States")),
    ("States is an object", |victim, random| with(victim, random, "States", json!([]))),
    ("States has a state", |victim, random| with(victim, random, "States", json!({}))),
    ("StartAt is text", |victim, random| with(victim, random, "StartAt", json!(["A"]))),
    ("StartAt is a state", |victim, random| with(victim, random, "StartAt", json!("Nowhere"))),
    ("a container's field is known", |victim, random| {
        let at = victim.container(random);
        victim.fields(&at).insert("Satrt".to_owned(), json!(1));
        Some(at.shown())
    }),
    ("a version is 1.0", |victim, _| of_root(victim, "Version", json!("2.0"))),
    ("a machine's time is a number", |victim, _| of_root(victim, "TimeoutSeconds", json!("1"))),
    ("a machine's time is positive", |victim, _| of_root(victim, "TimeoutSeconds", json!(0))),
    ("there are two languages", |victim, _| of_root(victim, "QueryLanguage", json!("jq"))),
    ("a branch has no time of its own", |victim, random| {
        let at = victim.container(random);
        let is_inner = at.shown() != "/";
        victim.fields(&at).insert("TimeoutSeconds".to_owned(), json!(9));
        is_inner.then(|| at.shown())
    }),
    ("a state is an object", |victim, random| {
        let at = victim.container(random).then("States");
        let name = victim.fields(&at).keys().next()?.clone();
        victim.fields(&at).insert(name.clone(), json!(7));
        Some(at.then(name).shown())
    }),
    ("every state is reached", |victim, random| {
        let at = victim.container(random).then("States");
        victim.fields(&at).insert("Orphan".to_owned(), json!({"Type": "Succeed"}));
        Some(at.then("Orphan").shown())
    }),
    ("a state that leads only to itself is not reached", |victim, random| {
        let at = victim.container(random).then("States");
        let state = json!({"Type": "Pass", "Next": "Orphan"});
        victim.fields(&at).insert("Orphan".to_owned(), state);
        Some(at.then("Orphan").shown())
    }),
    ("every machine can end", |victim, random| {
        // AWS takes a loop inside a state.
        let at = victim.container(random);
        if at.shown() != "/" {
            return None;
        }
        let fields = victim.fields(&at);
        let start = fields["StartAt"].clone();
        for state in fields["States"].as_object_mut()?.values_mut() {
            if state["End"] == true || ["Succeed", "Fail"].iter().any(|it| state["Type"] == *it) {
                *state = json!({"Type": "Pass", "Next": start});
            }
        }
        // AWS has no place for it.
        Some("null".to_owned())
    }),
    ("a Next is a state", |victim, random| lead(victim, random, "Next", json!("Nowhere"))),
    ("a Next is one of its own machine", |victim, random| {
        let site = victim.state(random, |it| it.kind == "Parallel")?;
        let branch = site.at.then("Branches").then("0");
        let inner = victim.fields(&branch)["StartAt"].clone();
        victim.fields(&site.at).insert("Next".to_owned(), inner);
        Some(site.at.then("Next").shown())
    }),
    ("a branch leads not out of itself", |victim, random| {
        let at = victim.container(random);
        let outside = victim.definition["StartAt"].clone();
        let state = json!({"Type": "Pass", "Next": outside});
        let name = "Leaves";
        let first = victim.add_first(&at, name);
        *victim.fields(&first) = state.as_object()?.clone();
        (at.shown() != "/").then(|| first.then("Next").shown())
    }),
    ("a Default is a state", |victim, random| lead(victim, random, "Default", json!("Nowhere"))),
    ("a rule leads to a state", |victim, random| {
        let site = victim.state(random, |it| it.kind == "Choice")?;
        let rule = site.at.then("Choices").then("0");
        victim.fields(&rule).insert("Next".to_owned(), json!("Nowhere"));
        Some(rule.then("Next").shown())
    }),
    ("a rule leads somewhere", |victim, random| {
        let site = victim.state(random, |it| it.kind == "Choice")?;
        let rule = site.at.then("Choices").then("0");
        victim.fields(&rule).shift_remove("Next")?;
        Some(rule.shown())
    }),
    ("a name is unique", |victim, random| {
        let (one, other) = (victim.container(random), victim.container(random));
        let name = victim.fields(&one)["StartAt"].as_str()?.to_owned();
        let is_taken = victim.fields(&other)["States"].get(&name).is_some();
        let first = victim.add_first(&other, &name);
        // The first of the two, in the order in which containers are looked at, is the good one.
        let is_inside = other.shown().len() > one.shown().len();
        (!is_taken && is_inside && other.shown().starts_with(&one.shown())).then(|| first.shown())
    }),
    ("a name has at most 80 characters", |victim, random| {
        let at = victim.container(random);
        Some(victim.add_first(&at, &"ä".repeat(81)).shown())
    }),
    ("a state of a JSONata machine is in JSONata", |victim, random| {
        let is_jsonata = victim.definition["QueryLanguage"] == "JSONata";
        let site = victim.state(random, |_| true).filter(|_| is_jsonata)?;
        victim.fields(&site.at).insert("QueryLanguage".to_owned(), json!("JSONPath"));
        Some(site.at.shown())
    }),
    ("a branch assigns no variable of those around it", |victim, random| {
        let site = victim.state(random, |it| it.kind == "Parallel")?;
        let first = victim.add_first(&site.at.then("Branches").then("0"), "Assigns");
        victim.fields(&first).insert("Assign".to_owned(), json!({"taken": 1}));
        victim.fields(&site.at).insert("Assign".to_owned(), json!({"taken": 2}));
        Some(first.then("Assign").shown())
    }),
    ("a nested rule leads nowhere", |victim, random| {
        let site = victim.state(random, |it| it.kind == "Choice" && !it.is_jsonata)?;
        let rule = site.at.then("Choices").then("0");
        let fields = victim.fields(&rule);
        let nested = json!([{"Variable": "$.n", "IsNull": true, "Next": fields["Next"]}]);
        *fields = json!({"And": nested, "Next": fields["Next"]}).as_object()?.clone();
        Some(rule.then("And").then("0").shown())
    }),
    ("an ItemReader reads from S3", |victim, random| {
        of_reader(victim, random, "Resource", json!("arn:aws:states:::sqs:sendMessage"))
    }),
    ("an ItemReader's config is an object", |victim, random| {
        of_reader(victim, random, "ReaderConfig", json!(["CSV"]))
    }),
    ("an ItemReader's field is known", |victim, random| {
        of_reader(victim, random, "Readerconfig", json!({}))
    }),
    ("an EXPRESS child has no activity", |victim, random| {
        let site = victim.state(random, |it| it.kind == "Map")?;
        let processor = site.at.then("ItemProcessor");
        let is_express = |it: &Value| it["ProcessorConfig"]["ExecutionType"] == "EXPRESS";
        let map: Value = victim.fields(&site.at).clone().into();
        if !map.get("ItemProcessor").is_some_and(is_express) {
            return None;
        }
        let first = victim.add_first(&processor, "Asks");
        let fields = victim.fields(&first);
        fields.shift_remove("Output");
        fields.insert("Type".to_owned(), json!("Task"));
        let activity = "arn:aws:states:us-east-1:123456789012:activity:Pack";
        fields.insert("Resource".to_owned(), json!(activity));
        Some(first.then("Resource").shown())
    }),
];

fn without(victim: &mut Victim, random: &mut Random, field: &str) -> Option<String> {
    let at = victim.container(random);
    victim.fields(&at).shift_remove(field)?;
    Some(at.shown())
}

fn with(victim: &mut Victim, random: &mut Random, field: &str, value: Value) -> Option<String> {
    let at = victim.container(random);
    victim.fields(&at).insert(field.to_owned(), value);
    Some(at.then(field).shown())
}

fn of_root(victim: &mut Victim, field: &str, value: Value) -> Option<String> {
    victim.definition[field] = value;
    Some(format!("/{field}"))
}

fn of_reader(
    victim: &mut Victim,
    random: &mut Random,
    field: &str,
    value: Value,
) -> Option<String> {
    let map = victim.state(random, |it| it.kind == "Map")?.at;
    victim.fields(&map).get("ItemReader")?;
    let reader = map.then("ItemReader");
    victim.fields(&reader).insert(field.to_owned(), value);
    Some(reader.then(field).shown())
}

/// Changes where a state leads that has this field.
fn lead(victim: &mut Victim, random: &mut Random, field: &str, value: Value) -> Option<String> {
    let site = victim.state(random, |_| true)?;
    let fields = victim.fields(&site.at);
    fields.contains_key(field).then(|| fields.insert(field.to_owned(), value));
    victim.fields(&site.at).contains_key(field).then(|| site.at.then(field).shown())
}
