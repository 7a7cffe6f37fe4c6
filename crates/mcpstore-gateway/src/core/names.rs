//! Which name leads where: the catalog of one moment, in the words of the protocol.

use bytes::Bytes;
use mcpstore_transport::RpcError;
use mcpstore_types::{Era, ServiceName, StaleLists, ViewSpec};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::params::invalid;
use crate::catalog::listing::PageBounds;
use crate::catalog::route::{NoRoute, Route as Found};
pub(crate) use crate::catalog::source::Kind;
use crate::catalog::source::Source;
use crate::catalog::view::View;
use crate::catalog::{Catalog, Inputs};

/// There is no such thing: what the handshake era says of resources (spec: MCP 2025-11-25, resources).
const NO_RESOURCE: i64 = -32002;
/// The tool is held back until somebody approves it, or its service is not there.
const UNAVAILABLE: i64 = -32001;

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) service: ServiceName,
    /// What the server calls it.
    pub(crate) name: String,
}

/// The names of one moment.
#[derive(Debug)]
pub(crate) struct Names {
    catalog: Catalog,
}

impl Names {
    /// The names of these sources.
    pub(super) fn new(sources: Vec<Source>, views: &[ViewSpec], stale: StaleLists, before: Option<&Self>) -> Self {
        let stamp = super::stamp();
        let inputs = Inputs { sources, views, stale, meta: Some(&stamp), bounds: PageBounds::default() };
        Self { catalog: Catalog::new(inputs, before.map(|before| &before.catalog)) }
    }

    /// What they are names in.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The result of a list: the page after `cursor`, or the first.
    ///
    /// # Errors
    /// `Invalid params` for a cursor that is none of this list.
    pub(crate) fn list(
        &self,
        view: Option<&str>,
        kind: Kind,
        era: Era,
        cursor: Option<&str>,
    ) -> Result<Bytes, RpcError> {
        self.view(view)?.list(kind, era, cursor).map_err(|error| invalid(&error.to_string()))
    }

    /// What the services of a view can do together, as a JSON object.
    pub(crate) fn capabilities(&self, view: Option<&str>, era: Era) -> &str {
        self.view(view).map_or("{}", |view| view.capabilities(era))
    }

    /// How the services of a view say that they are used.
    pub(crate) fn instructions(&self, view: Option<&str>) -> Option<&str> {
        self.view(view).ok()?.instructions()
    }

    /// The services in a view, by name.
    pub(crate) fn services(&self, view: Option<&str>) -> Vec<ServiceName> {
        self.view(view).map_or_else(|_| Vec::new(), |view| view.services().cloned().collect())
    }

    /// True when a view has this service.
    pub(crate) fn has(&self, view: Option<&str>, service: &ServiceName) -> bool {
        self.view(view).is_ok_and(|view| view.services().any(|own| own == service))
    }

    /// The era that the server of a service last spoke; `None` until it ever did.
    pub(crate) fn era(&self, service: &ServiceName) -> Option<Era> {
        self.catalog.view(None)?.era_of(service)
    }

    /// Where a tool leads.
    ///
    /// # Errors
    /// `Invalid params` when the view has no such tool; -32001 when it is held back, or when its service was never there
    /// to say what it has.
    pub(crate) fn tool(&self, view: Option<&str>, name: &str) -> Result<Route, RpcError> {
        let view = self.view(view)?;
        view.route_tool(name)
            .map(route)
            .map_err(|error| unlisted(view, Kind::Tools, name).unwrap_or_else(|| no_route(error)))
    }

    /// Where a prompt leads.
    ///
    /// # Errors
    /// As [`Names::tool`].
    pub(crate) fn prompt(&self, view: Option<&str>, name: &str) -> Result<Route, RpcError> {
        let view = self.view(view)?;
        let unlisted = || unlisted(view, Kind::Prompts, name);
        view.route_prompt(name).map(route).map_err(|error| unlisted().unwrap_or_else(|| no_route(error)))
    }

