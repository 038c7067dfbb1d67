//! Who may call a server, and how: values of [serve].

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow};
use stepyard_api::{Access, AccessKey, Tls, TlsError};

use crate::{
    aws,
    manifest::{Manifest, ServeKey, ServeTls},
    secrets::ManifestSecrets,
};

/// The keys that calls are signed with; none when the manifest has none.
pub async fn access(manifest: &Manifest) -> Result<Option<Access>> {
    let mut keys = Vec::new();
    for ServeKey { id, secret } in &manifest.serve.keys {
        let secret = serve_secret(manifest, secret.get_ref(), "a key").await?;
        keys.push(AccessKey { id: id.get_ref().clone(), secret });
    }
    let region = manifest.execution.region.clone();
    Ok((!keys.is_empty()).then(|| Access::new(keys, region)))
}

/// What whoever reads the metrics has to send; none when the manifest names nothing.
pub async fn metrics_token(manifest: &Manifest) -> Result<Option<String>> {
    let Some(name) = &manifest.serve.metrics_token else { return Ok(None) };
    serve_secret(manifest, name.get_ref(), "metrics_token").await.map(Some)
}

/// The value of a secret that [serve] needs.
async fn serve_secret(manifest: &Manifest, name: &str, whose: &str) -> Result<String> {
    let secrets = ManifestSecrets::new(manifest, aws::reached(manifest)?);
    secrets.required(name, &format!("{whose} of [serve]")).await
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
