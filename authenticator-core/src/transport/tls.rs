//! TLS as rustls does it with ring, certificates as the platform judges them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use crate::error::{Error, ErrorCode, Result};

/// A client configuration with this verifier and no client certificate. TLS 1.2 and 1.3.
pub(super) fn config(verifier: Guarded) -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::new(ErrorCode::TlsUnavailable, "TLS cannot be set up"))?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Why no certificate can be judged: the platform's verifier is not set up, or there are no roots at all.
#[derive(Debug, thiserror::Error)]
#[error("the platform's certificate verifier is not available")]
pub(super) struct Unavailable;

/// The platform's verifier, behind an extra root where one was given.
///
/// It is made at the first connection, because reading all roots of a system takes longer than opening a store. On
/// Android it panics until the app has initialised it; that is [`Unavailable`] here.
#[derive(Debug)]
pub(super) struct Guarded {
    provider: Arc<CryptoProvider>,
    extra: Option<Arc<WebPkiServerVerifier>>,
    platform: OnceLock<Option<Arc<dyn ServerCertVerifier>>>,
}

impl Guarded {
    /// `configuration_invalid` if `extra_root_pem` is given and holds no usable certificate.
    pub(super) fn new(extra_root_pem: Option<&str>) -> Result<Guarded> {
        let provider = Arc::new(ring::default_provider());
        let extra = match extra_root_pem {
            Some(pem) => Some(extra_verifier(pem, &provider).ok_or_else(|| {
                Error::new(
                    ErrorCode::ConfigurationInvalid,
                    "extra_root_pem holds no usable certificate",
                )
            })?),
            None => None,
        };
        Ok(Guarded {
            provider,
            extra,
            platform: OnceLock::new(),
        })
    }

    /// With this in place of the platform's verifier.
    #[cfg(test)]
    pub(super) fn with_platform(platform: Arc<dyn ServerCertVerifier>) -> Guarded {
        Guarded {
            provider: Arc::new(ring::default_provider()),
            extra: None,
            platform: OnceLock::from(Some(platform)),
        }
    }

    fn platform(&self) -> Option<&dyn ServerCertVerifier> {
        let made = self.platform.get_or_init(|| {
            let provider = Arc::clone(&self.provider);
            match rustls_platform_verifier::Verifier::new(provider) {
                Ok(verifier) => Some(Arc::new(verifier)),
                Err(_) => None,
            }
        });
        made.as_deref()
    }
}

fn extra_verifier(pem: &str, provider: &Arc<CryptoProvider>) -> Option<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.ok()?).ok()?;
    }
    // The builder refuses an empty set.
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .ok()
}

impl ServerCertVerifier for Guarded {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let by = |verifier: &dyn ServerCertVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let unavailable = || rustls::Error::Other(OtherError(Arc::new(Unavailable)));
        let by_extra = self.extra.as_ref().map(|extra| by(&**extra));
        if let Some(Ok(verified)) = by_extra {
            return Ok(verified);
        }
        let by_platform = catch_unwind(AssertUnwindSafe(|| self.platform().map(by)));
        match (by_platform, by_extra) {
            (Ok(Some(result)), _) => result,
            (Ok(None), Some(refused)) => refused,
            (Ok(None), None) | (Err(_), _) => Err(unavailable()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
