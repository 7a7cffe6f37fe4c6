//! What a service said last that it offers, kept over its lives and over those of the manager.

use std::collections::BTreeMap;
use std::sync::Arc;

use mcpstore_transport::{List, ServerInfo, ToolList, read_tool};
use mcpstore_types::{Era, ServiceName, ServiceSpec, TransportSpec};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::offers::Offers;

/// The first word of a kept text, and the version of its form.
const MARK: &str = "mcpstore-lists 1";
/// The most bytes that are kept of one service; what is larger is asked for anew each time.
pub const MAX_KEPT_LISTS: usize = 8 * 1024 * 1024;

/// What a service said last that it offers.
#[derive(Clone, Debug, Default)]
pub struct KnownLists {
    /// Who its server said it is.
    pub server: ServerInfo,
    /// Its tools; `None` until they were listed.
    pub tools: Option<Arc<ToolList>>,
    /// What it offers beside tools, as far as it was listed.
    pub offers: Arc<Offers>,
}

/// Where lists are kept while the manager does not run. Bytes alone: whether they are whole, and about this service as it is
/// now, is checked by the supervisor. See [`crate::SupervisorConfig::lists`]. Called off the runtime's threads; may block.
pub trait ListStore: Send + Sync {
    /// What was written last for a service; `None` when there is nothing, or nothing that can be read.
    fn read(&self, service: &ServiceName) -> Option<Vec<u8>>;

    /// Keeps this for a service, in one step: a reader finds this or what was there before.
    fn write(&self, service: &ServiceName, bytes: &[u8]);
}

impl std::fmt::Debug for dyn ListStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ListStore")
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    server: KeptServer,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<KeptList>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompts: Option<KeptList>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<KeptList>,
    #[serde(skip_serializing_if = "Option::is_none")]
    templates: Option<KeptList>,
}

#[derive(Serialize, Deserialize)]
struct KeptServer {
    name: String,
    version: String,
    protocol_version: String,
    stateless: bool,
    capabilities: String,
    instructions: Option<String>,
    /// Tools, resources, prompts.
    has: (bool, bool, bool),
}

#[derive(Serialize, Deserialize)]
struct KeptList {
    entries: Vec<Box<RawValue>>,
    ttl_ms: Option<u64>,
    private: bool,
}

/// The text in which lists are kept: a line that says what it is, of which service, and whether it is whole; then JSON.
/// `None` for more than is kept.
pub(crate) fn write(spec: &ServiceSpec, known: &KnownLists) -> Option<Vec<u8>> {
    let list =
        |list: &Arc<List>| KeptList { entries: list.entries.clone(), ttl_ms: list.ttl_ms, private: list.private };
    let server = &known.server;
    let kept = Kept {
        server: KeptServer {
            name: server.name.clone(),
            version: server.version.clone(),
            protocol_version: server.protocol_version.clone(),
            stateless: matches!(server.era, Era::Stateless),
            capabilities: server.capabilities.clone(),
            instructions: server.instructions.clone(),
            has: (server.has_tools, server.has_resources, server.has_prompts),
        },
        tools: known.tools.as_ref().map(|tools| KeptList {
            entries: tools.tools.iter().map(|tool| tool.raw.clone()).collect(),
            ttl_ms: tools.ttl_ms,
            private: tools.private,
        }),
        prompts: known.offers.prompts.as_ref().map(list),
        resources: known.offers.resources.as_ref().map(list),
        templates: known.offers.templates.as_ref().map(list),
    };
    // Texts, numbers and JSON always become JSON.
    let body = serde_json::to_string(&kept).ok()?;
    let identity = identity(spec);
    let text = format!("{MARK} {identity} {:08x}\n{body}", checksum(&identity, &body));
    (text.len() <= MAX_KEPT_LISTS).then(|| text.into_bytes())
}

/// Reads such a text. `None` for one that is broken, of another version, or about another service than this one is now.
pub(crate) fn read(spec: &ServiceSpec, bytes: &[u8]) -> Option<KnownLists> {
    if bytes.len() > MAX_KEPT_LISTS {
        return None;
    }
    let (head, body) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let identity = identity(spec);
    let rest = head.strip_prefix(MARK)?.strip_prefix(' ')?.strip_prefix(identity.as_str())?.strip_prefix(' ')?;
    if u32::from_str_radix(rest, 16).ok()? != checksum(&identity, body) {
        return None;
    }
    let kept: Kept = serde_json::from_str(body).ok()?;
    let list = |list: KeptList| Arc::new(List { entries: list.entries, ttl_ms: list.ttl_ms, private: list.private });
    let server = kept.server;
    let (has_tools, has_resources, has_prompts) = server.has;
    Some(KnownLists {
        server: ServerInfo {
            name: server.name,
            version: server.version,
            protocol_version: server.protocol_version,
            era: if server.stateless { Era::Stateless } else { Era::Handshake },
            capabilities: server.capabilities,
            instructions: server.instructions,
            has_tools,
            has_resources,
            has_prompts,
        },
        tools: kept.tools.map(|list| {
            let tools = list.entries.iter().filter_map(|entry| read_tool(entry).ok()).collect();
            Arc::new(ToolList { tools, hidden: Vec::new(), ttl_ms: list.ttl_ms, private: list.private })
        }),
        offers: Arc::new(Offers {
            prompts: kept.prompts.map(list),
            resources: kept.resources.map(list),
            templates: kept.templates.map(list),
        }),
    })
}

