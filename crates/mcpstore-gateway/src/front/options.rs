//! How a front is set up, and why it is not.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use mcpstore_types::{Secret, TlsFiles};

use super::limits::Limits;

/// How a front over TCP is set up. The default is open to everybody on this machine.
#[derive(Clone, Debug, Default)]
pub struct FrontOptions {
    /// The token that clients must show; `None` (the default): none, which is for loopback alone.
    pub token: Option<Secret>,
    /// Names (`mcp.example`, also with a port) under which it may be asked for, beside its address and the names of
    /// loopback; default none.
    pub hosts: Vec<String>,
    /// Origins (`https://app.example`) of web pages that may ask, beside its own; default none.
    pub origins: Vec<String>,
    /// Its certificate and key; default none: no TLS, which is for loopback alone.
    pub tls: Option<TlsFiles>,
    /// How much clients may take.
    pub limits: Limits,
}

/// Why a front does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address is reachable from other machines, and there is no TLS.
    #[error(
        "will not listen on {address} without TLS: other machines can reach it, and anybody on the way could read along; \
         give it a certificate, or listen on 127.0.0.1:{}",
        address.port()
    )]
    NoTls {
        /// The address.
        address: SocketAddr,
    },
    /// The address is reachable from other machines, and everybody may use it.
    #[error(
        "will not listen on {address} without a token: everybody who can reach it could use every service; turn \
         authentication on, or listen on 127.0.0.1:{}",
        address.port()
    )]
    NoAuth {
        /// The address.
        address: SocketAddr,
    },
    /// The certificate or the key cannot be used.
    #[error("cannot use `{}` for TLS: {what}", path.display())]
    BadTls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Another program listens there.
    #[error("another program listens on {address}; choose another port, or 0 for any that is free")]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// Another program listens on this socket.
    #[error("another program listens on `{}`", path.display())]
    SocketInUse {
        /// The socket.
        path: PathBuf,
    },
    /// Others may write where the socket is to be.
    #[error("will not listen in `{}`: {what}; it must be a folder of yours that nobody else can enter (mode 700)", path.display())]
    OpenFolder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The system did not let us.
    #[error("cannot listen on {what}")]
    Io {
        /// The address, or the socket.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}
