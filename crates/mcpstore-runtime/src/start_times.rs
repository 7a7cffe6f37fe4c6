//! When each step of a start began.

use mcpstore_types::{Incarnation, PhaseName, Timestamp};

/// When the steps of a service's last start began. A step that it did not come to, or skipped, is `None`.
///
/// The steps follow each other: waiting (for dependencies, conditions and a start slot), spawning, shaking hands, checking,
/// running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartTimes {
    /// Which life this start led to; the one before it while it waits.
    pub incarnation: Incarnation,
    /// It began to wait for what it needs.
    pub waiting: Option<Timestamp>,
    /// Its process or connection began to be made.
    pub spawning: Option<Timestamp>,
    /// Its handshake began.
    pub handshaking: Option<Timestamp>,
    /// Its start-up check began.
    pub checking: Option<Timestamp>,
    /// It was running.
    pub running: Option<Timestamp>,
}

impl StartTimes {
    /// As [`StartTimes::note`], for the first start alone: from the first time it was asked until it first ran. Attempts that
    /// failed are part of the wait; what comes after it ran changes nothing.
    pub(crate) fn note_first(&mut self, now: Timestamp, phase: PhaseName, incarnation: Incarnation) {
        if self.running.is_some() {
            return;
        }
        let asked = self.waiting;
        self.note(now, phase, incarnation);
        self.waiting = asked.or(self.waiting);
    }

    /// Takes note that a phase was entered. What comes after a start changes nothing.
    pub(crate) fn note(&mut self, now: Timestamp, phase: PhaseName, incarnation: Incarnation) {
        let step = match phase {
            PhaseName::Wait => {
                *self = Self::default();
                &mut self.waiting
            }
            PhaseName::Spawn => &mut self.spawning,
            PhaseName::Init => &mut self.handshaking,
            PhaseName::Probe => &mut self.checking,
            PhaseName::Ready => &mut self.running,
            _ => return,
        };
        // Back from degraded is no new start.
        step.get_or_insert(now);
        self.incarnation = incarnation;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_ends_when_it_first_runs() {
        let mut times = StartTimes::default();
        let failed = [PhaseName::Wait, PhaseName::Spawn, PhaseName::BackOff, PhaseName::Wait, PhaseName::Spawn];
        let then = [PhaseName::Init, PhaseName::Probe, PhaseName::Ready, PhaseName::Wait, PhaseName::Spawn];
        for (second, phase) in (1..).zip(failed.into_iter().chain(then)) {
            times.note_first(Timestamp::from_secs(second), phase, Incarnation(second / 4 + 1));
        }
        let at = |second| Some(Timestamp::from_secs(second));
        assert_eq!((times.waiting, times.spawning, times.running), (at(1), at(5), at(8)));
    }

    #[test]
    fn a_start_is_taken_down_step_by_step() {
        let mut times = StartTimes::default();
        let steps = [PhaseName::Wait, PhaseName::Spawn, PhaseName::Init, PhaseName::Probe, PhaseName::Ready];
        for (second, phase) in (1..).zip(steps.into_iter().chain([PhaseName::Degraded, PhaseName::Ready])) {
            times.note(Timestamp::from_secs(second), phase, Incarnation(1));
        }
        let at = |second| Some(Timestamp::from_secs(second));
        let expected = StartTimes {
            incarnation: Incarnation(1),
            waiting: at(1),
            spawning: at(2),
            handshaking: at(3),
            checking: at(4),
            running: at(5),
        };
        assert_eq!(times, expected);
        times.note(Timestamp::from_secs(9), PhaseName::Wait, Incarnation(1));
        assert_eq!((times.waiting, times.running), (at(9), None));
    }
}
