//! Questions to what is no MCP session: a port, an address, a file, a command. Probes and waiting ask them.

mod http;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mcpstore_types::{ExitStatus, ServiceName, WaitCondition};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::clip::clip;
use crate::http::fault::explain;
use crate::{Adapter, RunRequest};

/// Files that are looked at side by side, of all services. A disk that hangs holds so many threads and no more.
const MAX_LOOKS: usize = 8;

/// Why an answer is no "yes".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutsideError {
    /// It was asked, and the answer is no, or none came in time.
    #[error("{message}")]
    No {
        /// What is wrong, in words without secrets.
        message: String,
    },
    /// It could not be asked at all: nothing is known.
    #[error("{message}")]
    NotAsked {
        /// Why not, in words without secrets.
        message: String,
    },
}

/// Who answers such questions. The real one is [`Surroundings`]; simulations bring their own.
#[async_trait]
pub trait Outside: Send + Sync + fmt::Debug {
    /// Asks on behalf of `service` whether `what` holds now; takes at most `within`.
    ///
    /// # Errors
    /// [`OutsideError`].
    ///
    /// # Cancel safety
    /// Dropped half-way, it leaves nothing behind: a command is killed with everything it started.
    async fn ask(&self, service: &ServiceName, what: &WaitCondition, within: Duration) -> Result<(), OutsideError>;
}

/// The machine and its network, as they are.
#[derive(Debug)]
pub struct Surroundings {
    /// Runs commands, contained as servers are; without one, commands cannot be asked.
    runner: Option<Arc<dyn Adapter>>,
    looks: Arc<Semaphore>,
}

impl Surroundings {
    /// Whose commands this adapter runs: the one of kind `stdio`, as a rule.
    #[must_use]
    pub fn new(runner: Option<Arc<dyn Adapter>>) -> Self {
        Self { runner, looks: Arc::new(Semaphore::new(MAX_LOOKS)) }
    }

    async fn file(&self, path: &Path) -> Result<(), OutsideError> {
        // The seat goes with the look: one that hangs keeps it.
        let Ok(seat) = Arc::clone(&self.looks).try_acquire_owned() else {
            return not_asked("too many looks at files hang already");
        };
        let path = path.to_owned();
        let look = tokio::task::spawn_blocking(move || {
            let _seat = seat;
            path.metadata().map(drop)
        });
        match look.await {
            Ok(Ok(())) => Ok(()),
            // The system's words are for programmers.
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => no("it is not there"),
            Ok(Err(error)) => no(io_words(&error)),
            Err(error) => not_asked(error.to_string()),
        }
    }

    async fn exec(&self, service: &ServiceName, command: &str, args: &[String]) -> Result<(), OutsideError> {
        let Some(runner) = &self.runner else { return not_asked("nothing here runs commands") };
        let request = RunRequest { service: service.clone(), command: command.to_owned(), args: args.to_vec() };
        match runner.run(request).await {
            Ok(ExitStatus::Code(0)) => Ok(()),
            Ok(status) => no(format!("it ended with {status}")),
            Err(error) => not_asked(error.to_string()),
        }
    }
}

#[async_trait]
impl Outside for Surroundings {
    async fn ask(&self, service: &ServiceName, what: &WaitCondition, within: Duration) -> Result<(), OutsideError> {
        let asked = async {
            match what {
                WaitCondition::Tcp { address } => match TcpStream::connect(address).await {
                    Ok(_) => Ok(()),
                    Err(error) => no(io_words(&error)),
                },
                WaitCondition::Http { url } => http::get(url).await,
                WaitCondition::File { path } => self.file(path).await,
                WaitCondition::Exec { command, args } => self.exec(service, command, args).await,
                other => not_asked(format!("nobody here knows how to ask for {other}")),
            }
        };
        timeout(within, asked).await.unwrap_or_else(|_| no(format!("no answer within {within:?}")))
    }
}

/// The short words of the system, without the number.
fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::Other => explain(error),
        kind => kind.to_string(),
    }
}

fn no<T>(message: impl Into<String>) -> Result<T, OutsideError> {
    Err(OutsideError::No { message: clip(&message.into()) })
}

fn not_asked<T>(message: impl Into<String>) -> Result<T, OutsideError> {
    Err(OutsideError::NotAsked { message: clip(&message.into()) })
}
