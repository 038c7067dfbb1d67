//! Torture: the server is killed at random instants, or its disk goes wrong, while clients start
//! executions of many kinds. Nothing that was acknowledged is lost, every execution ends, no
//! transition is repeated, and stock, charges and mails add up.
//!
//! `kills.rs` has the kills, `faults.rs` the disk, `delivery.rs` what a topic's subscriber is told; what happens in the end is held against what was
//! acknowledged in `audit.rs`. A failure names its seed; `STEPYARD_SEED` sets it.

mod audit;
pub(crate) mod books;
mod client;
mod delivery;
mod faults;
mod history;
mod kills;
mod machines;
mod shim;
mod worker;

/// A number that the environment sets, or else this one.
fn setting(name: &str, otherwise: impl FnOnce() -> u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")),
        Err(_) => otherwise(),
    }
}

/// Where chance begins.
fn seed() -> u64 {
    let seed = setting("STEPYARD_SEED", || fastrand::u64(..));
    eprintln!("again with STEPYARD_SEED={seed}");
    seed
}
