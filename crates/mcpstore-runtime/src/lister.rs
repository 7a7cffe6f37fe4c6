//! What one life offers: listed once it answers, and again whenever it says that it changed.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_transport::{CallError, CallLimits, Fed, List, NoticeFeed, Session, ToolList, list_all, list_tools};
use mcpstore_types::ServiceSpec;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::detail::error_chain;
use crate::listener;
use crate::monitor::ServiceMonitor;
use crate::msg::{News, Reporter};
use crate::offers::OfferKind;

/// A storm of `list_changed` ends in refreshes no closer than this.
const REFRESH_PAUSE: Duration = Duration::from_millis(500);
/// All pages of a list together may take so many times what one request may take.
const WHOLE_LIST: u32 = 6;

/// What a lister works with.
pub(crate) struct Lister {
    pub(crate) session: Arc<dyn Session>,
    pub(crate) specs: watch::Receiver<Arc<ServiceSpec>>,
    pub(crate) monitor: Arc<ServiceMonitor>,
    pub(crate) reporter: Reporter,
    /// It was not heard for a while: whatever it was, all is to be listed again.
    pub(crate) missed: Notify,
}

/// Which lists are to be asked for.
#[derive(Clone, Copy, Default)]
struct Due {
    tools: bool,
    prompts: bool,
    resources: bool,
}

impl Due {
    const ALL: Self = Self { tools: true, prompts: true, resources: true };

    fn any(self) -> bool {
        self.tools || self.prompts || self.resources
    }
}

impl Lister {
    /// Lists once told to, says so once the first list of tools is over, and goes on for ever. The task around it is
    /// cancelled.
    pub(crate) async fn run(self, start: oneshot::Receiver<()>, listed_once: oneshot::Sender<()>) {
        // Nobody tells it to start when the probes are over: then it is over too.
        if start.await.is_err() {
            return;
        }
        let listener = listener::listen(self.session.as_ref(), &self.missed);
        tokio::join!(listener, self.keep(listed_once));
    }

    /// Lists, and lists again.
    async fn keep(&self, listed_once: oneshot::Sender<()>) {
        let mut changes = self.session.changes();
        changes.mark_unchanged();
        let server = self.session.server();
        let offers_more = server.has_prompts || server.has_resources;
        let mut notices = if offers_more { self.session.notices() } else { NoticeFeed::silent() };
        // What failed is due again.
        let mut due = Due { tools: !self.list_tools().await, ..Due::ALL };
        let _ = listed_once.send(());
        due = Due { tools: due.tools, ..self.list(Due { tools: false, ..due }).await };
        self.reporter.send(News::Listed).await;
        loop {
            due = self.until_due(&mut changes, &mut notices, due).await;
            // What is said meanwhile is heard of in the next round.
            due = self.list(due).await;
            sleep(REFRESH_PAUSE).await;
        }
    }

    /// Waits until the server says that something changed; where a list failed at most until the next try is due.
    async fn until_due(&self, changes: &mut watch::Receiver<u64>, notices: &mut NoticeFeed, failed: Due) -> Due {
        let mut due = failed;
        let heard = async {
            tokio::select! {
                changed = changes.changed() => match changed {
                    Ok(()) => Due { tools: true, ..Due::default() },
                    // The session is gone: nothing changes any more, and its end is told by others.
                    Err(_) => std::future::pending().await,
                },
                due = said_by(notices) => due,
                () = self.missed.notified() => Due::ALL,
            }
        };
        let heard = if failed.any() {
            let interval = self.specs.borrow().policy.health.interval;
            timeout(interval, heard).await.unwrap_or_default()
        } else {
            heard.await
        };
        due.tools |= heard.tools;
        due.prompts |= heard.prompts;
        due.resources |= heard.resources;
        due
    }

    /// Lists what is due, and says what of it could not be listed.
    async fn list(&self, due: Due) -> Due {
        let mut failed = Due::default();
        if due.tools {
            failed.tools = !self.list_tools().await;
        }
        if due.prompts {
            failed.prompts = !self.list_offer(OfferKind::Prompts).await;
        }
        if due.resources {
            let both = [OfferKind::Resources, OfferKind::Templates];
            for kind in both {
                failed.resources |= !self.list_offer(kind).await;
            }
        }
        failed
    }

    async fn list_tools(&self) -> bool {
        let tools = self.ask_tools().await.map_err(|error| error_chain(&error));
        let ok = tools.is_ok();
        self.reporter.send(News::Tools(tools)).await;
        ok
    }

    async fn ask_tools(&self) -> Result<ToolList, CallError> {
        if !self.session.server().has_tools {
            return Ok(ToolList::default());
        }
        let _own = self.monitor.own_request();
        list_tools(self.session.as_ref(), self.limits()).await
    }

    /// Lists one of the other lists; true when there is nothing left to do about it.
    async fn list_offer(&self, kind: OfferKind) -> bool {
        let server = self.session.server();
        let has = match kind {
            OfferKind::Prompts => server.has_prompts,
            OfferKind::Resources | OfferKind::Templates => server.has_resources,
        };
        if !has {
            return true;
        }
        let (method, member) = kind.listing();
        let own = self.monitor.own_request();
        let list = list_all(self.session.as_ref(), method, member, self.limits()).await;
        drop(own);
        match list {
            Ok(list) => {
                self.reporter.send(News::Offer(kind, list)).await;
                true
            }
            // Many have resources and no templates of them.
            Err(CallError::Rpc { code: -32601, .. }) => {
                self.reporter.send(News::Offer(kind, List::default())).await;
                true
            }
            Err(error) => {
                tracing::debug!(service = %self.reporter.service, method, %error, "a list could not be had");
                false
            }
        }
    }

    fn limits(&self) -> CallLimits {
        let page = self.specs.borrow().policy.timeouts.list;
        CallLimits::new(page, page.saturating_mul(WHOLE_LIST))
    }
}

/// The next change of prompts or resources that the server tells.
async fn said_by(notices: &mut NoticeFeed) -> Due {
    loop {
        match notices.next().await {
            Some(Fed::Notice(notice)) => match &*notice.method {
                "notifications/prompts/list_changed" => return Due { prompts: true, ..Due::default() },
                "notifications/resources/list_changed" => return Due { resources: true, ..Due::default() },
                _ => {}
            },
            // Whatever it was.
            Some(Fed::Missed(_)) => return Due { tools: false, ..Due::ALL },
            // The session is gone: see above.
            None => std::future::pending().await,
        }
    }
}
