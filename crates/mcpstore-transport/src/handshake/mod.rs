//! From a wire to a session: in which era, agreed how, and why not.

mod discover;
mod era;
mod initialize;
mod session;

use std::sync::Arc;
use std::time::Duration;

use mcpstore_types::{Era, EraChoice, ExitStatus};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::clip::clip;
use crate::deadline::deadline_after;
use crate::wire::{Hub, Wire};
use crate::{
    BoxFuture, CallLimits, ClientSide, HandshakeError, LaunchRequest, LogRing, LogStream, ServerInfo, Session,
};
use discover::NotStateless;
use initialize::Running;
use session::McpSession;

pub use era::{EraCache, EraMemory};

/// What we call ourselves to a server.
pub(crate) const CLIENT_NAME: &str = "mcpstore";
/// Our version, for a server.
pub(crate) const CLIENT_VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long the exit of a server that closed its output is waited for, to say how it ended.
const EXIT_GRACE: Duration = Duration::from_secs(1);
/// How long the end of the writing is waited for then, which says whether the server left something unread.
const READ_GRACE: Duration = Duration::from_millis(250);
/// How long a server that is asked for its era is heard out alone. After that the handshake is offered too, and the first
/// answer counts: one that starts slowly loses no time, and one that ignores what it does not know is not waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// The same for a server that is known to have answered the question before: it is rarely replaced by an older one.
const PATIENCE_KNOWN: Duration = Duration::from_secs(10);
/// The same over HTTP, where a server runs already, and one that does not know a request says so.
const PATIENCE_HTTP: Duration = Duration::from_secs(5);
/// Lines of stderr that travel with an error.
const STDERR_LINES: usize = 20;
/// Characters of a line of noise that travel with an error.
const NOISE_CHARS: usize = 200;

/// Our side of the handshake.
pub(crate) struct Handshake {
    hub: Arc<Hub>,
    wire: Option<Wire>,
    logs: Arc<LogRing>,
    client: ClientSide,
    era: EraChoice,
    memory: EraMemory,
    patience: Duration,
    /// Counted from the launch.
    deadline: Instant,
    timeout: Duration,
    /// Resolves when the process has ended; `None` where there is no process.
    exit: Option<BoxFuture<ExitStatus>>,
    /// Made before the first poll: a handshake that is never polled is given up too.
    open: CloseOnDrop,
}

/// What was agreed.
struct Agreed {
    server: ServerInfo,
    /// rmcp's side of the conversation, in the era that has one.
    rmcp: Option<Running>,
    /// What is kept of it for the next life.
    knows: Era,
}

/// Why nothing was agreed.
enum Failed {
    /// The conversation closed.
    Closed,
    /// The same, while nothing but the question for the era had been sent.
    ClosedAtProbe,
    Said(HandshakeError),
}

impl Handshake {
    /// The handshake of a server that was just launched. `memory` knows in which era it spoke before; `exit` resolves when
    /// its process has ended, where it has one.
    pub(crate) fn new(
        request: &LaunchRequest,
        hub: &Arc<Hub>,
        wire: Wire,
        memory: EraMemory,
        exit: Option<BoxFuture<ExitStatus>>,
    ) -> Self {
        let timeout = request.spec.policy.timeouts.handshake;
        Self {
            hub: Arc::clone(hub),
            wire: Some(wire),
            logs: Arc::clone(&request.logs),
            client: request.client.clone(),
            era: request.spec.era,
            memory,
            patience: PATIENCE,
            deadline: deadline_after(timeout),
            timeout,
            exit,
            open: CloseOnDrop(Some(Arc::clone(hub))),
        }
    }

    /// The same with a server that runs already, and has an answer for everything.
    pub(crate) fn over_http(self) -> Self {
        Self { patience: PATIENCE_HTTP, ..self }
    }

    /// Leads the handshake. Dropped half-way, it closes the conversation.
    pub(crate) async fn run(mut self) -> Result<Arc<dyn Session>, HandshakeError> {
        let failed = match timeout_at(self.deadline, self.agree()).await {
            Ok(Ok(Agreed { server, rmcp, knows })) => {
                self.memory.keep(knows);
                self.open.0 = None;
                return Ok(Arc::new(McpSession { server, hub: Arc::clone(&self.hub), _rmcp: rmcp }));
            }
            Ok(Err(failed)) => failed,
            Err(_) => {
                if self.era == EraChoice::Auto && self.hub.counters().received == 0 {
                    // Some choke on the question and say nothing any more. The next start does not ask; one that was only
                    // slow, and knows no handshake, will reject that and be asked again.
                    self.memory.keep(Era::Handshake);
                }
                let late = HandshakeError::TimedOut { after: self.timeout };
                return Err(only_noise(&self.hub, &self.logs).unwrap_or(late));
            }
        };
        let at_probe = matches!(failed, Failed::ClosedAtProbe);
        Err(match (failed, self.hub.spoiled()) {
            (Failed::Said(error), _) => error,
            (Failed::Closed | Failed::ClosedAtProbe, Some(what)) => HandshakeError::Malformed { what },
            (Failed::Closed | Failed::ClosedAtProbe, None) => match self.over().await {
                // Some end when they are asked what they do not know. The next start does not ask. One that never read
                // the question ended for a reason of its own.
                HandshakeError::Exited { status, stderr } if at_probe && !unheard(&self.hub).await => {
                    self.memory.keep(Era::Handshake);
                    HandshakeError::ExitedAtProbe { status, stderr }
                }
                error => error,
            },
        })
    }

