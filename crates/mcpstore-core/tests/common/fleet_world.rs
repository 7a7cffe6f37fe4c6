//! A fleet with scripted processes around it. Every input goes through [`World::apply`], which holds each effect against
//! the invariants of LIFECYCLE.md §5 and a bystander's memory of who is wanted.

use std::collections::BTreeMap;

use mcpstore_core::{
    ChangedDef, Effect, Fleet, FleetConfig, Input, Outcome, Reconfigure, Rejection, Reply, Report, ServiceDef, Target,
    Unit,
};
use mcpstore_types::{
    DepCondition, DepKind, Dependency, Desired, ExitStatus, Incarnation, Phase, PhaseName, Reason, RestartPolicy,
    ServiceName, ServiceState, StopKind, Timeouts, Timestamp,
};

use super::unit_world::{Told, Truth};

/// A broken invariant.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) invariant: &'static str,
    pub(crate) why: String,
}

pub(crate) type Checked<T> = Result<T, Broken>;

/// What a bystander knows of one service, from the effects alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shadow {
    pub(crate) phase: PhaseName,
    pub(crate) state: Option<ServiceState>,
    /// It is down because it ended cleanly by itself.
    pub(crate) completed: bool,
    /// The last accepted command wants it up.
    pub(crate) wanted: bool,
    /// A stop by hand was the last word on it.
    pub(crate) by_hand: bool,
    /// Its present life.
    pub(crate) life: Option<(Incarnation, Truth, Told)>,
    /// It is in its start-up check because it was adopted, not started.
    pub(crate) adopted: bool,
    /// Automatic restarts since it was stable or since a command.
    pub(crate) restarts: u32,
    /// Something of its last life survived the kill.
    pub(crate) leaked: bool,
    /// A command waits for its dependents.
    pub(crate) held: bool,
    /// What it waits for outside.
    pub(crate) outside: Outside,
    /// The number of its last wait for that.
    pub(crate) last_wait: u64,
    /// It failed because that was not there in time.
    pub(crate) in_vain: bool,
}

/// Where a service stands with what it waits for outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Outside {
    /// It does not wait for it.
    #[default]
    Idle,
    /// The driver was told to watch.
    Open,
    /// It is there, as of this wait.
    Met,
}

/// A fleet, its world and its history.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) config: FleetConfig,
    pub(crate) now: Timestamp,
    pub(crate) defs: BTreeMap<ServiceName, ServiceDef>,
    pub(crate) shadows: BTreeMap<ServiceName, Shadow>,
    /// When the stop of all is over and order no longer counts.
    pub(crate) stop_all_end: Option<Timestamp>,
    /// Every input with its time, and every effect.
    pub(crate) log: Vec<(Timestamp, Input)>,
    pub(crate) effects: Vec<Effect>,
    /// Where the effects of the last input begin.
    pub(crate) last: usize,
}

pub(crate) fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

pub(crate) fn names(text: &str) -> Target {
    Target::Names(text.split_whitespace().map(name).collect())
}

/// A service with default policies: `"api: db, auth binds_to, x after completed"`.
pub(crate) fn def(text: &str) -> ServiceDef {
    let (who, deps) = text.split_once(':').unwrap_or((text, ""));
    let dependencies = deps.split(',').filter(|d| !d.trim().is_empty()).map(|dep| {
        let mut words = dep.split_whitespace();
        let mut dependency = Dependency::requires(name(words.next().unwrap()));
        for word in words {
            if let Some(kind) = DepKind::ALL.into_iter().find(|k| k.as_str() == word) {
                dependency.kind = kind;
            } else {
                dependency.condition = DepCondition::ALL.into_iter().find(|c| c.as_str() == word).unwrap();
            }
        }
        dependency
    });
    ServiceDef {
        name: name(who.trim()),
        dependencies: dependencies.collect(),
        restart: RestartPolicy::default(),
        timeouts: Timeouts::default(),
        enabled: true,
        lazy: false,
        waits: false,
    }
}

/// Whether a phase has, or may have, a process.
pub(crate) fn lives(phase: PhaseName) -> bool {
    use PhaseName as P;
    matches!(
        phase,
        P::Spawn
            | P::Init
            | P::Probe
            | P::Ready
            | P::Degraded
            | P::Abort
            | P::Drain
            | P::Close
            | P::Term
            | P::Kill
            | P::Reap
            | P::Cleanup
            | P::Unknown
    )
}

pub(crate) fn hard(kind: DepKind) -> bool {
    matches!(kind, DepKind::Requires | DepKind::BindsTo)
}

pub(crate) fn ordered(kind: DepKind) -> bool {
    matches!(kind, DepKind::Requires | DepKind::BindsTo | DepKind::Wants | DepKind::After)
}

