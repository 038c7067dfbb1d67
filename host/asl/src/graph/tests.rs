//! What holds of every drawing, over generated machines.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    layout::{Layout, Point, Rect, Route},
    *,
};

/// A machine of up to `depth` levels whose states and arrows are drawn from `seed`.
fn machine(seed: &mut u64, depth: usize) -> Value {
    let draw = |seed: &mut u64, below: usize| {
        *seed =
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) as usize % below
    };
    let prefix = draw(seed, 1_000_000);
    let count = 1 + draw(seed, 12);
    let name =
        |index: usize| format!("S{prefix}-{}", "n".repeat(index * 3 % 40) + &index.to_string());
    let mut states = Map::new();
    for index in 0..count {
        let mut any = || name(draw(seed, count));
        let (next, other, third) = (any(), any(), any());
        let mut state = match draw(seed, 9) {
            0 | 1 => json!({"Type": "Choice", "Default": next, "Choices": [
                {"Variable": "$.a", "IsNull": true, "Next": other},
                {"Variable": "$.a.rather.long.path", "StringEquals": "a long text", "Next": third},
            ]}),
            2 => json!({"Type": "Succeed"}),
            3 => json!({"Type": "Fail", "Error": "E"}),
            4 if depth > 0 => {
                let branches: Vec<Value> =
                    (0..draw(seed, 4)).map(|_| machine(seed, depth - 1)).collect();
                json!({"Type": "Parallel", "Branches": branches, "Next": next})
            }
            5 if depth > 0 => {
                json!({"Type": "Map", "ItemProcessor": machine(seed, depth - 1), "Next": next})
            }
            6 => json!({"Type": "Pass", "End": true}),
            _ => json!({"Type": "Task", "Next": next, "Retry": [{}]}),
        };
        if ["Task", "Map", "Parallel"].contains(&state["Type"].as_str().unwrap()) {
            state["Catch"] = json!([{"ErrorEquals": ["States.ALL"], "Next": other}]);
        }
        states.insert(name(index), state);
    }
    json!({"StartAt": name(0), "States": states})
}

fn overlap(one: Rect, other: Rect) -> bool {
    let slack = 0.5;
    one.x + slack < other.right()
        && other.x + slack < one.right()
        && one.y + slack < other.bottom()
        && other.y + slack < one.bottom()
}

fn holds(outer: Rect, inner: Rect) -> bool {
    let slack = 0.01;
    outer.x <= inner.x + slack
        && outer.y <= inner.y + slack
        && inner.right() <= outer.right() + slack
        && inner.bottom() <= outer.bottom() + slack
}

/// The straight stretches of a way, each as a thin box.
fn stretches(route: &Route) -> Vec<Rect> {
    let mut corners = vec![route.start];
    for jog in &route.jogs {
        let last = corners[corners.len() - 1];
        corners.extend([Point { x: last.x, y: jog.y }, Point { x: jog.to, y: jog.y }]);
    }
    corners.push(route.end);
    let stretch = |pair: &[Point]| Rect {
        x: pair[0].x.min(pair[1].x) - 0.5,
        y: pair[0].y.min(pair[1].y) - 0.5,
        width: (pair[0].x - pair[1].x).abs() + 1.0,
        height: (pair[0].y - pair[1].y).abs() + 1.0,
    };
    corners.windows(2).map(stretch).collect()
}

fn check_layout(graph: &Graph) {
    let layout = Layout::of(graph);
    for (scope, drawn) in graph.scopes.iter().zip(&layout.scopes) {
        let nodes: Vec<(usize, Rect)> =
            drawn.nodes.iter().enumerate().filter_map(|(node, it)| Some((node, (*it)?))).collect();
        let labels: Vec<Rect> =
            drawn.edges.iter().filter_map(|edge| Some(edge.label.as_ref()?.place)).collect();
        let boxes: Vec<Rect> = nodes.iter().map(|(_, it)| *it).chain(labels).collect();
        for (index, one) in boxes.iter().enumerate() {
            assert!([one.x, one.y, one.width, one.height].iter().all(|it| it.is_finite()));
            assert!(holds(drawn.panel, *one), "{one:?} is outside {:?}", drawn.panel);
            for other in &boxes[..index] {
                assert!(!overlap(*one, *other), "{one:?} lies over {other:?}");
            }
        }
        for (node, place) in &nodes {
            for inner in &scope.nodes[*node].inside {
                let panel = layout.scopes[*inner].panel;
                assert!(holds(*place, panel), "{panel:?} is outside {place:?}");
            }
        }
        for (edge, drawn_edge) in scope.edges.iter().zip(&drawn.edges) {
            let (from, to) = (drawn.nodes[edge.from].unwrap(), drawn.nodes[edge.to].unwrap());
            let Route { start, end, jogs, .. } = &drawn_edge.route;
            assert!(
                (start.y - from.bottom()).abs() < 0.01
                    && from.x < start.x
                    && start.x < from.right()
            );
            assert!((end.y - to.y).abs() < 0.01 && to.x < end.x && end.x < to.right());
            assert!(jogs.last().is_none_or(|jog| (jog.to - end.x).abs() < 0.06));
            // The way passes through no node, and nowhere but at its ends along one.
            for stretch in stretches(&drawn_edge.route) {
                assert!(holds(drawn.panel, stretch), "{stretch:?} leaves {:?}", drawn.panel);
                let others =
                    nodes.iter().filter(|(node, _)| *node != edge.from && *node != edge.to);
                for (_, other) in others {
                    assert!(!overlap(stretch, *other), "{stretch:?} crosses {other:?}");
                }
            }
        }
    }
}

