//! One graph in each of its forms, as text to be read.

use expect_test::{Expect, expect};
use serde_json::json;

use super::{tests::check_well_formed, *};

fn nested() -> Graph {
    Graph::read(&json!({"Comment": "Pack & \"send\"", "StartAt": "Pack", "States": {
        "Pack": {"Type": "Parallel", "Next": "Sent?", "Branches": [
            {"StartAt": "Pick", "States": {"Pick": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": true}}},
            {"StartAt": "Lines", "States": {"Lines": {"Type": "Map", "End": true, "ItemProcessor": {
                "StartAt": "Weigh", "States": {"Weigh": {"Type": "Fail", "Error": "TooHeavy"}}}}}},
        ], "Catch": [{"ErrorEquals": ["TooHeavy", "States.Timeout"], "Next": "Give up"}]},
        "Sent?": {"Type": "Choice", "Default": "Pack", "Choices": [
            {"Variable": "$.sent", "BooleanEquals": true, "Next": "Done"},
            {"Variable": "$.by", "StringEquals": "hand", "Next": "Done"},
        ]},
        "Done": {"Type": "Succeed"},
        "Give up": {"Type": "Fail"},
    }}))
}

fn caught() -> Trace {
    let event = |id: u64, previous: u64, kind: &str, name: &str| {
        let field = if kind.ends_with("Entered") { "stateEntered" } else { "stateExited" };
        let details = format!("{field}EventDetails");
        json!({"timestamp": 0, "type": kind, "id": id, "previousEventId": previous, details: {"name": name}})
    };
    let events = json!([
        event(1, 0, "ParallelStateEntered", "Pack"),
        {"timestamp": 0, "type": "ParallelStateStarted", "id": 2, "previousEventId": 1},
        event(3, 2, "TaskStateEntered", "Pick"),
        {"timestamp": 0, "type": "TaskFailed", "id": 4, "previousEventId": 3, "taskFailedEventDetails": {}},
        {"timestamp": 0, "type": "ParallelStateFailed", "id": 5, "previousEventId": 4},
        event(6, 5, "ParallelStateExited", "Pack"),
        event(7, 6, "FailStateEntered", "Give up"),
        {"timestamp": 0, "type": "ExecutionFailed", "id": 8, "previousEventId": 7, "executionFailedEventDetails": {}},
    ]);
    let history: Vec<crate::HistoryEvent> = serde_json::from_value(events).unwrap();
    Trace::from_history(&history)
}

fn check(drawing: String, expected: Expect) {
    expected.assert_eq(&drawing);
}

#[test]
fn a_graph_is_written_as_mermaid() {
    check(
        nested().to_mermaid(None),
        expect![[r#"
        flowchart TD
            accTitle: Pack #38; #34;send#34;
            s0n0(["Start"]):::terminal
            subgraph s0n1["Pack · Parallel · 2 branches"]
                direction LR
                subgraph s1["Branch 1"]
                    direction TB
                    s1n0(["Start"]):::terminal
                    s1n1("Pick<br/>Task · sqs:sendMessage"):::task
                    s1n2(["End"]):::terminal
                end
                subgraph s2["Branch 2"]
                    direction TB
                    s2n0(["Start"]):::terminal
                    subgraph s2n1["Lines · Map · each item"]
                        direction TB
                        s3n0(["Start"]):::terminal
                        s3n1("Weigh<br/>Fail · TooHeavy"):::fail
                    end
                    s2n2(["End"]):::terminal
                end
            end
            s0n2{{"Sent?<br/>Choice"}}:::choice
            s0n3("Done<br/>Succeed"):::succeed
            s0n4("Give up<br/>Fail"):::fail
            s0n5(["End"]):::terminal
            s0n0 --> s0n1
            s0n1 --> s0n2
            s0n1 -.->|"TooHeavy, States.Timeout"| s0n4
            s0n2 -->|"$.sent == true<br/>$.by == #34;hand#34;"| s0n3
            s0n2 -->|"Default"| s0n1
            s0n3 --> s0n5
            s1n0 --> s1n1
            s1n1 --> s1n2
            s2n0 --> s2n1
            s2n1 --> s2n2
            s3n0 --> s3n1
            linkStyle 2 stroke:#d97706
            classDef terminal fill:#1e293b,stroke:#1e293b,color:#ffffff
            classDef task fill:#eff6ff,stroke:#2563eb,color:#0f172a
            classDef choice fill:#f5f3ff,stroke:#7c3aed,color:#0f172a
            classDef pass fill:#f8fafc,stroke:#64748b,color:#0f172a
            classDef wait fill:#f0fdfa,stroke:#0d9488,color:#0f172a
            classDef succeed fill:#f0fdf4,stroke:#16a34a,color:#0f172a
            classDef fail fill:#fef2f2,stroke:#dc2626,color:#0f172a
            classDef frame fill:#f8fafc,stroke:#93c5fd,color:#0f172a
            class s0n1,s1,s2,s2n1 frame
    "#]],
    );
    let traced = nested().to_mermaid(Some(&caught()));
    let added: Vec<&str> =
        traced.lines().map(str::trim).filter(|it| it.starts_with(['c', 'l'])).collect();
    check(
        added.join("\n"),
        expect![[r#"
            linkStyle 1,3,4,5,7,8,9,10 opacity:0.4
            linkStyle 0,6 stroke:#16a34a,stroke-width:3px
            linkStyle 2 stroke:#d97706,stroke-width:3px
            classDef terminal fill:#1e293b,stroke:#1e293b,color:#ffffff
            classDef task fill:#eff6ff,stroke:#2563eb,color:#0f172a
            classDef choice fill:#f5f3ff,stroke:#7c3aed,color:#0f172a
            classDef pass fill:#f8fafc,stroke:#64748b,color:#0f172a
            classDef wait fill:#f0fdfa,stroke:#0d9488,color:#0f172a
            classDef succeed fill:#f0fdf4,stroke:#16a34a,color:#0f172a
            classDef fail fill:#fef2f2,stroke:#dc2626,color:#0f172a
            classDef frame fill:#f8fafc,stroke:#93c5fd,color:#0f172a
            class s0n1,s1,s2,s2n1 frame
            classDef visited stroke:#16a34a,stroke-width:3px
            classDef running stroke:#2563eb,stroke-width:3px
            classDef caught stroke:#d97706,stroke-width:3px
            classDef failed stroke:#dc2626,stroke-width:3px
            classDef aborted stroke:#64748b,stroke-width:3px
            classDef unvisited opacity:0.4
            class s0n1 caught
            class s0n4,s1n1 failed
            class s0n2,s0n3,s2n1,s3n1 unvisited"#]],
    );
}

#[test]
fn a_graph_is_written_as_dot() {
    check(
        nested().to_dot(None),
        expect![[r##"
        digraph "Pack &amp; \"send\"" {
          graph [compound=true, rankdir=TB, nodesep=0.5, ranksep=0.45, fontname="Helvetica", fontsize=12]
          node [shape=box, style="rounded,filled", fillcolor="#ffffff", color="#94a3b8", fontname="Helvetica", fontsize=12]
          edge [color="#94a3b8", fontname="Helvetica", fontsize=10, fontcolor="#475569"]
          s0n0 [label="Start", shape=ellipse, style=filled, color="#1e293b"]
          subgraph cluster_s0n1 {
            label="Pack\nParallel · 2 branches"; style=rounded; color="#93c5fd"
            s0n1_in [shape=point, style=invis, width=0, height=0, label=""]
            s0n1_out [shape=point, style=invis, width=0, height=0, label=""]
            s0n1_in -> s1n0 [style=invis]
            s1n2 -> s0n1_out [style=invis]
            s0n1_in -> s2n0 [style=invis]
            s2n2 -> s0n1_out [style=invis]
            subgraph cluster_s1 {
              label=""; style="rounded,dashed"; color="#cbd5e1"
              s1n0 [label="Start", shape=ellipse, style=filled, color="#1e293b"]
              s1n1 [label="Pick\nTask · sqs:sendMessage", color="#2563eb"]
              s1n2 [label="End", shape=ellipse, style=filled, color="#1e293b"]
            }
            subgraph cluster_s2 {
              label=""; style="rounded,dashed"; color="#cbd5e1"
              s2n0 [label="Start", shape=ellipse, style=filled, color="#1e293b"]
              subgraph cluster_s2n1 {
                label="Lines\nMap · each item"; style=rounded; color="#93c5fd"
                s2n1_in [shape=point, style=invis, width=0, height=0, label=""]
                s2n1_out [shape=point, style=invis, width=0, height=0, label=""]
                s2n1_in -> s3n0 [style=invis]
                s3n1 -> s2n1_out [style=invis]
                subgraph cluster_s3 {
                  label=""; style="rounded,dashed"; color="#cbd5e1"
                  s3n0 [label="Start", shape=ellipse, style=filled, color="#1e293b"]
                  s3n1 [label="Weigh\nFail · TooHeavy", color="#dc2626"]
                }
              }
              s2n2 [label="End", shape=ellipse, style=filled, color="#1e293b"]
            }
          }
          s0n2 [label="Sent?\nChoice", shape=hexagon, style=filled, color="#7c3aed"]
          s0n3 [label="Done\nSucceed", color="#16a34a"]
          s0n4 [label="Give up\nFail", color="#dc2626"]
          s0n5 [label="End", shape=ellipse, style=filled, color="#1e293b"]
          s0n0 -> s0n1_in [lhead=cluster_s0n1]
          s0n1_out -> s0n2 [ltail=cluster_s0n1]
          s0n1_out -> s0n4 [label="TooHeavy, States.Timeout", style=dashed, color="#d97706", ltail=cluster_s0n1]
          s0n2 -> s0n3 [label="$.sent == true\n$.by == \"hand\""]
          s0n2 -> s0n1_in [constraint=false, label="Default", lhead=cluster_s0n1]
          s0n3 -> s0n5 []
          s1n0 -> s1n1 []
          s1n1 -> s1n2 []
          s2n0 -> s2n1_in [lhead=cluster_s2n1]
          s2n1_out -> s2n2 [ltail=cluster_s2n1]
          s3n0 -> s3n1 []
        }
    "##]],
    );
    let traced = nested().to_dot(Some(&caught()));
    let taken: Vec<&str> =
        traced.lines().map(str::trim).filter(|it| it.contains("penwidth")).collect();
    check(
        taken.join("\n"),
        expect![[r##"
        s1n1 [label="Pick\nTask · sqs:sendMessage", color="#dc2626", penwidth=2.5]
        s0n4 [label="Give up\nFail", color="#dc2626", penwidth=2.5]
        s0n0 -> s0n1_in [color="#16a34a", penwidth=2.5, lhead=cluster_s0n1]
        s0n1_out -> s0n4 [label="TooHeavy, States.Timeout", style=dashed, color="#d97706", penwidth=2.5, ltail=cluster_s0n1]
        s1n0 -> s1n1 [color="#16a34a", penwidth=2.5]"##]],
    );
}

#[test]
fn the_path_taken_stands_out_in_svg() {
    let svg = nested().to_svg(Some(&caught()));
    check_well_formed(&svg);
    let classes = svg.lines().filter(|it| it.contains("class=\"node") || it.contains("taken\""));
    check(
        classes.collect::<Vec<_>>().join("\n"),
        expect![[r#"
        <g class="edge taken">
        <g class="edge catch taken">
        <g class="node parallel caught">
        <g class="node choice unvisited">
        <g class="node succeed unvisited">
        <g class="node fail failed">
        <g class="label catch taken">
        <g class="edge taken">
        <g class="node task failed">
        <g class="node map unvisited">
        <g class="node fail unvisited">"#]],
    );
    assert!(svg.contains("<title>Pack &amp; &quot;send&quot; (an execution that failed)</title>"));
}

#[test]
fn a_trace_of_another_definition_is_not_shown() {
    assert!(nested().shows(&caught()));
    assert!(!Graph::read(&json!({"States": {"Pack": {}}})).shows(&caught()));
}
