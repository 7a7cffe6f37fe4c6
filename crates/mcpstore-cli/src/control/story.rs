//! What the notices that are kept tell of one service: how it failed last, and what of that is over.

use mcpstore::types::{ExitStatus, Notice, PhaseName, Reason, Timestamp};
use mcpstore::{ServiceInfo, ServiceState, Supervisor};

use crate::output::{EventDoc, event_doc};

/// How a service came to where it is.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// All that is kept, oldest first.
    pub(super) events: Vec<EventDoc>,
    /// Why it last failed, unless it works again since.
    pub(super) failure: Option<Reason>,
    /// How its last life ended.
    pub(super) last_exit: Option<ExitStatus>,
    /// What its last failed probe said, unless it passes again.
    pub(super) probe_error: Option<String>,
    /// What ended a life of it by itself last, whether it works again or not.
    pub(super) before: Option<Ended>,
}

/// What ended a life.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) reason: Reason,
    /// One line.
    pub(super) detail: Option<String>,
    pub(super) at: Timestamp,
}

impl Story {
    /// From all notices that are kept of this service.
    pub(super) fn of(supervisor: &Supervisor, info: &ServiceInfo) -> Self {
        let mut story = Self::default();
        for notice in supervisor.events().since(0).iter().filter(|notice| notice.service == *info.name()) {
            story.take(notice);
            story.events.push(event_doc(notice, supervisor.notice_time(notice)));
        }
        story
    }

    fn take(&mut self, notice: &Notice) {
        let first_line = || notice.detail.as_deref().and_then(|text| text.lines().next()).map(str::to_owned);
        if notice.from.is_none() || asked_for(notice.reason) {
            // Another service of the same name, or a new beginning: what was before is not why.
            (self.failure, self.probe_error, self.before) = (None, None, None);
        } else if notice.phase == PhaseName::Ready {
            (self.failure, self.probe_error) = (None, None);
        }
        let ended = match notice.reason {
            Reason::Exited(status) => {
                self.last_exit = Some(status);
                // One that ends while it is stopped was told to, for a reason that stands already.
                let crashed = notice.to == Some(ServiceState::Error);
                self.failure = if crashed { Some(notice.reason) } else { self.failure };
                crashed
            }
            Reason::ProbeFailed | Reason::LivenessFailed => {
                self.failure = Some(notice.reason);
                self.probe_error = first_line();
                notice.reason == Reason::LivenessFailed
            }
            Reason::SpawnFailed
            | Reason::SpecUnusable
            | Reason::HandshakeFailed
            | Reason::AuthRefused
            | Reason::NeedsAuth
            | Reason::TimedOut(PhaseName::Wait | PhaseName::Spawn | PhaseName::Init | PhaseName::Probe) => {
                self.failure = Some(notice.reason);
                // Who only waited had no life that ended.
                notice.reason != Reason::TimedOut(PhaseName::Wait)
            }
            Reason::AgeReached | Reason::MemoryReached => true,
            _ => false,
        };
        // The sweep and the pause after an end bear the same reason: the first of them is when it was.
        let known = self.before.as_ref().is_some_and(|before| before.reason == notice.reason);
        if ended && !(known && notice.from == notice.to) {
            self.before = Some(Ended { reason: notice.reason, detail: first_line(), at: notice.time });
        }
    }
}

/// True when a command is behind it.
fn asked_for(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::StartAsked | Reason::StopAsked | Reason::KillAsked | Reason::RestartAsked | Reason::ResetAsked
    )
}

#[cfg(test)]
mod tests {
    use mcpstore::ServiceName;
    use mcpstore::types::Incarnation;

    use super::*;

    fn told(steps: &[(ServiceState, PhaseName, Reason)]) -> Story {
        let mut story = Story::default();
        let mut from = None;
        for (seq, (to, phase, reason)) in (1..).zip(steps) {
            story.take(&Notice {
                seq,
                time: Timestamp::from_secs(seq),
                service: ServiceName::new("api").unwrap(),
                incarnation: Incarnation(1),
                from,
                to: Some(*to),
                phase: *phase,
                reason: *reason,
                detail: Some(format!("words {seq}\nmore").into()),
            });
            from = Some(*to);
        }
        story
    }

    const CRASH: Reason = Reason::Exited(ExitStatus::Code(9));

    #[test]
    fn one_that_works_again_has_a_past_and_no_failure() {
        use ServiceState::{Error, NotStarted, Running, Starting};
        let crashed = [
            (NotStarted, PhaseName::Idle, Reason::Registered),
            (Running, PhaseName::Ready, Reason::ProbePassed),
            (Error, PhaseName::Cleanup, CRASH),
            (Error, PhaseName::BackOff, Reason::GroupEmpty),
        ];
        let story = told(&crashed);
        assert_eq!((story.failure, story.last_exit), (Some(CRASH), Some(ExitStatus::Code(9))));
        let again = [
            &crashed[..],
            &[(Starting, PhaseName::Spawn, Reason::RetryDue), (Running, PhaseName::Ready, Reason::ProbePassed)],
        ];
        let story = told(&again.concat());
        assert_eq!(story.failure, None);
        let before = story.before.unwrap();
        assert_eq!((before.reason, before.detail.as_deref()), (CRASH, Some("words 3")));
        assert_eq!(before.at, Timestamp::from_secs(3));
    }

    #[test]
    fn what_made_it_end_outlives_its_end() {
        use ServiceState::{Running, Stopping};
        for reason in [Reason::LivenessFailed, Reason::MemoryReached] {
            let story = told(&[
                (Running, PhaseName::Ready, Reason::ProbePassed),
                (Stopping, PhaseName::Term, reason),
                (Stopping, PhaseName::Reap, Reason::Exited(ExitStatus::Signal(15))),
            ]);
            assert_eq!(story.before.map(|before| before.reason), Some(reason));
            assert_eq!(story.failure, (reason == Reason::LivenessFailed).then_some(reason));
            assert_eq!(story.last_exit, Some(ExitStatus::Signal(15)));
        }
    }

    #[test]
    fn a_wait_in_vain_is_no_end() {
        use ServiceState::{Error, Running, Starting};
        let story = told(&[
            (Starting, PhaseName::Wait, Reason::StartAsked),
            (Error, PhaseName::Failed, Reason::TimedOut(PhaseName::Wait)),
            (Starting, PhaseName::Spawn, Reason::DependenciesMet),
            (Running, PhaseName::Ready, Reason::ProbePassed),
        ]);
        assert!(story.failure.is_none() && story.before.is_none());
    }

    #[test]
    fn a_command_is_a_new_beginning() {
        use ServiceState::{Error, Starting};
        let story = told(&[(Error, PhaseName::Cleanup, CRASH), (Starting, PhaseName::Wait, Reason::StartAsked)]);
        assert!(story.failure.is_none() && story.before.is_none());
    }
}
