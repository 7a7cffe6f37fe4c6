//! Deadlines, and what happens when one passes.

use mcpstore_types::{FailKind, Phase, PhaseName, Reason, Timestamp};

use super::moves::Stepper;
use super::{Ignored, Then, Unit, UnitPolicy, Verdict};

/// When the unit wants a [`super::Event::Tick`]; `None`: time alone changes nothing.
#[must_use]
pub fn deadline(unit: &Unit, policy: &UnitPolicy) -> Option<Timestamp> {
    let t = &policy.timeouts;
    let start_end = unit.spawned_at.after(t.start);
    match unit.phase {
        Phase::Wait => Some(unit.since.after(t.wait)),
        Phase::Spawn | Phase::Probe => Some(start_end),
        Phase::Init => Some(start_end.min(unit.since.after(t.handshake))),
        Phase::Ready if !unit.stable => Some(unit.since.after(policy.restart.stable_after)),
        Phase::Drain => Some(unit.since.after(t.drain)),
        Phase::Close => Some(unit.since.after(t.close)),
        Phase::Term => Some(unit.since.after(t.term)),
        Phase::Kill => Some(unit.since.after(t.kill)),
        Phase::Reap | Phase::Cleanup => Some(unit.since.after(t.reap)),
        Phase::BackOff { until, .. } => Some(until),
        Phase::Failed { kind: FailKind::GaveUp } => policy.restart.slow_retry.map(|every| unit.since.after(every)),
        Phase::Failed { .. }
        | Phase::Idle
        | Phase::Ready
        | Phase::Degraded
        | Phase::Abort
        | Phase::Stopped { .. }
        | Phase::Unknown
        | Phase::Removed => None,
    }
}

impl Stepper<'_> {
    pub(super) fn tick(&mut self) -> Verdict {
        let due = deadline(&self.unit, self.context.policy).is_some_and(|at| at <= self.now);
        if !due {
            return Verdict::Ignored(Ignored::NotNow);
        }
        match self.unit.phase {
            Phase::Wait => self.enter(Phase::Failed { kind: FailKind::Dependency }, Reason::TimedOut(PhaseName::Wait)),
            Phase::Spawn => {
                self.fail(FailKind::StartTimeout);
                self.enter(Phase::Abort, Reason::TimedOut(PhaseName::Spawn))
            }
            Phase::Init => {
                self.fail(FailKind::Handshake);
                self.enter(Phase::Term, Reason::TimedOut(PhaseName::Init))
            }
            Phase::Probe => {
                self.fail(FailKind::StartTimeout);
                self.enter(Phase::Term, Reason::TimedOut(PhaseName::Probe))
            }
            Phase::Ready => {
                self.unit.stable = true;
                self.unit.failures = 0;
                Verdict::Changed
            }
            Phase::Drain => self.advance(Phase::Close),
            Phase::Close => self.advance(Phase::Term),
            Phase::Term => self.advance(Phase::Kill),
            Phase::Kill => self.leak(FailKind::StopFailed, PhaseName::Kill),
            Phase::Reap => self.leak(FailKind::Leaked, PhaseName::Reap),
            Phase::Cleanup => self.leak(FailKind::Leaked, PhaseName::Cleanup),
            Phase::BackOff { .. } => {
                self.restarted = true;
                self.enter(Phase::Wait, Reason::RetryDue)
            }
            // Only `GaveUp` has a deadline: one more attempt, whose failure gives up again at once.
            Phase::Failed { .. } => {
                self.restarted = true;
                self.enter(Phase::Wait, Reason::RetryDue)
            }
            Phase::Idle | Phase::Degraded | Phase::Abort | Phase::Stopped { .. } | Phase::Unknown | Phase::Removed => {
                Verdict::Ignored(Ignored::NotNow)
            }
        }
    }

    /// The kill did not help in time: nothing may spawn beside what survives.
    fn leak(&mut self, kind: FailKind, phase: PhaseName) -> Verdict {
        self.unit.leaked = true;
        // A removal stays under way: it completes once the group is empty after all.
        if !matches!(self.unit.then, Then::Remove) {
            self.unit.then = Then::None;
        }
        self.unit.forced = false;
        self.enter(Phase::Failed { kind }, Reason::TimedOut(phase))
    }
}
