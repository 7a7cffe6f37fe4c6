//! What a catalog is made of: one source for each service.

use std::collections::BTreeSet;
use std::sync::Arc;

use mcpstore_transport::{List, ServerInfo, ToolList};
use mcpstore_types::{ServiceName, ToolRules};
use serde_json::value::RawValue;

/// What one service brings. Every service has one, also one that never ran: its name and its rules count already.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Its name.
    pub(crate) service: ServiceName,
    /// Which of its tools are offered, and how they are named.
    pub(crate) rules: ToolRules,
    /// Its tools; `None` until they were listed.
    pub(crate) tools: Option<Arc<ToolList>>,
    /// Its prompts; `None` until they were listed, and where it has none.
    pub(crate) prompts: Option<Arc<List>>,
    /// Its resources; `None` as above.
    pub(crate) resources: Option<Arc<List>>,
    /// Its templates of resources; `None` as above.
    pub(crate) templates: Option<Arc<List>>,
    /// What its server last said of itself; `None` until one ever did.
    pub(crate) server: Option<Arc<ServerInfo>>,
    /// It does not run: its lists are those of an earlier life.
    pub(crate) stale: bool,
    /// Its tools, by the server's names, that changed since they were approved.
    pub(crate) quarantined: BTreeSet<String>,
}

/// How long a list may be kept, and by whom (spec: MCP 2026-07-28, caching).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    /// Milliseconds; `None` where the server does not say.
    pub(crate) ttl_ms: Option<u64>,
    /// It is for its reader alone.
    pub(crate) private: bool,
}

/// The four lists of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Its tools.
    Tools,
    /// Its prompts.
    Prompts,
    /// Its resources.
    Resources,
    /// Its templates of resources.
    Templates,
}

impl Kind {
    /// All of them, in the order of their indices.
    pub(crate) const ALL: [Self; 4] = [Self::Tools, Self::Prompts, Self::Resources, Self::Templates];

    /// Its place in an array of four.
    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// The member of the results that list it.
    pub(crate) const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
        }
    }

    /// The member of an entry that says which one it is.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::Templates => "uriTemplate",
        }
    }

    /// The capability of a server that has such a list.
    pub(super) const fn capability(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources | Self::Templates => "resources",
        }
    }

    /// One of them, in words.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Tools => "tool",
            Self::Prompts => "prompt",
            Self::Resources => "resource",
            Self::Templates => "resource template",
        }
    }
}

impl Source {
    /// A service that never ran.
    pub(crate) fn new(service: ServiceName, rules: ToolRules) -> Self {
        Self {
            service,
            rules,
            tools: None,
            prompts: None,
            resources: None,
            templates: None,
            server: None,
            stale: false,
            quarantined: BTreeSet::new(),
        }
    }

    /// How many entries it has of a kind.
    pub(super) fn len(&self, kind: Kind) -> usize {
        match kind {
            Kind::Tools => self.tools.as_ref().map_or(0, |list| list.tools.len()),
            Kind::Prompts | Kind::Resources | Kind::Templates => self.list(kind).map_or(0, |list| list.entries.len()),
        }
    }

    /// One of its entries, byte for byte.
    pub(super) fn entry(&self, kind: Kind, index: usize) -> Option<&RawValue> {
        match kind {
            Kind::Tools => self.tools.as_ref()?.tools.get(index).map(|tool| &*tool.raw),
            Kind::Prompts | Kind::Resources | Kind::Templates => {
                self.list(kind)?.entries.get(index).map(|entry| &**entry)
            }
        }
    }

    /// True when it was listed.
    pub(super) fn is_listed(&self, kind: Kind) -> bool {
        match kind {
            Kind::Tools => self.tools.is_some(),
            Kind::Prompts | Kind::Resources | Kind::Templates => self.list(kind).is_some(),
        }
    }

    /// How long a list of it may be kept.
    pub(super) fn hints(&self, kind: Kind) -> Hints {
        match kind {
            Kind::Tools => {
                self.tools.as_ref().map_or_else(Hints::default, |l| Hints { ttl_ms: l.ttl_ms, private: l.private })
            }
            Kind::Prompts | Kind::Resources | Kind::Templates => {
                self.list(kind).map_or_else(Hints::default, |l| Hints { ttl_ms: l.ttl_ms, private: l.private })
            }
        }
    }

    /// True when nothing that its entries are made from differs.
    pub(super) fn makes_the_same(&self, other: &Self) -> bool {
        fn same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
            match (one, other) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (None, None) => true,
                _ => false,
            }
        }
        self.service == other.service
            && self.stale == other.stale
            && same(self.tools.as_ref(), other.tools.as_ref())
            && same(self.prompts.as_ref(), other.prompts.as_ref())
            && same(self.resources.as_ref(), other.resources.as_ref())
            && same(self.templates.as_ref(), other.templates.as_ref())
            && self.rules == other.rules
            && self.quarantined == other.quarantined
    }

    fn list(&self, kind: Kind) -> Option<&List> {
        match kind {
            Kind::Tools => None,
            Kind::Prompts => self.prompts.as_deref(),
            Kind::Resources => self.resources.as_deref(),
            Kind::Templates => self.templates.as_deref(),
        }
    }
}
