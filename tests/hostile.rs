//! Requests that no honest client sends: `stepyard serve` refuses each with AWS's error, drops no
//! connection, keeps its memory and does not panic.

use serde_json::json;

use crate::support::{Project, Server, python::python};

const WRONG: &str = include_str!("support/wrong.py");
const FORGED: &str = concat!(include_str!("support/client.py"), include_str!("support/forged.py"));

/// How much the server may grow, over thousands of requests.
#[cfg(target_os = "linux")]
const GROWTH_KIB: u64 = 96 << 10;

#[test]
fn what_is_wrong_with_any_member_is_told_as_aws_tells_it() {
    let Some(python) = python() else { return };
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    server.call("ListStateMachines", "{}");
    #[cfg(target_os = "linux")]
    let before = server.resident_kib();
    let seed = std::env::var("STEPYARD_SEED").unwrap_or_else(|_| std::process::id().to_string());
    let url = format!("http://{}", server.address);
    let seen = python.run(WRONG, &[&url, &seed]);
    let asked = seen["asked"].as_u64().unwrap();
    assert!(asked > 5_000, "only {asked} requests were made");
    let expected = json!({ "faults": [], "left out": [], "still": 200, "asked": asked });
    assert_eq!(seen, expected, "with STEPYARD_SEED={seed}");
    #[cfg(target_os = "linux")]
    {
        let grown = server.resident_kib().saturating_sub(before);
        assert!(grown < GROWTH_KIB, "{asked} requests took {grown} KiB");
    }
    server.ask_to_end();
    let ended = server.finish();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}

#[test]
fn a_token_that_was_never_given_opens_nothing() {
    let Some(python) = python() else { return };
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let seen = python.run(FORGED, &[&format!("http://{}", server.address)]);
    let expected =
        json!({ "taken": [], "ends": ["FAILED", "SUCCEEDED"], "pages": true, "many": true });
    assert_eq!(seen, expected);
    server.ask_to_end();
    let ended = server.finish();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}
