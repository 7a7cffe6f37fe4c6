//! What mcpstore shows over HTTP on a loopback port: `/metrics`, `/healthz` and `/readyz`.
//!
//! [`Console`] is the server, [`Source`] is what it shows. No route changes anything, and none is answered for a page of
//! another origin: see `docs/observability.md`.
//!
//! Three fixed pages need no router: this is hyper alone, which also has the deadline for a request's head.

mod accept;
mod console;
mod guard;
mod pages;
mod source;
mod supervised;

pub use accept::Format;
pub use console::{BindError, Console};
pub use source::{Liveness, Readiness, ServiceReadiness, Source};
pub use supervised::SupervisorSource;
