//! What the questions to one life say together, and what follows from it.

use mcpstore_core::Report;
use mcpstore_types::Health;

/// Which of a service's two questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// `health.probe`: start-up, readiness and liveness.
    Liveness,
    /// `health.readiness`: start-up and readiness alone.
    Readiness,
}

/// The verdicts of one life, and what was told of them.
#[derive(Debug)]
pub(crate) struct Standing {
    liveness: Health,
    /// `None`: not asked.
    readiness: Option<Health>,
    /// Readiness has fallen, and not risen since.
    unready: bool,
    /// What was told last; `None`: it is not up yet.
    told: Option<(Health, bool)>,
    /// It was told hung: nothing more follows in this life.
    over: bool,
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) health: Health,
    pub(crate) consequence: Option<Report>,
}

impl Standing {
    /// Nothing is known yet.
    pub(crate) fn new(asks_readiness: bool) -> Self {
        Self {
            liveness: Health::Unknown,
            readiness: asks_readiness.then_some(Health::Unknown),
            unready: false,
            told: None,
            over: false,
        }
    }

    /// It is up: both questions passed at its start.
    pub(crate) fn is_up(&self) -> bool {
        self.told.is_some()
    }

    /// Nothing more follows in this life.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Takes in the verdict of one question; `None`: it is not asked any more.
    pub(crate) fn take(&mut self, which: Which, verdict: Option<Health>) {
        match which {
            Which::Liveness => self.liveness = verdict.unwrap_or_default(),
            Which::Readiness => {
                self.readiness = verdict;
                self.unready = match verdict {
                    Some(Health::Unhealthy) => true,
                    Some(Health::Healthy) | None => false,
                    Some(Health::Unknown | Health::Degraded) => self.unready,
                };
            }
        }
    }

    /// True when it can come up now: its start-up check has passed as a whole.
    pub(crate) fn comes_up(&self) -> bool {
        let ready = self.readiness.is_none_or(|readiness| readiness == Health::Healthy);
        !self.is_up() && self.liveness == Health::Healthy && ready
    }

    /// What is to be told now, if anything.
    pub(crate) fn news(&mut self) -> Option<News> {
        if self.over {
            return None;
        }
        if self.liveness == Health::Unhealthy {
            self.over = true;
            return Some(News { health: Health::Unhealthy, consequence: Some(Report::LivenessFail) });
        }
        if !self.is_up() && !self.comes_up() {
            return None;
        }
        let ready = self.liveness == Health::Healthy && !self.unready;
        let doubted = !ready || self.readiness == Some(Health::Degraded);
        let health = if doubted { Health::Degraded } else { Health::Healthy };
        let before = self.told.replace((health, ready));
        let consequence = match (before.is_some_and(|(_, ready)| ready), ready) {
            (false, true) => Some(Report::ProbeUp),
            (true, false) => Some(Report::ProbeDown),
            (true, true) | (false, false) => None,
        };
        let changed = consequence.is_some() || before.is_none_or(|(told, _)| told != health);
        changed.then_some(News { health, consequence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Option<Report> = Some(Report::ProbeUp);
    const DOWN: Option<Report> = Some(Report::ProbeDown);

    fn say(standing: &mut Standing, which: Which, verdict: Health) -> Option<(Health, Option<Report>)> {
        standing.take(which, Some(verdict));
        standing.news().map(|news| (news.health, news.consequence))
    }

    #[test]
    fn it_comes_up_when_both_have_passed() {
        let mut both = Standing::new(true);
        assert_eq!(say(&mut both, Which::Liveness, Health::Healthy), None);
        assert_eq!(say(&mut both, Which::Readiness, Health::Healthy), Some((Health::Healthy, UP)));
        let mut one = Standing::new(false);
        assert_eq!(say(&mut one, Which::Liveness, Health::Healthy), Some((Health::Healthy, UP)));
        assert_eq!(say(&mut one, Which::Liveness, Health::Healthy), None);
    }

    #[test]
    fn readiness_degrades_once_it_has_fallen_and_never_kills() {
        let mut both = Standing::new(true);
        say(&mut both, Which::Liveness, Health::Healthy);
        say(&mut both, Which::Readiness, Health::Healthy);
        assert_eq!(say(&mut both, Which::Readiness, Health::Degraded), Some((Health::Degraded, None)));
        assert_eq!(say(&mut both, Which::Readiness, Health::Unhealthy), Some((Health::Degraded, DOWN)));
        assert_eq!(say(&mut both, Which::Liveness, Health::Degraded), None);
        assert_eq!(say(&mut both, Which::Liveness, Health::Healthy), None);
        assert_eq!(say(&mut both, Which::Readiness, Health::Healthy), Some((Health::Healthy, UP)));
        say(&mut both, Which::Readiness, Health::Unhealthy);
        both.take(Which::Readiness, None);
        assert_eq!(both.news(), Some(News { health: Health::Healthy, consequence: UP }));
    }

    #[test]
    fn nothing_follows_once_it_was_told_hung() {
        let mut one = Standing::new(false);
        say(&mut one, Which::Liveness, Health::Healthy);
        assert_eq!(say(&mut one, Which::Liveness, Health::Degraded), Some((Health::Degraded, DOWN)));
        let hung = Some((Health::Unhealthy, Some(Report::LivenessFail)));
        assert_eq!(say(&mut one, Which::Liveness, Health::Unhealthy), hung);
        assert_eq!(say(&mut one, Which::Liveness, Health::Healthy), None);
        assert!(one.is_over());
    }
}
