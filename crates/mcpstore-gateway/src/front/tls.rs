//! TLS of our own listener: a certificate and a key out of PEM files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcpstore_types::TlsFiles;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::options::ListenError;

/// The most bytes of a file.
const MAX_BYTES: u64 = 1024 * 1024;

/// How we speak TLS as a server.
///
/// # Errors
/// [`ListenError::BadTls`], without a word of what is in the key.
pub(crate) async fn config(files: TlsFiles) -> Result<Arc<ServerConfig>, ListenError> {
    let shown = files.cert.clone();
    // It reads the disk, which may hang.
    let loading = tokio::task::spawn_blocking(move || load(&files));
    loading.await.unwrap_or_else(|error| Err(bad(shown, error)))
}

fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, ListenError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(&files.cert)?).collect();
    let chain = chain.map_err(|error| bad(files.cert.clone(), error))?;
    if chain.is_empty() {
        return Err(bad(files.cert.clone(), "there is no certificate (PEM) in it"));
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|_| bad(files.key.clone(), "there is no private key (PEM) in it"))?;
    let mut config = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| bad(files.cert.clone(), error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn read(path: &Path) -> Result<Vec<u8>, ListenError> {
    let about = std::fs::metadata(path).map_err(|error| bad(path.to_owned(), error))?;
    if !about.is_file() || about.len() > MAX_BYTES {
        return Err(bad(path.to_owned(), format!("it is no file of at most {MAX_BYTES} bytes")));
    }
    std::fs::read(path).map_err(|error| bad(path.to_owned(), error))
}

fn bad(path: PathBuf, what: impl ToString) -> ListenError {
    ListenError::BadTls { path, what: what.to_string() }
}
