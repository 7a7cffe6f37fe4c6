//! The HTTP client of one webhook.

use std::error::Error;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Client, redirect};
use rustls::{ClientConfig, RootCertStore};

use super::address::Address;
use crate::options::Options;
use crate::sink::SinkError;
use crate::text::{Unit, fitted, one_line};

/// How long a connection that nobody uses is kept.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);
/// The most bytes of somebody else's words in an error.
const MAX_WORDS: usize = 200;

/// A client that follows no redirect: the body is for the address in the config.
pub(super) async fn build(address: &Address, options: &Options) -> Result<Client, SinkError> {
    // It reads the disk, which may hang.
    let tls = tokio::task::spawn_blocking(tls).await.map_err(|error| SinkError::passing(error.to_string()))?;
    let tls = tls.map_err(|error| SinkError::passing(format!("TLS is not to be had: {error}")))?;
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .referer(false)
        .user_agent(concat!("mcpstore/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_timeout)
        .timeout(options.request_timeout)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(IDLE_CONNECTION);
    if address.is_here() {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| SinkError::passing(explain(&error)))
}

fn tls() -> Result<ClientConfig, rustls::Error> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // Those that cannot be read are left out, as every other program does.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(Arc::clone(roots)).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// What an error of the network means. Its own words quote the address, so that only its causes are told.
pub(super) fn explain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        let what = if error.is_connect() { "no connection came about in time" } else { "no answer came in time" };
        return what.to_owned();
    }
    let mut words = "the connection failed".to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(known) = error.downcast_ref::<io::Error>().and_then(known) {
            return known.to_owned();
        }
        if !error.is::<reqwest::Error>() {
            words = fitted(&one_line(&error.to_string()), MAX_WORDS, Unit::Bytes, |_| None);
        }
        cause = error.source();
    }
    words
}

fn known(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused: is the receiver running?",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            "the receiver closed the connection"
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => "the network has no way there",
        _ => return None,
    })
}
