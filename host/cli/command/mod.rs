//! The commands, one file each.

#[cfg(feature = "full")]
pub(crate) mod export;
#[cfg(feature = "full")]
pub(crate) mod graph;
#[cfg(feature = "full")]
pub(crate) mod history;
pub(crate) mod lambda;
#[cfg(feature = "full")]
pub(crate) mod package;
#[cfg(feature = "full")]
pub(crate) mod run;
#[cfg(feature = "full")]
pub(crate) mod seed;
#[cfg(feature = "full")]
pub(crate) mod serve;
#[cfg(feature = "full")]
pub(crate) mod step;
#[cfg(feature = "full")]
pub(crate) mod topics;
#[cfg(feature = "full")]
pub(crate) mod validate;
