//! Who may call a server, and how: values of [serve].

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow};
use stepyard_api::{Access, AccessKey, Tls, TlsError};

use crate::{
    manifest::{Manifest, ServeKey, ServeTls},
    secrets::ManifestSecrets,
};

/// The keys that calls are signed with; none when the manifest has none.
pub fn access(manifest: &Manifest) -> Result<Option<Access>> {
    let key = |written: &ServeKey| {
        let secret = serve_secret(manifest, written.secret.get_ref(), "a key")?;
        Ok(AccessKey { id: written.id.get_ref().clone(), secret })
    };
    let keys = manifest.serve.keys.iter().map(key).collect::<Result<Vec<_>>>()?;
    let region = manifest.execution.region.clone();
    Ok((!keys.is_empty()).then(|| Access::new(keys, region)))
}

/// What whoever reads the metrics has to send; none when the manifest names nothing.
pub fn metrics_token(manifest: &Manifest) -> Result<Option<String>> {
    let name = manifest.serve.metrics_token.as_ref();
    name.map(|name| serve_secret(manifest, name.get_ref(), "metrics_token")).transpose()
}

/// The value of a secret that [serve] needs.
fn serve_secret(manifest: &Manifest, name: &str, whose: &str) -> Result<String> {
    ManifestSecrets::new(manifest).required(name, &format!("{whose} of [serve]"))
}

/// The certificate that connections are answered with; none when the manifest has none.
pub fn tls(manifest: &Manifest) -> Result<Option<Tls>> {
    let Some(ServeTls { certificate, key }) = &manifest.serve.tls else { return Ok(None) };
    let [certificate, key] = [certificate, key].map(|path| manifest.resolve(path));
    let read = |path: &Path, what: &str| {
        fs::read(path).with_context(|| {
            format!("reading {}, which [serve] in the manifest names as {what}", path.display())
        })
    };
    let chain = read(&certificate, "the certificate of tls")?;
    let private = read(&key, "the key of tls")?;
    let tls = Tls::from_pem(&chain, &private).map_err(|error| match error {
        TlsError::NoCertificate => anyhow!("{}: {error}", certificate.display()),
        TlsError::NoKey => anyhow!("{}: {error}", key.display()),
        TlsError::Unusable(_) => {
            anyhow!("{} with {}: {error}", certificate.display(), key.display())
        }
    })?;
    Ok(Some(tls))
}
