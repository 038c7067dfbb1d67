//! Which calls give what can be told before there is an execution.

use super::{
    super::foreseen::{has_mark, is_known, splits_no_mark},
    Argument, Call, Invocation,
};

/// The functions that carry the texts they are given, or parts of them, as they are.
const CARRIERS: [&str; 4] =
    ["States.Array", "States.ArrayGetItem", "States.Format", "States.StringSplit"];

impl Call {
    /// Whether it depends on nothing but literals and what [`is_known`], and leaves that as it is.
    pub(in crate::payload) fn is_foreseeable(&self) -> bool {
        self.invocation.is_foreseeable()
    }
}

/// Recursion here is at most [`super::DEPTH_MAX`] deep.
impl Invocation {
    fn is_foreseeable(&self) -> bool {
        let name = self.function.name;
        let splits_well = match &*self.arguments {
            [_, Argument::Text { raw, .. }] => splits_no_mark(raw),
            _ => false,
        };
        CARRIERS.contains(&name)
            && (name != "States.StringSplit" || splits_well)
            && self.arguments.iter().all(Argument::is_foreseeable)
    }
}

impl Argument {
    fn is_foreseeable(&self) -> bool {
        match self {
            Self::Text { raw, .. } => !has_mark(raw),
            Self::Literal(_) => true,
            Self::Path(path) => is_known(path.text()),
            Self::Invocation(invocation) => invocation.is_foreseeable(),
        }
    }
}
