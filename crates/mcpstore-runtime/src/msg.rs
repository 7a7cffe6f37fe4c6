//! The closed set of what the owner task hears.

use std::collections::BTreeMap;
use std::sync::Arc;

use mcpstore_core::{Input, Rejection, Reply, Report};
use mcpstore_transport::{HandshakeError, LaunchError, Launched, List, Session, ToolList};
use mcpstore_types::{Health, ServiceName, ServiceSpec, SpecDelta};
use tokio::sync::{mpsc, oneshot};

use crate::known::KnownLists;
use crate::offers::OfferKind;

/// How many inputs may wait for the owner. Helpers wait for room; nothing is dropped.
pub(crate) const INBOX: usize = 1024;

/// What a command gets back.
pub(crate) type Answer = oneshot::Sender<Result<Reply, Rejection>>;

/// What is known of new services from an earlier time.
pub(crate) type KnownOf = BTreeMap<ServiceName, Arc<KnownLists>>;

/// What the owner task hears.
pub(crate) enum Msg {
    /// Someone wants something.
    Command { input: Input, answer: Answer },
    /// These services exist now.
    Register { specs: Vec<ServiceSpec>, known: KnownOf, answer: Answer },
    /// Take over what changed in the specs.
    Reconfigure { delta: SpecDelta, known: KnownOf, start_added: bool, answer: Answer },
    /// Something beside its record changed that shows in the snapshot.
    Touched(ServiceName),
    /// What a service waits for outside: this of it is missing; `None`: nothing is any more.
    Waited { service: ServiceName, id: u64, missing: Option<String> },
    /// A helper reports about one life.
    Life { service: ServiceName, life: u64, news: News },
}

/// What a helper reports.
pub(crate) enum News {
    /// The launch is over. `None`: it was given up on request.
    Launched(Option<Result<Launched, LaunchError>>),
    /// The handshake is over.
    Handshake(Result<Arc<dyn Session>, HandshakeError>),
    /// The tools were listed, or could not be.
    Tools(Result<ToolList, String>),
    /// Another list was listed.
    Offer(OfferKind, List),
    /// The probes have a new verdict, which may have a consequence.
    Health { health: Health, consequence: Option<Report>, detail: Option<String> },
    /// All of its lists were asked for once.
    Listed,
    /// Nobody has used it for as long as its policy says.
    Idle,
    /// Something that the core understands as it is.
    Report(Report),
}

/// Where a helper sends its news about one life.
#[derive(Clone)]
pub(crate) struct Reporter {
    pub(crate) service: ServiceName,
    /// Which life it speaks of, by its number among all lives.
    pub(crate) life: u64,
    /// Weak: a helper does not keep the owner alive once every handle is gone.
    pub(crate) inbox: mpsc::WeakSender<Msg>,
}

impl Reporter {
    /// Sends news; waits for room. News to an owner that is gone are void.
    pub(crate) async fn send(&self, news: News) {
        let msg = Msg::Life { service: self.service.clone(), life: self.life, news };
        if let Some(inbox) = self.inbox.upgrade() {
            // The owner ends only when the whole supervisor does: then nobody is left to be told.
            let _ = inbox.send(msg).await;
        }
    }
}
