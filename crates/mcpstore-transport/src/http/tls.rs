//! TLS through rustls: the system's certificates, and one more file of them. There is no way to skip the check.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};

use crate::LaunchError;
use crate::clip::clip;

/// The most bytes of a file of certificates.
const MAX_CA_BYTES: u64 = 4 * 1024 * 1024;

/// How we speak TLS: with the certificates of the system (or of `SSL_CERT_FILE` and `SSL_CERT_DIR`), and those of a file.
///
/// # Errors
/// [`LaunchError::BadCaFile`].
pub(crate) async fn config(ca_file: Option<&Path>) -> Result<ClientConfig, LaunchError> {
    let path = ca_file.map(Path::to_owned);
    let shown = path.clone().unwrap_or_default();
    // It reads the disk, which may hang.
    let loading = tokio::task::spawn_blocking(move || load(path));
    let loaded = loading.await.unwrap_or_else(|error| Err((shown, error.to_string())));
    loaded.map_err(|(path, what)| LaunchError::BadCaFile { path, what: clip(&what) })
}

fn load(ca_file: Option<PathBuf>) -> Result<ClientConfig, (PathBuf, String)> {
    let mut roots = RootCertStore::clone(system_roots());
    if let Some(path) = ca_file {
        let added = certificates(&path).and_then(|found| {
            for certificate in found {
                roots.add(certificate).map_err(io::Error::other)?;
            }
            Ok(())
        });
        added.map_err(|error| (path, error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| (PathBuf::new(), error.to_string()))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The system's certificates, read once: it takes some milliseconds.
fn system_roots() -> &'static Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // Those that cannot be read are left out, as every other program does.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    })
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let about = std::fs::metadata(path)?;
    if !about.is_file() || about.len() > MAX_CA_BYTES {
        return Err(io::Error::other(format!("it is no file of at most {MAX_CA_BYTES} bytes")));
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&std::fs::read(path)?).collect();
    let found = found.map_err(io::Error::other)?;
    if found.is_empty() { Err(io::Error::other("there is no certificate (PEM) in it")) } else { Ok(found) }
}

/// What a failure of TLS means, and what to do about it.
pub(super) fn explain(error: &rustls::Error) -> String {
    use rustls::Error::{InvalidCertificate, InvalidMessage};
    match error {
        InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "its certificate has expired: its owner has to renew it, or this machine's clock is wrong".to_owned()
        }
        InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            "its certificate is not valid yet: is this machine's clock right?".to_owned()
        }
        InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
            format!("its certificate is for another name ({error})")
        }
        InvalidCertificate(CertificateError::Revoked) => "its certificate was revoked".to_owned(),
        InvalidCertificate(other) if is_of_nobody(other) => {
            "its certificate is self-signed, or signed by nobody this machine trusts: if it is meant, name the \
             certificate of its issuer in `caFile`"
                .to_owned()
        }
        InvalidMessage(_) => "it does not speak TLS there: is the address `http://`?".to_owned(),
        other => clip(&format!("TLS failed: {other}")),
    }
}

/// A self-signed certificate that may sign others is told apart from one of an unknown signer, by name only.
fn is_of_nobody(error: &CertificateError) -> bool {
    matches!(error, CertificateError::UnknownIssuer | CertificateError::BadSignature)
        || format!("{error:?}").contains("CaUsedAsEndEntity")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_has_no_certificate_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let error = config(Some(&file)).await.unwrap_err();
        assert!(matches!(&error, LaunchError::BadCaFile { path, .. } if *path == file), "{error}");
        std::fs::write(&file, "nothing").unwrap();
        assert!(config(Some(&file)).await.unwrap_err().to_string().contains("no certificate"));
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(config(Some(&file)).await.is_err());
        assert!(config(Some(folder.path())).await.is_err());
        assert!(config(None).await.is_ok());
    }

    #[test]
    fn certificates_are_named_by_their_fault() {
        let words = |error| explain(&rustls::Error::InvalidCertificate(error));
        assert!(words(CertificateError::Expired).contains("expired"));
        assert!(words(CertificateError::UnknownIssuer).contains("`caFile`"));
        assert!(words(CertificateError::NotValidForName).contains("another name"));
    }
}
