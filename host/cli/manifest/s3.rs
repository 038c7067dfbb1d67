//! `[s3.BUCKET]`: buckets of objects that are folders here.

use std::path::PathBuf;

use serde::Deserialize;

/// `[s3.BUCKET]`: a bucket that workflows name is a folder, and not in Amazon S3.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectBucket {
    /// The folder whose files are the objects, each by its path.
    pub folder: PathBuf,
    /// Whether results may be written there.
    #[serde(default)]
    pub write: bool,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::manifest::Manifest;

    #[test]
    fn what_is_wrong_with_a_bucket_is_told_with_its_place() {
        for (text, expected) in [
            ("[s3.orders]\nfolder = \"data\"\nwrite = true\n", ""),
            ("[s3.orders]\nwrite = true\n", "stepyard.toml:1:1: missing field `folder`"),
            (
                "[s3.orders]\nfolder = \"data\"\nread = true\n",
                "stepyard.toml:3:1: unknown field `read`, expected `folder` or `write`",
            ),
        ] {
            let result = Manifest::parse(Path::new("stepyard.toml"), text);
            let message = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(message, expected, "{text}");
        }
    }
}
