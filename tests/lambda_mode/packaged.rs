//! What `stepyard package` makes, as Lambda runs it: the lean binary, on the processors it is built for.

use std::process::Command;

use super::{
    function::{Function, Package},
    runtime_api::RuntimeApi,
};
use crate::support::{
    Project, order,
    packages::{Architecture, bootstrap},
    python::python,
    toolchains::qemu_arm64,
};

/// A function that is started from its package, by this program where it is not for this machine.
fn start(architecture: Architecture, runner: Option<&str>, api: &RuntimeApi) -> Option<Function> {
    let project = Project::order();
    let packages = project.package(architecture, &["ReceiveOrder"])?;
    let package = Package::unzipped(python()?, &packages["ReceiveOrder"]);
    let bootstrap = package.path("bootstrap");
    let mut command = match runner {
        Some(runner) => Command::new(runner),
        None => Command::new(&bootstrap),
    };
    command.args(runner.map(|_| &bootstrap));
    Some(package.start_by(command, api, &[("STEPYARD_STEP", "ReceiveOrder")]))
}

/// That it answers an order, and one that is not valid with the step's own error.
fn check(architecture: Architecture, runner: Option<&str>) {
    let api = RuntimeApi::start();
    let Some(function) = start(architecture, runner, &api) else { return };
    assert_eq!(api.invoke("right", order("12345").to_string()).json()["order_id"], "12345");
    let wrong = api.invoke("wrong", r#"{"order_id": "12345"}"#);
    assert_eq!(wrong.path, "invocation/wrong/error");
    assert_eq!(wrong.json()["errorType"], "InvalidOrder");
    let log = function.log();
    let told = log.iter().find(|it| it["level"] == "ERROR").expect("the error is logged");
    assert_eq!(told["requestId"], "wrong", "{log:?}");
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn a_package_answers() {
    check(Architecture::X86_64, None);
}

#[test]
fn a_package_for_arm64_answers_on_an_emulated_processor() {
    let Some(_) = bootstrap(Architecture::Arm64) else { return };
    let Some(qemu) = qemu_arm64() else { return };
    check(Architecture::Arm64, qemu.to_str());
}
