//! Which function a request is about, and which version or alias of it.

use stepyard_engine::FunctionName;

use super::{
    Service,
    error::{invalid_parameter, not_found},
};
use crate::{constraint::Constraints, error::ApiError};

/// AWS's pattern of `FunctionName` (botocore's model, `FunctionName`).
const FUNCTION: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?";
/// Where it may name a version or an alias (`NamespacedFunctionName`).
const QUALIFIED_FUNCTION: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
/// Of `Qualifier` (`NumericLatestPublishedOrAliasQualifier`).
const QUALIFIER: &str = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";
/// The bounds of their lengths.
const FUNCTION_LENGTH: (usize, usize) = (1, 140);
const QUALIFIED_FUNCTION_LENGTH: (usize, usize) = (1, 256);
const QUALIFIER_LENGTH: (usize, usize) = (1, 128);

/// A function of this server's region and account, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// Its own name.
    pub(super) function: String,
    /// The version or alias that was asked for.
    pub(super) qualifier: Option<String>,
    /// Its ARN without any qualifier.
    arn: String,
}

impl Named {
    /// The ARN of a version or an alias; of the function itself without one.
    pub(super) fn arn_of(&self, qualifier: Option<&str>) -> String {
        match qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.arn),
            None => self.arn.clone(),
        }
    }

    /// The ARN of what was asked for.
    pub(super) fn arn(&self) -> String {
        self.arn_of(self.qualifier.as_deref())
    }
}

/// Checks the form of a `FunctionName` that names a function and nothing of it.
pub(super) fn check_function(check: Constraints, name: &str) -> Constraints {
    check.length("functionName", Some(name), FUNCTION_LENGTH).pattern(
        "functionName",
        Some(name),
        FUNCTION,
        is_function,
    )
}

/// Checks the form of a `FunctionName` and a `Qualifier`.
pub(super) fn check_qualified(
    check: Constraints,
    name: &str,
    qualifier: Option<&str>,
) -> Constraints {
    check
        .length("functionName", Some(name), QUALIFIED_FUNCTION_LENGTH)
        .pattern("functionName", Some(name), QUALIFIED_FUNCTION, is_function)
        .length("qualifier", qualifier, QUALIFIER_LENGTH)
        .pattern("qualifier", qualifier, QUALIFIER, is_qualifier)
}

fn is_function(name: &str) -> bool {
    name.parse::<FunctionName>().is_ok()
}

fn is_qualifier(qualifier: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_$".contains(&byte);
    qualifier == "$LATEST.PUBLISHED" || !qualifier.is_empty() && qualifier.bytes().all(allowed)
}

impl Service {
    /// A function of the manifest.
    pub(super) fn own(&self, function: &str) -> Named {
        let identity = &self.api.identity;
        let (region, account) = (&identity.region, &identity.account);
        let arn = format!("arn:aws:lambda:{region}:{account}:function:{function}");
        Named { function: function.to_owned(), qualifier: None, arn }
    }

    /// The function of a name without a qualifier.
    pub(super) fn function(&self, name: &str) -> Result<Named, ApiError> {
        let named = self.qualified(name, None)?;
        match named.qualifier {
            None => Ok(named),
            Some(_) => Err(invalid_parameter(
                "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
            )),
        }
    }

    /// The function of a name, and the version or alias that the name or `qualifier` says.
    pub(super) fn qualified(&self, name: &str, qualifier: Option<&str>) -> Result<Named, ApiError> {
        // Its form was checked before.
        let parsed = name.parse().map_err(|error| invalid_parameter(format!("{error}")));
        let name: FunctionName = parsed?;
        let name =
            name.qualified(qualifier).map_err(|error| invalid_parameter(error.to_string()))?;
        let identity = &self.api.identity;
        if let Some(other) = name.region.as_ref().filter(|it| **it != identity.region) {
            let region = &identity.region;
            return Err(not_found(format!(
                "Functions from '{other}' are not reachable in this region ('{region}')"
            )));
        }
        if name.account.as_ref().is_some_and(|it| *it != identity.account) {
            let arn = name.arn(&identity.region, &identity.account);
            return Err(not_found(format!("Function not found: {arn}")));
        }
        Ok(Named { qualifier: name.qualifier, ..self.own(&name.name) })
    }
}
