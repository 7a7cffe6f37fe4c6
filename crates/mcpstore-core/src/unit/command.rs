//! What commands do, phase by phase.

use mcpstore_types::{Desired, Phase, Reason, StopKind};

use super::moves::Stepper;
use super::{Command, Rejected, Then, Verdict};

impl Stepper<'_> {
    pub(super) fn command(&mut self, command: Command) -> Verdict {
        if matches!(self.unit.phase, Phase::Removed) {
            return Verdict::Rejected(Rejected::Removing);
        }
        match command {
            Command::Start => self.start(),
            Command::Wake => self.wake(),
            Command::Stop { kind, force } => self.stop(kind, force),
            Command::Restart { reason, force } => self.restart(reason, force),
            Command::Hold { kind } => self.hold(kind),
            Command::Remove => self.remove(),
            Command::StopRemove { force } => self.stop_remove(force),
            Command::ResetFailed => self.reset_failed(),
        }
    }

    fn start(&mut self) -> Verdict {
        match self.unit.phase {
            Phase::Idle | Phase::Stopped { .. } | Phase::BackOff { .. } | Phase::Failed { .. } => {
                self.start_from_down(Reason::StartAsked)
            }
            Phase::Wait
            | Phase::Spawn
            | Phase::Init
            | Phase::Probe
            | Phase::Ready
            | Phase::Degraded
            | Phase::Unknown => self.want_up(),
            Phase::Abort | Phase::Drain | Phase::Close | Phase::Term | Phase::Kill | Phase::Reap => {
                self.restart_when_down()
            }
            Phase::Cleanup => self.restart_after_cleanup(),
            Phase::Removed => Verdict::Rejected(Rejected::Removing),
        }
    }

    /// What is up, or on its way up, needs nothing; what failed has its own way back.
    fn wake(&mut self) -> Verdict {
        match self.unit.phase {
            Phase::Idle | Phase::Stopped { .. } => self.start_from_down(Reason::Woken),
            Phase::Drain | Phase::Close | Phase::Term | Phase::Kill | Phase::Reap
                if matches!((self.unit.then, self.unit.stop_kind), (Then::Stop, StopKind::Idle)) =>
            {
                self.unit.reason = Reason::Woken;
                self.restart_when_down()
            }
            Phase::Wait
            | Phase::Spawn
            | Phase::Init
            | Phase::Probe
            | Phase::Ready
            | Phase::Degraded
            | Phase::Abort
            | Phase::Drain
            | Phase::Close
            | Phase::Term
            | Phase::Kill
            | Phase::Reap
            | Phase::Cleanup
            | Phase::BackOff { .. }
            | Phase::Failed { .. }
            | Phase::Unknown => Verdict::Unchanged,
            Phase::Removed => Verdict::Rejected(Rejected::Removing),
        }
    }

    fn restart(&mut self, reason: Reason, force: bool) -> Verdict {
        match self.unit.phase {
            Phase::Idle | Phase::Stopped { .. } => self.start_from_down(reason),
            Phase::BackOff { .. } | Phase::Failed { .. } => {
                let verdict = self.start_from_down(reason);
                self.restarted = matches!(verdict, Verdict::Changed);
                verdict
            }
            Phase::Wait => self.want_up(),
            Phase::Spawn | Phase::Init | Phase::Probe | Phase::Ready | Phase::Degraded | Phase::Unknown => {
                self.unit.desired = Desired::Up;
                self.go_down(Then::Restart, reason, force)
            }
            Phase::Abort | Phase::Drain | Phase::Close | Phase::Term | Phase::Kill | Phase::Reap => {
                self.restart_when_down()
            }
            Phase::Cleanup => self.restart_after_cleanup(),
            Phase::Removed => Verdict::Rejected(Rejected::Removing),
        }
    }

    fn stop(&mut self, kind: StopKind, force: bool) -> Verdict {
        let reason = stop_reason(kind, force);
        match self.unit.phase {
            // Down already, it goes to sleep: from now on a call wakes it.
            Phase::Stopped { kind: before } if before != kind && matches!(kind, StopKind::Idle) => {
                self.want_down(kind);
                self.enter(Phase::Stopped { kind }, reason)
            }
            Phase::Idle | Phase::Stopped { .. } => self.want_down(kind),
            Phase::Wait | Phase::BackOff { .. } => {
                self.want_down(kind);
                self.enter(Phase::Stopped { kind }, reason)
            }
            Phase::Failed { .. } if self.unit.leaked => self.want_down(kind),
            Phase::Failed { .. } => {
                self.want_down(kind);
                self.enter(Phase::Stopped { kind }, reason)
            }
            Phase::Cleanup => {
                // A start that was asked for meanwhile is taken back.
                self.set_then(Then::Retry);
                self.want_down(kind)
            }
            Phase::Spawn
            | Phase::Init
            | Phase::Probe
            | Phase::Ready
            | Phase::Degraded
            | Phase::Abort
            | Phase::Drain
            | Phase::Close
            | Phase::Term
            | Phase::Kill
            | Phase::Reap
            | Phase::Unknown => {
                self.want_down(kind);
                self.go_down(Then::Stop, reason, force)
            }
            Phase::Removed => Verdict::Rejected(Rejected::Removing),
        }
    }

    /// What works goes on working until its stop comes. Where nothing works there is nothing to wait for: a stop.
    fn hold(&mut self, kind: StopKind) -> Verdict {
        match self.unit.phase {
            Phase::Spawn | Phase::Init | Phase::Probe | Phase::Ready | Phase::Degraded | Phase::Unknown => {
                self.want_down(kind)
            }
            Phase::Idle
            | Phase::Wait
            | Phase::Abort
            | Phase::Drain
            | Phase::Close
            | Phase::Term
            | Phase::Kill
            | Phase::Reap
            | Phase::Stopped { .. }
            | Phase::Cleanup
            | Phase::BackOff { .. }
            | Phase::Failed { .. } => self.stop(kind, false),
            Phase::Removed => Verdict::Rejected(Rejected::Removing),
        }
    }

    fn remove(&mut self) -> Verdict {
        match self.unit.phase {
            Phase::Idle | Phase::Stopped { .. } | Phase::BackOff { .. } | Phase::Failed { .. } => {
                self.remove_from_down()
            }
            Phase::Wait
            | Phase::Spawn
            | Phase::Init
            | Phase::Probe
            | Phase::Ready
            | Phase::Degraded
            | Phase::Abort
            | Phase::Drain
            | Phase::Close
            | Phase::Term
            | Phase::Kill
            | Phase::Reap
            | Phase::Cleanup
            | Phase::Unknown => Verdict::Rejected(Rejected::Active),
            Phase::Removed => Verdict::Rejected(Rejected::Removing),
        }
    }

    fn stop_remove(&mut self, force: bool) -> Verdict {
        match self.unit.phase {
            // What leaked keeps its name until the last of it is gone.
            Phase::Failed { .. } if self.unit.leaked => {
                self.want_down(StopKind::ByUser);
                self.set_then(Then::Remove)
            }
            Phase::Idle | Phase::Stopped { .. } | Phase::BackOff { .. } | Phase::Failed { .. } | Phase::Wait => {
                self.remove_from_down()
            }
            Phase::Cleanup => {
                self.want_down(StopKind::ByUser);
                self.set_then(Then::Remove)
            }
            Phase::Spawn
            | Phase::Init
            | Phase::Probe
            | Phase::Ready
            | Phase::Degraded
            | Phase::Abort
            | Phase::Drain
            | Phase::Close
            | Phase::Term
            | Phase::Kill
            | Phase::Reap
            | Phase::Unknown => {
                self.want_down(StopKind::ByUser);
                self.go_down(Then::Remove, Reason::RemoveAsked, force)
            }
            Phase::Removed => Verdict::Rejected(Rejected::Removing),
        }
    }

    fn reset_failed(&mut self) -> Verdict {
        match self.unit.phase {
            Phase::Failed { .. } if !self.unit.leaked => {
                self.unit.failures = 0;
                self.want_down(StopKind::ByUser);
                self.enter(Phase::Stopped { kind: StopKind::ByUser }, Reason::ResetAsked)
            }
            Phase::Failed { .. }
            | Phase::Idle
            | Phase::Wait
            | Phase::Spawn
            | Phase::Init
            | Phase::Probe
            | Phase::Ready
            | Phase::Degraded
            | Phase::Abort
            | Phase::Drain
            | Phase::Close
            | Phase::Term
            | Phase::Kill
            | Phase::Reap
            | Phase::Stopped { .. }
            | Phase::Cleanup
            | Phase::BackOff { .. }
            | Phase::Unknown => {
                let changed = self.unit.failures != 0;
                self.unit.failures = 0;
                if changed { Verdict::Changed } else { Verdict::Unchanged }
            }
            Phase::Removed => Verdict::Rejected(Rejected::Removing),
        }
    }

    /// The first rung of the ladder down, or the next one when force asks for it. Does not touch `desired`.
    pub(super) fn go_down(&mut self, then: Then, reason: Reason, force: bool) -> Verdict {
        match self.unit.phase {
            Phase::Spawn => {
                self.unit.then = then;
                self.unit.forced = force;
                self.enter(Phase::Abort, reason)
            }
            Phase::Init | Phase::Probe => self.leave(then, reason, force, Phase::Close),
            Phase::Ready | Phase::Degraded => self.leave(then, reason, force, Phase::Drain),
            Phase::Unknown => self.leave(then, reason, force, Phase::Term),
            Phase::Drain | Phase::Close | Phase::Term if force && self.may_replace_then() => {
                self.leave(then, reason, true, Phase::Kill)
            }
            Phase::Drain | Phase::Close | Phase::Term if force => {
                self.unit.forced = true;
                self.advance(Phase::Kill)
            }
            Phase::Abort | Phase::Drain | Phase::Close | Phase::Term | Phase::Kill | Phase::Reap => {
                let sharpened = force && !self.unit.forced;
                self.unit.forced |= force;
                if matches!(then, Then::Remove) || self.may_replace_then() {
                    self.unit.reason = reason;
                }
                match self.set_then(then) {
                    Verdict::Unchanged if sharpened => Verdict::Changed,
                    verdict @ (Verdict::Changed | Verdict::Unchanged | Verdict::Rejected(_) | Verdict::Ignored(_)) => {
                        verdict
                    }
                }
            }
            Phase::Idle
            | Phase::Wait
            | Phase::Stopped { .. }
            | Phase::Cleanup
            | Phase::BackOff { .. }
            | Phase::Failed { .. }
            | Phase::Removed => Verdict::Unchanged,
        }
    }

    fn leave(&mut self, then: Then, reason: Reason, force: bool, polite: Phase) -> Verdict {
        self.unit.then = then;
        self.unit.forced = force;
        self.enter(if force { Phase::Kill } else { polite }, reason)
    }

    fn start_from_down(&mut self, reason: Reason) -> Verdict {
        if !self.may_replace_then() {
            return Verdict::Rejected(Rejected::Removing);
        }
        if self.unit.leaked {
            return Verdict::Rejected(Rejected::Leaked);
        }
        self.unit.desired = Desired::Up;
        self.unit.failures = 0;
        self.unit.then = Then::None;
        self.enter(Phase::Wait, reason)
    }

    fn remove_from_down(&mut self) -> Verdict {
        if self.unit.leaked {
            return Verdict::Rejected(Rejected::Leaked);
        }
        self.want_down(StopKind::ByUser);
        self.enter(Phase::Removed, Reason::RemoveAsked)
    }

    fn restart_when_down(&mut self) -> Verdict {
        if !self.may_replace_then() {
            return Verdict::Rejected(Rejected::Removing);
        }
        let raised = self.want_up();
        match self.set_then(Then::Restart) {
            Verdict::Unchanged => raised,
            changed @ (Verdict::Changed | Verdict::Rejected(_) | Verdict::Ignored(_)) => changed,
        }
    }

    /// Asked for, it comes back once the dead life is gone: what the policy says of that life no longer counts.
    fn restart_after_cleanup(&mut self) -> Verdict {
        let verdict = self.restart_when_down();
        if matches!(verdict, Verdict::Rejected(_)) {
            return verdict;
        }
        self.unit.failures = 0;
        Verdict::Changed
    }

    /// Nothing but completion changes a pending removal.
    fn may_replace_then(&self) -> bool {
        !matches!(self.unit.then, Then::Remove)
    }

    fn set_then(&mut self, then: Then) -> Verdict {
        if self.may_replace_then() && self.unit.then != then {
            self.unit.then = then;
            Verdict::Changed
        } else {
            Verdict::Unchanged
        }
    }

    fn want_up(&mut self) -> Verdict {
        let changed = matches!(self.unit.desired, Desired::Down);
        self.unit.desired = Desired::Up;
        if changed { Verdict::Changed } else { Verdict::Unchanged }
    }

    pub(super) fn want_down(&mut self, kind: StopKind) -> Verdict {
        let changed = matches!(self.unit.desired, Desired::Up);
        self.unit.desired = Desired::Down;
        self.unit.stop_kind = kind;
        if changed { Verdict::Changed } else { Verdict::Unchanged }
    }
}

/// The reason that goes with a stop.
const fn stop_reason(kind: StopKind, force: bool) -> Reason {
    match kind {
        StopKind::ByUser if force => Reason::KillAsked,
        StopKind::ByUser | StopKind::Completed => Reason::StopAsked,
        StopKind::ByDependency => Reason::DependencyStopped,
        StopKind::Conflict => Reason::ConflictStarted,
        StopKind::ByConfig => Reason::ConfigChanged,
        StopKind::Idle => Reason::Idle,
    }
}
