//! Launching and reaching MCP servers: processes, pipes, sessions.
//!
//! An [`Adapter`] launches the server behind a service and hands back an [`Endpoint`] (it has an exit) and the future of
//! a [`Session`] (an initialised MCP conversation). Everything a server answers comes back as raw JSON, byte for byte.
//!
//! Built in are a child process over stdin and stdout and a server inside this process; [`AdapterSet`] finds the one for
//! a spec and takes more.

mod adapter;
mod auth;
mod client;
mod clip;
mod deadline;
mod error;
mod handshake;
mod http;
mod in_process;
mod inputs;
mod line_stream;
mod lists;
mod logs;
mod notices;
mod object;
mod outside;
mod registry;
mod requests;
mod session;
mod stdio;
mod tools;
mod usage;
mod wire;

pub use adapter::{Adapter, BoxFuture, Endpoint, HandshakeFuture, LaunchRequest, Launched, RunRequest};
pub use auth::{LoginListener, LoginPrompt, LoginStatus, OAuth, Redirect};
pub use client::{ClientSide, RpcError, ServerRequest, ServerRequests};
pub use error::{CallError, HandshakeError, LaunchError, TimeoutKind};
pub use handshake::{EraCache, EraMemory};
pub use http::{AuthError, Http, Sse, mirrored_headers};
pub use in_process::{Factory, InProcess};
pub use inputs::{MAX_ROUNDS, request_with_inputs};
pub use line_stream::{Connection, open_lines};
pub use lists::{List, MAX_ENTRIES, MAX_LIST_BYTES, MAX_PAGES, list_all};
pub use logs::{LogLine, LogRing, LogStream};
pub use notices::{Fed, NoticeFeed, NoticeSink, NoticeStream, Notification, notice_channel};
pub use outside::{Outside, OutsideError, Surroundings};
pub use registry::AdapterSet;
pub use requests::{complete, get_prompt, ping, read_resource, subscribe, unsubscribe};
pub use session::{CallLimits, RequestOptions, ServerInfo, Session, WireCounters};
pub use stdio::{Beside, Ended, Ledger, LedgerError, Reconciled, Stdio, WardenProgram, adopt_orphans, spawn_beside};
pub use tools::{Tool, ToolList, TraceWords, call_tool, call_tool_traced, is_tool_error, list_tools, read_tool};
pub use usage::{ProcUsage, TreeUsage, UsageSource};
pub use wire::{Envelope, Line, LineReader, borrowed_text, each_member};
