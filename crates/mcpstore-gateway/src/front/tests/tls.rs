//! TLS of the listener.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_types::TlsFiles;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::core::Fake;
use super::wire::{Site, Wire, request};
use crate::front::{FrontOptions, HttpFront, Limits, ListenError};

/// Files of a certificate for `localhost`, and who trusts it.
fn files(folder: &std::path::Path) -> (TlsFiles, TlsConnector) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let files = TlsFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&files.cert, certificate.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (files, TlsConnector::from(Arc::new(config)))
}

#[tokio::test]
async fn it_speaks_tls_and_waits_for_a_handshake_only_so_long() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, connector) = files(folder.path());
    let limits = Limits { tls_handshake: Duration::from_secs(2), ..Limits::default() };
    let options = FrontOptions { tls: Some(tls), token: Some("s3cret".into()), limits, ..FrontOptions::default() };
    let site = Site::of(options).await;
    let mut mute = site.wire().await;
    assert!(mute.closed().await.is_empty());
    let mut plain = site.wire().await;
    plain.send("GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(!plain.closed().await.starts_with(b"HTTP"));
    let stream = TcpStream::connect(site.address()).await.unwrap();
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    let mut wire = Wire::new(stream);
    for bytes in [10, 300_000] {
        wire.post("/mcp", "Authorization: Bearer s3cret\r\n", &request(1, "big", json!({ "bytes": bytes }))).await;
        assert_eq!(wire.answer().await.json()["result"].as_str().unwrap().len(), bytes);
    }
    assert_eq!(site.front.stats().tls_failed_total, 2);
}

#[tokio::test]
async fn off_loopback_it_wants_a_token_too_and_is_asked_for_by_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, connector) = files(folder.path());
    let bind = |options| HttpFront::bind("0.0.0.0:0".parse().unwrap(), Fake::new(), options);
    let open = FrontOptions { tls: Some(tls), ..FrontOptions::default() };
    let error = bind(open.clone()).await.unwrap_err();
    assert!(matches!(error, ListenError::NoAuth { .. }) && error.to_string().contains("without a token"), "{error}");
    let front = bind(FrontOptions { token: Some("x".into()), ..open }).await.unwrap();
    let stream = TcpStream::connect(("127.0.0.1", front.address().port())).await.unwrap();
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    let mut wire = Wire::new(stream);
    for (host, status) in [("127.0.0.1", 200), ("0.0.0.0", 403), ("mcp.example", 403)] {
        let body = request(1, "x", json!({}));
        wire.send(&format!(
            "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nAuthorization: Bearer x\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
        assert_eq!(wire.answer().await.status, status, "{host}");
    }
}

#[tokio::test]
async fn files_that_are_none_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, _) = files(folder.path());
    let bind = |tls| {
        let options = FrontOptions { tls: Some(tls), ..FrontOptions::default() };
        HttpFront::bind("127.0.0.1:0".parse().unwrap(), Fake::new(), options)
    };
    let missing = TlsFiles { cert: folder.path().join("none.pem"), ..tls.clone() };
    let swapped = TlsFiles { cert: tls.key.clone(), key: tls.cert.clone() };
    let other = folder.path().join("other.pem");
    std::fs::write(&other, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    for (files, named) in [
        (missing.clone(), missing.cert),
        (swapped.clone(), swapped.cert),
        (TlsFiles { key: tls.cert.clone(), ..tls.clone() }, tls.cert.clone()),
        (TlsFiles { key: other, ..tls.clone() }, tls.cert.clone()),
    ] {
        let error = bind(files).await.unwrap_err();
        assert!(matches!(&error, ListenError::BadTls { path, .. } if *path == named), "{error}");
        assert!(!format!("{error} {error:?}").contains("PRIVATE KEY"), "{error}");
    }
}
