//! What the gateway offers now, and what it could not offer as it was asked for.

use std::collections::BTreeMap;

use mcpstore_types::ServiceName;
use serde::{Deserialize, Serialize};

use crate::Gateway;
use crate::catalog::names::{Conflict, Settled};
use crate::catalog::view::View;
use crate::core::Kind;

/// What a gateway offers, as of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GatewayReport {
    /// What its views offer: first that of everything, then the profiles by name.
    pub views: Vec<ViewReport>,
    /// Services of which something has never been listed: what they offer of it is not shown yet. By name; empty when all is
    /// known.
    #[serde(default)]
    pub unlisted: Vec<UnlistedReport>,
    /// Names and addresses that more than one service wants, and what became of them; entries of servers that are none;
    /// tools that wait for approval; an audit log that is not whole. One line each, for people. Empty when all is as it was asked for.
    pub remarks: Vec<String>,
}

/// What one view offers, all pages of its lists together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ViewReport {
    /// The profile; `None`: everything.
    pub profile: Option<String>,
    /// Services in it.
    pub services: usize,
    /// Tools that it lists.
    pub tools: usize,
    /// Prompts that it lists.
    pub prompts: usize,
    /// Resources that it lists.
    pub resources: usize,
    /// Templates of resources that it lists.
    pub templates: usize,
}

/// What one service has never listed, though it has it or may have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnlistedReport {
    /// The service.
    pub service: ServiceName,
    /// The lists, as MCP calls them: `tools`, `prompts`, `resources`, `resourceTemplates`. All four while nobody knows what it
    /// has: it never ran.
    pub lists: Vec<String>,
}

impl Gateway {
    /// What it offers now. Cheap, and takes no lock.
    #[must_use]
    pub fn report(&self) -> GatewayReport {
        let (names, rules) = (self.inner.names.load(), self.inner.rules.load());
        let catalog = names.catalog();
        let profiles = rules.views.iter().map(|view| Some(view.name.as_str()));
        let views = std::iter::once(None).chain(profiles);
        let views = views.filter_map(|name| catalog.view(name).map(|view| counted(name, view)));
        let conflicts = catalog.conflicts().iter().map(remark);
        let dropped = catalog.dropped().flat_map(|(service, dropped)| {
            let more = dropped.total - dropped.reasons.len();
            let reasons = dropped.reasons.iter().map(move |reason| format!("`{service}`: {reason}: not offered"));
            reasons.chain((more > 0).then(|| format!("`{service}`: {more} entries more are not offered")))
        });
        let guard = self.inner.guard.remarks();
        GatewayReport {
            views: views.collect(),
            unlisted: catalog.view(None).map(unlisted).unwrap_or_default(),
            remarks: conflicts.chain(dropped).chain(guard).collect(),
        }
    }
}

fn unlisted(view: View<'_>) -> Vec<UnlistedReport> {
    let mut found: BTreeMap<&ServiceName, Vec<String>> = BTreeMap::new();
    for kind in Kind::ALL {
        for service in view.unlisted(kind) {
            found.entry(service).or_default().push(kind.member().to_owned());
        }
    }
    found.into_iter().map(|(service, lists)| UnlistedReport { service: service.clone(), lists }).collect()
}

fn counted(name: Option<&str>, view: View<'_>) -> ViewReport {
    ViewReport {
        profile: name.map(str::to_owned),
        services: view.services().count(),
        tools: view.len(Kind::Tools),
        prompts: view.len(Kind::Prompts),
        resources: view.len(Kind::Resources),
        templates: view.len(Kind::Templates),
    }
}

/// A conflict in one line, with a way out.
fn remark(conflict: &Conflict) -> String {
    let claims: Vec<String> = conflict.claims.iter().map(|(service, key)| format!("`{key}` of `{service}`")).collect();
    let (what, name, claims) = (conflict.kind.word(), &conflict.name, claims.join(" and "));
    match conflict.settled {
        Settled::Prefixed => format!(
            "the name `{name}` is wanted by more than one {what}: {claims}; each is offered as `service__name` (tools.rename \
             gives one of them another name)"
        ),
        Settled::Space => format!(
            "the name `{name}` that {claims} wants begins as those of another service do; it is offered as `service__name`"
        ),
        Settled::First => {
            format!(
                "there is more than one {what} `{name}`: {claims}; the first one is offered, the others are not listed"
            )
        }
    }
}
