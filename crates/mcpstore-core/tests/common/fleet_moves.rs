//! What the world around a fleet does: answers, good and bad, and the passing of time.

use std::time::Duration;

use mcpstore_core::{Effect, Input, Report, SpawnFailure, Unit};
use mcpstore_types::{DepCondition, FailKind, Phase, PhaseName, Reason, RestartMode, ServiceName};

use super::fleet_world::{Checked, Outside, World, broken, exit, hard, ordered};
use super::unit_world::{Told, Truth};

impl World {
    /// A report about the present life of `service`.
    pub(crate) fn say(&mut self, service: &ServiceName, report: Report) -> Checked<()> {
        let Some(unit) = self.unit(service) else { return Ok(()) };
        let incarnation = unit.incarnation;
        self.apply(Input::Report { service: service.clone(), incarnation, report }).map(|_| ())
    }

    /// The spawn of `service` fails. Nothing when none is in flight.
    pub(crate) fn spawn_fails(&mut self, service: &ServiceName, failure: SpawnFailure) -> Checked<()> {
        let Some(shadow) = self.shadows.get_mut(service) else { return Ok(()) };
        if !matches!(shadow.life, Some((_, Truth::Spawning, _))) {
            return Ok(());
        }
        shadow.life = None;
        self.say(service, Report::SpawnErr(failure))
    }

    /// The processes of `service` move one step towards their end (or out of their spawn), and nobody is told yet.
    pub(crate) fn world_moves(&mut self, service: &ServiceName, clean: bool) {
        let Some(shadow) = self.shadows.get_mut(service) else { return };
        if let Some((_, truth, _)) = &mut shadow.life {
            *truth = match *truth {
                Truth::Spawning => Truth::Alive,
                Truth::Alive => Truth::Remnant { clean },
                Truth::Remnant { clean } | Truth::Empty { clean } => Truth::Empty { clean },
            };
        }
    }

    /// The machine is told the next fact about the processes of `service`. False when there is none.
    pub(crate) fn tell(&mut self, service: &ServiceName) -> Checked<bool> {
        let Some(shadow) = self.shadows.get_mut(service) else { return Ok(false) };
        let (report, after) = match shadow.life {
            None | Some((_, Truth::Spawning, _) | (_, Truth::Alive, Told::Spawned | Told::Exited)) => return Ok(false),
            Some((_, Truth::Remnant { .. }, Told::Exited)) => return Ok(false),
            Some((life, truth, Told::Nothing)) => (Report::SpawnOk, Some((life, truth, Told::Spawned))),
            Some((life, truth @ (Truth::Remnant { clean } | Truth::Empty { clean }), Told::Spawned)) => {
                (exit(clean), Some((life, truth, Told::Exited)))
            }
            Some((_, Truth::Empty { .. }, Told::Exited)) => (Report::GroupEmpty, None),
        };
        shadow.life = after;
        self.say(service, report)?;
        Ok(true)
    }

    /// The service's process ends, and the machine hears of it, and of its empty group.
    pub(crate) fn dies(&mut self, service: &ServiceName, clean: bool) -> Checked<()> {
        self.world_moves(service, clean);
        self.tell(service)?;
        self.world_moves(service, clean);
        self.tell(service).map(|_| ())
    }

    /// What a world answers that answers everything. False when `service` waits for nothing.
    pub(crate) fn answer(&mut self, service: &ServiceName) -> Checked<bool> {
        let Some(unit) = self.unit(service).copied() else { return Ok(false) };
        if self.shadows[service].outside == Outside::Open {
            return self.met(service, 0).map(|()| true);
        }
        let Some((_, truth, told)) = self.shadows[service].life else { return Ok(false) };
        match (truth, told) {
            (Truth::Alive, Told::Spawned | Told::Exited) => {}
            (Truth::Spawning, _) | (Truth::Remnant { .. }, Told::Exited) => {
                self.world_moves(service, false);
                return self.tell(service);
            }
            _ => return self.tell(service),
        }
        let report = match unit.phase.name() {
            PhaseName::Init => Report::InitOk,
            PhaseName::Probe | PhaseName::Degraded => Report::ProbeUp,
            PhaseName::Drain => Report::Drained,
            PhaseName::Unknown => Report::Adopted,
            PhaseName::Ready if self.is_to_complete(service) => {
                self.world_moves(service, true);
                return self.tell(service);
            }
            PhaseName::Ready => return Ok(false),
            _ => {
                self.world_moves(service, false);
                return self.tell(service);
            }
        };
        self.say(service, report)?;
        // A report that changes nothing is no progress (the stop of a held service waits for its dependents).
        Ok(self.unit(service).copied() != Some(unit))
    }

