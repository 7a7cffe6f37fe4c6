//! The JSON of results.

use bytes::Bytes;

use super::source::{Hints, Kind};
use super::splice::json;

/// The result that lists these entries. In the stateless era it says how long it may be kept, and has a stamp.
pub(super) fn list<'a>(
    kind: Kind,
    entries: impl Iterator<Item = &'a str> + Clone,
    next: Option<&str>,
    stateless: Option<(Hints, &str)>,
) -> Bytes {
    let size: usize = entries.clone().map(|entry| entry.len() + 1).sum();
    let mut text = String::with_capacity(size + 256 + next.map_or(0, str::len) + stateless.map_or(0, |(_, s)| s.len()));
    text.push('{');
    if stateless.is_some() {
        text.push_str(r#""resultType":"complete","#);
    }
    text.push('"');
    text.push_str(kind.member());
    text.push_str("\":[");
    for (n, entry) in entries.enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(entry);
    }
    text.push(']');
    if let Some(next) = next {
        text.push_str(r#","nextCursor":"#);
        text.push_str(&json(next));
    }
    if let Some((hints, stamp)) = stateless {
        let scope = if hints.private { "private" } else { "public" };
        let ttl_ms = hints.ttl_ms.unwrap_or(0);
        text.push_str(&format!(r#","ttlMs":{ttl_ms},"cacheScope":"{scope}""#));
        if !stamp.is_empty() {
            text.push(',');
            text.push_str(stamp);
        }
    }
    text.push('}');
    text.into()
}
