//! A first connection, made at the launch: whether somebody is there, and shows a good certificate.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_ok;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::fault::explain;
use super::guard::{OutboundGuard, proxy_hosts};
use super::target::Target;
use crate::LaunchError;

/// How long a connection may take, the look-up of the name and TLS included.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);

/// Connects to a server and lets go of it again.
///
/// Where the environment names a proxy, nothing is tried: the way there is the proxy's affair, and the first request finds
/// out.
///
/// # Errors
/// [`LaunchError::Unreachable`].
///
/// # Cancel safety
/// Safe.
pub(crate) async fn try_out(target: &Target, guard: &OutboundGuard, tls: ClientConfig) -> Result<(), LaunchError> {
    if !target.is_here() && !proxy_hosts(std::env::vars()).is_empty() {
        return Ok(());
    }
    let message = match timeout(CONNECT, connect(target, guard, tls)).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => explain(&error),
        Err(_) => format!("no connection came about within {CONNECT:?}"),
    };
    Err(LaunchError::Unreachable { address: target.shown.clone(), message })
}

async fn connect(target: &Target, guard: &OutboundGuard, tls: ClientConfig) -> io::Result<()> {
    if let Some(socket) = &target.socket {
        return UnixStream::connect(socket).await.map(drop);
    }
    let host = target.url.host_str().unwrap_or_default();
    let port = target.url.port_or_known_default().unwrap_or(80);
    let addresses = guard.resolve(host, port).await.map_err(unknown_host)?;
    if addresses.is_empty() {
        return Err(unknown_host(io::ErrorKind::NotFound.into()));
    }
    // All at once: one that is dead must not keep the others waiting.
    let tries = addresses.into_iter().map(|address| Box::pin(TcpStream::connect(address)));
    let (stream, _) = select_ok(tries).await?;
    if target.url.scheme() == "https" {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(Arc::new(tls)).connect(name, stream).await?;
    }
    Ok(())
}

/// The resolver's words say little about what to do; the guard's own words stay.
fn unknown_host(error: io::Error) -> io::Error {
    if error.get_ref().is_some_and(|inner| inner.is::<super::guard::GuardError>()) {
        return error;
    }
    io::Error::other(format!("no address is known for its host ({error}): is the name right, and the network there?"))
}