fn goes_along(kind: DepKind) -> bool {
    matches!(kind, DepKind::Requires | DepKind::BindsTo | DepKind::PartOf)
}

impl World {
    pub(crate) fn new(config: FleetConfig) -> Self {
        Self {
            fleet: Fleet::new(config.clone()),
            config,
            now: Timestamp::from_secs(1_000),
            defs: BTreeMap::new(),
            shadows: BTreeMap::new(),
            stop_all_end: None,
            log: Vec::new(),
            effects: Vec::new(),
            last: 0,
        }
    }

    /// A world in which these services are registered ([`def`]).
    pub(crate) fn with(config: FleetConfig, defs: &[&str]) -> Self {
        let mut world = Self::new(config);
        world.must(Input::Register(defs.iter().map(|text| def(text)).collect()));
        world
    }

    /// [`World::apply`] for scripts: panics when an invariant breaks or the input is rejected.
    #[track_caller]
    pub(crate) fn must(&mut self, input: Input) -> Reply {
        match self.apply(input.clone()) {
            Ok(Ok(reply)) => reply,
            Ok(Err(rejection)) => panic!("{input:?} was rejected: {rejection}"),
            Err(broken) => panic!("{input:?} broke {}: {}", broken.invariant, broken.why),
        }
    }

    /// The effects of the last input.
    pub(crate) fn fresh(&self) -> &[Effect] {
        &self.effects[self.last..]
    }

    pub(crate) fn unit(&self, service: &ServiceName) -> Option<&Unit> {
        self.fleet.unit(service.as_str())
    }

    /// Gives an input to the fleet and checks all that came of it.
    pub(crate) fn apply(&mut self, input: Input) -> Checked<Result<Reply, Rejection>> {
        if self.log.len() > 20_000 {
            return broken("I10", format!("no end: {:?}", &self.log[self.log.len() - 12..]));
        }
        self.last = self.effects.len();
        self.log.push((self.now, input.clone()));
        let units: Vec<Option<Unit>> = self.defs.keys().map(|n| self.unit(n).copied()).collect();
        let stale = self.fleet.stale_reports();
        let fresh = match &input {
            Input::ConditionsMet { service, wait } => self.hears_of(service, *wait),
            _ => true,
        };
        let outcome = self.fleet.apply(self.now, input.clone(), &mut self.effects);
        if matches!(input, Input::ConditionsMet { .. }) && self.fleet.stale_reports() - stale != u64::from(!fresh) {
            return broken("I8", format!("fresh: {fresh}, and counted otherwise: {input:?}"));
        }
        match &outcome {
            Ok(reply) => self.remember(&input, reply)?,
            Err(rejection) => {
                let same = self.defs.keys().map(|n| self.unit(n).copied()).eq(units.iter().copied());
                if !same || self.effects.len() != self.last {
                    return broken("step", format!("{input:?} was rejected ({rejection}) and had an effect"));
                }
            }
        }
        if let Input::Report { service, incarnation, .. } = &input {
            let mine = self.shadows.contains_key(service)
                && self
                    .defs
                    .keys()
                    .zip(&units)
                    .any(|(n, u)| n == service && u.is_some_and(|u| u.incarnation == *incarnation));
            let counted = self.fleet.stale_reports() - stale;
            let same = self.defs.keys().map(|n| self.unit(n).copied()).eq(units.iter().copied());
            if counted != u64::from(!mine) || !mine && (!same || self.effects.len() != self.last) {
                return broken("I8", format!("a report of another life had an effect: {input:?}"));
            }
        }
        for at in self.last..self.effects.len() {
            let effect = self.effects[at].clone();
            match &effect {
                Effect::Notice { service, step, .. } => self.see(service, step)?,
                Effect::Act { service, incarnation, action } => self.act(service, *incarnation, *action)?,
                Effect::Await { service, wait } => self.awaits(service, *wait)?,
            }
        }
        self.check_all()?;
        Ok(outcome)
    }

