//! What follows once a service is down.

use mcpstore_types::{Desired, FailKind, Phase, Reason, RestartMode, StopKind};

use super::moves::Stepper;
use super::{Then, Verdict};
use crate::jitter::backoff_delay;

impl Stepper<'_> {
    /// It is down on purpose: does what was to follow.
    pub(super) fn finish(&mut self) -> Verdict {
        let then = self.unit.then;
        self.unit.then = Then::None;
        self.unit.forced = false;
        match then {
            Then::Stop => self.advance(Phase::Stopped { kind: self.unit.stop_kind }),
            Then::Restart => {
                self.restarted = true;
                self.advance(Phase::Wait)
            }
            Then::Remove => self.advance(Phase::Removed),
            Then::Complete => self.enter(Phase::Stopped { kind: StopKind::Completed }, Reason::Completed),
            Then::Retry | Then::None => self.decide(),
        }
    }

    /// It failed and is down: starts again after a wait, or stays down, as the policy says.
    pub(super) fn decide(&mut self) -> Verdict {
        self.unit.then = Then::None;
        self.unit.forced = false;
        let policy = &self.context.policy.restart;
        if matches!(self.unit.desired, Desired::Down) {
            return self.advance(Phase::Stopped { kind: self.unit.stop_kind });
        }
        let kind = self.unit.fail_kind;
        if matches!(kind, FailKind::Auth | FailKind::Config) {
            self.count_failure();
            return self.advance(Phase::Failed { kind });
        }
        match policy.mode {
            RestartMode::Never if self.unit.clean_exit => {
                self.enter(Phase::Stopped { kind: StopKind::Completed }, Reason::Completed)
            }
            RestartMode::Never => {
                self.count_failure();
                self.advance(Phase::Failed { kind })
            }
            RestartMode::OnFailure | RestartMode::Always => self.back_off(),
        }
    }

    fn back_off(&mut self) -> Verdict {
        let policy = self.context.policy;
        // A life that was stable earns one restart at once; its failures were forgotten when it became stable.
        let stable = self.unit.stable;
        self.unit.stable = false;
        let spent = self.context.window_spent || self.unit.failures >= policy.restart.max_attempts.max(1);
        self.count_failure();
        if spent {
            return self.enter(Phase::Failed { kind: FailKind::GaveUp }, Reason::GaveUp);
        }
        let attempt = self.unit.failures;
        let until = if stable {
            self.now
        } else {
            self.now.after(backoff_delay(&policy.restart.backoff, policy.jitter_key, attempt))
        };
        self.advance(Phase::BackOff { attempt, until })
    }

    /// One more failure in a row. What follows the last attempt is one more than the attempts; further ones (slow retries)
    /// are not counted, or the record would grow without end.
    fn count_failure(&mut self) {
        let most = self.context.policy.restart.max_attempts.max(1).saturating_add(1);
        self.unit.failures = self.unit.failures.saturating_add(1).min(most);
    }
}
