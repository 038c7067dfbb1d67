//! Runs steps: Wasm components as Task states.
//!
//! ```text
//!   StepSpec ─► component: admitted or refused ─► engine's Registry: name → version
//!                                                       │ run
//!   engine's traits ◄─ capability: grant checked ◄─ sandbox: a fresh instance, limited
//! ```
//!
//! This crate alone knows wasmtime. A component is hostile until proven otherwise: it is refused
//! when it imports what the manifest does not grant, every task gets a new instance, and each
//! instance has limits of time, memory, stack, output and host calls. What it does wrong fails its
//! task with a named error ([`Breach`]) and never the host. A build without the feature `compiler`
//! runs what one with it has compiled (`precompile`), and nothing else. A step reaches nothing but the traits
//! of `stepyard_engine::outside`, through [`Outside`]; it never sees a file, a socket, a variable
//! of the environment or a secret.

mod binding;
mod breach;
#[cfg(feature = "compiler")]
mod cache;
mod capability;
#[cfg(feature = "compiler")]
mod compiler;
#[cfg(not(feature = "compiler"))]
#[path = "no_compiler.rs"]
mod compiler;
mod component;
mod cpu_time;
mod denials;
mod ending;
mod error;
mod gate;
mod grants;
mod inspect;
mod invocation;
mod limits;
mod outside;
mod policy;
mod sandbox;
mod state;
mod steps;
mod task_secrets;
mod ticker;

pub use binding::{Settings, StepSpec, open, read, rebind};
pub use breach::Breach;
#[cfg(feature = "compiler")]
pub use compiler::precompile;
pub use error::{MissingGrant, Problem, StepError};
pub use grants::{Access, BucketGrant, Grants, HttpGrant, Scheme, SecretHeader};
pub use inspect::{Import, ImportStanding, Inspection, inspect};
pub use limits::Limits;
pub use outside::Outside;
pub use policy::Policy;
pub use steps::{Place, Step, Steps};