    async fn agree(&mut self) -> Result<Agreed, Failed> {
        let asked = match self.era {
            EraChoice::Only(era) => Some(era),
            EraChoice::Auto => self.memory.recall(),
        };
        match asked {
            Some(Era::Handshake) => {
                let agreed = self.initialize().await;
                if matches!(agreed, Err(Failed::Said(HandshakeError::Rejected { .. }))) {
                    // It may have been replaced by a newer one.
                    self.memory.forget();
                }
                agreed
            }
            Some(Era::Stateless) if self.era != EraChoice::Auto => {
                match discover::discover(&self.hub, &self.client, self.limits()).await {
                    Ok(server) => Ok(stateless(&self.hub, &self.client, server)),
                    Err(NotStateless::Legacy(error)) => {
                        Err(Failed::Said(HandshakeError::NotStateless { what: clip(&error.to_string()) }))
                    }
                    Err(NotStateless::Failed(failed)) => Err(failed),
                }
            }
            Some(Era::Stateless) => self.ask(self.patience.max(PATIENCE_KNOWN.min(self.timeout / 2))).await,
            None => self.ask(self.patience).await,
        }
    }

    /// Asks for the era; offers the handshake when that is refused, or not answered soon.
    async fn ask(&mut self, patience: Duration) -> Result<Agreed, Failed> {
        let (hub, client) = (Arc::clone(&self.hub), self.client.clone());
        let mut question = std::pin::pin!(discover::discover(&hub, &client, self.limits()));
        let answered = tokio::select! {
            biased;
            answer = &mut question => Some(answer),
            () = sleep(patience) => None,
        };
        match answered {
            Some(Ok(server)) => return Ok(stateless(&hub, &client, server)),
            Some(Err(NotStateless::Legacy(_))) => return self.initialize().await,
            Some(Err(NotStateless::Failed(Failed::Closed))) => return Err(Failed::ClosedAtProbe),
            Some(Err(NotStateless::Failed(failed))) => return Err(failed),
            None => {}
        }
        let mut offer = std::pin::pin!(self.initialize());
        tokio::select! {
            biased;
            answer = &mut question => match answer {
                // It was offered the handshake too. A server of both eras takes that for the opening of the conversation,
                // and answers in that era alone from then on.
                Ok(server) => match timeout(PATIENCE, offer).await {
                    Ok(Ok(agreed)) => Ok(Agreed { knows: Era::Stateless, ..agreed }),
                    Ok(Err(_)) | Err(_) => Ok(stateless(&hub, &client, server)),
                },
                Err(NotStateless::Legacy(_)) => offer.await,
                Err(NotStateless::Failed(failed)) => Err(failed),
            },
            agreed = &mut offer => match agreed {
                // It may know the question alone.
                Err(Failed::Said(error @ HandshakeError::Rejected { .. })) => {
                    let server = question.await.map_err(|_| Failed::Said(error))?;
                    Ok(stateless(&hub, &client, server))
                }
                agreed => agreed,
            },
        }
    }

    async fn initialize(&mut self) -> Result<Agreed, Failed> {
        // Offered once; there is no second conversation on one wire.
        let wire = self.wire.take().ok_or(Failed::Closed)?;
        let (server, running) = initialize::initialize(&self.client, &self.hub, wire).await?;
        Ok(Agreed { server, rmcp: Some(running), knows: Era::Handshake })
    }

    /// For the question: longer than the handshake may take, whose own limit is told better.
    fn limits(&self) -> CallLimits {
        CallLimits::within(self.timeout.saturating_add(Duration::from_secs(1)))
    }

    /// The output closed: with the process, or without.
    async fn over(&mut self) -> HandshakeError {
        if let Some(exited) = self.exit.take()
            && let Ok(status) = timeout(EXIT_GRACE, exited).await
        {
            let mut stderr = self.logs.stderr_tail(STDERR_LINES);
            if stderr.is_empty() {
                // Some complain on stdout.
                stderr = self.logs.tail(STDERR_LINES).into_iter().map(|line| line.text).collect();
            }
            return HandshakeError::Exited { status, stderr };
        }
        only_noise(&self.hub, &self.logs).unwrap_or(HandshakeError::Closed)
    }
}

/// The conversation goes on without a handshake.
fn stateless(hub: &Hub, client: &ClientSide, server: ServerInfo) -> Agreed {
    discover::agree(hub, client, &server);
    Agreed { server, rmcp: None, knows: Era::Stateless }
}

/// True when the server left unread what was written to it.
async fn unheard(hub: &Hub) -> bool {
    timeout(READ_GRACE, hub.unheard()).await.unwrap_or(false)
}

/// The error for a server that wrote text, and not one message.
fn only_noise(hub: &Hub, logs: &LogRing) -> Option<HandshakeError> {
    let counters = hub.counters();
    if counters.received > 0 || counters.noise == 0 {
        return None;
    }
    let first = logs.since(0).into_iter().find(|line| line.stream == LogStream::Noise)?;
    Some(HandshakeError::NoJson { line: first.text.chars().take(NOISE_CHARS).collect() })
}

/// Closes the conversation when the handshake is given up.
struct CloseOnDrop(Option<Arc<Hub>>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(hub) = &self.0 {
            hub.close();
        }
    }
}
