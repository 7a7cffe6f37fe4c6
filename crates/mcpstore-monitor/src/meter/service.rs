//! The meters of one service: its own, those of its tools, and the guard that counts a call.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mcpstore_types::Timestamp;

use super::CallMeter;
use super::durations::micros;
use super::recent::{Recent, WindowStats};
use crate::{CallReport, ErrorKind, ServiceReport};

/// What is counted of the calls to one service, over all its lives.
///
/// Kept behind an `Arc`. Whoever calls keeps the handle of its tool ([`ServiceMeter::tool`]); a call itself looks nothing
/// up and takes no lock. Takes memory with the first call only: up to 14 kB for the service, and 8 kB for each tool.
#[derive(Debug, Default)]
pub struct ServiceMeter {
    all: CallMeter,
    recent: OnceLock<Box<Recent>>,
    tools: RwLock<BTreeMap<Box<str>, Arc<CallMeter>>>,
    other: Arc<CallMeter>,
}

/// How a service's calls did, in a few numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallStats {
    /// All calls that ended, since the service was registered.
    pub calls_total: u64,
    /// Those of them that failed.
    pub errors_total: u64,
    /// Half of the successful calls took no longer, within 2 %; none without one.
    pub p50: Option<Duration>,
    /// 95 of 100 of the successful calls took no longer, within 2 %; none without one.
    pub p95: Option<Duration>,
}

impl ServiceMeter {
    /// How many tools are counted one by one. Those past it share [`ServiceReport::OTHER_TOOLS`].
    pub const MAX_TOOLS: usize = 256;
    /// The longest name of a tool that is counted by itself, in bytes (spec: MCP 2025-11-25, tool names: 128 characters).
    pub const MAX_TOOL_NAME: usize = 128;

    /// The meter of the tool of this name: the same handle each time.
    ///
    /// Shared by all further tools once [`ServiceMeter::MAX_TOOLS`] are known, and by those with longer names than
    /// [`ServiceMeter::MAX_TOOL_NAME`].
    #[must_use]
    pub fn tool(&self, name: &str) -> Arc<CallMeter> {
        let known = self.tools.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        known.unwrap_or_else(|| self.new_tool(name))
    }

    /// The meter of the tool of this name when it is known already or `is_listed` says that there is such a tool; else the
    /// one that all others share: names that callers make up take no room.
    #[must_use]
    pub fn tool_if(&self, name: &str, is_listed: impl FnOnce() -> bool) -> Arc<CallMeter> {
        let known = self.tools.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        known.unwrap_or_else(|| if is_listed() { self.new_tool(name) } else { Arc::clone(&self.other) })
    }

    fn new_tool(&self, name: &str) -> Arc<CallMeter> {
        if name.len() > Self::MAX_TOOL_NAME {
            return Arc::clone(&self.other);
        }
        let mut tools = self.tools.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tools.get(name) {
            return Arc::clone(known);
        }
        if tools.len() >= Self::MAX_TOOLS {
            return Arc::clone(&self.other);
        }
        Arc::clone(tools.entry(name.into()).or_default())
    }

    /// Begins a call of a tool: it is in flight until the guard ends it. A dropped guard counts as cancelled.
    #[must_use]
    pub fn begin(self: &Arc<Self>, tool: Arc<CallMeter>, request_bytes: u64) -> CallInFlight {
        self.all.begin(request_bytes);
        tool.begin(request_bytes);
        CallInFlight { service: Arc::clone(self), tool, ended: false }
    }

    /// The counters of the whole service.
    #[must_use]
    pub const fn all(&self) -> &CallMeter {
        &self.all
    }

    /// What is counted of the whole service, as of `now`.
    #[must_use]
    pub fn report(&self, now: Timestamp) -> CallReport {
        let last_minute = self.recent.get().map_or(0, |recent| recent.last_minute(now));
        CallReport { last_minute, ..self.all.report() }
    }

    /// What is counted of each tool that was called, by name. `last_minute` is 0 in each.
    #[must_use]
    pub fn tool_reports(&self) -> BTreeMap<String, CallReport> {
        let tools = self.tools.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut reports: BTreeMap<String, CallReport> =
            tools.into_iter().map(|(name, tool)| (name.into(), tool.report())).collect();
        let other = self.other.report();
        if other.calls_total + other.in_flight > 0 {
            reports.insert(ServiceReport::OTHER_TOOLS.to_owned(), other);
        }
        reports
    }

    /// Calls that ended per 10 s, oldest first, up to now, at most 60; empty before the first call.
    #[must_use]
    pub fn recent_calls(&self, now: Timestamp) -> Vec<u32> {
        self.recent.get().map(|recent| recent.slots(now)).unwrap_or_default()
    }

    /// How calls did over the last stretch `over`; at most the last ten minutes are known, in slots of 10 s.
    #[must_use]
    pub fn window(&self, now: Timestamp, over: Duration) -> WindowStats {
        self.recent.get().map(|recent| recent.window(now, over)).unwrap_or_default()
    }

