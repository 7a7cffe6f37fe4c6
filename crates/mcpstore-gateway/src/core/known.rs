//! What is known of each service over its lives: the sources of the catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mcpstore_runtime::{ServiceInfo, Snapshot};
use mcpstore_transport::{List, ServerInfo, ToolList};
use mcpstore_types::{ServiceName, ServiceState};
use tokio::time::Instant;

use crate::catalog::source::Source;
use crate::guard::HeldBack;

/// How long the lists of a service that went down against its will are offered as if nothing were: most are back by then,
/// and clients need not read their lists twice.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// What each service said last.
#[derive(Debug, Default)]
pub(super) struct Known {
    services: BTreeMap<ServiceName, Last>,
}

#[derive(Debug, Default)]
struct Last {
    tools: Option<Arc<ToolList>>,
    prompts: Option<Arc<List>>,
    resources: Option<Arc<List>>,
    templates: Option<Arc<List>>,
    server: Option<Arc<ServerInfo>>,
    /// Its lists are those of an earlier manager: nobody has asked it since.
    of_earlier: bool,
    /// Since when it does not run.
    down: Option<Instant>,
}

impl Known {
    /// One source for each service, as it was last seen. Also when to look again, though nothing else happens: somebody's
    /// [`GRACE`] is over then.
    pub(super) fn sources(
        &mut self,
        snapshot: &Snapshot,
        held_back: &HeldBack,
        now: Instant,
    ) -> (Vec<Source>, Option<Instant>) {
        let services = || snapshot.services().iter().filter(|info| info.spec.instance_of.is_none() && !info.leaving);
        let there: BTreeSet<&ServiceName> = services().map(|info| info.name()).collect();
        self.services.retain(|name, _| there.contains(name));
        let mut again: Option<Instant> = None;
        let mut sources = Vec::with_capacity(there.len());
        for info in services() {
            let last = self.services.entry(info.name().clone()).or_insert_with(|| Last::of(info));
            last.take(info);
            let stale = match last.stale_from(info, now) {
                Some(from) if from > now => {
                    again = Some(again.map_or(from, |again| again.min(from)));
                    false
                }
                Some(_) => true,
                None => false,
            };
            sources.push(Source {
                tools: last.tools.clone(),
                prompts: last.prompts.clone(),
                resources: last.resources.clone(),
                templates: last.templates.clone(),
                server: last.server.clone(),
                stale,
                quarantined: held_back.get(info.name()).cloned().unwrap_or_default(),
                ..Source::new(info.name().clone(), info.spec.tools.clone())
            });
        }
        (sources, again)
    }
}

impl Last {
    /// As an earlier manager left it, where that is kept.
    fn of(info: &ServiceInfo) -> Self {
        let Some(known) = &info.known else { return Self::default() };
        Self {
            tools: known.tools.clone(),
            prompts: known.offers.prompts.clone(),
            resources: known.offers.resources.clone(),
            templates: known.offers.templates.clone(),
            server: Some(Arc::new(known.server.clone())),
            of_earlier: info.tools.is_none(),
            down: None,
        }
    }

    /// Takes over what a life has listed so far. What it has not listed yet stays that of the life before.
    fn take(&mut self, info: &ServiceInfo) {
        if let Some(server) = &info.server {
            if self.server.as_deref() != Some(server) {
                self.server = Some(Arc::new(server.clone()));
            }
            // What a server has no more will not be listed again.
            if !server.has_tools {
                self.tools = None;
            }
            if !server.has_prompts {
                self.prompts = None;
            }
            if !server.has_resources {
                (self.resources, self.templates) = (None, None);
            }
        }
        self.of_earlier &= info.tools.is_none();
        renew(&mut self.tools, info.tools.as_ref());
        renew(&mut self.prompts, info.offers.prompts.as_ref());
        renew(&mut self.resources, info.offers.resources.as_ref());
        renew(&mut self.templates, info.offers.templates.as_ref());
    }

    /// From when on its lists are those of a service that is down; `None`: it runs.
    fn stale_from(&mut self, info: &ServiceInfo, now: Instant) -> Option<Instant> {
        // One that sleeps offers what it has: whoever calls it has it woken.
        if info.sleeps() {
            self.down = None;
            return None;
        }
        let on_purpose = match info.status.state {
            ServiceState::Running => {
                self.down = None;
                return None;
            }
            ServiceState::NotStarted | ServiceState::Stopped => true,
            ServiceState::Starting | ServiceState::Stopping | ServiceState::Error | ServiceState::Unknown => false,
        };
        let since = *self.down.get_or_insert(now);
        Some(if on_purpose || self.of_earlier { since } else { since + GRACE })
    }
}

fn renew<T>(own: &mut Option<Arc<T>>, listed: Option<&Arc<T>>) {
    if let Some(listed) = listed {
        *own = Some(Arc::clone(listed));
    }
}