    /// What a bystander remembers of a command.
    fn remember(&mut self, input: &Input, reply: &Reply) -> Checked<()> {
        let refused = |n: &ServiceName| reply.refused.iter().any(|(r, _)| r == n);
        match input {
            Input::Register(defs) => {
                for def in defs {
                    self.know(def);
                }
            }
            Input::Start(target) | Input::Restart { target, .. } => {
                self.stop_all_end = None;
                // reading: a restart of all is one of those that shall be up; it revives none that a user stopped.
                let restart_all = matches!(input, Input::Restart { target: Target::All, .. });
                let asked = self.resolve(target, !restart_all).into_iter();
                let start_all = matches!(input, Input::Start(Target::All));
                let asked: Vec<_> = asked.filter(|n| !restart_all || self.shadows[n].wanted).collect();
                // A lazy service is up when somebody needs it, also after a user's stop.
                let (lazy, asked): (Vec<_>, Vec<_>) = asked.into_iter().partition(|n| start_all && self.defs[n].lazy);
                for n in lazy.iter().filter(|n| !refused(n)) {
                    self.shadows.get_mut(n).unwrap().by_hand = false;
                }
                let asked = asked.into_iter();
                let roots: Vec<_> = asked.filter(|n| !self.clashed(n, reply)).collect();
                let set = self.pulled_in(&roots);
                let rivals: Vec<_> = self
                    .shadows
                    .iter()
                    .filter(|(n, s)| {
                        (s.wanted || lives(s.phase)) && set.iter().any(|m| !refused(m) && self.conflict(n, m))
                    })
                    .map(|(n, _)| n.clone())
                    .collect();
                self.forget(&rivals);
                for n in set.iter().filter(|n| !refused(n)) {
                    let shadow = self.shadows.get_mut(n).unwrap();
                    shadow.wanted = true;
                    shadow.by_hand = false;
                    shadow.restarts = 0;
                }
            }
            Input::Wake(_) => {
                for n in &reply.affected {
                    let shadow = self.shadows.get_mut(n).unwrap();
                    if shadow.by_hand || self.stop_all_end.is_some_and(|end| self.now < end) {
                        return broken("I3", format!("a call revives `{n}`, which a user stopped: {shadow:?}"));
                    }
                    if !shadow.wanted && !lives(shadow.phase) {
                        shadow.restarts = 0;
                    }
                    shadow.wanted = true;
                }
            }
            Input::Stop { target, .. } => {
                if *target == Target::All {
                    self.stop_all_end = Some(self.now.after(self.config.stop_all_timeout));
                }
                let roots = self.resolve(target, false);
                for n in &roots {
                    let shadow = self.shadows.get_mut(n).unwrap();
                    shadow.by_hand |= shadow.phase != PhaseName::Idle;
                }
                self.forget(&roots);
            }
            Input::Remove(target) | Input::StopRemove { target, .. } => {
                for n in self.resolve(target, false).iter().filter(|n| !refused(n)) {
                    self.shadows.get_mut(n).unwrap().wanted = false;
                }
            }
            Input::ResetFailed(target) => {
                for n in self.resolve(target, false) {
                    self.shadows.get_mut(&n).unwrap().restarts = 0;
                }
            }
            Input::Reconfigure(change) => return self.remember_reload(change, reply),
            Input::ConditionsMet { service, wait } => {
                if self.hears_of(service, *wait) {
                    let shadow = self.shadows.get_mut(service).unwrap();
                    // Too late for this wait: it waits anew.
                    shadow.outside = if shadow.in_vain { Outside::Idle } else { Outside::Met };
                    shadow.in_vain = false;
                }
            }
            Input::Report { .. } | Input::Tick => {}
        }
        Ok(())
    }

