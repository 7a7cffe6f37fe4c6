//! The bounds of delivery.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::status::Receipt;

/// Called with every [`Receipt`].
///
/// It runs where the receipt arises, in [`Delivery::send`](crate::Delivery::send) too: it must return at once.
pub type OnReceipt = Arc<dyn Fn(Receipt) + Send + Sync>;

/// Starts a child process; what comes with it is dropped when the child was waited for.
///
/// For programs that take every child of theirs for something else: they make an exception of this one.
pub type Starter = Arc<dyn Fn(&mut Command) -> io::Result<(Child, Box<dyn Any + Send + Sync>)> + Send + Sync>;

/// The bounds of delivery, the same for all sinks.
#[derive(Clone)]
pub struct Options {
    /// The most alerts that wait for one sink, the one under way included; default 1,024. The next is refused and counted.
    pub queue: usize,
    /// The wait after the first failed attempt; each further one doubles it. Default 1 s. All waits vary by a fifth.
    pub first_backoff: Duration,
    /// The longest wait; default 60 s.
    pub max_backoff: Duration,
    /// The longest wait that a receiver may ask for with `Retry-After`; default 5 min.
    pub max_retry_after: Duration,
    /// An alert this old is dropped after a failed attempt, and counted; default 24 h.
    pub give_up_after: Duration,
    /// How long a connection may take; default 5 s.
    pub connect_timeout: Duration,
    /// How long one attempt of a webhook or a mail may take in all; default 10 s.
    pub request_timeout: Duration,
    /// How long a command may run before its process group is killed; default 30 s.
    pub command_timeout: Duration,
    /// How the commands of sinks are started; default: as any child.
    pub starter: Option<Starter>,
    /// Told what becomes of every alert at every sink; default: nobody.
    pub on_receipt: Option<OnReceipt>,
}

impl Default for Options {
    fn default() -> Self {
        const S: fn(u64) -> Duration = Duration::from_secs;
        Self {
            queue: 1024,
            first_backoff: S(1),
            max_backoff: S(60),
            max_retry_after: S(300),
            give_up_after: S(24 * 3600),
            connect_timeout: S(5),
            request_timeout: S(10),
            command_timeout: S(30),
            starter: None,
            on_receipt: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("queue", &self.queue)
            .field("first_backoff", &self.first_backoff)
            .field("max_backoff", &self.max_backoff)
            .field("max_retry_after", &self.max_retry_after)
            .field("give_up_after", &self.give_up_after)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("command_timeout", &self.command_timeout)
            .field("starter", &self.starter.is_some())
            .field("on_receipt", &self.on_receipt.is_some())
            .finish()
    }
}
