//! Lists that come page by page, over any session.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::clip::clip;
use crate::deadline::deadline_after;
use crate::object::object;
use crate::requests::raw;
use crate::{CallError, CallLimits, Session, TimeoutKind};

/// The most pages of one list that are asked for.
pub const MAX_PAGES: usize = 1_000;
/// The most bytes of one list, all its pages together.
pub const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;
/// The most entries of one list that are taken.
pub const MAX_ENTRIES: usize = 100_000;

/// A list of a server, all its pages together.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// Its entries, byte for byte, in the server's order.
    pub entries: Vec<Box<RawValue>>,
    /// How long it may be kept: the least that a page says, in milliseconds; `None` where none says so (spec: MCP 2026-07-28,
    /// caching).
    pub ttl_ms: Option<u64>,
    /// A page says that it is for its reader alone.
    pub private: bool,
}

/// Lists everything that `method` lists, page by page: the entries of `member` in the results, byte for byte, in the
/// server's order (`list_all(session, "resources/list", "resources", …)`).
///
/// `limits.idle` holds for each page, `limits.total` for the whole list.
///
/// # Errors
/// [`CallError`] of a page; [`CallError::Malformed`] when a page is no list, a cursor comes twice, or the list has more
/// than [`MAX_PAGES`] pages, [`MAX_ENTRIES`] entries or [`MAX_LIST_BYTES`] bytes; [`CallError::TimedOut`] when the whole
/// takes too long.
///
/// # Cancel safety
/// Dropped half-way, the page under way is given up.
pub async fn list_all(
    session: &dyn Session,
    method: &str,
    member: &str,
    limits: CallLimits,
) -> Result<List, CallError> {
    let deadline = deadline_after(limits.total);
    let malformed = |what: String| CallError::Malformed { what };
    let mut list = List::default();
    let mut seen = BTreeSet::new();
    let mut cursor: Option<String> = None;
    let mut bytes = 0;
    for _ in 0..MAX_PAGES {
        let params = cursor.as_ref().map(|cursor| raw(&serde_json::json!({ "cursor": cursor }))).transpose()?;
        let left = deadline.saturating_duration_since(Instant::now());
        let page_limits = CallLimits::new(limits.idle, left);
        let answer = session.request(method, params, page_limits).await.map_err(|error| match error {
            // What is left for a page is our affair; the caller knows of the whole.
            CallError::TimedOut { what: TimeoutKind::Total, .. } => {
                CallError::TimedOut { after: limits.total, what: TimeoutKind::Total }
            }
            other => other,
        })?;
        bytes += answer.get().len();
        if bytes > MAX_LIST_BYTES {
            return Err(malformed(format!("its list has more than {MAX_LIST_BYTES} bytes")));
        }
        let page =
            page(&answer, member).map_err(|error| malformed(clip(&format!("it is no list of {member}: {error}"))))?;
        if list.entries.len() + page.entries.len() > MAX_ENTRIES {
            return Err(malformed(format!("its list has more than {MAX_ENTRIES} {member}")));
        }
        list.entries.extend(page.entries.into_iter().map(ToOwned::to_owned));
        list.ttl_ms = list.ttl_ms.into_iter().chain(page.ttl_ms).min();
        list.private |= page.private;
        match page.next {
            None => return Ok(list),
            Some(next) if !seen.insert(next.clone()) => {
                return Err(malformed(format!("its list of {member} comes back to the same cursor")));
            }
            next => cursor = next,
        }
    }
    Err(malformed(format!("its list of {member} has more than {MAX_PAGES} pages")))
}

/// One page of a list.
struct Page<'a> {
    entries: Vec<&'a RawValue>,
    /// The cursor of the next.
    next: Option<String>,
    ttl_ms: Option<u64>,
    private: bool,
}

