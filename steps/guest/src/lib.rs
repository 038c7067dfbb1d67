//! Write a Stepyard step as a typed Rust function.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use stepyard_step::{Context, Error, step};
//!
//! step!(handle);
//!
//! #[derive(Deserialize)]
//! struct Order { quantity: u32 }
//!
//! #[derive(Serialize)]
//! struct Receipt { boxes: u32 }
//!
//! fn handle(order: Order, _context: &Context) -> Result<Receipt, Error> {
//!     if order.quantity == 0 {
//!         return Err(Error::new("InvalidOrder", "quantity must be at least 1"));
//!     }
//!     Ok(Receipt { boxes: order.quantity.div_ceil(12) })
//! }
//! # let receipt = invoke(r#"{"quantity": 13}"#, &Context::default());
//! # assert_eq!(receipt.unwrap(), r#"{"boxes":2}"#);
//! ```
//!
//! The crate is a `cdylib` built for `wasm32-wasip2`; each module here is one import, which a step
//! has only if it uses the module, and may use only if the manifest grants it.
//!
//! | module | import |
//! |---|---|
//! | [`keyvalue`] | `wasi:keyvalue` |
//! | [`config`] | `wasi:config` |
//! | [`logging`] | `wasi:logging` |
//! | [`mail`] | `stepyard:step/mail` |
//! | `http` (feature `http`) | `wasi:http/outgoing-handler` |
//!
//! On any other target the imports are those of a host in memory, `testing`, so that a step's own
//! tests are `cargo test` and nothing else.

#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[allow(
    missing_docs,
    missing_debug_implementations,
    unsafe_code,
    clippy::all,
    reason = "generated: the component model's calling convention"
)]
pub mod bindings;
pub mod config;
mod context;
mod error;
#[cfg(feature = "http")]
pub mod http;
mod invoke;
pub mod keyvalue;
pub mod logging;
pub mod mail;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

#[cfg(target_family = "wasm")]
mod host;
#[cfg(not(target_family = "wasm"))]
use testing::imports as host;

pub use context::Context;
pub use error::Error;
pub use invoke::invoke;

/// Makes a function the step of its crate.
///
/// The function takes the task's input, anything that is `Deserialize`, and a [`Context`]; it
/// answers anything that is `Serialize`, or an [`Error`]. The macro adds `invoke`, the same from
/// JSON text to JSON text, and exports it when the crate is built as a component.
#[macro_export]
macro_rules! step {
    ($handle:path) => {
        /// Does one task, from JSON text to JSON text.
        pub fn invoke(
            input: &str,
            context: &$crate::Context,
        ) -> ::core::result::Result<::std::string::String, $crate::Error> {
            $crate::invoke($handle, input, context)
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::bindings::exports::stepyard::step::handler;

            struct Step;

            impl handler::Guest for Step {
                fn invoke(
                    input: ::std::string::String,
                    context: handler::Context,
                ) -> ::core::result::Result<::std::string::String, handler::Error> {
                    invoke(&input, &context.into()).map_err(::core::convert::Into::into)
                }
            }

    $crate::bindings::export_step!(Step with_types_in $crate::bindings);
        };
    };
}
