//! Which name leads where.

use std::collections::BTreeMap;

use bytes::Bytes;
use mcpstore_runtime::Snapshot;
use mcpstore_types::{Expose, ServiceName, ViewSpec};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Where a name leads.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) service: ServiceName,
    /// The name that the server knows.
    pub(crate) name: String,
}

/// The names of one moment.
#[derive(Debug, Default)]
pub(crate) struct Names {
    tools: BTreeMap<String, Route>,
    prompts: BTreeMap<String, Route>,
    resources: BTreeMap<String, ServiceName>,
    templates: Vec<(String, ServiceName)>,
    bodies: [Vec<String>; 4],
}

/// One of the lists.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ListKind {
    Tools,
    Prompts,
    Resources,
    Templates,
}

impl ListKind {
    const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
        }
    }
}

impl Names {
    /// The names of what is listed now.
    pub(crate) fn of(snapshot: &Snapshot, _views: &[ViewSpec]) -> Self {
        let mut out = Self::default();
        let mut services: Vec<_> = snapshot.services().iter().collect();
        services.sort_by(|a, b| a.name().cmp(b.name()));
        for info in services {
            let exposed = |name: &str| match info.spec.tools.expose {
                Expose::Plain => name.to_owned(),
                Expose::Prefixed => format!("{}__{name}", info.name()),
            };
            let route = |name: &str| Route { service: info.name().clone(), name: name.to_owned() };
            for tool in info.tools.iter().flat_map(|list| &list.tools) {
                let name = exposed(&tool.name);
                if let Some(entry) = renamed(&tool.raw, &name) {
                    out.bodies[0].push(entry);
                    out.tools.insert(name, route(&tool.name));
                }
            }
            for entry in info.offers.prompts.iter().flat_map(|list| &list.entries) {
                let Some(own) = member(entry, "name") else { continue };
                let name = exposed(&own);
                if let Some(entry) = renamed(entry, &name) {
                    out.bodies[1].push(entry);
                    out.prompts.insert(name, route(&own));
                }
            }
            for entry in info.offers.resources.iter().flat_map(|list| &list.entries) {
                let Some(uri) = member(entry, "uri") else { continue };
                out.bodies[2].push(entry.get().to_owned());
                out.resources.insert(uri, info.name().clone());
            }
            for entry in info.offers.templates.iter().flat_map(|list| &list.entries) {
                let Some(template) = member(entry, "uriTemplate") else { continue };
                out.bodies[3].push(entry.get().to_owned());
                out.templates.push((template, info.name().clone()));
            }
        }
        out
    }

    /// The result of a list.
    pub(crate) fn list(&self, kind: ListKind, stateless: bool) -> Bytes {
        let entries = self.bodies[kind as usize].join(",");
        let more = if stateless { r#""resultType":"complete","ttlMs":0,"cacheScope":"private","# } else { "" };
        format!(r#"{{{more}"{}":[{entries}]}}"#, kind.member()).into()
    }

    pub(crate) fn tool(&self, name: &str) -> Option<&Route> {
        self.tools.get(name)
    }

    pub(crate) fn prompt(&self, name: &str) -> Option<&Route> {
        self.prompts.get(name)
    }

    /// The service that has this resource.
    pub(crate) fn resource(&self, uri: &str) -> Option<&ServiceName> {
        let by_template = || {
            let literal = |template: &str| template.split('{').next().unwrap_or_default().len();
            let fits = self.templates.iter().filter(|(template, _)| uri.starts_with(&template[..literal(template)]));
            fits.max_by_key(|(template, _)| literal(template)).map(|(_, service)| service)
        };
        self.resources.get(uri).or_else(by_template)
    }
}

fn member(entry: &RawValue, key: &str) -> Option<String> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(entry.get()).ok()?;
    serde_json::from_str(members.get(key)?.get()).ok()
}

fn renamed(entry: &RawValue, name: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        name: &'a RawValue,
    }
    let text = entry.get();
    let old = serde_json::from_str::<Named<'_>>(text).ok()?.name.get();
    let at = old.as_ptr() as usize - text.as_ptr() as usize;
    Some(format!("{}{}{}", &text[..at], serde_json::to_string(name).ok()?, &text[at + old.len()..]))
}
