//! What the hostile suite is made of. Long, for it is a table.

use std::{fs, time::Duration};

use stepyard_wasm::{Grants, Limits};

use crate::{
    support::{grants, hostile},
    text_step::{MEMORY, TextStep, step},
};

/// A hostile step.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) component: Component,
    pub(super) grants: fn() -> Grants,
    /// Its limits, from the usual ones.
    pub(super) limits: fn(Limits) -> Limits,
    pub(super) input: &'static str,
    pub(super) ends: Ends,
}

/// Where a component comes from.
pub(super) enum Component {
    /// The hostile guest, which does what its input says.
    Guest,
    /// Bytes that are made.
    Made(fn() -> Vec<u8>),
}

/// How a case ends.
#[derive(Clone, Copy)]
pub(super) enum Ends {
    /// It is not let in, and the message says this.
    Refused(&'static str),
    /// Its task fails with this error, whose cause says this.
    Fails(&'static str, &'static str),
    /// What it tried was denied, and its answer says so.
    Answers(&'static str),
}

use Ends::{Answers, Fails, Refused};

/// A deed of the guest.
const fn deed(name: &'static str, input: &'static str, ends: Ends) -> Case {
    Case { name, component: Component::Guest, grants, limits: |usual| usual, input, ends }
}

/// A component that is let in with no grants, and called.
const fn made(name: &'static str, component: fn() -> Vec<u8>, ends: Ends) -> Case {
    let (grants, component) = (Grants::default as fn() -> Grants, Component::Made(component));
    Case { name, component, grants, limits: |usual| usual, input: "any", ends }
}

/// Time to flood, not to compute.
fn patient(usual: Limits) -> Limits {
    Limits { cpu_time: Duration::from_secs(30), ..usual }
}

const fn flood(name: &'static str, input: &'static str, ends: Ends) -> Case {
    Case { limits: patient, ..deed(name, input, ends) }
}

fn starting(body: &str) -> Vec<u8> {
    step("", &format!("{MEMORY} (table 1 funcref) (func $start {body}) (start $start)"))
}

fn doing(invoke: &str) -> Vec<u8> {
    let module = r#"(memory (export "memory") 1) (table $t 1 funcref) (type $f (func))
        (func $deeper (param i32) (result i32) local.get 0 call $deeper)"#;
    TextStep { invoke, module, ..TextStep::default() }.component()
}

fn allocating(realloc: &str) -> Vec<u8> {
    TextStep { realloc, ..TextStep::default() }.component()
}

/// A step whose result's bytes are other ones from `at` on.
fn returning(at: u32, bytes: &str) -> Vec<u8> {
    step("", &format!(r#"{MEMORY} (data (i32.const {at}) "{bytes}")"#))
}

fn importing(import: &str) -> Vec<u8> {
    step(&format!(r#"(import "{import}" (instance))"#), MEMORY)
}

/// The guest with one byte of every thousand turned over, from `first` on.
fn corrupt(first: usize) -> Vec<u8> {
    let mut bytes = fs::read(hostile()).unwrap();
    bytes.iter_mut().skip(first).step_by(1_000).for_each(|byte| *byte ^= 0x55);
    bytes
}

fn cut(parts: usize) -> Vec<u8> {
    let bytes = fs::read(hostile()).unwrap();
    bytes[..bytes.len() * parts / 10].to_vec()
}

const CPU: Ends = Fails("Sandbox.CpuTimeExceeded", "limits.cpu_seconds");
const STACK: Ends = Fails("Runtime.StackOverflow", "recurses too deeply");
const MEMORY_OUT: Ends = Fails("Runtime.OutOfMemory", "limits.memory_mib");
const NOT_HERE: Ends = Refused("is not a component that runs here");
const NO_TEXT: Ends = Fails("Runtime.MarshalError", "no text");

pub(super) const CASES: &[Case] = &[
    // Computing and recursing.
    deed("a loop", "resources loop", CPU),
    made("a loop in WebAssembly's text", || doing("(loop (br 0)) unreachable"), CPU),
    made("a loop before anything is called", || starting("(loop (br 0))"), CPU),
    made("a loop where memory is asked for", || allocating("(loop (br 0)) unreachable"), CPU),
    made(
        "a fill of all memory, again and again",
        || {
            doing(
                "(loop (memory.fill (i32.const 1024) (i32.const 1) (i32.const 64000)) (br 0)) unreachable",
            )
        },
        CPU,
    ),
    Case {
        limits: |usual| Limits { wall_time: Duration::from_secs(1), ..usual },
        ..deed("sleep", "resources sleep", Fails("Sandbox.Timedout", "limits.wall_seconds"))
    },
    deed("recursion with large frames", "resources recurse", STACK),
    deed("recursion with small frames", "resources recurse-narrow", STACK),
    made("recursion in WebAssembly's text", || doing("i32.const 0 call $deeper"), STACK),
    made("recursion before anything is called", || starting("call $start"), STACK),
    // Memory and tables.
    deed("memory without end", "resources allocate", MEMORY_OUT),
    deed("a gigabyte at once", "returns json 1073741824", MEMORY_OUT),
    made(
        "memory before anything is called",
        || {
            starting(
                "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable",
            )
        },
        MEMORY_OUT,
    ),
    made(
        "memory that begins over the limit",
        || step("", r#"(memory (export "memory") 512)"#),
        NOT_HERE,
    ),
    made(
        "a table without end",
        || {
            doing(
                "(loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 64)) (i32.const -1)))) unreachable",
            )
        },
        Fails("Runtime.ExitError", "panicked or aborted"),
    ),
    made(
        "a table that begins over the limit",
        || step("", &format!("{MEMORY} (table 10000000 funcref)")),
        NOT_HERE,
    ),
    made(
        "more tables than there may be",
        || step("", &format!("{MEMORY} {}", "(table 1 funcref)".repeat(40))),
        NOT_HERE,
    ),
    made(
        "more memories than there may be",
        || step("", &format!("{MEMORY} {}", "(memory 1)".repeat(20))),
        NOT_HERE,
    ),
    // Traps in start and in every export.
    deed("a panic", "resources panic", Fails("Runtime.ExitError", "boom from the guest")),
    deed("an abort", "resources unreachable", Fails("Runtime.ExitError", "panicked or aborted")),
    deed(
        "a read where no memory is",
        "resources bad-pointer",
        Fails("Runtime.ExitError", "out of bounds"),
    ),
    deed("a division by zero", "resources divide", Fails("Runtime.ExitError", "divide by zero")),
    deed("an exit", "resources exit", Fails("Runtime.ExitError", "exited with status")),
    made(
        "a trap before anything is called",
        || starting("unreachable"),
        Fails("Runtime.ExitError", "panicked or aborted"),
    ),
    made(
        "a trap in the function",
        || doing("unreachable"),
        Fails("Runtime.ExitError", "panicked or aborted"),
    ),
    made(
        "a trap where memory is asked for",
        || allocating("unreachable"),
        Fails("Runtime.ExitError", "panicked or aborted"),
    ),
    made(
        "a call of nothing",
        || doing("(call_indirect $t (type $f) (i32.const 0)) i32.const 0"),
        Fails("Runtime.ExitError", "uninitialized element"),
    ),
    made(
        "a call past the table",
        || doing("(call_indirect $t (type $f) (i32.const 77)) i32.const 0"),
        Fails("Runtime.ExitError", "undefined element"),
    ),
    made(
        "a number that does not fit",
        || doing("(i32.trunc_f64_s (f64.const 1e300))"),
        Fails("Runtime.ExitError", "integer overflow"),
    ),
    made(
        "memory given where none is",
        || allocating("i32.const -16"),
        Fails("Runtime.MarshalError", "beyond end of memory"),
    ),
    // Results.
    deed(
        "a result over the limit",
        "returns json 300000",
        Fails("Function.ResponseSizeTooLarge", "300000 bytes"),
    ),
    deed(
        "a result far over the limit",
        "returns json 3000000",
        Fails("Function.ResponseSizeTooLarge", "more than 1048576 bytes"),
    ),
    deed("an empty result", "returns nothing 0", Fails("Runtime.MarshalError", "not JSON")),
    made(
        "a result that is not JSON",
        || returning(16, "nope"),
        Fails("Runtime.MarshalError", "not JSON"),
    ),
    made(
        "a result that nests too deeply",
        || {
            let place = r#"(data (i32.const 4) "\00\04\00\00\60\ea\00\00")"#;
            let nested = "[".repeat(60_000);
            let module = format!(r#"{MEMORY} {place} (data (i32.const 1024) "{nested}")"#);
            step("", &module)
        },
        Fails("Runtime.MarshalError", "recursion limit exceeded"),
    ),
    deed("a result that is no text", "returns bad-utf8 3", NO_TEXT),
    made(
        "a result that is no text, in WebAssembly's text",
        || returning(16, r"\ff\fe\fd\fc"),
        NO_TEXT,
    ),
    deed("a result past the memory", "returns bad-pointer 4294901760", NO_TEXT),
    made("a result that begins past the memory", || returning(4, r"\00\00\ff\7f"), NO_TEXT),
    made("a result that ends past the memory", || returning(8, r"\ff\ff\00\00"), NO_TEXT),
    made(
        "a result that is neither right nor wrong",
        || returning(0, r"\07"),
        Fails("Runtime.MarshalError", ""),
    ),
    made(
        "a result's place past the memory",
        || doing("i32.const -8"),
        Fails("Runtime.MarshalError", ""),
    ),
    deed("an error without end", "fail Loud noise", Fails("Loud", "noise")),
    // Floods of the host.
    flood(
        "key-value written",
        "floods keyvalue",
        Fails("Sandbox.KeyValueBytesExceeded", "8388608 bytes"),
    ),
    flood(
        "key-value read",
        "floods keyvalue-reads",
        Fails("Sandbox.KeyValueBytesExceeded", "8388608 bytes"),
    ),
    flood(
        "key-value in batches",
        "floods keyvalue-batch",
        Fails("Sandbox.KeyValueBytesExceeded", "8388608 bytes"),
    ),
    flood(
        "calls of the host",
        "floods host-calls",
        Fails("Sandbox.HostCallsExceeded", "more than 10000 times"),
    ),
    flood(
        "a call with too much",
        "floods one-call",
        Fails("Sandbox.HostCallSizeExceeded", "more than 1048576 bytes"),
    ),
    flood("handles", "floods handles", Fails("Sandbox.HandlesExceeded", "more than 1000 handles")),
    flood("the log", "floods log", Fails("Sandbox.LogBytesExceeded", "262144 bytes of log")),
    flood(
        "standard output",
        "floods stdout",
        Fails("Sandbox.LogBytesExceeded", "262144 bytes of log"),
    ),
    flood(
        "standard error",
        "floods stderr",
        Fails("Sandbox.LogBytesExceeded", "262144 bytes of log"),
    ),
    // What is not granted.
    deed("a file read", "denied file", Answers("No such file")),
    deed("a file written", "denied write", Answers("Err(")),
    deed("the environment", "denied environment", Answers("0")),
    deed("another bucket", "keyvalue other get key", Answers("AccessDenied")),
    deed("a bucket by a path", "keyvalue granted/../other get key", Answers("AccessDenied")),
    deed("a bucket above", "keyvalue ../granted get key", Answers("AccessDenied")),
    deed("the host's own bucket", "keyvalue $stepyard get key", Answers("AccessDenied")),
    deed(
        "a bucket that may only be read",
        "keyvalue readable set key value",
        Answers("AccessDenied"),
    ),
    deed("a key by a path", "keyvalue granted get ../../other/key", Answers("none")),
    // An idempotency key that another function may have: it is kept under its own, see `is_own`.
    deed("a message under another's id", "mail user@example.com", Answers("Ok(())")),
    deed("a recipient who is not granted", "mail spy@example.org", Answers("AccessDenied")),
    deed(
        "two recipients in one",
        "mail spy@example.org,_a@example.com",
        Answers("is not an address"),
    ),
    deed("another host", "http GET https://example.org/", Answers("HttpRequestDenied")),
    deed("another scheme", "http GET http://api.example.com/", Answers("HttpRequestDenied")),
    deed(
        "the machine's metadata",
        "http GET http://169.254.169.254/latest/meta-data/",
        Answers("HttpRequestDenied"),
    ),
    deed("the machine itself", "http GET http://127.0.0.1:8083/", Answers("HttpRequestDenied")),
    deed(
        "a host in the user's place",
        "http GET https://api.example.com@127.0.0.1/",
        Answers("HttpRequestDenied"),
    ),
    deed("a connection of its own", "denied connect", Answers("PermissionDenied")),
    deed("a port of its own", "denied listen", Answers("PermissionDenied")),
    deed("a datagram", "denied datagram", Answers("PermissionDenied")),
    deed("a name looked up", "denied lookup", Answers("Err(")),
    // What is not let in.
    made(
        "requests from outside",
        || importing("wasi:http/incoming-handler@0.2.6"),
        Refused("what no step is given"),
    ),
    made(
        "an interface of its own",
        || importing("example:own/thing"),
        Refused("what no step is given"),
    ),
    made(
        "mail without a grant",
        || importing("stepyard:step/mail@1.0.0"),
        Refused("not granted to it"),
    ),
    made(
        "key-value without a grant",
        || importing("wasi:keyvalue/store@0.2.0-draft2"),
        Refused("not granted to it"),
    ),
    made(
        "HTTP without a grant",
        || importing("wasi:http/outgoing-handler@0.2.6"),
        Refused("not granted to it"),
    ),
    made("another world", || wat::parse_str("(component)").unwrap(), Refused("is not a step")),
    made(
        "an input of another type",
        || TextStep { input: "(list u8)", ..TextStep::default() }.component(),
        Refused("has another type"),
    ),
    made("a core module", || wat::parse_str("(module)").unwrap(), Refused("is a core module")),
    made("an empty file", Vec::new, Refused("does not begin as WebAssembly does")),
    made(
        "a file of another kind",
        || b"\x7fELF\x02\x01\x01".repeat(100),
        Refused("does not begin as WebAssembly does"),
    ),
    made("a file that is cut early", || cut(1), NOT_HERE),
    made("a file that is cut in the middle", || cut(5), NOT_HERE),
    made("a file that is cut late", || cut(9), NOT_HERE),
    made("a corrupt file", || corrupt(8), NOT_HERE),
    made("a file that is corrupt further on", || corrupt(500), NOT_HERE),
];
