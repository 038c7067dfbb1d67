//! Packages for AWS Lambda: what is in them, byte for byte, and that their programs run anywhere.

use std::fs;

use object::{
    Architecture as Machine, Endianness, Object, ObjectSection,
    read::elf::{Dyn, ElfFile64, ProgramHeader},
};
use serde_json::json;

use crate::support::{
    Project,
    packages::{Architecture, bootstrap},
    python::python,
};

/// That a program is for these processors, and needs no other file of the system that it runs on.
fn check_static(program: &[u8], machine: Machine) {
    let elf = ElfFile64::<Endianness>::parse(program).expect("it is an ELF file");
    assert_eq!(elf.architecture(), machine);
    for header in elf.elf_program_headers() {
        assert_eq!(header.interpreter(elf.endian(), program), Ok(None), "it has an interpreter");
        let dynamic = header.dynamic(elf.endian(), program).expect("its headers can be read");
        let needed = |it: &&object::elf::Dyn64<_>| it.tag(elf.endian()) == object::elf::DT_NEEDED;
        assert_eq!(
            dynamic.unwrap_or_default().iter().filter(needed).count(),
            0,
            "it needs libraries"
        );
    }
    let versions = elf.sections().find(|it| it.name() == Ok(".gnu.version_r"));
    assert!(versions.is_none(), "it asks for versions of libraries");
    let glibc = program.windows(6).any(|bytes| bytes == b"GLIBC_");
    assert!(!glibc, "it has symbols of the GNU C library");
}

fn machine(architecture: Architecture) -> Machine {
    match architecture {
        Architecture::X86_64 => Machine::X86_64,
        Architecture::Arm64 => Machine::Aarch64,
    }
}

fn check_package(architecture: Architecture) -> Option<()> {
    let project = Project::order_on_aws(|text| text);
    let packages = project.package(architecture, &["--out", "zips"])?;
    let names: Vec<&str> = packages.keys().map(String::as_str).collect();
    assert_eq!(names, ["ChargePayment", "CheckInventory", "ReceiveOrder", "SendConfirmation"]);
    let unpacked = project.path("unpacked");
    let files = python()?.unzip(&packages["ChargePayment"], &unpacked);
    let first_day = [1980, 1, 1, 0, 0, 0];
    assert_eq!(
        files,
        json!([
            ["bootstrap", "0o755", first_day],
            ["components/ChargePayment.cwasm", "0o644", first_day],
            ["stepyard.toml", "0o644", first_day],
        ])
    );
    check_static(&fs::read(unpacked.join("bootstrap")).unwrap(), machine(architecture));
    let component = fs::read(unpacked.join("components/ChargePayment.cwasm")).unwrap();
    let component = ElfFile64::<Endianness>::parse(&*component).unwrap();
    assert_eq!(component.architecture(), machine(architecture));
    let manifest = fs::read_to_string(unpacked.join("stepyard.toml")).unwrap();
    assert!(manifest.contains("[functions.ChargePayment]"), "{manifest}");
    for other in ["CheckInventory", "inventory", "workflows"] {
        assert!(!manifest.contains(other), "{other} is in {manifest}");
    }
    Some(())
}

#[test]
fn a_package_has_a_static_program_a_component_its_grants_and_nothing_else() {
    check_package(Architecture::X86_64);
}

#[test]
fn a_package_for_arm64_has_the_same() {
    check_package(Architecture::Arm64);
}

#[test]
fn a_function_that_would_keep_something_on_lambdas_disk_is_not_packaged() {
    let project = Project::order();
    let Some(bootstrap) = bootstrap(Architecture::X86_64) else { return };
    let bootstrap = bootstrap.to_str().unwrap();
    let packaged = project.stepyard(["package", "CheckInventory", "--bootstrap", bootstrap]);
    let message = packaged.refusal();
    assert!(message.contains("stepyard.toml: [keyvalue.inventory]"), "{message}");
    assert!(message.contains("[dynamodb]"), "{message}");
}

#[test]
fn the_package_of_a_workflow_has_all_its_functions() {
    let project = Project::order_on_aws(|text| text);
    let arguments = ["--workflow", "workflow.asl.json", "--out", "zips"];
    let Some(packages) = project.package(Architecture::X86_64, &arguments) else { return };
    assert_eq!(packages.keys().collect::<Vec<_>>(), ["order"]);
    let unpacked = project.path("unpacked");
    let Some(python) = python() else { return };
    let files = python.unzip(&packages["order"], &unpacked);
    let names: Vec<&str> =
        files.as_array().unwrap().iter().map(|it| it[0].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "bootstrap",
            "components/ChargePayment.cwasm",
            "components/CheckInventory.cwasm",
            "components/ReceiveOrder.cwasm",
            "components/SendConfirmation.cwasm",
            "stepyard.toml",
            "workflow.asl.json",
        ]
    );
    let [packaged, written] = [unpacked, project.path("")]
        .map(|folder| fs::read(folder.join("workflow.asl.json")).unwrap());
    assert_eq!(packaged, written, "the definition is as it was");
}

#[test]
fn the_same_project_is_the_same_package_wherever_it_is() {
    let packaged = || {
        let project = Project::order_on_aws(|text| text);
        let packages = project.package(Architecture::X86_64, &["CheckInventory"])?;
        Some(fs::read(&packages["CheckInventory"]).unwrap())
    };
    let (Some(one), Some(other)) = (packaged(), packaged()) else { return };
    assert!(one == other, "the zips differ");
}

#[test]
fn what_cannot_be_packaged_is_refused_with_its_mend() {
    let project = Project::order();
    let refusal = |arguments: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["package"], arguments].concat();
        project.stepyard_with(arguments, variables).refusal().to_owned()
    };
    let unknown = refusal(&["Nobody"], &[]);
    assert!(unknown.contains("binds no function `Nobody`"), "{unknown}");
    // A folder without Stepyard's source, and no program beside.
    let script = project.write("bootstrap.sh", "#!/bin/sh\n");
    let no_elf = refusal(&["--bootstrap", script.to_str().unwrap()], &[]);
    assert!(no_elf.contains("is no bootstrap for x86_64: it is no 64-bit ELF file"), "{no_elf}");
    let own = refusal(&["--bootstrap", env!("CARGO_BIN_EXE_stepyard")], &[]);
    assert!(own.contains("build it for x86_64-unknown-linux-musl"), "{own}");
    let other = refusal(&["--arch", "arm64", "--bootstrap", env!("CARGO_BIN_EXE_stepyard")], &[]);
    assert!(other.contains("it is for other processors"), "{other}");
    let no_tools = refusal(&["ReceiveOrder"], &[("PATH", "")]);
    assert!(no_tools.contains("pip install cargo-zigbuild"), "{no_tools}");
    assert!(no_tools.contains("--bootstrap"), "{no_tools}");
}
