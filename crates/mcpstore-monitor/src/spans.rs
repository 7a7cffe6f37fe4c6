//! Stretches of time with what was up and what was wanted in them, bounded by putting old ones together.

use mcpstore_types::{ServiceState, Timestamp};

/// Nanoseconds since the manager's start; negative before it.
pub(crate) type Nanos = i64;

/// A moment as a number that can be computed with on both sides of zero.
pub(crate) fn nanos(at: Timestamp) -> Nanos {
    Nanos::try_from(at.as_nanos()).unwrap_or(Nanos::MAX)
}

/// A stretch of time. Of one state when it is whole, of several when it was put together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    from: Nanos,
    to: Nanos,
    /// The time in it in which the service was running and wanted.
    up: Nanos,
    /// The time in it in which it was wanted.
    wanted: Nanos,
    /// Which state, when it is one.
    state: Option<ServiceState>,
}

impl Span {
    pub(crate) fn new(from: Nanos, to: Nanos, state: ServiceState, wanted: bool) -> Self {
        let length = to.saturating_sub(from).max(0);
        let wanted = if wanted { length } else { 0 };
        let up = if state == ServiceState::Running { wanted } else { 0 };
        Self { from, to, up, wanted, state: Some(state) }
    }

    /// The same with what lies before `edge` cut off; what it holds counts as spread evenly. None when nothing is left.
    fn cut(self, edge: Nanos) -> Option<(f64, f64)> {
        if self.to <= edge {
            return None;
        }
        let length = self.to.saturating_sub(self.from);
        let share = if self.from >= edge { 1.0 } else { self.to.saturating_sub(edge) as f64 / length as f64 };
        Some((self.up as f64 * share, self.wanted as f64 * share))
    }
}

/// The spans of the last day, oldest first, none overlapping another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(Vec<Span>);

const SECOND: Nanos = 1_000_000_000;
/// The longest window anybody looks at.
const DAY: Nanos = 86_400 * SECOND;
/// Up to which age spans are put together only within how long a slot. The last row ends with what is held at all.
const SLOTS: [(Nanos, Nanos); 3] = [(300 * SECOND, SECOND), (3_600 * SECOND, 10 * SECOND), (DAY, 300 * SECOND)];

impl Spans {
    /// How many are held before some are put together. More than slots there are: 300, 330 and 276.
    pub(crate) const MAX: usize = 1_024;

    /// Adds the newest; what it overlaps of the last is cut off. Says how much of it is left, in nanoseconds.
    pub(crate) fn push(&mut self, mut span: Span) -> u64 {
        if let Some(last) = self.0.last().filter(|last| last.to > span.from) {
            let (up, wanted) = span.cut(last.to).unwrap_or_default();
            (span.up, span.wanted, span.from) = (up as Nanos, wanted as Nanos, last.to);
        }
        if span.to <= span.from {
            return 0;
        }
        self.0.push(span);
        let now = span.to;
        let gone = self.0.partition_point(|span| now.saturating_sub(span.to) > DAY);
        if gone > 0 {
            self.0.drain(..gone);
        }
        if self.0.len() > Self::MAX {
            self.merge(now);
        }
        span.to.abs_diff(span.from)
    }

    /// Puts together what lies in the same slot.
    fn merge(&mut self, now: Nanos) {
        let slot = |span: &Span| {
            let age = now.saturating_sub(span.to);
            let row = SLOTS.iter().position(|&(up_to, _)| age < up_to).unwrap_or(SLOTS.len() - 1);
            (row, span.to.div_euclid(SLOTS[row].1))
        };
        let mut merged: Vec<Span> = Vec::new();
        for span in self.0.drain(..) {
            match merged.last_mut() {
                // Slots are told by where spans end, so what is put together is never longer than a slot and one span. A gap
                // between two is neither up nor wanted, and may lie within.
                Some(last) if slot(last) == slot(&span) => {
                    last.to = span.to;
                    last.up += span.up;
                    last.wanted += span.wanted;
                    last.state = None;
                }
                _ => merged.push(span),
            }
        }
        self.0 = merged;
    }

    /// Time up and time wanted since `from`, in nanoseconds, `current` included.
    pub(crate) fn within(&self, from: Nanos, current: Option<Span>) -> (f64, f64) {
        let cut = self.0.iter().copied().chain(current).filter_map(|span| span.cut(from));
        cut.fold((0.0, 0.0), |(up, wanted), (u, w)| (up + u, wanted + w))
    }

    /// Since when it is in `state`, being in it since `since`: the spans right before may be of it too.
    pub(crate) fn began(&self, since: Nanos, state: ServiceState) -> Nanos {
        let before = self.0.iter().rev();
        before
            .scan(since, |began, span| {
                (span.to == *began && span.state == Some(state)).then(|| {
                    *began = span.from;
                    *began
                })
            })
            .last()
            .unwrap_or(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_flapping_stays_bounded_and_within_its_slots() {
        let mut spans = Spans::default();
        // 0.4 s up and 0.6 s down, for two days.
        let mut most = 0;
        for second in 0..172_800_i64 {
            let from = second * SECOND;
            let turn = from + 400_000_000;
            spans.push(Span::new(from, turn, ServiceState::Running, true));
            spans.push(Span::new(turn, from + SECOND, ServiceState::Error, true));
            most = most.max(spans.0.len());
        }
        assert!(most <= Spans::MAX + 1, "{most}");
        let now = 172_800 * SECOND;
        for (window, slot) in [(300, 1), (3_600, 10), (86_400, 300)] {
            let (up, wanted) = spans.within(now - window * SECOND, None);
            assert!((wanted / 1e9 - window as f64).abs() <= 1e-3, "{wanted}");
            assert!((up / 1e9 - 0.4 * window as f64).abs() <= slot as f64, "{up} of {window}");
        }
    }

    #[test]
    fn one_failure_among_many_is_found_within_a_slot() {
        let mut spans = Spans::default();
        // Up for a day in pieces of 20 s, but for the hour from 40,000 s on.
        for piece in 0..4_320_i64 {
            let down = (2_000..2_180).contains(&piece);
            let state = if down { ServiceState::Error } else { ServiceState::Running };
            spans.push(Span::new(piece * 20 * SECOND, (piece + 1) * 20 * SECOND, state, true));
        }
        let (up, wanted) = spans.within(0, None);
        assert_eq!((up / 1e9, wanted / 1e9), (82_800.0, 86_400.0));
        for edge in [39_000, 40_100, 41_777, 43_333, 43_700] {
            let exact = 86_400 - edge - (43_600 - edge).clamp(0, 3_600);
            let (up, wanted) = spans.within(edge * SECOND, None);
            assert!((wanted / 1e9 - (86_400 - edge) as f64).abs() < 1e-3, "{wanted}");
            assert!((up / 1e9 - exact as f64).abs() <= 300.0, "{up} from {edge} on, not {exact}");
        }
    }
}