    /// The few numbers.
    #[must_use]
    pub fn stats(&self) -> CallStats {
        CallStats {
            calls_total: self.all.calls_total(),
            errors_total: self.all.errors_total(),
            p50: self.all.quantile(50),
            p95: self.all.quantile(95),
        }
    }
}

/// A call under way. Dropping it, as a dropped future does, counts it as cancelled.
#[derive(Debug)]
pub struct CallInFlight {
    service: Arc<ServiceMeter>,
    tool: Arc<CallMeter>,
    ended: bool,
}

impl CallInFlight {
    /// The call ended at `now`, after `took`, with so many bytes of result.
    pub fn end(mut self, now: Timestamp, took: Duration, result: Result<(), ErrorKind>, response_bytes: u64) {
        self.ended = true;
        self.count(Some(now), took, result, response_bytes);
    }

    fn count(&self, now: Option<Timestamp>, took: Duration, result: Result<(), ErrorKind>, response_bytes: u64) {
        self.tool.end(took, result, response_bytes);
        self.service.all.end(took, result, response_bytes);
        self.service.recent.get_or_init(Box::default).record(now, micros(took), result);
    }
}

impl Drop for CallInFlight {
    fn drop(&mut self) {
        if !self.ended {
            // Nobody says when: it counts where the newest known call counts.
            self.count(None, Duration::ZERO, Err(ErrorKind::Cancelled), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_in_flight_until_it_ends_and_a_dropped_one_is_cancelled() {
        let meter = Arc::new(ServiceMeter::default());
        let tool = meter.tool("add");
        let (first, second) = (meter.begin(Arc::clone(&tool), 10), meter.begin(meter.tool("add"), 5));
        assert_eq!((meter.all().in_flight(), tool.in_flight()), (2, 2));
        first.end(Timestamp::from_secs(3), Duration::from_millis(7), Ok(()), 100);
        drop(second);
        let report = meter.report(Timestamp::from_secs(3));
        assert_eq!((report.calls_total, report.errors_total, report.in_flight), (2, 1, 0));
        assert_eq!((report.request_bytes_total, report.response_bytes_total), (15, 100));
        assert_eq!(report.errors, BTreeMap::from([("cancelled".to_owned(), 1)]));
        assert_eq!((report.last_minute, report.duration_seconds_sum), (2, 0.007));
        assert_eq!(report.latency.unwrap().max_ms, 7.0);
        assert_eq!(report.duration_buckets.last(), Some(&1));
        assert_eq!(meter.recent_calls(Timestamp::from_secs(12)), [2, 0]);
        let tools = meter.tool_reports();
        assert_eq!(tools["add"], CallReport { last_minute: 0, ..report });
        let stats = meter.stats();
        assert_eq!((stats.calls_total, stats.errors_total), (2, 1));
        // The middle of the bucket from 6,912 to 7,039 µs.
        assert_eq!((stats.p50, stats.p95), (Some(Duration::from_micros(6_975)), Some(Duration::from_micros(6_975))));
    }

    #[test]
    fn without_a_call_there_is_nothing() {
        let meter = ServiceMeter::default();
        let now = Timestamp::from_secs(100);
        assert_eq!(meter.report(now), CallReport::default());
        assert_eq!((meter.stats(), meter.window(now, Duration::MAX)), (CallStats::default(), WindowStats::default()));
        assert_eq!((meter.tool_reports().len(), meter.recent_calls(now).len()), (0, 0));
    }

    #[test]
    fn names_that_are_made_up_share_one_meter() {
        let meter = ServiceMeter::default();
        let made_up = meter.tool_if("nonsense", || false);
        assert!(!Arc::ptr_eq(&made_up, &meter.tool_if("add", || true)));
        assert!(Arc::ptr_eq(&made_up, &meter.tool_if("more", || false)));
        assert!(Arc::ptr_eq(&meter.tool("add"), &meter.tool_if("add", || false)));
    }

    #[test]
    fn tools_past_the_bound_share_one_meter() {
        let meter = Arc::new(ServiceMeter::default());
        let long = "x".repeat(ServiceMeter::MAX_TOOL_NAME + 1);
        for tool in (0..300).map(|i| format!("t{i}")).chain([long]) {
            meter.begin(meter.tool(&tool), 1).end(Timestamp::ZERO, Duration::ZERO, Err(ErrorKind::Rpc), 0);
        }
        let reports = meter.tool_reports();
        assert_eq!(reports.len(), ServiceMeter::MAX_TOOLS + 1);
        assert_eq!(reports[ServiceReport::OTHER_TOOLS].calls_total, 45);
        assert_eq!(reports["t255"].calls_total, 1);
        assert_eq!(reports.values().map(|report| report.calls_total).sum::<u64>(), 301);
        assert!(Arc::ptr_eq(&meter.tool("t7"), &meter.tool("t7")));
    }
}
