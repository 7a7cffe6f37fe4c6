//! Launching and reaching MCP servers: processes, pipes, sessions.
//!
//! An [`Adapter`] launches the server behind a service and hands back an [`Endpoint`] (it has an exit) and the future of
//! a [`Session`] (an initialised MCP conversation). Everything a server answers comes back as raw JSON, byte for byte.
//!
//! Built in are a child process over stdin and stdout and a server inside this process; [`AdapterSet`] finds the one for
//! a spec and takes more.

mod adapter;
mod clip;
mod deadline;
mod error;
mod handshake;
mod in_process;
mod logs;
mod object;
mod registry;
mod session;
mod stdio;
mod tools;
mod wire;

pub use adapter::{Adapter, BoxFuture, Endpoint, HandshakeFuture, LaunchRequest, Launched};
pub use error::{CallError, HandshakeError, LaunchError, TimeoutKind};
pub use in_process::{Factory, InProcess};
pub use logs::{LogLine, LogRing, LogStream};
pub use registry::AdapterSet;
pub use session::{CallLimits, ServerInfo, Session, WireCounters};
pub use stdio::{Ended, Ledger, LedgerError, Reconciled, Stdio, WardenProgram, adopt_orphans};
pub use tools::{MAX_LIST_BYTES, MAX_PAGES, MAX_TOOLS, Tool, ToolList, call_tool, list_tools, ping};
