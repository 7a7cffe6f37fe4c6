//! What must hold of every effect of a fleet, and of every service after every input.

use mcpstore_core::{Action, Move, Unit};
use mcpstore_types::{Incarnation, Phase, PhaseName, Reason, ServiceName, ServiceState};

use super::fleet_world::{Checked, Outside, World, broken, hard, is_asked, is_completed, lives, ordered, wants_up};
use super::unit_world::{Told, Truth, is_one_of_the_twenty, needs_deadline};

impl World {
    /// A notice: one public step.
    pub(crate) fn see(&mut self, service: &ServiceName, step: &Move) -> Checked<()> {
        let Some(shadow) = self.shadows.get(service) else {
            return broken("I11", format!("a notice of `{service}`, which is removed: {step:?}"));
        };
        if shadow.state != step.from {
            return broken("I2", format!("`{service}` was {:?}, and is said to leave {:?}", shadow.state, step.from));
        }
        if step.from != step.to && !is_one_of_the_twenty(step.from, step.to) {
            return broken("I2", format!("`{service}` shows {:?} -> {:?}", step.from, step.to));
        }
        if lives(shadow.phase) && !is_going_down(shadow.phase) && is_going_down(step.phase) && is_asked(step.reason) {
            self.check_order(service, step)?;
        }
        if step.phase == PhaseName::Removed {
            let shadow = &self.shadows[service];
            if shadow.life.is_some() {
                return broken("I11", format!("`{service}` is removed, and something of it lives: {shadow:?}"));
            }
            let left: Vec<_> = self.dependents(service).into_iter().filter(|(_, d)| ordered(d.kind)).collect();
            if !left.is_empty() {
                return broken("I11", format!("`{service}` is removed while {left:?} names it"));
            }
            self.shadows.remove(service);
            self.defs.remove(service);
            for def in self.defs.values_mut() {
                def.dependencies.retain(|d| d.on != *service);
            }
            return Ok(());
        }
        let wait = self.shadows[service].phase != PhaseName::BackOff && step.phase == PhaseName::BackOff;
        let shadow = self.shadows.get_mut(service).unwrap();
        shadow.restarts += u32::from(wait);
        shadow.state = step.to;
        shadow.completed = step.phase == PhaseName::Stopped && step.reason == Reason::Completed;
        shadow.adopted = step.phase == PhaseName::Probe && (step.reason == Reason::Adopted || shadow.adopted);
        if step.phase != PhaseName::Wait && step.phase != PhaseName::Spawn {
            shadow.in_vain = step.reason == Reason::TimedOut(PhaseName::Wait)
                && step.phase == PhaseName::Failed
                && shadow.outside == Outside::Open;
            shadow.outside = Outside::Idle;
        }
        if step.phase == PhaseName::Wait {
            shadow.in_vain = false;
        }
        shadow.phase = step.phase;
        let from_rest = matches!(step.from, Some(ServiceState::Stopped | ServiceState::Error));
        let asleep = match step.phase {
            PhaseName::Drain => step.reason == Reason::Idle,
            PhaseName::Stopped => step.reason == Reason::Idle && from_rest,
            _ => false,
        };
        if step.reason == Reason::ResetAsked || asleep {
            shadow.wanted = false;
        }
        Ok(())
    }

    /// I5: `service` is told to stop, because someone asked or a dependency was lost.
    fn check_order(&self, service: &ServiceName, step: &Move) -> Checked<()> {
        if self.stop_all_end.is_some_and(|end| self.now >= end) {
            return Ok(());
        }
        for (other, d) in self.dependents(service) {
            let shadow = &self.shadows[&other];
            // One that crashed and is only being swept up needs nothing any more, unless it goes down with the rest.
            let crashed = shadow.phase == PhaseName::Cleanup && shadow.wanted;
            let leaving = !shadow.wanted || is_going_down(shadow.phase);
            if ordered(d.kind) && lives(shadow.phase) && !crashed && (leaving || hard(d.kind)) {
                return broken(
                    "I5",
                    format!("`{service}` goes down ({}) while `{other}` ({}) needs it", step.reason, shadow.phase),
                );
            }
        }
        Ok(())
    }

    /// The driver is told to watch what a service waits for outside.
    pub(crate) fn awaits(&mut self, service: &ServiceName, wait: u64) -> Checked<()> {
        let waits = self.defs.get(service).is_some_and(|def| def.waits);
        let Some(shadow) = self.shadows.get_mut(service).filter(|_| waits) else {
            return broken("I11", format!("`{service}` waits for nothing, and is to be watched"));
        };
        if shadow.phase != PhaseName::Wait || wait <= shadow.last_wait {
            return broken("I8", format!("wait {wait} of `{service}`, which is {shadow:?}"));
        }
        shadow.outside = Outside::Open;
        shadow.last_wait = wait;
        Ok(())
    }