fn checksum(identity: &str, body: &str) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(identity.as_bytes());
    sum.update(body.as_bytes());
    sum.finalize()
}

/// What makes a service the one whose lists these are: what is launched or reached, in hex. Of secrets the names alone.
pub(crate) fn identity(spec: &ServiceSpec) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.len().to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(spec.name.as_str());
    add(spec.transport.kind());
    add(spec.era.as_str());
    match &spec.transport {
        TransportSpec::Stdio(stdio) => {
            add(&stdio.command);
            add(&stdio.args.len().to_string());
            stdio.args.iter().for_each(|arg| add(arg));
            add(&stdio.cwd.as_deref().map(|cwd| cwd.display().to_string()).unwrap_or_default());
            stdio.env.keys().for_each(|name| add(name));
        }
        TransportSpec::Http(http) | TransportSpec::Sse(http) => {
            add(&http.url);
            http.headers.keys().for_each(|name| add(name));
        }
        // What these are is said by their kind and their name.
        _ => {}
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is kept of these services, as far as it can be used.
pub(crate) fn load(store: &dyn ListStore, specs: &[ServiceSpec]) -> BTreeMap<ServiceName, Arc<KnownLists>> {
    let known = specs.iter().filter_map(|spec| {
        let bytes = store.read(&spec.name)?;
        let known = read(spec, &bytes);
        if known.is_none() {
            tracing::info!(service = %spec.name, "its kept lists are broken, or of another time: they are not used");
        }
        Some((spec.name.clone(), Arc::new(known?)))
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(command: &str) -> ServiceSpec {
        ServiceSpec::stdio(ServiceName::new("s").unwrap(), command, ["-v"])
    }

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn known() -> KnownLists {
        let tool = raw(r#"{"name":"t","inputSchema":{"type":"object","x":1.50},"more":[1e2]}"#);
        let tools = ToolList { tools: vec![read_tool(&tool).unwrap()], ttl_ms: Some(7), ..ToolList::default() };
        let prompts = List { entries: vec![raw(r#"{"name":"p"}"#)], private: true, ..List::default() };
        KnownLists {
            server: ServerInfo { name: "it".into(), has_tools: true, era: Era::Stateless, ..ServerInfo::default() },
            tools: Some(Arc::new(tools)),
            offers: Arc::new(Offers { prompts: Some(Arc::new(prompts)), ..Offers::default() }),
        }
    }

    #[test]
    fn what_is_kept_comes_back_byte_for_byte() {
        let before = known();
        let after = read(&spec("x"), &write(&spec("x"), &before).unwrap()).unwrap();
        assert_eq!(after.server, before.server);
        assert_eq!(format!("{:?}", after.tools), format!("{:?}", before.tools));
        assert_eq!(format!("{:?}", after.offers), format!("{:?}", before.offers));
    }

    #[test]
    fn what_is_broken_or_about_another_service_is_not_used() {
        let spec = spec("x");
        let whole = write(&spec, &known()).unwrap();
        for at in 0..whole.len() {
            let mut one = whole.clone();
            one[at] ^= 1;
            // A checksum in capitals is the same.
            let same = at < 60 && one[at].eq_ignore_ascii_case(&whole[at]);
            assert!(same || read(&spec, &one).is_none(), "byte {at}");
            assert!(read(&spec, &whole[..at]).is_none(), "cut at {at}");
        }
        let mut others = [self::spec("y"), self::spec("x"), self::spec("x")];
        others[1].name = ServiceName::new("other").unwrap();
        let TransportSpec::Stdio(stdio) = &mut others[2].transport else { unreachable!() };
        stdio.env.insert("A".into(), "1".into());
        let with_env = others[2].clone();
        assert!(others.iter().all(|other| read(other, &whole).is_none()));
        // The values are not what makes it another one: a new token needs no new lists.
        let TransportSpec::Stdio(stdio) = &mut others[2].transport else { unreachable!() };
        stdio.env.insert("A".into(), "2".into());
        assert_eq!(identity(&others[2]), identity(&with_env));
    }

    #[test]
    fn too_much_is_not_kept() {
        let entry = raw(&format!(r#"{{"name":"{}"}}"#, "x".repeat(MAX_KEPT_LISTS)));
        let offers =
            Offers { prompts: Some(Arc::new(List { entries: vec![entry], ..List::default() })), ..Offers::default() };
        assert!(write(&spec("x"), &KnownLists { offers: Arc::new(offers), ..known() }).is_none());
    }
}