fn page<'a>(answer: &'a RawValue, member: &str) -> Result<Page<'a>, serde_json::Error> {
    let members: BTreeMap<Cow<'_, str>, &RawValue> = object(answer.get())?;
    let Some(entries) = members.get(member) else {
        return Err(serde::de::Error::custom(format!("missing field `{member}`")));
    };
    let next = members.get("nextCursor").map(|next| serde_json::from_str(next.get())).transpose()?;
    // Words about caching that make no sense are no words about caching.
    let ttl_ms = members.get("ttlMs").and_then(|ttl| serde_json::from_str(ttl.get()).ok());
    let private = members.get("cacheScope").is_some_and(|scope| scope.get() == r#""private""#);
    Ok(Page { entries: serde_json::from_str(entries.get())?, next: next.flatten(), ttl_ms, private })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;
    use tokio::sync::watch;

    use super::*;
    use crate::{NoticeFeed, RequestOptions, ServerInfo};

    /// A session whose list never ends; each page is so long and takes so much time.
    #[derive(Default)]
    struct Endless {
        server: ServerInfo,
        asked: AtomicU64,
        bytes: usize,
        takes: Duration,
    }

    #[async_trait]
    impl Session for Endless {
        fn server(&self) -> &ServerInfo {
            &self.server
        }

        async fn request_with(
            &self,
            _: &str,
            _: Option<Box<RawValue>>,
            limits: CallLimits,
            _: RequestOptions,
        ) -> Result<Box<RawValue>, CallError> {
            let n = self.asked.fetch_add(1, Ordering::Relaxed);
            let page = format!(r#"{{"tools":[],"nextCursor":"{n}","pad":"{}"}}"#, "x".repeat(self.bytes));
            let answer = async {
                tokio::time::sleep(self.takes).await;
                RawValue::from_string(page).unwrap()
            };
            let limit = limits.idle.min(limits.total);
            let what = if limits.idle < limits.total { TimeoutKind::Idle } else { TimeoutKind::Total };
            tokio::time::timeout(limit, answer).await.map_err(|_| CallError::TimedOut { after: limit, what })
        }

        async fn notify(&self, _: &str, _: Option<Box<RawValue>>) -> Result<(), CallError> {
            Ok(())
        }

        fn notices(&self) -> NoticeFeed {
            NoticeFeed::silent()
        }

        fn changes(&self) -> watch::Receiver<u64> {
            watch::Sender::new(0).subscribe()
        }

        fn in_flight(&self) -> usize {
            0
        }

        async fn closed(&self) {}

        fn close(&self) {}
    }

    async fn list(session: &Endless, limits: CallLimits) -> CallError {
        list_all(session, "tools/list", "tools", limits).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_list_has_a_bound_in_bytes() {
        let endless = Endless { bytes: 10 * 1024 * 1024, ..Endless::default() };
        let error = list(&endless, CallLimits::within(Duration::MAX)).await;
        assert!(matches!(&error, CallError::Malformed { what } if what.contains("67108864 bytes")), "{error}");
        assert_eq!(endless.asked.load(Ordering::Relaxed), 7);
    }

    #[tokio::test]
    async fn the_total_limit_holds_for_the_whole_list() {
        let after = Duration::from_millis(200);
        let endless = Endless { takes: Duration::from_millis(50), ..Endless::default() };
        // All its pages together would take 50 s.
        let error = list(&endless, CallLimits::new(Duration::from_secs(60), after)).await;
        let CallError::TimedOut { after: told, what: TimeoutKind::Total } = error else { panic!("{error}") };
        assert_eq!(told, after);
        // The idle limit is for each.
        let limits = CallLimits::new(Duration::from_millis(1), Duration::from_secs(60));
        let error = list(&endless, limits).await;
        assert!(matches!(error, CallError::TimedOut { what: TimeoutKind::Idle, .. }), "{error}");
    }

    #[test]
    fn a_page_is_an_object_with_the_member() {
        let read = |text: &str| {
            let raw = RawValue::from_string(text.to_owned()).unwrap();
            page(&raw, "tools").map(|page| (page.entries.len(), page.next)).map_err(|error| error.to_string())
        };
        assert_eq!(read(r#"{"tools":[1,{}],"nextCursor":null}"#), Ok((2, None)));
        assert_eq!(read(r#"{"tools":[],"nextCursor":"x"}"#), Ok((0, Some("x".into()))));
        assert!(read(r#"{"resources":[]}"#).unwrap_err().contains("missing field `tools`"));
        assert!(read(r#"{"tools":{}}"#).is_err() && read("[]").is_err());
    }
}
