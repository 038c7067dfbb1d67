//! Which operation a request asks for: its method and path say so.

use axum::http::Method;
use percent_encoding::percent_decode_str;

/// What every path begins with.
const FUNCTIONS: &str = "/2015-03-31/functions";

/// Declares the operations: those that are here, and those of AWS's whose paths are here and which are
/// not.
macro_rules! operations {
    ([$($here:ident),* $(,)?], [$($absent:ident),* $(,)?]) => {
        /// An operation of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Operation {
            $($here,)*
            /// One that is AWS's alone.
            Absent(&'static str),
        }

        impl Operation {
            $(
                #[allow(non_upper_case_globals, reason = "an operation's name is AWS's")]
                const $absent: Self = Self::Absent(stringify!($absent));
            )*

            /// Its name.
            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::$here => stringify!($here),)*
                    Self::Absent(name) => name,
                }
            }
        }

        /// The operations, by name.
        pub(crate) const OPERATIONS: &[&str] =
            &[$(stringify!($here),)* $(stringify!($absent),)*];
    };
}

operations! {
    [
        CreateAlias, DeleteAlias, DeleteFunction, GetAlias, GetFunction, GetFunctionConfiguration,
        Invoke, ListAliases, ListFunctions, ListVersionsByFunction, PublishVersion, UpdateAlias,
        UpdateFunctionCode,
    ],
    [CreateFunction, UpdateFunctionConfiguration]
}

/// An operation, and what its path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) operation: Operation,
    /// `FunctionName`; empty where the path has none.
    pub(super) function: String,
    /// `Name` of an alias; empty where the path has none.
    pub(super) alias: String,
}

impl Route {
    /// The operation of this method and path; none when there is no such.
    pub(super) fn of(method: &Method, path: &str) -> Option<Self> {
        let rest = path.strip_prefix(FUNCTIONS)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let parts: Option<Vec<String>> = rest.split('/').skip(1).map(decoded).collect();
        let parts = parts?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (operation, function, alias) = match (method.as_str(), parts.as_slice()) {
            ("GET", []) => (Operation::ListFunctions, "", ""),
            ("POST", []) => (Operation::CreateFunction, "", ""),
            ("GET", [it]) => (Operation::GetFunction, *it, ""),
            ("DELETE", [it]) => (Operation::DeleteFunction, *it, ""),
            ("GET", [it, "configuration"]) => (Operation::GetFunctionConfiguration, *it, ""),
            ("PUT", [it, "configuration"]) => (Operation::UpdateFunctionConfiguration, *it, ""),
            ("PUT", [it, "code"]) => (Operation::UpdateFunctionCode, *it, ""),
            ("POST", [it, "invocations"]) => (Operation::Invoke, *it, ""),
            ("GET", [it, "versions"]) => (Operation::ListVersionsByFunction, *it, ""),
            ("POST", [it, "versions"]) => (Operation::PublishVersion, *it, ""),
            ("GET", [it, "aliases"]) => (Operation::ListAliases, *it, ""),
            ("POST", [it, "aliases"]) => (Operation::CreateAlias, *it, ""),
            ("GET", [it, "aliases", alias]) => (Operation::GetAlias, *it, *alias),
            ("PUT", [it, "aliases", alias]) => (Operation::UpdateAlias, *it, *alias),
            ("DELETE", [it, "aliases", alias]) => (Operation::DeleteAlias, *it, *alias),
            _ => return None,
        };
        Some(Self { operation, function: function.to_owned(), alias: alias.to_owned() })
    }
}

/// A part of a path, whose `%3A` is a colon; none when it is no text.
fn decoded(part: &str) -> Option<String> {
    Some(percent_decode_str(part).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(&str, &str, &str)>) {
        let (method, path) = line.split_once(' ').unwrap();
        let route = Route::of(&method.parse().unwrap(), path);
        let seen = route.as_ref().map(|it| (it.operation.name(), &*it.function, &*it.alias));
        assert_eq!(seen, expected, "{line}");
    }

    #[test]
    fn a_method_and_a_path_are_an_operation() {
        for (line, operation, function, alias) in [
            ("GET /2015-03-31/functions", "ListFunctions", "", ""),
            ("GET /2015-03-31/functions/", "ListFunctions", "", ""),
            ("POST /2015-03-31/functions", "CreateFunction", "", ""),
            ("GET /2015-03-31/functions/Pay", "GetFunction", "Pay", ""),
            ("DELETE /2015-03-31/functions/Pay%3A7", "DeleteFunction", "Pay:7", ""),
            ("PUT /2015-03-31/functions/Pay/code", "UpdateFunctionCode", "Pay", ""),
            ("POST /2015-03-31/functions/code/invocations", "Invoke", "code", ""),
            ("GET /2015-03-31/functions/P%2fy/versions", "ListVersionsByFunction", "P/y", ""),
            ("PUT /2015-03-31/functions/Pay/aliases/live", "UpdateAlias", "Pay", "live"),
            ("GET /2015-03-31/functions/%24LATEST/aliases/a+b", "GetAlias", "$LATEST", "a+b"),
        ] {
            check(line, Some((operation, function, alias)));
        }
    }

    #[test]
    fn anything_else_is_none() {
        for line in [
            "GET /2015-03-31/functionsPay",
            "GET /2015-03-31/layers",
            "PATCH /2015-03-31/functions/Pay",
            "GET /2015-03-31/functions/Pay/code",
            "GET /2015-03-31/functions/Pay/aliases/live/more",
            "GET /2015-03-31/functions/%ff",
            "GET /2014-11-13/functions",
        ] {
            check(line, None);
        }
    }
}