    /// What `service` waits for outside is there: said of the wait that began so many waits before the last one.
    pub(crate) fn met(&mut self, service: &ServiceName, before: u64) -> Checked<()> {
        let Some(wait) = self.shadows.get(service).and_then(|shadow| shadow.last_wait.checked_sub(before)) else {
            return Ok(());
        };
        self.apply(Input::ConditionsMet { service: service.clone(), wait }).map(|_| ())
    }

    /// Somebody waits for this service to end by itself, and it would not come back at once.
    fn is_to_complete(&self, service: &ServiceName) -> bool {
        self.defs[service].restart.mode != RestartMode::Always
            && self
                .dependents(service)
                .iter()
                .any(|(n, d)| d.condition == DepCondition::Completed && ordered(d.kind) && self.shadows[n].wanted)
    }

    /// Answers until nothing has anything left to answer.
    pub(crate) fn answer_all(&mut self) -> Checked<()> {
        for _ in 0..10_000 {
            let services: Vec<ServiceName> = self.defs.keys().cloned().collect();
            let mut worked = false;
            for service in services {
                worked |= self.answer(&service)?;
            }
            if !worked {
                return Ok(());
            }
        }
        broken("I10", "the world answers for ever")
    }

    /// Goes to the next deadline and ticks. False when there is none.
    pub(crate) fn tick_next(&mut self) -> Checked<bool> {
        let Some(due) = self.fleet.next_deadline() else { return Ok(false) };
        self.now = self.now.max(due);
        self.apply(Input::Tick).map(|_| ())?;
        Ok(true)
    }

    /// Time passes, with a tick at every deadline on the way.
    pub(crate) fn pass(&mut self, time: Duration) -> Checked<()> {
        let end = self.now.after(time);
        while self.fleet.next_deadline().is_some_and(|due| due <= end) {
            self.tick_next()?;
        }
        self.now = end;
        Ok(())
    }

    /// A world that answers everything and lets time pass, until nothing moves any more.
    pub(crate) fn settle(&mut self) -> Checked<()> {
        for _ in 0..2_000 {
            self.answer_all()?;
            if !self.tick_next()? {
                return Ok(());
            }
        }
        broken("I10", "the fleet never comes to rest")
    }

    /// After [`World::settle`]: everyone is where they are wanted, or failed for a cause that holds.
    pub(crate) fn check_targets(&self) -> Checked<()> {
        for (name, shadow) in &self.shadows {
            let unit = self.unit(name).unwrap();
            let fine = match (unit.phase, shadow.wanted) {
                (Phase::Ready, true) | (Phase::Idle | Phase::Stopped { .. }, false) => true,
                (Phase::Stopped { .. }, true) => shadow.completed,
                (Phase::Failed { kind }, _) => unit.leaked || self.cause_holds(name, unit, kind),
                _ => false,
            };
            if !fine || self.fleet.is_held(name.as_str()) {
                return broken(
                    "I10",
                    format!("`{name}` rests in {} (wanted: {}): {unit:?}", unit.phase, shadow.wanted),
                );
            }
        }
        Ok(())
    }

    fn cause_holds(&self, name: &ServiceName, unit: &Unit, kind: FailKind) -> bool {
        let rival_leaked = self.shadows.iter().any(|(n, s)| s.leaked && self.conflict(n, name));
        match kind {
            FailKind::Dependency => {
                // What merely orders blocks no start, but may have been waited for in vain.
                let in_vain = unit.reason == Reason::TimedOut(PhaseName::Wait);
                let counts = |kind| if in_vain { ordered(kind) } else { hard(kind) };
                rival_leaked
                    || (in_vain && self.shadows[name].in_vain)
                    || self.defs[name].dependencies.iter().any(|d| counts(d.kind) && !self.meets(d))
            }
            FailKind::GaveUp => unit.reason == Reason::GaveUp,
            _ => true,
        }
    }

    /// Feeds the same inputs to a new fleet. The effects must be the same (I12).
    pub(crate) fn check_replay(&self) -> Checked<()> {
        let mut fleet = mcpstore_core::Fleet::new(self.config.clone());
        let mut effects: Vec<Effect> = Vec::new();
        for (at, input) in &self.log {
            let _ = fleet.apply(*at, input.clone(), &mut effects);
        }
        if effects != self.effects || !fleet.statuses().eq(self.fleet.statuses()) {
            return broken("I12", "the same inputs gave other effects");
        }
        Ok(())
    }
}
