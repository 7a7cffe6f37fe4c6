//! The two traits of a transport: what launches a server, and what it launched.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mcpstore_types::{ExitStatus, Incarnation, ServiceName, ServiceSpec};

use crate::{ClientSide, HandshakeError, LaunchError, LogRing, Session};

/// A boxed future that may move between threads.
pub type BoxFuture<T> = futures_util::future::BoxFuture<'static, T>;

/// The future of a session: resolves when the MCP handshake is over, one way or the other.
pub type HandshakeFuture = BoxFuture<Result<Arc<dyn Session>, HandshakeError>>;

/// Launches or reaches the servers of one kind of transport. One adapter serves many services.
#[async_trait]
pub trait Adapter: Send + Sync + fmt::Debug {
    /// The transport it serves, as [`TransportSpec::kind`](mcpstore_types::TransportSpec::kind) spells it.
    fn kind(&self) -> &'static str;

    /// Launches the server and returns as soon as it exists, without waiting for its handshake.
    ///
    /// # Errors
    /// [`LaunchError`] when no server came to be; nothing is left behind then.
    ///
    /// # Cancel safety
    /// Dropped half-way, it leaves no process behind.
    async fn launch(&self, request: LaunchRequest) -> Result<Launched, LaunchError>;

    /// Runs a command to its end, contained as the servers of this adapter are, and says how it ended. Its input is empty
    /// and its output is dropped. When it has ended, whatever it started is killed.
    ///
    /// # Errors
    /// [`LaunchError`] when it could not be started; [`LaunchError::NoAdapter`] where the adapter runs no commands, as most
    /// do not.
    ///
    /// # Cancel safety
    /// Dropped half-way, everything of it is killed.
    async fn run(&self, request: RunRequest) -> Result<ExitStatus, LaunchError> {
        let _ = request;
        Err(LaunchError::NoAdapter { kind: "command".to_owned(), known: vec![self.kind().to_owned()] })
    }
}

/// A command that an [`Adapter`] is asked to run.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// On behalf of which service.
    pub service: ServiceName,
    /// The program: a path, or a name looked up in `PATH`. Never a shell.
    pub command: String,
    /// Its arguments, each as it is.
    pub args: Vec<String>,
}

/// What an [`Adapter`] is asked to launch.
#[derive(Clone, Debug)]
pub struct LaunchRequest {
    /// The service.
    pub spec: Arc<ServiceSpec>,
    /// Which life of it this is.
    pub incarnation: Incarnation,
    /// Where its stderr and the noise on its stdout go.
    pub logs: Arc<LogRing>,
    /// What we are towards the server.
    pub client: ClientSide,
}

impl LaunchRequest {
    /// A request for this life of the service, for a client that can do nothing for its server.
    #[must_use]
    pub fn new(spec: Arc<ServiceSpec>, incarnation: Incarnation, logs: Arc<LogRing>) -> Self {
        Self { spec, incarnation, logs, client: ClientSide::default() }
    }
}

/// A launched server.
pub struct Launched {
    /// The process or connection.
    pub endpoint: Arc<dyn Endpoint>,
    /// Its session. Bounded by the spec's `timeouts.handshake`; does nothing until polled.
    ///
    /// Dropped half-way, it gives the conversation up; a process lives on until it is told to end, and a server inside
    /// this process ends with its conversation.
    pub handshake: HandshakeFuture,
}

impl fmt::Debug for Launched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launched").field("pid", &self.endpoint.pid()).finish_non_exhaustive()
    }
}

/// A process or connection that has an exit.
///
/// Dropping the last handle of an endpoint that has not exited kills what is behind it: the last resort against leaks.
#[async_trait]
pub trait Endpoint: Send + Sync {
    /// The main process, when there is one. Stays the same after its end; never signal it by this number.
    fn pid(&self) -> Option<u32>;

    /// Resolves when the main process has ended or the connection has closed; at once when asked later.
    ///
    /// # Cancel safety
    /// Safe: the exit is kept, whoever waits.
    async fn exited(&self) -> ExitStatus;

    /// Resolves when, after the exit, the whole process group is gone too; at once when asked later.
    ///
    /// # Cancel safety
    /// Safe.
    async fn group_empty(&self);

    /// Closes the server's input: the polite request to end. No-op the second time and after the exit.
    fn close_input(&self);

    /// Asks the whole group to end (SIGTERM). No-op once the group is seen empty, and where there is no process.
    fn terminate(&self);

    /// Ends the whole group (SIGKILL), or drops the connection. No-op once the group is seen empty.
    fn kill(&self);
}
