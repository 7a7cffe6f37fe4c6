//! Whether a server can be reached at all: sockets, names, TLS; and in which words it is told when not.

use mcpstore_transport::LaunchError;
use mcpstore_types::HttpSpec;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::site::Site;
use super::support::{at, client, client_of, handshake_era, launch, site};
use crate::support::within;

async fn unreachable(http: HttpSpec) -> String {
    let error = launch("http", http).await.unwrap_err();
    assert!(matches!(error, LaunchError::Unreachable { .. }) && !error.is_permanent(), "{error}");
    error.to_string()
}

#[tokio::test]
async fn nobody_at_home_is_told_in_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let words = unreachable(at(&format!("http://127.0.0.1:{port}/key?secret"))).await;
    assert_eq!(
        words,
        format!("`http://127.0.0.1:{port}` cannot be reached: the connection was refused: is the server running?")
    );
    let folder = tempfile::tempdir().unwrap();
    let words = unreachable(at(&format!("unix:{}:/mcp", folder.path().join("none").display()))).await;
    assert!(words.contains("no such socket"), "{words}");
    let words = unreachable(at("http://no-such-host.invalid/mcp")).await;
    assert!(words.contains("is the name right"), "{words}");
    for bad in ["ftp://h/", "unix:x", "nothing"] {
        let error = launch("http", at(bad)).await.unwrap_err();
        assert!(matches!(error, LaunchError::BadAddress { .. }) && error.is_permanent(), "{error}");
    }
}

#[tokio::test]
async fn sockets_are_reached() {
    let folder = tempfile::tempdir().unwrap();
    let handler = |asked: &super::site::Asked| handshake_era(asked).unwrap_or_else(|| asked.says("near"));
    for kind in ["http"] {
        let site = Site::start_unix(&folder.path().join(kind), handler);
        let server = client_of(kind, at(&site.url)).await;
        assert_eq!(server.text("echo", "{}").await, "near");
        let call = site.asked_for("tools/call").remove(0);
        assert_eq!((call.path.as_str(), call.header("host")), ("/mcp", Some("localhost")));
        server.endpoint.close_input();
        within(server.endpoint.exited()).await;
        assert_eq!(site.count("DELETE"), 1);
    }
}

#[tokio::test]
async fn credentials_in_the_address_are_sent_and_not_shown() {
    let site = site(|asked| asked.says("hi")).await;
    let server = client(&site.url.replace("http://", "http://user:word@")).await;
    let call = site.asked_for("initialize").remove(0);
    assert_eq!(call.header("authorization"), Some("Basic dXNlcjp3b3Jk"));
    server.end().await;
}

/// A certificate for `localhost`, by this issuer or by itself, over in this year; and how a server shows it.
fn shown(issuer: Option<&CertifiedIssuer<'_, KeyPair>>, name: &str, until: i32) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(1990, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let certificate = match issuer {
        Some(issuer) => params.signed_by(&key, issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap()
}

#[tokio::test]
async fn certificates_are_checked_and_their_faults_named() {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, issuer.pem()).unwrap();
    let trusting = |site: &Site| HttpSpec { ca_file: Some(file.clone()), ..at(&site.url) };
    let serve = |config| Site::start_tls(config, |asked| handshake_era(asked).unwrap_or_else(|| asked.says("safe")));

    let good = serve(shown(Some(&issuer), "localhost", 2200)).await;
    let server = client_of("http", trusting(&good)).await;
    assert_eq!(server.text("echo", "{}").await, "safe");
    server.end().await;
    let words = unreachable(at(&good.url)).await;
    assert!(words.contains("signed by nobody this machine trusts") && words.contains("`caFile`"), "{words}");

    let own = serve(shown(None, "localhost", 2200)).await;
    let words = unreachable(trusting(&own)).await;
    assert!(words.contains("self-signed"), "{words}");
    let old = serve(shown(Some(&issuer), "localhost", 2000)).await;
    let words = unreachable(trusting(&old)).await;
    assert!(words.contains("expired"), "{words}");
    let other = serve(shown(Some(&issuer), "elsewhere.example", 2200)).await;
    let words = unreachable(trusting(&other)).await;
    assert!(words.contains("another name"), "{words}");

    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = plain.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let words = unreachable(at(&format!("https://127.0.0.1:{port}/mcp"))).await;
    assert!(words.contains("does not speak TLS"), "{words}");
}
