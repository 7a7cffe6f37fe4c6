//! How long a service was in each state, how much of a while it was up, how long it took to start, how often it restarted.

use std::collections::BTreeMap;
use std::time::Duration;

use mcpstore_types::{PhaseName, ServiceState, Timestamp};

use crate::Availability;
use crate::ring::Ring;
use crate::spans::{Nanos, Span, Spans, nanos};

/// Times one service over all its lives: fed with each change, asked at any time from the last change on.
///
/// Availability is exact while a service has at most [`StateClock::EXACT_SPANS`] changes a day. Beyond that, old changes are
/// put together, and the edge of a window is blurred by at most 1 s of 300 s, 10 s of an hour, 300 s of a day. A span takes 48 bytes.
#[derive(Clone, Debug)]
pub struct StateClock {
    spans: Spans,
    totals: BTreeMap<ServiceState, Duration>,
    /// What it is now, and since when.
    now: Option<Now>,
    /// When the process or connection was being made, while it is on its way up.
    spawned_at: Option<Timestamp>,
    last_start: Option<Duration>,
    restarts: Ring<Nanos>,
}

/// The state that lasts.
#[derive(Clone, Copy, Debug)]
struct Now {
    since: Timestamp,
    state: ServiceState,
    wanted: bool,
}

/// A stretch before the manager's start, as history has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastSpan {
    /// How long before the present moment it began.
    pub began_before: Duration,
    /// How long before the present moment it ended; shorter than `began_before`.
    pub ended_before: Duration,
    /// What the service was in it.
    pub state: ServiceState,
    /// Whether it should have been up.
    pub wanted: bool,
}

impl Default for StateClock {
    fn default() -> Self {
        Self {
            spans: Spans::default(),
            totals: BTreeMap::new(),
            now: None,
            spawned_at: None,
            last_start: None,
            restarts: Ring::new(Self::MAX_RESTARTS),
        }
    }
}

impl StateClock {
    /// The windows over which availability is told, in seconds.
    pub const WINDOWS_SECONDS: [u64; 3] = [300, 3_600, 86_400];
    /// Changes within a day up to which availability is exact.
    pub const EXACT_SPANS: usize = Spans::MAX;
    /// How many restarts are held; a window that had more says this many.
    pub const MAX_RESTARTS: usize = 128;

    /// What history knows of the time before `now`, in any order; call it before the first change.
    ///
    /// Time that no span covers, such as the one between two managers, counts neither as up nor as wanted. Spans that
    /// overlap an earlier one count from its end. `restarts_before` says how long ago each restart was.
    pub fn restore(&mut self, now: Timestamp, past: &[PastSpan], restarts_before: &[Duration]) {
        let ago =
            |before: Duration| nanos(now).saturating_sub(Nanos::try_from(before.as_nanos()).unwrap_or(Nanos::MAX));
        let mut past: Vec<_> = past.iter().filter(|span| span.began_before > span.ended_before).collect();
        past.sort_by_key(|span| std::cmp::Reverse(span.began_before));
        for span in past {
            let left = Span::new(ago(span.began_before), ago(span.ended_before), span.state, span.wanted);
            *self.totals.entry(span.state).or_default() += Duration::from_nanos(self.spans.push(left));
        }
        let mut restarts: Vec<_> = restarts_before.iter().map(|&before| ago(before)).collect();
        restarts.sort_unstable();
        restarts.into_iter().for_each(|at| self.restarts.push(at));
    }

    /// The service is in `phase` from `now` on, and `wanted` says whether it should be up. A removed one is timed no more.
    pub fn observe(&mut self, now: Timestamp, phase: PhaseName, wanted: bool) {
        self.time_start(now, phase);
        let state = phase.state();
        let same = |was: &Now| Some(was.state) == state && was.wanted == wanted;
        if self.now.as_ref().is_some_and(same) {
            return;
        }
        if let Some(was) = self.now.take() {
            *self.totals.entry(was.state).or_default() += now.since(was.since);
            self.spans.push(Span::new(nanos(was.since), nanos(now), was.state, was.wanted));
        }
        self.now = state.map(|state| Now { since: now, state, wanted });
    }

    fn time_start(&mut self, now: Timestamp, phase: PhaseName) {
        match phase {
            PhaseName::Spawn => self.spawned_at = Some(now),
            PhaseName::Init | PhaseName::Probe => {}
            PhaseName::Ready | PhaseName::Degraded => {
                if let Some(began) = self.spawned_at.take() {
                    self.last_start = Some(now.since(began));
                }
            }
            PhaseName::Idle
            | PhaseName::Wait
            | PhaseName::Abort
            | PhaseName::Drain
            | PhaseName::Close
            | PhaseName::Term
            | PhaseName::Kill
            | PhaseName::Reap
            | PhaseName::Stopped
            | PhaseName::Cleanup
            | PhaseName::BackOff
            | PhaseName::Failed
            | PhaseName::Unknown
            | PhaseName::Removed => self.spawned_at = None,
        }
    }

