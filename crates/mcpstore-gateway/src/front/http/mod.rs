//! The HTTP front: streamable HTTP in both eras, and the transport of 2024-11-05.

mod batch;
mod body;
mod ended;
mod get;
mod intake;
mod legacy;
mod listen;
mod post;
mod reply;
mod serve;
mod watch;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arc_swap::ArcSwap;
use http::{Method, Request};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use self::reply::Reply;
use self::watch::Watch;
use super::gate::{Gate, Refusal};
use super::limits::Limits;
use super::sessions::Sessions;
use super::stats::Counters;
use crate::seam::{Core, Peer};

pub use listen::BoundFront;
pub(crate) use listen::HttpFront;

/// What all connections share.
pub(crate) struct Front {
    pub(crate) core: Arc<dyn Core>,
    /// Who is answered now.
    pub(crate) gate: ArcSwap<Gate>,
    pub(crate) limits: Limits,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) counters: Arc<Counters>,
    /// How many requests are answered now, but for those whose answers go on.
    pub(crate) busy: Arc<AtomicUsize>,
    /// It ends: nothing that lasts goes on.
    pub(crate) end: CancellationToken,
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route<'a> {
    Mcp(Option<&'a str>),
    Sse(Option<&'a str>),
    Messages,
}

/// Where this path leads, if anywhere.
fn route(path: &str) -> Option<Route<'_>> {
    let (place, view) = match path.strip_prefix('/')?.split_once('/') {
        Some((place, view)) => (place, Some(view).filter(|view| !view.is_empty() && !view.contains('/'))),
        None => (path.strip_prefix('/')?, None),
    };
    // A slash at the end means nothing; more than one name is nowhere.
    let whole = path.strip_suffix('/').unwrap_or(path);
    if view.is_none() && whole.len() != place.len() + 1 {
        return None;
    }
    match place {
        "mcp" => Some(Route::Mcp(view)),
        "sse" => Some(Route::Sse(view)),
        "messages" if view.is_none() => Some(Route::Messages),
        _ => None,
    }
}

impl Front {
    /// Answers a request; `here` is our end of its connection, which `watch` watches.
    async fn answer(&self, here: IpAddr, request: Request<Incoming>, watch: &Watch) -> Reply {
        let headers = request.headers();
        let gate = self.gate.load_full();
        if let Err(refusal) = gate.judge(here, request.uri(), headers) {
            if refusal != Refusal::BadHost {
                self.counters.forbidden_total.up();
            }
            return reply::refused(refusal);
        }
        let Some(route) = route(request.uri().path()) else { return reply::missing("there is no such page") };
        let principal = match gate.principal(headers) {
            Ok(principal) => principal,
            Err(refusal) => {
                self.counters.unauthorized_total.up();
                return reply::refused(refusal);
            }
        };
        let view = match route {
            Route::Mcp(view) | Route::Sse(view) => view,
            Route::Messages => None,
        };
        if view.is_some_and(|view| !self.core.has_view(view)) {
            return reply::missing("there is no such view");
        }
        let peer = Peer { principal, view: view.map(Into::into) };
        if let Err(many) = self.core.admit(&peer) {
            self.counters.limited_total.up();
            return reply::too_many(many);
        }
        match (route, request.method()) {
            (Route::Mcp(_), &Method::POST) => post::post(self, peer, request, watch).await,
            (Route::Mcp(_), &Method::GET) => get::get(self, &peer, headers),
            (Route::Mcp(_), &Method::DELETE) => get::delete(self, &peer, headers),
            (Route::Mcp(_), _) => get::other(),
            (Route::Sse(_), &Method::GET) => legacy::get(self, peer, headers),
            (Route::Sse(_), _) => reply::not_allowed("GET"),
            (Route::Messages, &Method::POST) => legacy::post(self, &peer.principal, request, watch).await,
            (Route::Messages, _) => reply::not_allowed("POST"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn these_paths_lead_somewhere_and_no_others() {
        for (path, leads) in [
            ("/mcp", Some(Route::Mcp(None))),
            ("/mcp/", Some(Route::Mcp(None))),
            ("/mcp/work", Some(Route::Mcp(Some("work")))),
            ("/sse", Some(Route::Sse(None))),
            ("/sse/work", Some(Route::Sse(Some("work")))),
            ("/messages", Some(Route::Messages)),
            ("/", None),
            ("", None),
            ("*", None),
            ("/mcp//", None),
            ("/mcp/a/b", None),
            ("/mcp/a/", None),
            ("/messages/a", None),
            ("/MCP", None),
            ("/services", None),
            ("/mcpx", None),
            ("//mcp", None),
        ] {
            assert_eq!(route(path), leads, "{path}");
        }
        let known =
            ["/mcp", "/mcp/VIEW", "/sse", "/sse/VIEW", "/messages"].map(|path| route(&path.to_lowercase()).is_some());
        assert_eq!(known, [true; 5]);
    }
}