    /// What the answer to a reload says of who is wanted, as far as it may say so. That it is the right answer, others
    /// check.
    fn remember_reload(&mut self, change: &Reconfigure, reply: &Reply) -> Checked<()> {
        let stopping = self.stop_all_end.is_some_and(|end| self.now < end);
        for def in &change.added {
            self.know(def);
        }
        for ChangedDef { def, .. } in &change.changed {
            self.defs.insert(def.name.clone(), def.clone());
            let shadow = self.shadows.get_mut(&def.name).unwrap();
            // A budget that became smaller is spent, not overdrawn.
            shadow.restarts = shadow.restarts.min(def.restart.max_attempts);
            shadow.in_vain = false;
            if !def.waits {
                shadow.outside = Outside::Idle;
            }
        }
        for (n, outcome) in &reply.outcomes {
            let named = change.removed.contains(n)
                || change.added.iter().any(|def| def.name == *n)
                || change.changed.iter().any(|c| c.def.name == *n);
            let shadow = self.shadows.get_mut(n).unwrap();
            let fine = match outcome {
                Outcome::Started => !(shadow.wanted || shadow.by_hand || stopping && named),
                Outcome::Restarted => shadow.wanted,
                Outcome::Stopped => shadow.wanted,
                Outcome::Removed => change.removed.contains(n),
                _ => named,
            };
            if !fine {
                return broken("S4", format!("by a reload `{n}` is {outcome}, and it is {shadow:?}"));
            }
            match outcome {
                Outcome::Started | Outcome::Restarted => {
                    shadow.wanted = true;
                    shadow.restarts = 0;
                }
                Outcome::Stopped | Outcome::Removed => shadow.wanted = false,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether an answer to this wait counts.
    fn hears_of(&self, service: &ServiceName, wait: u64) -> bool {
        self.shadows
            .get(service)
            .is_some_and(|shadow| (shadow.outside == Outside::Open || shadow.in_vain) && shadow.last_wait == wait)
    }

    fn know(&mut self, def: &ServiceDef) {
        self.defs.insert(def.name.clone(), def.clone());
        let shadow = Shadow {
            phase: PhaseName::Idle,
            state: None,
            completed: false,
            wanted: false,
            by_hand: false,
            life: None,
            adopted: false,
            restarts: 0,
            leaked: false,
            held: false,
            outside: Outside::Idle,
            last_wait: 0,
            in_vain: false,
        };
        self.shadows.insert(def.name.clone(), shadow);
    }

    fn clashed(&self, root: &ServiceName, reply: &Reply) -> bool {
        reply.refused.iter().any(|(n, why)| n == root && matches!(why, Rejection::Conflict { .. }))
    }

    fn resolve(&self, target: &Target, to_start: bool) -> Vec<ServiceName> {
        match target {
            Target::All => self.defs.values().filter(|d| d.enabled || !to_start).map(|d| d.name.clone()).collect(),
            Target::Names(names) => names.clone(),
        }
    }

    fn pulled_in(&self, roots: &[ServiceName]) -> Vec<ServiceName> {
        let mut set = roots.to_vec();
        let mut next = 0;
        while let Some(n) = set.get(next).cloned() {
            next += 1;
            for d in &self.defs[&n].dependencies {
                let pulls = matches!(d.kind, DepKind::Requires | DepKind::Wants | DepKind::BindsTo);
                let done = d.condition == DepCondition::Completed && self.shadows[&d.on].completed;
                if pulls && !done && !set.contains(&d.on) {
                    set.push(d.on.clone());
                }
            }
        }
        set
    }

    /// An explicit stop of these: they and what cannot be without them are no longer wanted.
    fn forget(&mut self, roots: &[ServiceName]) {
        let mut set = roots.to_vec();
        let mut next = 0;
        while let Some(n) = set.get(next).cloned() {
            next += 1;
            for (other, d) in self.dependents(&n) {
                if goes_along(d.kind) && !set.contains(&other) {
                    set.push(other);
                }
            }
        }
        for n in set {
            let is_root = roots.contains(&n);
            let shadow = self.shadows.get_mut(&n).unwrap();
            if is_root || !matches!(shadow.phase, PhaseName::Idle | PhaseName::Stopped) {
                shadow.wanted = false;
            }
        }
    }

    pub(crate) fn dependents(&self, on: &ServiceName) -> Vec<(ServiceName, Dependency)> {
        let edges = self.defs.values().flat_map(|def| def.dependencies.iter().map(move |d| (&def.name, d)));
        edges.filter(|(_, d)| d.on == *on).map(|(n, d)| (n.clone(), d.clone())).collect()
    }

    pub(crate) fn conflict(&self, a: &ServiceName, b: &ServiceName) -> bool {
        let says = |a: &ServiceName, b: &ServiceName| {
            self.defs[a].dependencies.iter().any(|d| d.kind == DepKind::Conflicts && d.on == *b)
        };
        says(a, b) || says(b, a)
    }

    /// Whether a dependency stands as its edge asks, as far as a bystander can tell.
    pub(crate) fn meets(&self, d: &Dependency) -> bool {
        let on = &self.shadows[&d.on];
        match d.condition {
            DepCondition::Completed => on.completed,
            DepCondition::Ready => on.phase == PhaseName::Ready && on.wanted,
            DepCondition::Started => {
                matches!(on.phase, PhaseName::Init | PhaseName::Probe | PhaseName::Ready | PhaseName::Degraded)
                    && on.wanted
            }
        }
    }
}

pub(crate) fn broken<T>(invariant: &'static str, why: impl Into<String>) -> Checked<T> {
    Err(Broken { invariant, why: why.into() })
}

/// Clean when it says so.
pub(crate) fn exit(clean: bool) -> Report {
    Report::Exit(ExitStatus::Code(i32::from(!clean)))
}

/// Up as far as its record goes.
pub(crate) fn wants_up(unit: &Unit) -> bool {
    unit.desired == Desired::Up
}

pub(crate) fn is_completed(phase: Phase) -> bool {
    matches!(phase, Phase::Stopped { kind: StopKind::Completed })
}

/// A reason that comes from a command, or from a dependency's loss.
pub(crate) fn is_asked(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::StopAsked
            | Reason::KillAsked
            | Reason::RestartAsked
            | Reason::RemoveAsked
            | Reason::DependencyStopped
            | Reason::DependencyRestarted
            | Reason::DependencyLost
            | Reason::ConflictStarted
            | Reason::ConfigChanged
            | Reason::Idle
    )
}
