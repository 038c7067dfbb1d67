//! What a step can import, and what each import needs. A capability is one file here, one row of
//! [`requirement`] and one line of [`linker`].

mod config;
pub(crate) mod http;
mod keyvalue;
mod logging;
mod mail;

use wasmtime::{
    Engine, Result,
    component::{HasSelf, Linker},
};
use wasmtime_wasi::{
    WasiView,
    cli::{WasiCli, WasiCliView},
    filesystem::{WasiFilesystem, WasiFilesystemView},
    p2::bindings::{cli, filesystem, random, sockets},
    random::WasiRandom,
    sockets::{WasiSockets, WasiSocketsView},
};

use crate::{Grants, state::State};

/// The host's side of every interface, generated from the WIT.
pub(crate) mod bindings {
    #![allow(
        missing_docs,
        missing_debug_implementations,
        unreachable_pub,
        clippy::all,
        reason = "generated code"
    )]
    wasmtime::component::bindgen!({
        inline: "
            package stepyard:host;

            world runner {
                import wasi:config/store@0.2.0-rc.1;
                import wasi:keyvalue/store@0.2.0-draft2;
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
                import wasi:logging/logging@0.1.0-draft;
                import stepyard:step/mail@1.0.0;
                export stepyard:step/handler@1.0.0;
            }
        ",
        path: "../../wit",
        world: "stepyard:host/runner",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "wasi:keyvalue/store.bucket": super::keyvalue::Bucket,
            "wasi:keyvalue/atomics.cas": super::keyvalue::Cas,
        },
    });
}

/// The function that a step exports: its interface.
pub(crate) const HANDLER: &str = "stepyard:step/handler@1.0.0";

/// What an import needs before a component that has it is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// Nothing: it reaches nothing outside the instance but the clock, randomness and the log.
    Nothing,
    /// A grant: what to write in the manifest.
    Grant(&'static str),
    /// No manifest can grant it.
    NotOffered,
}

/// What an import needs that `grants` does not give.
pub(crate) fn requirement(import: &str, grants: &Grants) -> Requirement {
    let interface = import.split('@').next().unwrap_or(import);
    let (granted, grant) = match interface {
        "wasi:cli/environment"
        | "wasi:cli/exit"
        | "wasi:cli/stdin"
        | "wasi:cli/stdout"
        | "wasi:cli/stderr"
        | "wasi:cli/terminal-input"
        | "wasi:cli/terminal-output"
        | "wasi:cli/terminal-stdin"
        | "wasi:cli/terminal-stdout"
        | "wasi:cli/terminal-stderr"
        | "wasi:clocks/monotonic-clock"
        | "wasi:clocks/wall-clock"
        | "wasi:filesystem/preopens"
        | "wasi:filesystem/types"
        | "wasi:http/types"
        | "wasi:io/error"
        | "wasi:io/poll"
        | "wasi:io/streams"
        | "wasi:logging/logging"
        | "wasi:random/insecure"
        | "wasi:random/insecure-seed"
        | "wasi:random/random"
        | "wasi:sockets/instance-network"
        | "wasi:sockets/ip-name-lookup"
        | "wasi:sockets/network"
        | "wasi:sockets/tcp"
        | "wasi:sockets/tcp-create-socket"
        | "wasi:sockets/udp"
        | "wasi:sockets/udp-create-socket" => {
            return Requirement::Nothing;
        }
        "wasi:config/store" => (grants.config.is_some(), "config = { KEY = \"VALUE\" }"),
        "wasi:http/outgoing-handler" => {
            (!grants.http.is_empty(), "http = [{ url = \"https://HOST\" }]")
        }
        "wasi:keyvalue/atomics" | "wasi:keyvalue/batch" | "wasi:keyvalue/store" => {
            (!grants.keyvalue.is_empty(), "keyvalue = [\"BUCKET\"]")
        }
        "stepyard:step/mail" => (!grants.mail.is_empty(), "mail = [\"*@DOMAIN\"]"),
        _ => return Requirement::NotOffered,
    };
    if granted { Requirement::Nothing } else { Requirement::Grant(grant) }
}

/// Everything that an admitted component may import.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    powerless(l)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(l)?;
    bindings::wasi::config::store::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    bindings::wasi::keyvalue::store::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    bindings::wasi::keyvalue::atomics::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    bindings::wasi::keyvalue::batch::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    bindings::wasi::logging::logging::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    bindings::stepyard::step::mail::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    Ok(linker)
}

/// What the standard libraries of languages drag in: io, clocks and random, an empty environment,
/// a file system without a directory, standard streams that end in the log; and, for Python alone, sockets
/// that cannot be made and names that are not looked up (`State::new` says so).
fn powerless(l: &mut Linker<State>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(l)?;
    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    filesystem::types::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    random::insecure::add_to_linker::<State, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    let options = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<State, WasiSockets>(l, &options, State::sockets)?;
    sockets::instance_network::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    sockets::tcp::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    sockets::udp_create_socket::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    sockets::udp::add_to_linker::<State, WasiSockets>(l, State::sockets)
}
