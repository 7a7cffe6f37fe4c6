//! From single probe outcomes to a verdict that does not jump at each of them.

use std::time::Duration;

use mcpstore_types::{Health, HealthSpec};

/// What one probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The server answered. An answer that is an RPC error is an answer: the server lives.
    Pass {
        /// From the request to its answer.
        latency: Duration,
    },
    /// No answer came in time, or the connection is broken.
    Fail,
    /// The probe could not run, or its silence proves nothing (the server was busy with a call). Never a failure.
    Unknown,
}

/// The verdict of one service's probes in one life of it.
///
/// Make a new one for each incarnation. Small and `Copy`; time is not its business, only the order of outcomes is.
///
/// - Until the first pass of a life the verdict is [`Health::Unknown`], however many probes fail: the service is starting,
///   and its start timeout judges that. The first pass counts alone.
/// - The first failure of a healthy service makes it [`Health::Degraded`], `fall` in a row [`Health::Unhealthy`]. The same
///   probe serves readiness and liveness: *unhealthy* means hung.
/// - After a failure it takes `rise` passes in a row to be healthy again.
/// - [`ProbeOutcome::Unknown`] is discarded: it neither counts nor breaks a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeVerdict {
    rise: u32,
    fall: u32,
    health: Health,
    /// Passes in a row since the last failure, counted while a failure is not made good.
    passes: u32,
    /// Failures in a row since the last pass.
    failures: u32,
}

/// What an outcome made of the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictChange {
    /// The verdict with this outcome.
    pub health: Health,
    /// Whether it was another one before.
    pub changed: bool,
}

impl ProbeVerdict {
    /// The longest wait for the next probe while the verdict is in doubt.
    pub const IN_DOUBT: Duration = Duration::from_secs(1);

    /// The verdict of a life without a probe yet. Takes `rise` and `fall` from `spec`; 0 counts as 1.
    #[must_use]
    pub fn new(spec: &HealthSpec) -> Self {
        Self { rise: spec.rise.max(1), fall: spec.fall.max(1), health: Health::Unknown, passes: 0, failures: 0 }
    }

    /// Goes on with the `rise` and `fall` of another spec. What was counted stays; they act from the next outcome on.
    pub fn retune(&mut self, spec: &HealthSpec) {
        (self.rise, self.fall) = (spec.rise.max(1), spec.fall.max(1));
    }

    /// The verdict as of the last outcome.
    #[must_use]
    pub const fn health(&self) -> Health {
        self.health
    }

    /// Takes the next outcome into account.
    pub fn observe(&mut self, outcome: ProbeOutcome) -> VerdictChange {
        let before = self.health;
        match outcome {
            ProbeOutcome::Pass { .. } => self.pass(),
            ProbeOutcome::Fail => self.fail(),
            ProbeOutcome::Unknown => {}
        }
        VerdictChange { health: self.health, changed: self.health != before }
    }

    /// How long to wait for the next probe, from the end of the last one.
    ///
    /// `spec.startup` until the first pass of this life; `spec.interval`, or [`ProbeVerdict::IN_DOUBT`] when that is shorter,
    /// while the service is degraded or on its way back to healthy; else `spec.interval`.
    #[must_use]
    pub fn next_probe_in(&self, spec: &HealthSpec) -> Duration {
        match self.health {
            Health::Unknown => spec.startup,
            Health::Degraded => spec.interval.min(Self::IN_DOUBT),
            Health::Unhealthy if self.passes > 0 => spec.interval.min(Self::IN_DOUBT),
            Health::Healthy | Health::Unhealthy => spec.interval,
        }
    }

    fn pass(&mut self) {
        self.failures = 0;
        match self.health {
            Health::Unknown => self.health = Health::Healthy,
            Health::Healthy => {}
            Health::Degraded | Health::Unhealthy => {
                self.passes = self.passes.saturating_add(1);
                if self.passes >= self.rise {
                    self.passes = 0;
                    self.health = Health::Healthy;
                }
            }
        }
    }

    fn fail(&mut self) {
        self.passes = 0;
        match self.health {
            Health::Unknown => {}
            Health::Healthy | Health::Degraded | Health::Unhealthy => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= self.fall {
                    self.health = Health::Unhealthy;
                } else if self.health == Health::Healthy {
                    self.health = Health::Degraded;
                }
            }
        }
    }
}

