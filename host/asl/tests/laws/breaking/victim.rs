//! A definition that is to be broken, and where its parts stand.

use serde_json::{Map, Value};

use crate::random::Random;

pub(super) struct Victim {
    pub(super) definition: Value,
    pub(super) states: Vec<Site>,
    /// The places of whatever has `States`: the definition, branches, processors.
    pub(super) containers: Vec<Place>,
}

/// Where a state is, and what is to be known of it.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) at: Place,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) is_jsonata: bool,
}

/// Steps from the root: an array's index is a number.
#[derive(Clone, Default)]
pub(super) struct Place(Vec<String>);

impl Place {
    pub(super) fn then(&self, step: impl Into<String>) -> Self {
        Self(self.0.iter().cloned().chain([step.into()]).collect())
    }

    /// As a diagnostic shows it. No name that is generated is a number.
    pub(super) fn shown(&self) -> String {
        let step = |step: &String| match step.parse::<usize>() {
            Ok(index) => format!("[{index}]"),
            Err(_) => format!("/{step}"),
        };
        if self.0.is_empty() { "/".to_owned() } else { self.0.iter().map(step).collect() }
    }
}

impl Victim {
    pub(super) fn new(definition: Value) -> Self {
        let of_machine = definition["QueryLanguage"] == "JSONata";
        let (mut states, mut containers) = (Vec::new(), Vec::new());
        let mut ready = vec![Place::default()];
        while let Some(at) = ready.pop() {
            let below = at.then("States");
            for (name, state) in find(&definition, &below).as_object().expect("it has states") {
                let at = below.then(name);
                let kind = state["Type"].as_str().expect("it has a type").to_owned();
                let is_jsonata = of_machine || state["QueryLanguage"] == "JSONata";
                for field in ["ItemProcessor", "Iterator"] {
                    ready.extend(state.get(field).map(|_| at.then(field)));
                }
                let branches = state.get("Branches").and_then(Value::as_array).map_or(0, Vec::len);
                ready.extend((0..branches).map(|it| at.then("Branches").then(it.to_string())));
                states.push(Site { at, name: name.clone(), kind, is_jsonata });
            }
            containers.push(at);
        }
        Self { definition, states, containers }
    }

    /// The object at a place.
    pub(super) fn fields(&mut self, at: &Place) -> &mut Map<String, Value> {
        let found = at.0.iter().fold(&mut self.definition, |value, step| match value {
            Value::Array(elements) => &mut elements[step.parse::<usize>().expect("an index")],
            value => &mut value[step.as_str()],
        });
        found.as_object_mut().expect("only objects are asked for")
    }

    /// One of the states that are as wanted.
    pub(super) fn state(
        &self,
        random: &mut Random,
        is_wanted: impl Fn(&Site) -> bool,
    ) -> Option<Site> {
        let wanted: Vec<_> = self.states.iter().filter(|site| is_wanted(site)).collect();
        (!wanted.is_empty()).then(|| wanted[random.index(wanted.len())].clone())
    }

    pub(super) fn container(&self, random: &mut Random) -> Place {
        self.containers[random.index(self.containers.len())].clone()
    }

    /// Puts a Pass state of this name before all others of a container.
    pub(super) fn add_first(&mut self, container: &Place, name: &str) -> Place {
        let is_jsonata = self.definition["QueryLanguage"] == "JSONata";
        let fields = self.fields(container);
        let first = fields.insert("StartAt".to_owned(), name.into()).expect("it starts somewhere");
        let mut state = serde_json::json!({"Type": "Pass", "Next": first});
        if is_jsonata {
            state["Output"] = serde_json::json!({});
        }
        fields["States"][name] = state;
        container.then("States").then(name)
    }
}

fn find<'a>(value: &'a Value, at: &Place) -> &'a Value {
    at.0.iter().fold(value, |value, step| match value {
        Value::Array(elements) => &elements[step.parse::<usize>().expect("an index")],
        value => &value[step.as_str()],
    })
}