    /// Where a resource leads: to who lists it or has a template for it. A resource that nobody names leads to the one
    /// service that has resources at all, where there is but one: servers need not list everything that they have.
    ///
    /// # Errors
    /// -32002 when the view has no such resource.
    pub(crate) fn resource(&self, view: Option<&str>, uri: &str) -> Result<Route, RpcError> {
        let view = self.view(view)?;
        let found = view.route_resource(uri).inspect(|found| {
            if found.rivals > 0 {
                let (service, others) = (found.service.as_str(), found.rivals);
                tracing::debug!(uri, service, others, "a resource that templates of more than one service stand for");
            }
        });
        found.map(route).or_else(|error| {
            let mut able = view.services_with(Kind::Resources);
            match (able.next(), able.next()) {
                (Some(service), None) => Ok(Route { service: service.clone(), name: uri.to_owned() }),
                _ => Err(no_resource(&error, uri)),
            }
        })
    }

    /// Where the reference of a completion to a resource or a template leads.
    ///
    /// # Errors
    /// As [`Names::resource`].
    pub(crate) fn template(&self, view: Option<&str>, text: &str) -> Result<Route, RpcError> {
        self.view(view)?.route_template(text).map(route).map_err(|error| no_resource(&error, text))
    }

    /// True when calling the tool twice does no more than calling it once, as its server says. A tool that is unknown may
    /// not be called twice.
    pub(crate) fn may_repeat(&self, view: Option<&str>, name: &str) -> bool {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Entry {
            annotations: Annotations,
        }
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Annotations {
            read_only_hint: bool,
            idempotent_hint: bool,
        }
        let found = self.view(view).ok().and_then(|view| view.route_tool(name).ok());
        let entry = found.and_then(|found| serde_json::from_str::<Entry>(found.entry.get()).ok()).unwrap_or_default();
        entry.annotations.read_only_hint || entry.annotations.idempotent_hint
    }

    /// The entry of a tool in its server's list, byte for byte.
    pub(crate) fn tool_entry(&self, view: Option<&str>, name: &str) -> Option<&RawValue> {
        self.view(view).ok()?.route_tool(name).ok().map(|found| found.entry)
    }

    /// By kind, whether the list of a view is not what it was.
    pub(super) fn changed(&self, view: Option<&str>, before: &Self) -> [bool; 4] {
        match (self.view(view), before.view(view)) {
            (Ok(now), Ok(before)) => Kind::ALL.map(|kind| !now.lists_the_same(kind, before)),
            (Err(_), Err(_)) => [false; 4],
            _ => [true; 4],
        }
    }

    fn view(&self, name: Option<&str>) -> Result<View<'_>, RpcError> {
        self.catalog.view(name).ok_or_else(|| {
            let message = format!("there is no profile `{}` any more", name.unwrap_or_default());
            RpcError::new(-32600, message)
        })
    }
}

fn route(found: Found<'_>) -> Route {
    Route { service: found.service.clone(), name: found.upstream.to_owned() }
}

/// What is said of a name that begins as those of a service do that never listed what it has.
fn unlisted(view: View<'_>, kind: Kind, name: &str) -> Option<RpcError> {
    let begins =
        |service: &&ServiceName| name.strip_prefix(service.as_str()).is_some_and(|rest| rest.starts_with("__"));
    let service = view.unlisted(kind).find(begins)?;
    let message = format!(
        "service `{service}` did not come up so far, so nobody knows what it has; `mcpstore why {service}` says what is wrong"
    );
    let data = json!({ "service": service.as_str(), "kind": "not_listed" });
    Some(RpcError { code: UNAVAILABLE, message, data: to_raw_value(&data).ok() })
}

fn no_route(error: NoRoute) -> RpcError {
    let message = error.to_string();
    match error {
        NoRoute::Unknown { .. } => invalid(&message),
        NoRoute::Quarantined { service, tool } => {
            let data = json!({ "service": service.as_str(), "tool": tool, "kind": "held_back" });
            let message = format!("{message}; `mcpstore approve {service}` shows what changed");
            RpcError { code: UNAVAILABLE, message, data: to_raw_value(&data).ok() }
        }
    }
}

fn no_resource(error: &NoRoute, uri: &str) -> RpcError {
    RpcError { code: NO_RESOURCE, message: error.to_string(), data: to_raw_value(&json!({ "uri": uri })).ok() }
}
