//! The engine at work, on a store in memory and in virtual time.

mod custody;
mod durability;
mod failing;
mod flood;
mod histories;
mod lines;
mod looking;
mod map_run_changes;
mod map_run_redrives;
mod map_runs;
mod measures;
mod observer;
mod publishing;
mod quotas;
mod slow;
mod starting;
mod support;
mod tasks;
mod throughput;
mod turns;
mod versions;
