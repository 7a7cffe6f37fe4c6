//! Who is told of an alert, and how: sinks, templates, retries in order.
//!
//! When an alert fires or resolves is decided elsewhere. [`Delivery::send`] takes it, never waits and never fails: every
//! sink has a bounded queue and a task of its own that delivers the head of its queue, again and again with growing waits,
//! before it looks at the next. A sink that hangs slows nobody but itself.
//!
//! - [`Alert`]: one thing to tell. [`Delivery`]: tells it. [`Options`]: the bounds.
//! - [`Receipt`]: what became of it at one sink, for whoever keeps what is undelivered over a restart.
//! - [`SinkStatus`]: how a sink fares.

mod alert;
mod delivery;
mod line;
mod options;
mod sink;
mod status;
mod template;
mod text;
mod wait;

pub use alert::{Alert, AlertStatus};
pub use delivery::Delivery;
pub use options::{OnReceipt, Options, Starter};
pub use status::{Outcome, Receipt, SinkStatus};