/// Reads the tags of a document: each that is opened is closed, in order.
pub(super) fn check_well_formed(svg: &str) {
    let (before, after) = svg.split_once("<style>").expect("it has a style");
    let (style, after) = after.split_once("</style>").expect("its style ends");
    assert!(!style.contains(['<', '&', '@']) || style.matches('@').count() == 1);
    let svg = &format!("{before}{after}");
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "an escape is missing: {text}");
        let name = tag.split([' ', '/']).find(|it| !it.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let entities = ["amp;", "lt;", "gt;", "quot;", "#39;"];
    assert!(svg.split('&').skip(1).all(|it| entities.iter().any(|entity| it.starts_with(entity))));
    let allowed = |it: char| it == '\n' || !it.is_control();
    assert!(svg.chars().all(allowed), "a control character");
    for bad in ["NaN", "inf\"", "http://example", "<script"] {
        assert!(!svg.contains(bad), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_overlaps_and_arrows_touch_only_their_states(mut seed: u64) {
        let graph = Graph::read(&machine(&mut seed, 2));
        check_layout(&graph);
        check_well_formed(&graph.to_svg(None));
    }

    #[test]
    fn any_text_is_drawn_as_text(name: String, other in "\\PC*", error in "[<>&\"'\\]\\[%;#`{}|\n\\\\]{0,40}") {
        let mut states = Map::new();
        states.insert(name.clone(), json!({"Type": "Task", "Resource": error, "Next": name,
            "Catch": [{"ErrorEquals": [error, other], "Next": other}]}));
        states.insert(other.clone(), json!({"Type": error, "Comment": name, "End": true}));
        let definition = json!({"Comment": error, "StartAt": name, "States": states});
        let graph = Graph::read(&definition);
        check_layout(&graph);
        check_well_formed(&graph.to_svg(None));
        let mermaid = graph.to_mermaid(None);
        // Quotes open and close labels and are nowhere in them.
        prop_assert!(mermaid.lines().all(|line| line.matches('"').count() % 2 == 0), "{}", mermaid);
        prop_assert!(!mermaid.contains('`'));
    }
}

#[test]
fn the_same_definition_gives_the_same_drawing() {
    let definition = machine(&mut 7, 2);
    assert_eq!(Graph::read(&definition).to_svg(None), Graph::read(&definition).to_svg(None));
}

#[test]
fn a_definition_of_any_shape_can_be_drawn() {
    for definition in [
        json!(null),
        json!({}),
        json!({"States": {}}),
        json!({"States": {"A": {}, "B": {"Type": "Parallel", "Branches": [{}, {"States": {}}]}}}),
        json!({"StartAt": "A", "States": {"A": {"Type": "Choice", "Default": "A"}}}),
        json!({"StartAt": "A", "States": {"A": {"Type": "Fail"}, "B": {"Type": "Pass", "Next": "B"}}}),
    ] {
        let graph = Graph::read(&definition);
        check_layout(&graph);
        check_well_formed(&graph.to_svg(Some(&Trace::default())));
        assert!(graph.to_mermaid(None).starts_with("flowchart TD\n"));
        assert!(graph.to_dot(None).ends_with("}\n"));
    }
}

#[test]
fn long_arrows_of_a_large_machine_do_not_make_it_larger_than_it_is() {
    let count = 2_000;
    let mut states = Map::new();
    for index in 0..count {
        let next = format!("S{}", (index + 1).min(count - 1));
        let across = format!("S{}", (index + count / 2) % count);
        states.insert(
            format!("S{index}"),
            json!({"Type": "Choice", "Choices": [{"Next": across}], "Default": next}),
        );
    }
    let graph = Graph::read(&json!({"StartAt": "S0", "States": states}));
    let layout = Layout::of(&graph);
    assert_eq!(layout.scopes[0].edges.len(), 2 * count + 1);
    check_well_formed(&graph.to_svg(None));
}

#[test]
fn containers_of_any_depth_are_drawn() {
    let mut machine = json!({"StartAt": "Last", "States": {"Last": {"Type": "Succeed"}}});
    for depth in 0..120 {
        let name = format!("S{depth}");
        machine = json!({"StartAt": &*name, "States": {
            &*name: {"Type": "Map", "End": true, "ItemProcessor": machine},
        }});
    }
    let graph = Graph::read(&machine);
    check_layout(&graph);
    assert_eq!(graph.to_mermaid(None).matches("subgraph").count(), 120);
}
