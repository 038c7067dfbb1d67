//! TLS by rustls: the certificate that connections are answered with.

use std::{fmt, sync::Arc};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// What is wrong with a certificate or its key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text holds no certificate.
    #[error("there is no certificate in it: give the whole chain in PEM, the server's own first")]
    NoCertificate,
    /// The text holds no private key.
    #[error("there is no private key in it: give the certificate's, unencrypted, in PEM")]
    NoKey,
    /// The two cannot be used together, or at all.
    #[error("the certificate and the key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// A certificate and its key, ready to answer with.
#[derive(Clone)]
pub struct Tls(pub(crate) TlsAcceptor);

impl Tls {
    /// Reads a certificate chain and its private key, both in PEM.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
        let chain = chain.ok().filter(|it| !it.is_empty()).ok_or(TlsError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey)?;
        let provider = Arc::new(ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

/// The key stays out of logs.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_or_key_is_told_apart() {
        let told = |certificate: &str, key: &str| {
            Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err().to_string()
        };
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(told("", key).starts_with("there is no certificate in it"));
        assert!(told(key, key).starts_with("there is no certificate in it"));
        assert!(told(certificate, "").starts_with("there is no private key in it"));
        assert!(told(certificate, certificate).starts_with("there is no private key in it"));
        assert!(told(certificate, key).starts_with("the certificate and the key cannot be used"));
    }
}
