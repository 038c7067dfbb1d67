//! `[mail]` and `[sns]`: where messages go.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::{Fault, Manifest};

/// `[mail]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// `smtp://user@host:port` or `smtps://…`; where neither this nor `ses` is, mail is kept in a folder.
    pub smtp: Option<Spanned<String>>,
    /// The secret that is the SMTP password.
    pub password: Option<Spanned<String>>,
    /// The folder, relative to the data directory.
    pub folder: Option<PathBuf>,
    /// Whether it goes to Amazon SES, reached as `[aws]` says.
    pub ses: Option<Spanned<bool>>,
    /// The address or domain that is verified in Amazon SES: for `stepyard export`.
    pub identity: Option<String>,
}

impl Mail {
    /// Whether it is kept in the data directory.
    pub fn is_embedded(&self) -> bool {
        self.smtp.is_none() && !self.by_ses()
    }

    /// Whether Amazon SES sends it.
    pub fn by_ses(&self) -> bool {
        self.ses.as_ref().is_some_and(|ses| *ses.get_ref())
    }

    pub(super) fn check(&self, manifest: &Manifest) -> Result<(), Fault> {
        self.password.as_ref().map_or(Ok(()), |name| manifest.check_secret(name))?;
        match (&self.smtp, &self.ses) {
            (Some(_), Some(ses)) if self.by_ses() => {
                Err((Some(ses.span()), "mail is sent by smtp or by ses; leave one out".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// `[sns]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sns {
    /// Where a publish goes.
    pub delivery: SnsDelivery,
}

/// Where a publish goes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum SnsDelivery {
    /// To the topic log in the data directory.
    #[default]
    Log,
    /// To Amazon SNS, reached as `[aws]` says.
    Aws,
}