    /// The service was restarted. What counts as flapping: leave restarts out that a command asked for.
    pub fn note_restart(&mut self, now: Timestamp) {
        self.restarts.push(nanos(now));
    }

    /// How often it was restarted in the last stretch `over`, its first moment included; at most
    /// [`StateClock::MAX_RESTARTS`].
    #[must_use]
    pub fn restarts_within(&self, now: Timestamp, over: Duration) -> u32 {
        let count = self.restarts.iter().filter(|&&at| age(now, at) <= over).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// How long ago each restart was that is held, oldest first.
    #[must_use]
    pub fn restart_ages(&self, now: Timestamp) -> Vec<Duration> {
        self.restarts.iter().map(|&at| age(now, at)).collect()
    }

    /// How long the last start took, from the spawn until it was running; none before the first.
    #[must_use]
    pub const fn last_start(&self) -> Option<Duration> {
        self.last_start
    }

    /// When its process or connection was being made, while it is on its way up; waiting for others is no part of it.
    #[must_use]
    pub const fn starting_since(&self) -> Option<Timestamp> {
        self.spawned_at
    }

    /// How long it is in its state already; zero before the first change.
    #[must_use]
    pub fn in_state(&self, now: Timestamp) -> Duration {
        // A change of what is wanted alone begins no new state.
        let Some(current) = self.now else { return Duration::ZERO };
        let began = self.spans.began(nanos(current.since), current.state);
        age(now, began)
    }

    /// Time in each state since it was registered, the restored past included; states it never was in are left out.
    #[must_use]
    pub fn totals(&self, now: Timestamp) -> BTreeMap<ServiceState, Duration> {
        let mut totals = self.totals.clone();
        if let Some(current) = self.now {
            *totals.entry(current.state).or_default() += now.since(current.since);
        }
        totals
    }

    /// The time it was running, of the time in which it should have been up, within the last stretch `over`.
    #[must_use]
    pub fn availability(&self, now: Timestamp, over: Duration) -> Availability {
        let from = nanos(now).saturating_sub(Nanos::try_from(over.as_nanos()).unwrap_or(Nanos::MAX));
        let current = self.now.map(|at| Span::new(nanos(at.since), nanos(now), at.state, at.wanted));
        let (up, wanted) = self.spans.within(from, current);
        Availability {
            window_seconds: over.as_secs(),
            ratio: (wanted > 0.0).then(|| (up / wanted).clamp(0.0, 1.0)),
            wanted_seconds: wanted / 1e9,
        }
    }

    /// The same over each of [`StateClock::WINDOWS_SECONDS`].
    #[must_use]
    pub fn availabilities(&self, now: Timestamp) -> Vec<Availability> {
        Self::WINDOWS_SECONDS.iter().map(|&seconds| self.availability(now, Duration::from_secs(seconds))).collect()
    }
}

/// The time from `at` to `now`; zero when `at` lies later.
fn age(now: Timestamp, at: Nanos) -> Duration {
    Duration::from_nanos(u64::try_from(nanos(now).saturating_sub(at)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const FAILED: PhaseName = PhaseName::Failed;
    const STOPPED: PhaseName = PhaseName::Stopped;

    fn clock(changes: &[(u64, PhaseName, bool)]) -> StateClock {
        let mut clock = StateClock::default();
        changes.iter().for_each(|&(second, phase, wanted)| clock.observe(at(second), phase, wanted));
        clock
    }

    fn ratio(clock: &StateClock, now: u64, over: u64) -> Option<f64> {
        clock.availability(at(now), s(over)).ratio
    }

    #[test]
    fn availability_is_exact_at_the_edges_of_its_window() {
        let clock = clock(&[(0, PhaseName::Ready, true), (100, FAILED, true), (150, PhaseName::Ready, true)]);
        assert_eq!(ratio(&clock, 150, 50), Some(0.0));
        assert_eq!(ratio(&clock, 150, 300), Some(100.0 / 150.0));
        assert_eq!(ratio(&clock, 400, 300), Some(250.0 / 300.0));
        // The failure leaves the window second by second.
        assert_eq!(ratio(&clock, 410, 300), Some(260.0 / 300.0));
        assert_eq!(ratio(&clock, 449, 300), Some(299.0 / 300.0));
        assert_eq!(ratio(&clock, 450, 300), Some(1.0));
        let windows = clock.availabilities(at(400));
        assert_eq!(windows.iter().map(|w| w.window_seconds).collect::<Vec<_>>(), [300, 3_600, 86_400]);
        assert_eq!(windows[2].ratio, Some(350.0 / 400.0));
        assert_eq!(windows[2].wanted_seconds, 400.0);
    }

    #[test]
    fn a_stop_by_the_user_does_not_count_against_it() {
        let clock = clock(&[
            (0, PhaseName::Idle, false),
            (10, PhaseName::Ready, true),
            (60, PhaseName::Drain, false),
            (62, STOPPED, false),
        ]);
        assert_eq!(ratio(&StateClock::default(), 5, 300), None);
        assert_eq!(ratio(&clock, 200, 300), Some(1.0));
        assert_eq!(clock.availability(at(200), s(300)).wanted_seconds, 50.0);
        assert_eq!(ratio(&clock, 500, 300), None);
    }

    #[test]
    fn states_add_up_to_the_time_that_passed() {
        let clock = clock(&[
            (0, PhaseName::Wait, true),
            (4, PhaseName::Spawn, true),
            (6, PhaseName::Ready, true),
            (20, PhaseName::Degraded, true),
            (30, PhaseName::Degraded, false),
            (31, PhaseName::Term, false),
        ]);
        let totals = clock.totals(at(40));
        let expected = [(ServiceState::Starting, s(6)), (ServiceState::Running, s(25)), (ServiceState::Stopping, s(9))];
        assert_eq!(totals, BTreeMap::from(expected));
        assert_eq!((clock.in_state(at(40)), clock.last_start()), (s(9), Some(s(2))));
    }

    #[test]
    fn being_wanted_no_more_begins_no_new_state() {
        let clock =
            clock(&[(5, PhaseName::Ready, true), (9, PhaseName::Ready, false), (12, PhaseName::Degraded, true)]);
        assert_eq!(clock.in_state(at(20)), s(15));
        assert_eq!(StateClock::default().in_state(at(20)), Duration::ZERO);
    }

    #[test]
    fn a_start_is_timed_from_its_spawn() {
        let mut clock = clock(&[(0, PhaseName::Wait, true), (50, PhaseName::Spawn, true)]);
        assert_eq!((clock.starting_since(), clock.last_start()), (Some(at(50)), None));
        clock.observe(at(51), PhaseName::Init, true);
        clock.observe(at(52), PhaseName::Cleanup, true);
        assert_eq!(clock.starting_since(), None);
        clock.observe(at(60), PhaseName::Spawn, true);
        clock.observe(at(63), PhaseName::Probe, true);
        clock.observe(at(67), PhaseName::Ready, true);
        clock.observe(at(70), PhaseName::Degraded, true);
        clock.observe(at(80), PhaseName::Ready, true);
        assert_eq!((clock.starting_since(), clock.last_start()), (None, Some(s(7))));
    }

    #[test]
    fn restarts_leave_their_window_one_by_one() {
        let mut clock = StateClock::default();
        [10, 20, 30].into_iter().for_each(|second| clock.note_restart(at(second)));
        let within = |now| clock.restarts_within(at(now), s(600));
        assert_eq!((within(30), within(610), within(611), within(630), within(631)), (3, 3, 2, 1, 0));
        (0..500).for_each(|_| clock.note_restart(at(700)));
        assert_eq!(clock.restarts_within(at(700), s(600)), StateClock::MAX_RESTARTS as u32);
    }

    #[test]
    fn the_past_of_an_earlier_manager_counts() {
        let mut clock = StateClock::default();
        let past = |began: u64, ended: u64, state, wanted| PastSpan {
            began_before: s(began),
            ended_before: s(ended),
            state,
            wanted,
        };
        let spans = [
            // Not in order, one empty, one that overlaps the one before it.
            past(200, 100, ServiceState::Running, true),
            past(300, 200, ServiceState::Error, true),
            past(90, 90, ServiceState::Error, true),
            past(110, 50, ServiceState::Running, false),
        ];
        clock.restore(at(2), &spans, &[s(100), s(550)]);
        clock.observe(at(2), PhaseName::Ready, true);
        // 100 s down, 100 s up, 50 s not wanted, 50 s unknown, then 10 s up.
        let day = clock.availability(at(12), s(86_400));
        assert_eq!((day.ratio, day.wanted_seconds), (Some(110.0 / 210.0), 210.0));
        assert_eq!(ratio(&clock, 12, 160), Some(1.0));
        assert_eq!((clock.restarts_within(at(2), s(300)), clock.restarts_within(at(2), s(600))), (1, 2));
        assert_eq!(clock.restart_ages(at(3)), [s(551), s(101)]);
        let totals = [(ServiceState::Running, s(160)), (ServiceState::Error, s(100))];
        assert_eq!(clock.totals(at(12)), BTreeMap::from(totals));
    }

    #[test]
    fn a_removed_service_is_timed_no_more() {
        let clock = clock(&[(0, PhaseName::Ready, true), (10, PhaseName::Removed, false)]);
        assert_eq!(clock.totals(at(50)), BTreeMap::from([(ServiceState::Running, s(10))]));
        assert_eq!(clock.availability(at(50), s(300)).wanted_seconds, 10.0);
    }
}