    /// An action: the driver is told to do something.
    pub(crate) fn act(&mut self, service: &ServiceName, life: Incarnation, action: Action) -> Checked<()> {
        let Some(shadow) = self.shadows.get(service) else {
            return broken("I11", format!("{action:?} of `{service}`, which is removed"));
        };
        if action != Action::Spawn {
            if shadow.life.is_none_or(|(mine, ..)| mine != life) {
                return broken("step", format!("{action:?} of `{service}` {life}, which does not live"));
            }
            return Ok(());
        }
        if shadow.life.is_some() {
            return broken("I1", format!("`{service}` is spawned while something of it lives: {shadow:?}"));
        }
        if !shadow.wanted {
            return broken("I3", format!("`{service}` is spawned, and nobody wants it up"));
        }
        if self.defs[service].waits && shadow.outside != Outside::Met {
            return broken(
                "I4",
                format!("`{service}` is spawned, and what it waits for outside is not there: {shadow:?}"),
            );
        }
        for d in &self.defs[service].dependencies {
            if hard(d.kind) && !self.meets(d) {
                let on = &self.shadows[&d.on];
                return broken("I4", format!("`{service}` is spawned, and {d:?} does not stand: {on:?}"));
            }
        }
        if let Some(rival) = self.shadows.iter().find(|(n, s)| lives(s.phase) && self.conflict(n, service)) {
            return broken("I4", format!("`{service}` is spawned beside its rival {rival:?}"));
        }
        let starting = self
            .shadows
            .values()
            .filter(|s| !s.adopted && matches!(s.phase, PhaseName::Spawn | PhaseName::Init | PhaseName::Probe));
        if starting.count() > self.config.max_parallel_starts {
            return broken("slots", format!("`{service}` is spawned beyond the start slots"));
        }
        let shadow = self.shadows.get_mut(service).unwrap();
        shadow.life = Some((life, Truth::Spawning, Told::Nothing));
        shadow.outside = Outside::Idle;
        Ok(())
    }

    /// What must hold of every service after every input.
    pub(crate) fn check_all(&mut self) -> Checked<()> {
        let all: Vec<(ServiceName, Unit)> = self
            .defs
            .keys()
            .map(|n| self.unit(n).map(|u| (n.clone(), *u)).ok_or_else(|| n.clone()))
            .collect::<Result<_, _>>()
            .or_else(|n| broken("I11", format!("`{n}` vanished without a notice")))?;
        if self.fleet.statuses().count() != all.len() {
            return broken("I11", "something is listed that was removed");
        }
        let mut needs_tick = false;
        for (name, unit) in &all {
            let held = self.fleet.is_held(name.as_str());
            let max = self.defs[name].restart;
            let shadow = self.shadows.get_mut(name).unwrap();
            shadow.leaked = unit.leaked;
            if unit.phase.name() != shadow.phase || unit.phase.state() != shadow.state {
                return broken("I2", format!("`{name}` is {}, and was shown as {}", unit.phase, shadow.phase));
            }
            if is_completed(unit.phase) != shadow.completed {
                return broken("I2", format!("`{name}` is {}, and its reason does not say so", unit.phase));
            }
            if shadow.life.is_some() && !unit.is_live() {
                return broken("I7", format!("`{name}` is {}, and something of it lives: {shadow:?}", unit.phase));
            }
            // A restart may overtake a stop that is held: then it is wanted up before it says so.
            if wants_up(unit) && !shadow.wanted || !held && shadow.wanted && !wants_up(unit) {
                return broken("I6", format!("`{name}`: wanted is {}, desired {}", shadow.wanted, unit.desired));
            }
            // A command that was held has come through: the budget is new.
            if std::mem::replace(&mut shadow.held, held) && !held {
                shadow.restarts = 0;
            }
            // Whether it is rightly called stable, the search over one service tells.
            if unit.stable {
                shadow.restarts = 0;
            }
            if shadow.restarts > max.max_attempts {
                return broken("I9", format!("`{name}` was restarted {} times", shadow.restarts));
            }
            if unit.phase == Phase::Wait && self.defs[name].waits && shadow.outside == Outside::Idle {
                return broken("I10", format!("`{name}` waits for something outside, and nobody watches it"));
            }
            needs_tick |= needs_deadline(unit);
        }
        if needs_tick && self.fleet.next_deadline().is_none() {
            return broken("I10", "someone waits for time to pass, and the fleet has no deadline");
        }
        Ok(())
    }
}

pub(crate) fn is_going_down(phase: PhaseName) -> bool {
    use PhaseName as P;
    matches!(phase, P::Abort | P::Drain | P::Close | P::Term | P::Kill | P::Reap)
}
