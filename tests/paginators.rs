//! boto3's paginators: pages of any size add up to the whole list, each item once.

use serde_json::json;

use crate::support::{Project, Server, python::python};

const CLIENT: &str =
    concat!(include_str!("support/client.py"), include_str!("support/paginators.py"));

#[test]
fn pages_of_any_size_add_up() {
    let Some(python) = python() else { return };
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let seen = python.run(CLIENT, &[&format!("http://{}", server.address)]);
    let expected = json!({
        "get_execution_history": 7,
        "list_activities": 7,
        "list_executions": 7,
        "list_map_runs": 7,
        "list_state_machines": 8,
    });
    assert_eq!(seen, expected);
    assert_eq!(server.terminate(), Some(0));
}