impl VerdictChange {
    /// True when this outcome was the one that shows the service hung.
    #[must_use]
    pub fn is_hung(self) -> bool {
        self.changed && self.health == Health::Unhealthy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `+` pass, `-` fail, `?` unknown; writes for each the verdict's letter (`U H D X`), small when it did not change.
    fn run(verdict: &mut ProbeVerdict, outcomes: &str) -> String {
        let letter = |health| match health {
            Health::Unknown => 'U',
            Health::Healthy => 'H',
            Health::Degraded => 'D',
            Health::Unhealthy => 'X',
        };
        let steps = outcomes.chars().map(|c| {
            let change = verdict.observe(match c {
                '+' => ProbeOutcome::Pass { latency: Duration::from_millis(3) },
                '-' => ProbeOutcome::Fail,
                _ => ProbeOutcome::Unknown,
            });
            assert_eq!(change.health, verdict.health());
            if change.changed { letter(change.health) } else { letter(change.health).to_ascii_lowercase() }
        });
        steps.collect()
    }

    fn fresh(rise: u32, fall: u32) -> ProbeVerdict {
        ProbeVerdict::new(&HealthSpec { rise, fall, ..HealthSpec::default() })
    }

    #[test]
    fn verdicts_with_the_defaults() {
        let verdict = ProbeVerdict::new(&HealthSpec::default());
        for (outcomes, expected) in [
            ("+", "H"),
            ("+++", "Hhh"),
            // The first pass counts alone, after failures too; and failures before it never fall.
            ("-----+", "uuuuuH"),
            // Degraded at once, unhealthy at three in a row, back after two in a row.
            ("+---", "HDdX"),
            ("+-+-+-", "HDdddd"),
            ("+-++", "HDdH"),
            ("+----+-++", "HDdXxxxxH"),
            // Nothing known, nothing changed: neither counted nor a break in the row.
            ("???", "uuu"),
            ("+?-?-?-?+?+?", "HhDdddXxxxHh"),
        ] {
            assert_eq!(run(&mut { verdict }, outcomes), expected, "{outcomes}");
        }
    }

    #[test]
    fn one_and_nought_act_at_once() {
        for (rise, fall) in [(1, 1), (0, 0)] {
            assert_eq!(run(&mut fresh(rise, fall), "+-+-"), "HXHX");
        }
        assert_eq!(run(&mut fresh(3, 2), "+--++-+++"), "HDXxxxxxH");
    }

    #[test]
    fn other_limits_count_from_the_next_outcome_on() {
        let mut verdict = fresh(2, 3);
        assert_eq!(run(&mut verdict, "+--"), "HDd");
        verdict.retune(&HealthSpec { rise: 1, fall: 2, ..HealthSpec::default() });
        assert_eq!(verdict.health(), Health::Degraded);
        assert_eq!(run(&mut verdict, "-+"), "XH");
    }

    #[test]
    fn the_hang_is_told_once() {
        let mut verdict = fresh(2, 2);
        let told: Vec<bool> = "+---"
            .chars()
            .map(|c| {
                let outcome =
                    if c == '+' { ProbeOutcome::Pass { latency: Duration::ZERO } } else { ProbeOutcome::Fail };
                verdict.observe(outcome).is_hung()
            })
            .collect();
        assert_eq!(told, [false, false, true, false]);
    }

    #[test]
    fn probes_come_quicker_in_doubt() {
        let spec = HealthSpec::default();
        let quick = HealthSpec { interval: Duration::from_millis(400), ..HealthSpec::default() };
        for (outcomes, expected) in [
            ("", spec.startup),
            ("--", spec.startup),
            ("+", spec.interval),
            ("+-", ProbeVerdict::IN_DOUBT),
            ("+-+", ProbeVerdict::IN_DOUBT),
            ("+-++", spec.interval),
            ("+---", spec.interval),
            ("+---+", ProbeVerdict::IN_DOUBT),
            ("+---+-", spec.interval),
            ("+---++", spec.interval),
        ] {
            let mut verdict = ProbeVerdict::new(&spec);
            run(&mut verdict, outcomes);
            assert_eq!(verdict.next_probe_in(&spec), expected, "{outcomes}");
            // A short interval is never stretched to what doubt allows.
            assert!(verdict.next_probe_in(&quick) <= quick.interval, "{outcomes}");
        }
    }
}
