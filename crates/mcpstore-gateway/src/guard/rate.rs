//! How often one principal may ask.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use mcpstore_transport::RpcError;
use mcpstore_types::Timestamp;

/// Principals that have a bucket of their own. Where there are more, those without one share the one of nobody.
const MAX_PRINCIPALS: usize = 1024;

/// Most requests at once, as a part of those of a minute; at least [`LEAST_BURST`].
const BURST_PARTS: u32 = 6;

/// A client opens with a handful of lists; that must not be refused, however low the rate is.
const LEAST_BURST: u32 = 10;

/// The code of the error: as of everything else that is worth another try.
const RATE_LIMITED: i64 = -32003;

const MINUTE: u64 = 60_000_000_000;

/// A bucket of tokens for each principal. A call takes an atomic load and an atomic exchange, and no lock.
#[derive(Debug)]
pub(crate) struct RateLimit {
    /// Nanoseconds between two requests of a steady stream.
    each: u64,
    /// How far ahead of a steady stream a principal may be, in nanoseconds.
    ahead: u64,
    principals: ArcSwap<BTreeMap<Arc<str>, Arc<AtomicU64>>>,
    /// The bucket of all who have none.
    nobody: AtomicU64,
    refused_total: AtomicU64,
}

/// Too many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests; try again in {} s", self.retry_after_seconds())]
pub(crate) struct TooMany {
    /// When one more would be let through.
    pub(crate) retry_after: Duration,
}

impl TooMany {
    /// In whole seconds, as `Retry-After` has it: rounded up, so that who waits so long is let through.
    pub(crate) fn retry_after_seconds(&self) -> u64 {
        self.retry_after.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
    }
}

impl TooMany {
    /// What a client hears of it.
    pub(crate) fn rpc_error(&self) -> RpcError {
        let ms = u64::try_from(self.retry_after.as_millis()).unwrap_or(u64::MAX);
        let data = serde_json::json!({ "kind": "rate_limited", "retryAfterMs": ms });
        RpcError { code: RATE_LIMITED, message: self.to_string(), data: serde_json::value::to_raw_value(&data).ok() }
    }
}

impl RateLimit {
    /// So many requests in a minute, and a sixth of that at once (at least 10).
    pub(crate) fn per_minute(requests: NonZeroU32) -> Self {
        let each = MINUTE / u64::from(requests.get());
        let burst = (requests.get() / BURST_PARTS).max(LEAST_BURST);
        Self {
            each,
            ahead: each.saturating_mul(u64::from(burst - 1)),
            principals: ArcSwap::default(),
            nobody: AtomicU64::new(0),
            refused_total: AtomicU64::new(0),
        }
    }

    /// Takes one request of this principal's.
    ///
    /// # Errors
    /// [`TooMany`]: it has none left. Being refused costs nothing.
    pub(crate) fn take(&self, principal: &str, now: Timestamp) -> Result<(), TooMany> {
        let known = self.principals.load();
        let taken = match known.get(principal) {
            Some(bucket) => self.take_from(bucket, now),
            None => match self.enter(principal, now) {
                Some(bucket) => self.take_from(&bucket, now),
                None => self.take_from(&self.nobody, now),
            },
        };
        if taken.is_err() {
            self.refused_total.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Requests that were refused since the start.
    #[cfg(test)]
    pub(crate) fn refused_total(&self) -> u64 {
        self.refused_total.load(Ordering::Relaxed)
    }

    /// The bucket holds the moment at which a steady stream would have come as far as this principal has.
    fn take_from(&self, bucket: &AtomicU64, now: Timestamp) -> Result<(), TooMany> {
        let now = now.as_nanos();
        let mut at = bucket.load(Ordering::Relaxed);
        loop {
            let from = at.max(now);
            let over = (from - now).saturating_sub(self.ahead);
            if over > 0 {
                return Err(TooMany { retry_after: Duration::from_nanos(over) });
            }
            match bucket.compare_exchange_weak(at, from.saturating_add(self.each), Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(other) => at = other,
            }
        }
    }

    /// A bucket for a principal without one; `None` when there is no room. Those whose buckets are full go to make it: they lose nothing.
    fn enter(&self, principal: &str, now: Timestamp) -> Option<Arc<AtomicU64>> {
        self.principals.rcu(|known| {
            let mut known = BTreeMap::clone(known);
            if known.len() >= MAX_PRINCIPALS && !known.contains_key(principal) {
                known.retain(|_, bucket| bucket.load(Ordering::Relaxed) > now.as_nanos());
            }
            if known.len() < MAX_PRINCIPALS {
                known.entry(principal.into()).or_default();
            }
            known
        });
        self.principals.load().get(principal).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(requests: u32) -> RateLimit {
        RateLimit::per_minute(NonZeroU32::new(requests).unwrap())
    }

    #[test]
    fn a_burst_passes_and_then_a_steady_stream() {
        let limit = limit(120);
        let at = |ms: u64| Timestamp::from_millis(1_000_000 + ms);
        let passed = |at| (0..100).filter(|_| limit.take("a", at).is_ok()).count();
        assert_eq!((passed(at(0)), limit.refused_total()), (20, 80));
        let refused = limit.take("a", at(0)).unwrap_err();
        assert_eq!((refused.retry_after, refused.retry_after_seconds()), (Duration::from_millis(500), 1));
        assert_eq!(refused.to_string(), "too many requests; try again in 1 s");
        assert!(limit.take("a", at(499)).is_err());
        assert_eq!(passed(at(500)), 1);
        assert_eq!(passed(at(2500)), 4);
        assert_eq!(passed(at(600_000)), 20, "it saves up one burst and no more");
        assert_eq!(passed(at(0)), 0, "time that goes back gives nothing");
        assert!(limit.take("b", at(0)).is_ok(), "another has its own");
    }

    #[test]
    fn a_low_rate_lets_a_handful_through() {
        let limit = limit(1);
        assert_eq!((0..20).filter(|_| limit.take("a", Timestamp::ZERO).is_ok()).count(), 10);
        let over = limit.take("a", Timestamp::ZERO).unwrap_err();
        assert_eq!(over.retry_after_seconds(), 60);
    }

    #[test]
    fn principals_are_bounded_and_nobody_is_let_off_by_others() {
        let limit = limit(60);
        let now = Timestamp::from_secs(1);
        while limit.take("greedy", now).is_ok() {}
        for n in 0..2 * MAX_PRINCIPALS {
            let _ = limit.take(&format!("p{n}"), now);
        }
        assert_eq!(limit.principals.load().len(), MAX_PRINCIPALS);
        assert!(limit.take("greedy", now).is_err(), "it kept its bucket");
        assert!(limit.take("one more", now).is_err(), "those without a bucket share one");
        let later = Timestamp::from_secs(100);
        assert!(limit.take("one more", later).is_ok());
        assert!(limit.principals.load().contains_key("one more"), "full buckets went");
        assert!(limit.principals.load().len() <= MAX_PRINCIPALS);
    }

    #[test]
    fn many_at_once_get_no_more_than_one_would() {
        let limit = limit(600);
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..1000).filter(|_| limit.take("a", Timestamp::from_secs(9)).is_ok()).count()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 100);
    }
}
