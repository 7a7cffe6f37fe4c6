//! What subscribers are shown, and the words beside it.

use std::sync::Arc;

use mcpstore_core::{Move, Unit};
use mcpstore_types::{ConditionKind, Desired, Health, Incarnation, Notice, PhaseName, Reason, ServiceName, Timestamp};

use crate::detail::{STDERR_LINES, timed_out, with_stderr};
use crate::owner::Owner;

impl Owner {
    /// Takes a step of the core into the records, and shows it at the end of the turn.
    pub(crate) fn notice(
        &mut self,
        time: Timestamp,
        service: ServiceName,
        incarnation: Incarnation,
        step: Move,
        dependency: Option<&ServiceName>,
    ) {
        self.turn.touched.insert(service.clone());
        match (dependency, step.reason) {
            (Some(name), _) => self.set_words(&service, Some(format!("dependency `{name}`")), false),
            (None, Reason::TimedOut(PhaseName::Wait)) => {
                let words = self.waited_in_vain(&service);
                self.set_words(&service, words, false);
            }
            (None, Reason::TimedOut(phase)) => {
                let words = self.records.get(&service).map(|record| {
                    let words = timed_out(phase, &record.spec.policy.timeouts);
                    let why = record.detail.as_deref().and_then(|why| why.lines().next());
                    match why.filter(|_| matches!(phase, PhaseName::Probe)) {
                        // Said already, at the step before.
                        Some(why) if why.starts_with(&words) => why.to_owned(),
                        Some(why) => format!("{words}: {why}"),
                        None => words,
                    }
                });
                self.set_words(&service, words, true);
            }
            (None, reason) if clears_detail(reason) => self.set_words(&service, None, false),
            (None, _) => {}
        }
        let wanted = self.fleet.status(service.as_str()).is_some_and(|status| matches!(status.desired, Desired::Up));
        let live = self.fleet.unit(service.as_str()).is_some_and(Unit::is_live);
        let mut detail = None;
        if let Some(record) = self.records.get_mut(&service) {
            if !live {
                record.life = None;
                record.health = Health::Unknown;
                record.tools = None;
                record.tools_error = None;
                record.offers = Arc::default();
            }
            record.start_times.note(time, step.phase, incarnation);
            record.first_start.note_first(time, step.phase, incarnation);
            record.monitor.note_phase(time, step.phase, wanted);
            // One that grows too large again and again is no better off than one that crashes.
            let outgrown = matches!((step.reason, step.phase), (Reason::MemoryReached, PhaseName::Drain));
            if outgrown || matches!(step.reason, Reason::RetryDue) {
                record.monitor.note_restart(time);
            }
            // Who waited in vain is still watched for: when it comes, the wait begins anew.
            let in_vain = matches!(step.reason, Reason::TimedOut(PhaseName::Wait));
            if !matches!(step.phase, PhaseName::Wait) && !in_vain {
                record.waiting = None;
            }
            detail.clone_from(&record.detail);
            if matches!(step.reason, Reason::DependencyRecovered) {
                // The notice names the dependency. The service as it is from now on has nothing to do with it.
                record.detail = None;
            }
        }
        if step.to.is_none() {
            self.records.remove(&service);
            self.turn.members_changed = true;
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        tracing::info!(%service, %incarnation, phase = %step.phase, reason = %step.reason, "service moved");
        let (from, to, phase, reason) = (step.from, step.to, step.phase, step.reason);
        self.turn.notices.push(Notice { seq, time, service, incarnation, from, to, phase, reason, detail });
    }

    /// Keeps the words beside a service's reason; with `last_words`, the tail of its stderr under them.
    pub(crate) fn set_words(&mut self, service: &ServiceName, words: Option<String>, last_words: bool) {
        let Some(record) = self.records.get_mut(service) else { return };
        record.detail = words.map(|words| {
            if !last_words {
                return Arc::from(words);
            }
            let stderr = record.logs.stderr_tail(STDERR_LINES);
            let text = Arc::from(with_stderr(words, &stderr));
            record.last_stderr = Arc::from(stderr);
            text
        });
    }

    /// How it exited, and its last words. Asked again when the group is empty: by then the last words have arrived.
    pub(crate) fn note_exit_detail(&mut self, service: &ServiceName) {
        let unexpected = self.fleet.unit(service.as_str()).is_some_and(|unit| {
            matches!(unit.phase.name(), PhaseName::Init | PhaseName::Probe | PhaseName::Ready | PhaseName::Degraded)
                || (matches!(unit.phase.name(), PhaseName::Cleanup) && matches!(unit.reason, Reason::Exited(_)))
        });
        let life = self.records.get(service).and_then(|record| record.life.as_ref());
        if let Some(status) = life.and_then(|life| life.exit).filter(|_| unexpected) {
            self.set_words(service, Some(status.to_string()), true);
        }
    }

    /// What it waited for until its time was up.
    fn waited_in_vain(&self, service: &ServiceName) -> Option<String> {
        let record = self.records.get(service)?;
        let wait = record.spec.policy.timeouts.wait;
        let status = self.fleet.status(service.as_str())?;
        let outside = record.waiting.as_ref().and_then(|waiting| waiting.missing.as_deref());
        if let Some(missing) = outside
            && status.conditions.iter().any(|c| matches!(c.kind, ConditionKind::ExternalPending))
        {
            return Some(format!("waited {wait:?} for {missing}"));
        }
        let unmet = status.conditions.iter().find(|c| matches!(c.kind, ConditionKind::DependenciesMet) && !c.status);
        Some(match unmet {
            Some(condition) => format!("its dependencies were not there within {wait:?}: {}", condition.message),
            None => format!("no start slot was free within {wait:?}"),
        })
    }
}

/// Reasons that need no words of the world beside them: an older detail would mislead.
fn clears_detail(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::SpawnFailed
            | Reason::SpecUnusable
            | Reason::HandshakeFailed
            | Reason::AuthRefused
            | Reason::NeedsAuth
            | Reason::ProbeFailed
            | Reason::LivenessFailed
            | Reason::Exited(_)
            | Reason::GaveUp
            | Reason::GroupEmpty
    )
}
