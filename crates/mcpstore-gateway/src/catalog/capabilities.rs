//! What all servers together can do, and how they say they are used.

use std::collections::BTreeMap;

use mcpstore_transport::ServerInfo;
use mcpstore_types::Era;
use serde_json::value::RawValue;

use super::prepare::Part;
use super::source::Kind;

/// How deep objects are merged; below, the first one counts.
const MAX_DEPTH: usize = 8;
/// The most bytes of one server's instructions.
const MAX_ONE: usize = 8 * 1024;
/// The most bytes of all of them together.
const MAX_ALL: usize = 64 * 1024;
/// What marks a cut text.
const CUT: &str = " …(cut)";

/// What is assumed of a server that never ran: a client that is told less would never ask for what it has later.
const UNKNOWN: &str = r#"{"completions":{},"logging":{},"prompts":{},"resources":{"subscribe":true},"tools":{}}"#;
/// What holds of each list of ours, whatever its servers say: it changes when services come and go.
const CHANGES: &str = r#"{"listChanged":true}"#;

/// Members of a JSON object by name, each of them as it was written.
type Members = BTreeMap<String, Box<RawValue>>;

/// The union of the capabilities of these servers, as a JSON object. What two of them have is merged, member by member;
/// where they differ, `true` counts, and else the first one.
pub(super) fn union<'a>(parts: impl Iterator<Item = &'a Part>, era: Era) -> String {
    let mut all = Members::new();
    for part in parts {
        let said = part.source.server.as_ref().map(|server| server.capabilities.as_str());
        let own = match said {
            // A server that said nothing readable is as one that said nothing.
            Some(text) if !text.is_empty() => serde_json::from_str(text).unwrap_or_default(),
            _ => serde_json::from_str(UNKNOWN).unwrap_or_default(),
        };
        merge(&mut all, own, MAX_DEPTH);
    }
    // Each era has words that the other does not know.
    match era {
        Era::Handshake => all.remove("extensions"),
        Era::Stateless => all.remove("tasks"),
    };
    for kind in Kind::ALL {
        if let Some(own) = all.get_mut(kind.capability()) {
            let changes = RawValue::from_string(CHANGES.to_owned());
            *own = changes.map_or_else(|_| own.clone(), |changes| merged(own, &changes, MAX_DEPTH));
        }
    }
    serde_json::to_string(&all).unwrap_or_else(|_| "{}".to_owned())
}

/// By kind, whether a server says that it has such a list.
pub(super) fn lists(server: &ServerInfo) -> [bool; 4] {
    let own: Members = serde_json::from_str(&server.capabilities).unwrap_or_default();
    Kind::ALL.map(|kind| own.contains_key(kind.capability()))
}

/// The instructions of these servers, each below the name of its service; `None` when there are none.
pub(super) fn instructions<'a>(parts: impl Iterator<Item = &'a Part>) -> Option<String> {
    let mut all = String::new();
    for part in parts {
        let own = part.source.server.as_ref().and_then(|server| server.instructions.as_deref());
        let Some(own) = own.map(str::trim).filter(|own| !own.is_empty()) else { continue };
        let own = cut(own, MAX_ONE);
        let section = format!("# {}\n\n{own}\n", part.source.service);
        if all.len() + section.len() > MAX_ALL {
            all.push_str(CUT.trim_start());
            break;
        }
        if !all.is_empty() {
            all.push('\n');
        }
        all.push_str(&section);
    }
    (!all.is_empty()).then_some(all)
}

fn merge(all: &mut Members, own: Members, depth: usize) {
    for (name, value) in own {
        let value = match all.get(&name) {
            Some(before) => merged(before, &value, depth),
            None => value,
        };
        all.insert(name, value);
    }
}

fn merged(before: &RawValue, value: &RawValue, depth: usize) -> Box<RawValue> {
    let members = |value: &RawValue| serde_json::from_str::<Members>(value.get()).ok();
    if let (Some(mut all), Some(own), true) = (members(before), members(value), depth > 0) {
        merge(&mut all, own, depth - 1);
        let text = serde_json::to_string(&all).and_then(RawValue::from_string);
        return text.unwrap_or_else(|_| before.to_owned());
    }
    if value.get() == "true" { value.to_owned() } else { before.to_owned() }
}

fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{CUT}", &text[..end])
}
