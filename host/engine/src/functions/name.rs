//! How a Lambda function is named: by its name, a partial ARN or a full ARN, each with or without
//! a qualifier.

use std::{fmt, str::FromStr};

use stepyard_asl::{Resource, ResourceKind};

/// A `FunctionName`, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionName {
    /// The partition, when the text says one.
    pub partition: Option<String>,
    /// The region, when the text says one.
    pub region: Option<String>,
    /// The account, when the text says one.
    pub account: Option<String>,
    /// The function's own name.
    pub name: String,
    /// A version, an alias or `$LATEST`, when the text says one.
    pub qualifier: Option<String>,
}

/// The text names no function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the name of a Lambda function; write its name, its ARN, or either with `:qualifier`"
)]
pub struct FunctionNameError(pub String);

/// A qualifier that was given beside a name which says another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The derived qualifier from the function name does not match the specified qualifier.")]
pub struct OtherQualifier;

impl FunctionName {
    /// The name, with the qualifier where there is one.
    pub fn called(&self) -> String {
        match &self.qualifier {
            None => self.name.clone(),
            Some(qualifier) => format!("{}:{qualifier}", self.name),
        }
    }

    /// The function of a `Resource` that is its ARN.
    pub fn of_resource(resource: &Resource) -> Option<Self> {
        let ResourceKind::Function { name, qualifier } = resource.kind() else { return None };
        let mut parts = resource.text().split(':').map(str::to_owned).skip(1);
        let partition = parts.next();
        let (region, account) = (parts.nth(1), parts.next());
        Some(Self { partition, region, account, name: name.clone(), qualifier: qualifier.clone() })
    }

    /// With a qualifier that was given beside the name.
    pub fn qualified(self, qualifier: Option<&str>) -> Result<Self, OtherQualifier> {
        match (&self.qualifier, qualifier) {
            (_, None) => Ok(self),
            (Some(derived), Some(specified)) if derived != specified => Err(OtherQualifier),
            (_, Some(specified)) => Ok(Self { qualifier: Some(specified.to_owned()), ..self }),
        }
    }

    /// The whole ARN; `region` and `account` stand in where the text says none.
    pub fn arn(&self, region: &str, account: &str) -> String {
        let partition = self.partition.as_deref().unwrap_or("aws");
        let region = self.region.as_deref().unwrap_or(region);
        let account = self.account.as_deref().unwrap_or(account);
        let function = format!("arn:{partition}:lambda:{region}:{account}:function:{}", self.name);
        match &self.qualifier {
            Some(qualifier) => format!("{function}:{qualifier}"),
            None => function,
        }
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.qualifier.iter().try_for_each(|qualifier| write!(f, ":{qualifier}"))
    }
}

/// Lambda's pattern: `(arn:(aws[a-zA-Z-]*)?:lambda:)?(<region>:)?(\d{12}:)?(function:)?(<name>)(:<qualifier>)?`
/// (Lambda API reference, Invoke, `FunctionName`).
impl FromStr for FunctionName {
    type Err = FunctionNameError;

    fn from_str(text: &str) -> Result<Self, FunctionNameError> {
        read(text).ok_or_else(|| FunctionNameError(text.to_owned()))
    }
}

fn read(text: &str) -> Option<FunctionName> {
    let mut parts: &[&str] = &text.split(':').collect::<Vec<_>>();
    let partition = match parts {
        ["arn", partition, "lambda", rest @ ..] if partition.starts_with("aws") => {
            parts = rest;
            Some(*partition)
        }
        _ => None,
    };
    let region = take(&mut parts, is_region);
    let account = take(&mut parts, is_account);
    take(&mut parts, |part| part == "function");
    let (name, qualifier) = match parts {
        [name] => (*name, None),
        [name, qualifier] => (*name, Some(*qualifier)),
        _ => return None,
    };
    let well_formed = is_name(name) && qualifier.is_none_or(is_qualifier);
    let owned = |part: Option<&str>| part.map(str::to_owned);
    well_formed.then(|| FunctionName {
        partition: owned(partition),
        region: owned(region),
        account: owned(account),
        name: name.to_owned(),
        qualifier: owned(qualifier),
    })
}

/// Takes the first part when it is what is looked for and more parts follow.
fn take<'a>(parts: &mut &[&'a str], wanted: impl Fn(&str) -> bool) -> Option<&'a str> {
    let (first, rest) = parts.split_first()?;
    if rest.is_empty() || !wanted(first) {
        return None;
    }
    *parts = rest;
    Some(first)
}

/// `us-east-1`, `us-gov-west-1`.
fn is_region(part: &str) -> bool {
    let words: Vec<&str> = part.split('-').collect();
    let [country, middle @ .., number] = words.as_slice() else { return false };
    let lower =
        |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    country.len() == 2
        && lower(country)
        && !middle.is_empty()
        && middle.iter().all(lower)
        && number.len() == 1
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_account(part: &str) -> bool {
    part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(part: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=140).contains(&part.len()) && part.bytes().all(allowed)
}

fn is_qualifier(part: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    part == "$LATEST" || ((1..=128).contains(&part.len()) && part.bytes().all(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, Option<&str>, &str)>) {
        let read = text.parse::<FunctionName>().ok();
        let read = read.map(|it| (it.name.clone(), it.qualifier.clone(), it.arn("eu-west-1", "1")));
        let owned = |(name, qualifier, arn): (&str, Option<&str>, &str)| {
            (name.to_owned(), qualifier.map(str::to_owned), arn.to_owned())
        };
        assert_eq!(read, expected.map(owned), "{text}");
    }

    #[test]
    fn a_function_is_named_in_each_of_lambdas_forms() {
        check("Pay", Some(("Pay", None, "arn:aws:lambda:eu-west-1:1:function:Pay")));
        check(
            "Pay:live",
            Some(("Pay", Some("live"), "arn:aws:lambda:eu-west-1:1:function:Pay:live")),
        );
        check(
            "Pay:$LATEST",
            Some(("Pay", Some("$LATEST"), "arn:aws:lambda:eu-west-1:1:function:Pay:$LATEST")),
        );
        check("function:Pay", Some(("Pay", None, "arn:aws:lambda:eu-west-1:1:function:Pay")));
        check(
            "123456789012:function:Pay:7",
            Some(("Pay", Some("7"), "arn:aws:lambda:eu-west-1:123456789012:function:Pay:7")),
        );
        check(
            "us-gov-west-1:123456789012:Pay",
            Some(("Pay", None, "arn:aws:lambda:us-gov-west-1:123456789012:function:Pay")),
        );
        check(
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:Pay:live",
            Some((
                "Pay",
                Some("live"),
                "arn:aws-cn:lambda:cn-north-1:123456789012:function:Pay:live",
            )),
        );
        // A name may look like an account or the word `function` when nothing follows it.
        check(
            "123456789012",
            Some(("123456789012", None, "arn:aws:lambda:eu-west-1:1:function:123456789012")),
        );
        check("function", Some(("function", None, "arn:aws:lambda:eu-west-1:1:function:function")));
    }

    #[test]
    fn what_names_no_function_is_refused() {
        for text in [
            "",
            ":",
            "Pay:",
            ":live",
            "Pay:a:b",
            "Check Inventory",
            "Päy",
            "Pay:li.ve",
            "arn:aws:sns:us-east-1:123456789012:topic",
            "arn:aws:lambda:us-east-1:123456789012:function:",
            "arn:aws:lambda:us-east-1:123456789012:layer:x:1",
            &"x".repeat(141),
        ] {
            check(text, None);
        }
    }
}
