//! What reports from the world and from the dependencies do, phase by phase.
//!
//! Every match names every phase, so that a new phase cannot be forgotten; what has no meaning in a phase is ignored.

use mcpstore_types::{Desired, ExitStatus, FailKind, Phase, Reason, RestartMode, StopKind};

use super::moves::Stepper;
use super::{Ignored, InitFailure, RecycleCause, Report, SpawnFailure, Then, Verdict};

const NOT_NOW: Verdict = Verdict::Ignored(Ignored::NotNow);

impl Stepper<'_> {
    pub(super) fn report(&mut self, report: Report) -> Verdict {
        match report {
            Report::SpawnOk => self.spawn_ok(),
            Report::SpawnErr(failure) => self.spawn_err(failure),
            Report::InitOk => self.only_in(&[Phase::Init], Phase::Probe, Reason::HandshakeDone),
            Report::InitErr(failure) => self.init_err(failure),
            Report::Respawn => self.respawn(),
            Report::ProbeUp => self.only_in(&[Phase::Probe, Phase::Degraded], Phase::Ready, Reason::ProbePassed),
            Report::ProbeDown => self.only_in(&[Phase::Ready], Phase::Degraded, Reason::ProbeFailed),
            Report::LivenessFail => self.liveness_fail(),
            Report::Idle => self.fall_asleep(),
            Report::Recycle(cause) => self.recycle(cause),
            Report::Drained => self.drained(),
            Report::Exit(status) => self.exit(status),
            Report::GroupEmpty => self.group_empty(),
            Report::StateLost => self.only_in(
                &[Phase::Init, Phase::Probe, Phase::Ready, Phase::Degraded],
                Phase::Unknown,
                Reason::StateLost,
            ),
            Report::Adopted => self.adopted(),
            Report::AdoptGone => self.adopt_gone(),
        }
    }

    pub(super) fn deps_ok(&mut self) -> Verdict {
        match self.unit.phase {
            Phase::Wait => self.enter(Phase::Spawn, Reason::DependenciesMet),
            Phase::Failed { kind: FailKind::Dependency } if matches!(self.unit.desired, Desired::Up) => {
                self.enter(Phase::Wait, Reason::DependencyRecovered)
            }
            Phase::Idle
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
            | Phase::Failed { .. }
            | Phase::Unknown
            | Phase::Removed => NOT_NOW,
        }
    }

    pub(super) fn deps_gone(&mut self) -> Verdict {
        self.only_in(&[Phase::Wait], Phase::Failed { kind: FailKind::Dependency }, Reason::DependencyFailed)
    }

    pub(super) fn deps_lost(&mut self) -> Verdict {
        if matches!(self.unit.desired, Desired::Down) {
            // Its stop is held and will come: it must not come back after it.
            return NOT_NOW;
        }
        match self.unit.phase {
            // Out of sight is no reason to outlive what it is bound to.
            Phase::Spawn | Phase::Init | Phase::Probe | Phase::Ready | Phase::Degraded | Phase::Unknown => {
                self.go_down(Then::Restart, Reason::DependencyLost, false)
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
            | Phase::Failed { .. }
            | Phase::Removed => NOT_NOW,
        }
    }

    fn spawn_ok(&mut self) -> Verdict {
        match self.unit.phase {
            Phase::Spawn => self.enter(Phase::Init, Reason::Spawned),
            Phase::Abort if self.unit.forced => self.advance(Phase::Kill),
            Phase::Abort => self.advance(Phase::Term),
            Phase::Idle
            | Phase::Wait
            | Phase::Init
            | Phase::Probe
            | Phase::Ready
            | Phase::Degraded
            | Phase::Drain
            | Phase::Close
            | Phase::Term
            | Phase::Kill
            | Phase::Reap
            | Phase::Stopped { .. }
            | Phase::Cleanup
            | Phase::BackOff { .. }
            | Phase::Failed { .. }
            | Phase::Unknown
            | Phase::Removed => NOT_NOW,
        }
    }

    fn spawn_err(&mut self, failure: SpawnFailure) -> Verdict {
        match self.unit.phase {
            Phase::Spawn => {
                let (kind, reason) = match failure {
                    SpawnFailure::Transient => (FailKind::Exit, Reason::SpawnFailed),
                    SpawnFailure::Spec => (FailKind::Config, Reason::SpecUnusable),
                    SpawnFailure::Auth => (FailKind::Auth, Reason::AuthRefused),
                };
                self.unit.fail_kind = kind;
                self.unit.reason = reason;
                self.decide()
            }
            Phase::Abort => self.finish(),
            Phase::Idle
            | Phase::Wait
            | Phase::Init
            | Phase::Probe
            | Phase::Ready
            | Phase::Degraded
            | Phase::Drain
            | Phase::Close
            | Phase::Term
            | Phase::Kill
            | Phase::Reap
            | Phase::Stopped { .. }
            | Phase::Cleanup
            | Phase::BackOff { .. }
            | Phase::Failed { .. }
            | Phase::Unknown
            | Phase::Removed => NOT_NOW,
        }
    }

    fn init_err(&mut self, failure: InitFailure) -> Verdict {
        if !matches!(self.unit.phase, Phase::Init) {
            return NOT_NOW;
        }
        let (kind, reason) = match failure {
            InitFailure::Transient => (FailKind::Handshake, Reason::HandshakeFailed),
            InitFailure::AuthRefused => (FailKind::Auth, Reason::AuthRefused),
            InitFailure::NeedsLogin => (FailKind::Auth, Reason::NeedsAuth),
        };
        self.fail(kind);
        self.enter(Phase::Term, reason)
    }

    /// Whoever reports it learned something that makes the next life another: it must not come for ever.
    fn respawn(&mut self) -> Verdict {
        match (self.unit.phase, self.unit.desired) {
            (Phase::Init, Desired::Up) => self.go_down(Then::Restart, Reason::EraLearned, false),
            // Its stop is held and will come: it must not come back after it.
            (Phase::Init, Desired::Down)
            | (
                Phase::Idle
                | Phase::Wait
                | Phase::Spawn
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
                | Phase::Failed { .. }
                | Phase::Unknown
                | Phase::Removed,
                Desired::Up | Desired::Down,
            ) => NOT_NOW,
        }
    }

    fn liveness_fail(&mut self) -> Verdict {
        // In `Probe` too: one that closed its output can never pass its start-up check.
        if !matches!(self.unit.phase, Phase::Probe | Phase::Ready | Phase::Degraded) {
            return NOT_NOW;
        }
        self.fail(FailKind::Exit);
        self.enter(Phase::Term, Reason::LivenessFailed)
    }

    fn recycle(&mut self, cause: RecycleCause) -> Verdict {
        let reason = match cause {
            RecycleCause::Age => Reason::AgeReached,
            RecycleCause::Memory => Reason::MemoryReached,
        };
        match (self.unit.phase, self.unit.desired) {
            (Phase::Ready | Phase::Degraded, Desired::Up) => self.go_down(Then::Restart, reason, false),
            // Its stop is held and will come: it must not come back after it.
            (Phase::Ready | Phase::Degraded, Desired::Down)
            | (
                Phase::Idle
                | Phase::Wait
                | Phase::Spawn
                | Phase::Init
                | Phase::Probe
                | Phase::Abort
                | Phase::Drain
                | Phase::Close
                | Phase::Term
                | Phase::Kill
                | Phase::Reap
                | Phase::Stopped { .. }
                | Phase::Cleanup
                | Phase::BackOff { .. }
                | Phase::Failed { .. }
                | Phase::Unknown
                | Phase::Removed,
                Desired::Up | Desired::Down,
            ) => NOT_NOW,
        }
    }

    fn fall_asleep(&mut self) -> Verdict {
        match (self.unit.phase, self.unit.desired) {
            (Phase::Ready | Phase::Degraded, Desired::Up) => {
                self.want_down(StopKind::Idle);
                self.go_down(Then::Stop, Reason::Idle, false)
            }
            // Its stop is held and will come.
            (Phase::Ready | Phase::Degraded, Desired::Down)
            | (
                Phase::Idle
                | Phase::Wait
                | Phase::Spawn
                | Phase::Init
                | Phase::Probe
                | Phase::Abort
                | Phase::Drain
                | Phase::Close
                | Phase::Term
                | Phase::Kill
                | Phase::Reap
                | Phase::Stopped { .. }
                | Phase::Cleanup
                | Phase::BackOff { .. }
                | Phase::Failed { .. }
                | Phase::Unknown
                | Phase::Removed,
                Desired::Up | Desired::Down,
            ) => NOT_NOW,
        }
    }

    fn drained(&mut self) -> Verdict {
        if matches!(self.unit.phase, Phase::Drain) { self.advance(Phase::Close) } else { NOT_NOW }
    }

    fn exit(&mut self, status: ExitStatus) -> Verdict {
        let clean = status.is_clean();
        match self.unit.phase {
            Phase::Init | Phase::Probe | Phase::Unknown => self.crashed(status),
            Phase::Ready | Phase::Degraded => {
                let completes = match self.context.policy.restart.mode {
                    RestartMode::Always => false,
                    RestartMode::OnFailure | RestartMode::Never => clean,
                };
                if completes {
                    self.unit.clean_exit = true;
                    self.unit.then = Then::Complete;
                    self.enter(Phase::Reap, Reason::Completed)
                } else {
                    self.crashed(status)
                }
            }
            Phase::Drain | Phase::Close | Phase::Term | Phase::Kill => self.advance(Phase::Reap),
            Phase::Idle
            | Phase::Wait
            | Phase::Spawn
            | Phase::Abort
            | Phase::Reap
            | Phase::Stopped { .. }
            | Phase::Cleanup
            | Phase::BackOff { .. }
            | Phase::Failed { .. }
            | Phase::Removed => NOT_NOW,
        }
    }

    fn crashed(&mut self, status: ExitStatus) -> Verdict {
        self.unit.clean_exit = status.is_clean();
        self.fail(FailKind::Exit);
        self.enter(Phase::Cleanup, Reason::Exited(status))
    }

    fn group_empty(&mut self) -> Verdict {
        match self.unit.phase {
            Phase::Reap => self.finish(),
            Phase::Cleanup if matches!(self.unit.then, Then::Remove) => self.enter(Phase::Removed, Reason::RemoveAsked),
            Phase::Cleanup if matches!(self.unit.then, Then::Restart) => self.finish(),
            Phase::Cleanup => self.decide(),
            Phase::Failed { .. } if self.unit.leaked && matches!(self.unit.then, Then::Remove) => {
                self.unit.leaked = false;
                self.unit.then = Then::None;
                self.enter(Phase::Removed, Reason::RemoveAsked)
            }
            Phase::Failed { .. } if self.unit.leaked => {
                self.unit.leaked = false;
                self.show_in_place(Reason::GroupEmpty);
                Verdict::Changed
            }
            Phase::Idle
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
            | Phase::Stopped { .. }
            | Phase::BackOff { .. }
            | Phase::Failed { .. }
            | Phase::Unknown
            | Phase::Removed => NOT_NOW,
        }
    }

    fn adopted(&mut self) -> Verdict {
        match (matches!(self.unit.phase, Phase::Unknown), self.unit.desired) {
            (true, Desired::Up) => {
                // The start time counts from here: however old its life is, it has just been found.
                self.unit.spawned_at = self.now;
                self.enter(Phase::Probe, Reason::Adopted)
            }
            (true, Desired::Down) => {
                self.unit.then = Then::Stop;
                self.enter(Phase::Term, Reason::StopAsked)
            }
            (false, Desired::Up | Desired::Down) => NOT_NOW,
        }
    }

    fn adopt_gone(&mut self) -> Verdict {
        if !matches!(self.unit.phase, Phase::Unknown) {
            return NOT_NOW;
        }
        self.fail(FailKind::Exit);
        self.enter(Phase::Cleanup, Reason::AdoptGone)
    }

    /// A failure begins: once it is down, the policy decides.
    pub(super) fn fail(&mut self, kind: FailKind) {
        self.unit.fail_kind = kind;
        self.unit.then = Then::Retry;
    }

    /// Enters `to` when the unit is in one of `phases`; has no meaning elsewhere.
    fn only_in(&mut self, phases: &[Phase], to: Phase, reason: Reason) -> Verdict {
        if phases.contains(&self.unit.phase) { self.enter(to, reason) } else { NOT_NOW }
    }
}
