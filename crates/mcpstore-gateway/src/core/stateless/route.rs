//! Where a request of this era leads, and how its server wants to hear it.

use mcpstore_transport::RpcError;
use mcpstore_types::ServiceName;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::super::Inner;
use super::super::names::{Names, Route};
use super::super::params::{Peek, invalid};
use super::edit::Edit;
use super::job::{Repeats, Target};
use crate::seam::Call;

/// "No such resource" of the handshake era. It must not be said in this one.
const OLD_NO_RESOURCE: i64 = -32002;

/// Where a request leads, and what it is about.
pub(super) struct Led {
    pub(super) service: ServiceName,
    /// The name or the address, as the client says it.
    pub(super) subject: String,
    /// The name as the server knows it, where it has one.
    own: Option<String>,
    is_tool: bool,
}

/// Where `tools/call`, `prompts/get` or `resources/read` leads.
///
/// # Errors
/// "Invalid params", when nothing is said of that, or there is no such thing.
pub(super) fn of(names: &Names, call: &Call, peek: &Peek<'_>) -> Result<Led, RpcError> {
    let view = call.peer.view.as_deref();
    if &*call.method == "resources/read" {
        let uri = peek.uri.as_deref().ok_or_else(|| invalid("`uri` is missing"))?;
        let Route { service, .. } = names.resource(view, uri).map_err(in_new_words)?;
        return Ok(Led { service, subject: uri.to_owned(), own: None, is_tool: false });
    }
    let is_tool = &*call.method == "tools/call";
    let name = peek.name()?;
    let Route { service, name: own } = if is_tool { names.tool(view, &name) } else { names.prompt(view, &name) }?;
    Ok(Led { service, subject: name.into_owned(), own: Some(own), is_tool })
}

impl Led {
    /// The same for its server: its own name in the place of ours, and `state` (JSON) in that of the state that the client
    /// brought.
    pub(super) fn target(self, call: &Call, peek: &Peek<'_>, state: Option<String>) -> Target {
        let params = call.params.as_deref().map(|params| {
            let own = self.own.as_deref().filter(|own| *own != self.subject);
            if own.is_none() && state.is_none() {
                return params.to_owned();
            }
            let mut edit = Edit::of(params);
            if let (Some(own), Some(name)) = (own, peek.name) {
                edit.replace(name, json!(own).to_string());
            }
            if let (Some(state), Some(old)) = (state, peek.request_state) {
                edit.replace(old, state);
            }
            edit.done()
        });
        let tool = self.own.filter(|_| self.is_tool);
        // Whoever reads a resource or gets a prompt only reads, as the names say.
        let repeats = if self.is_tool { Repeats::AsToolSays(self.subject) } else { Repeats::Yes };
        Target { service: self.service, params, tool, repeats }
    }
}

/// Where `completion/complete` leads.
///
/// # Errors
/// "Invalid params", when `ref` names nothing that is known.
pub(super) fn completion(inner: &Inner, call: &Call) -> Result<Target, RpcError> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        r#ref: Reference<'a>,
    }
    #[derive(Deserialize)]
    struct Reference<'a> {
        #[serde(borrow, default)]
        name: Option<&'a RawValue>,
        #[serde(borrow, default)]
        uri: Option<&'a RawValue>,
    }
    let params = call.params.as_deref().ok_or_else(|| invalid("`ref` is missing"))?;
    let read: Params<'_> =
        serde_json::from_str(params.get()).map_err(|error| invalid(&format!("the params cannot be read: {error}")))?;
    let text = |raw: &RawValue| {
        serde_json::from_str::<String>(raw.get()).map_err(|_| invalid("what `ref` names must be a text"))
    };
    let (names, view) = (inner.names.load(), call.peer.view.as_deref());
    match read.r#ref {
        Reference { name: Some(name), .. } => {
            let asked = text(name)?;
            let Route { service, name: own } = names.prompt(view, &asked)?;
            let mut edit = Edit::of(params);
            if own != asked {
                edit.replace(name, json!(own).to_string());
            }
            Ok(Target { service, params: Some(edit.done()), tool: None, repeats: Repeats::Yes })
        }
        Reference { uri: Some(uri), .. } => {
            let Route { service, .. } = names.template(view, &text(uri)?).map_err(in_new_words)?;
            Ok(Target { service, params: Some(params.to_owned()), tool: None, repeats: Repeats::Yes })
        }
        Reference { name: None, uri: None } => Err(invalid("`ref` names nothing")),
    }
}

/// An error in the words of this era (spec: MCP 2026-07-28, error codes).
pub(super) fn in_new_words(error: RpcError) -> RpcError {
    if error.code == OLD_NO_RESOURCE { RpcError { code: -32602, ..error } } else { error }
}
