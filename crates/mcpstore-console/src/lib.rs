//! What mcpstore shows over HTTP on a loopback port: `/metrics`, `/healthz` and `/readyz`.
//!
//! [`Console`] is the server, [`Source`] is what it shows. No route changes anything, and none is answered for a page of
//! another origin: see `docs/observability.md`.
//!
//! With the feature `otlp` (off by default), metrics and the spans of calls are pushed to an OpenTelemetry collector too.
//!
//! Three fixed pages need no router: this is hyper alone, which also has the deadline for a request's head.

mod accept;
mod console;
mod guard;
#[cfg(feature = "otlp")]
mod otlp;
mod pages;
mod source;
mod supervised;
mod trace;

pub use accept::Format;
pub use console::{BindError, Console};
#[cfg(feature = "otlp")]
pub use otlp::{CallSpan, Otlp, OtlpConfig, OtlpError, OtlpStats, Pusher, Tracer};
pub use source::{Liveness, Readiness, ServiceReadiness, Source};
pub use supervised::SupervisorSource;
pub use trace::TraceContext;
