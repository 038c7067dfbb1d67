//! The commands, one file each.

pub(crate) mod export;
pub(crate) mod graph;
pub(crate) mod history;
pub(crate) mod package;
pub(crate) mod run;
pub(crate) mod seed;
pub(crate) mod serve;
pub(crate) mod step;
pub(crate) mod topics;
pub(crate) mod validate;
