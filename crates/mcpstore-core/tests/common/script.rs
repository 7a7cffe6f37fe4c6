//! Short words for scripted scenes. Each panics when an invariant breaks.

use std::time::Duration;

use mcpstore_core::{Action, Effect, Fleet, FleetConfig, Input, Rejection, Reply, Target, Unit};
use mcpstore_types::{ConditionKind, Phase, PhaseName, Reason, Status};

use super::fleet_world::{Checked, World, name, names};

#[track_caller]
fn fine<T>(checked: Checked<T>) -> T {
    checked.unwrap_or_else(|b| panic!("{} broken: {}", b.invariant, b.why))
}

/// A scene with the default configuration.
pub(crate) fn scene(defs: &[&str]) -> World {
    World::with(FleetConfig::default(), defs)
}

/// A scene in which these were started and are ready.
#[track_caller]
pub(crate) fn running(defs: &[&str], start: &str) -> World {
    let mut world = scene(defs);
    world.start(start);
    world.answers();
    for service in start.split_whitespace() {
        assert_eq!(world.phase(service), PhaseName::Ready, "{service}");
    }
    world
}

impl World {
    #[track_caller]
    pub(crate) fn start(&mut self, services: &str) -> Reply {
        self.must(Input::Start(names(services)))
    }

    #[track_caller]
    pub(crate) fn stop(&mut self, services: &str) -> Reply {
        self.must(Input::Stop { target: names(services), force: false })
    }

    #[track_caller]
    pub(crate) fn stop_all(&mut self) -> Reply {
        self.must(Input::Stop { target: Target::All, force: false })
    }

    #[track_caller]
    pub(crate) fn restart(&mut self, services: &str) -> Reply {
        self.must(Input::Restart { target: names(services), force: false })
    }

    /// The rejection of an input that must be rejected.
    #[track_caller]
    pub(crate) fn rejected(&mut self, input: Input) -> Rejection {
        fine(self.apply(input)).expect_err("it was taken")
    }

    /// The world answers everything that is open, until nothing is.
    #[track_caller]
    pub(crate) fn answers(&mut self) {
        fine(self.answer_all());
    }

    /// One answer of one service.
    #[track_caller]
    pub(crate) fn step(&mut self, service: &str) {
        assert!(fine(self.answer(&name(service))), "`{service}` had nothing to answer");
    }

    /// The service goes from its spawn to ready.
    #[track_caller]
    pub(crate) fn comes_up(&mut self, service: &str) {
        while self.phase(service) != PhaseName::Ready {
            self.step(service);
        }
    }

    /// The service goes down as asked.
    #[track_caller]
    pub(crate) fn goes_down(&mut self, service: &str) {
        while self.life(service) {
            self.step(service);
        }
    }

    /// Its process ends with an error, and its group is empty at once.
    #[track_caller]
    pub(crate) fn crash(&mut self, service: &str) {
        fine(self.dies(&name(service), false));
    }

    /// Its process ends cleanly by itself.
    #[track_caller]
    pub(crate) fn completes(&mut self, service: &str) {
        fine(self.dies(&name(service), true));
    }

    #[track_caller]
    pub(crate) fn seconds(&mut self, seconds: u64) {
        fine(self.pass(Duration::from_secs(seconds)));
    }

    /// Goes to the next deadline and ticks.
    #[track_caller]
    pub(crate) fn tick(&mut self) {
        assert!(fine(self.tick_next()), "no deadline");
    }

    /// Crashes the service's lives until it is failed for good; all others answer.
    #[track_caller]
    pub(crate) fn gives_up(&mut self, service: &str) {
        for _ in 0..100 {
            match self.record(service).phase {
                Phase::Failed { .. } => return,
                Phase::BackOff { .. } | Phase::Wait => {
                    let others: Vec<_> = self.defs.keys().filter(|n| n.as_str() != service).cloned().collect();
                    while others.iter().any(|n| fine(self.answer(n))) {}
                    self.tick();
                }
                _ if self.phase(service) == PhaseName::Spawn => self.step(service),
                _ => self.crash(service),
            }
        }
        panic!("`{service}` never gives up");
    }

    #[track_caller]
    pub(crate) fn record(&self, service: &str) -> Unit {
        *self.fleet.unit(service).unwrap_or_else(|| panic!("no service `{service}`"))
    }

    #[track_caller]
    pub(crate) fn phase(&self, service: &str) -> PhaseName {
        self.record(service).phase.name()
    }

    #[track_caller]
    pub(crate) fn status(&self, service: &str) -> Status {
        self.fleet.status(service).unwrap()
    }

    pub(crate) fn has(&self, service: &str, kind: ConditionKind) -> bool {
        self.status(service).conditions.iter().any(|c| c.kind == kind && c.status)
    }

    pub(crate) fn life(&self, service: &str) -> bool {
        self.shadows.get(&name(service)).is_some_and(|shadow| shadow.life.is_some())
    }

    /// `service action` of every action since effect number `from`.
    pub(crate) fn actions(&self, from: usize) -> Vec<String> {
        let acts = self.effects[from..].iter().filter_map(|e| match e {
            Effect::Act { service, action, .. } => Some(format!("{service} {}", word(*action))),
            Effect::Notice { .. } | Effect::Await { .. } => None,
        });
        acts.collect()
    }

    /// The services that did `action` since effect number `from`, in order.
    pub(crate) fn who(&self, from: usize, action: Action) -> String {
        let acts = self.effects[from..].iter().filter_map(|e| match e {
            Effect::Act { service, action: a, .. } if *a == action => Some(service.as_str()),
            Effect::Act { .. } | Effect::Notice { .. } | Effect::Await { .. } => None,
        });
        acts.collect::<Vec<_>>().join(" ")
    }

    /// Whether a notice with this reason was shown of the service since effect number `from`, and of which dependency.
    pub(crate) fn notice(&self, from: usize, service: &str, reason: Reason) -> Option<String> {
        self.effects[from..].iter().find_map(|e| match e {
            Effect::Notice { service: s, step, dependency, .. } if s.as_str() == service && step.reason == reason => {
                Some(dependency.as_ref().map(ToString::to_string).unwrap_or_default())
            }
            Effect::Act { .. } | Effect::Notice { .. } | Effect::Await { .. } => None,
        })
    }

    /// The public states that the service went through since effect number `from`.
    pub(crate) fn path(&self, from: usize, service: &str) -> String {
        let steps = self.effects[from..].iter().filter_map(|e| match e {
            Effect::Notice { service: s, step, .. } if s.as_str() == service && step.from != step.to => Some(step),
            Effect::Act { .. } | Effect::Notice { .. } | Effect::Await { .. } => None,
        });
        steps.map(|m| m.to.map_or("[*]", |s| s.as_str())).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn mark(&self) -> usize {
        self.effects.len()
    }

    pub(crate) fn fleet(&self) -> &Fleet {
        &self.fleet
    }
}

fn word(action: Action) -> String {
    format!("{action:?}").to_lowercase()
}
