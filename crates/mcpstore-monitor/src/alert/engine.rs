//! The alert engine: observations of services in, events to deliver out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mcpstore_types::{AlertKind, AlertRule, AlertSeverity, AlertsSpec, ServiceName, Timestamp, glob_matches};

use super::event::{AlertEvent, AlertStage, AlertStatus, AlertView, cut, fingerprint};
use super::judge::{Observation, facts, judge, length};
use super::silence::{Silence, SilenceError};
use super::slot::{Alert, Around, Fired};
use crate::spans::{Nanos, nanos};

/// Decides when alerts fire and resolve.
///
/// Feed it with [`AlertEngine::observe`] when something about a service changes, and every few seconds while calls run.
/// Call [`AlertEngine::tick`] at [`AlertEngine::next_deadline`]. Every method that can change something returns what is to be
/// delivered, in order.
///
/// There is one alert per kind and service at most. It fires once, after its trouble lasted for `hold`. It may be repeated.
/// It resolves once its trouble was gone for `resolve_after`, or when its service is removed or its rule switched off. What a
/// silence fits is tracked and not told: it is told when the silence ends and it still fires. An alert that was told is
/// resolved aloud even under a silence; one that was not is never mentioned.
#[derive(Clone, Debug)]
pub struct AlertEngine {
    spec: AlertsSpec,
    /// The manager's start, in milliseconds since the Unix epoch.
    started_ms: u64,
    services: BTreeMap<ServiceName, Watched>,
    /// When which service is to be looked at next.
    due: BTreeSet<(Nanos, ServiceName)>,
    silences: Vec<Silence>,
    next_silence: u64,
    /// How many alerts fired: makes their names unique.
    fired_total: u64,
}

/// What is known of one service.
#[derive(Clone, Debug, Default)]
struct Watched {
    /// The last observation, and when it was made; none before the first.
    seen: Option<(Nanos, Observation)>,
    alerts: BTreeMap<AlertKind, Alert>,
    due: Option<Nanos>,
}

impl AlertEngine {
    /// The most silences there can be.
    pub const MAX_SILENCES: usize = 256;
    /// The longest pattern and the longest comment of a silence, in bytes.
    pub const MAX_SILENCE_TEXT: usize = 256;
    /// The shortest time after which an alert is repeated; a shorter one in the spec counts as this.
    pub const MIN_REPEAT: Duration = Duration::from_secs(1);

    /// One without services. `started_ms` is the moment of [`Timestamp::ZERO`], in milliseconds since the Unix epoch.
    #[must_use]
    pub const fn new(spec: AlertsSpec, started_ms: u64) -> Self {
        Self {
            spec,
            started_ms,
            services: BTreeMap::new(),
            due: BTreeSet::new(),
            silences: Vec::new(),
            next_silence: 1,
            fired_total: 0,
        }
    }

    /// What an earlier manager left: alerts that fired are not told again, and resolve once they are over; silences go on.
    ///
    /// Call it before the first observation. A restored alert waits for an observation of its service; tell with
    /// [`AlertEngine::keep_only`] which services there are no more.
    pub fn restore(&mut self, views: Vec<AlertView>, silences: Vec<Silence>) {
        for view in views {
            let (Some(fired_ms), true) = (view.fired_ms, view.stage != AlertStage::Pending) else { continue };
            let fired = Fired {
                id: view.id,
                at: self.moment(fired_ms),
                told: view.told_ms.map(|ms| self.moment(ms)),
                clear_since: None,
            };
            let alert = Alert {
                severity: view.severity,
                since: self.moment(view.since_ms),
                value: view.value,
                detail: cut(&view.detail, AlertEvent::MAX_DETAIL).to_owned(),
                fired: Some(fired),
            };
            self.services.entry(view.service).or_default().alerts.insert(view.kind, alert);
        }
        self.silences.extend(silences.into_iter().take(Self::MAX_SILENCES.saturating_sub(self.silences.len())));
        self.next_silence = self.silences.iter().map(|silence| silence.id.saturating_add(1)).max().unwrap_or(1);
    }

    /// Another spec from now on. Alerts whose rules no longer hold for them are resolved.
    pub fn set_spec(&mut self, now: Timestamp, spec: AlertsSpec) -> Vec<AlertEvent> {
        self.spec = spec;
        self.look_at_all(now)
    }

    /// What a service is like now.
    pub fn observe(&mut self, now: Timestamp, mut seen: Observation) -> Vec<AlertEvent> {
        let mut events = self.end_silences(now);
        seen.restart_ages.drain(..seen.restart_ages.len().saturating_sub(Observation::MAX_RESTARTS));
        seen.why.truncate(cut(&seen.why, Observation::MAX_WHY).len());
        let name = seen.service.clone();
        self.services.entry(name.clone()).or_default().seen = Some((nanos(now), seen));
        self.look(&name, nanos(now), &mut events);
        events
    }

    /// A service is no more: its alerts are over.
    pub fn remove(&mut self, now: Timestamp, service: &ServiceName) -> Vec<AlertEvent> {
        let mut events = Vec::new();
        let Some(watched) = self.services.remove(service) else { return events };
        if let Some(due) = watched.due {
            self.due.remove(&(due, service.clone()));
        }
        for (&kind, alert) in &watched.alerts {
            if let Some(status) = alert.end().tell {
                events.push(self.event(service, kind, alert, status, nanos(now), alert.detail.clone()));
            }
        }
        events
    }

    /// Removes every service that `known` does not know: what was restored may be of services that are gone.
    pub fn keep_only(&mut self, now: Timestamp, known: impl Fn(&ServiceName) -> bool) -> Vec<AlertEvent> {
        let gone: Vec<ServiceName> = self.services.keys().filter(|name| !known(name)).cloned().collect();
        gone.iter().flat_map(|name| self.remove(now, name)).collect()
    }

    /// Time has passed: what is due is done.
    pub fn tick(&mut self, now: Timestamp) -> Vec<AlertEvent> {
        let mut events = self.end_silences(now);
        let now = nanos(now);
        let due: Vec<ServiceName> =
            self.due.iter().take_while(|(at, _)| *at <= now).map(|(_, name)| name.clone()).collect();
        for name in due {
            self.look(&name, now, &mut events);
        }
        events
    }

    /// When [`AlertEngine::tick`] has something to do next; none when only an observation can change something.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let silence = self.silences.iter().map(|silence| self.moment(silence.until_ms)).min();
        let due = self.due.first().map(|(at, _)| *at);
        let next = silence.into_iter().chain(due).min()?;
        Some(Timestamp::from_nanos(u64::try_from(next).unwrap_or(0)))
    }

    /// Keeps alerts of this kind (none: of every kind) and of these services (name or glob; none: of all) from being told
    /// until then; gives the silence's number.
    ///
    /// # Errors
    /// [`SilenceError`] when there are too many, it would be over already, or its text is too long.
    pub fn silence(
        &mut self,
        now: Timestamp,
        kind: Option<AlertKind>,
        services: Option<String>,
        until: Timestamp,
        comment: String,
    ) -> Result<u64, SilenceError> {
        self.silences.retain(|silence| silence.until_ms > unix_ms(self.started_ms, nanos(now)));
        if until <= now {
            return Err(SilenceError::Past);
        }
        if self.silences.len() >= Self::MAX_SILENCES {
            return Err(SilenceError::TooMany { most: Self::MAX_SILENCES });
        }
        if comment.len().max(services.as_ref().map_or(0, String::len)) > Self::MAX_SILENCE_TEXT {
            return Err(SilenceError::TooLong { most: Self::MAX_SILENCE_TEXT });
        }
        let id = self.next_silence;
        self.next_silence += 1;
        let until_ms = unix_ms(self.started_ms, nanos(until));
        self.silences.push(Silence { id, kind, services, until_ms, comment });
        Ok(id)
    }

    /// Ends a silence early; none when there is no such silence.
    pub fn unsilence(&mut self, now: Timestamp, id: u64) -> Option<Vec<AlertEvent>> {
        let place = self.silences.iter().position(|silence| silence.id == id)?;
        self.silences.remove(place);
        Some(self.look_at_all(now))
    }

    /// The stretch that the rule of this kind looks at: what an observation's windows of calls are to span.
    #[must_use]
    pub fn window(&self, kind: AlertKind) -> Duration {
        let rule = self.spec.rules.iter().find(|rule| rule.kind == kind);
        rule.map_or_else(|| AlertRule::new(kind).window, |rule| rule.window)
    }

    /// The silences that hold, oldest first.
    #[must_use]
    pub fn silences(&self) -> &[Silence] {
        &self.silences
    }

    /// All alerts that are pending or fire: the gravest first, then the oldest.
    #[must_use]
    pub fn active(&self) -> Vec<AlertView> {
        let all = self.services.iter().flat_map(|(name, watched)| {
            watched.alerts.iter().map(move |(&kind, alert)| self.view(name, watched, kind, alert))
        });
        let mut views: Vec<AlertView> = all.collect();
        views.sort_by_key(|view| (std::cmp::Reverse(view.severity), view.since_ms));
        views
    }

    /// How many alerts fire, by kind and severity, silenced ones included; for [`crate::MetricsExtra`].
    #[must_use]
    pub fn firing(&self) -> Vec<(AlertKind, AlertSeverity, u64)> {
        let mut counts = BTreeMap::new();
        let alerts = self.services.values().flat_map(|watched| &watched.alerts);
        for (&kind, alert) in alerts.filter(|(_, alert)| alert.fired.is_some()) {
            *counts.entry((kind, alert.severity)).or_insert(0) += 1;
        }
        counts.into_iter().map(|((kind, severity), count)| (kind, severity, count)).collect()
    }

    fn look_at_all(&mut self, now: Timestamp) -> Vec<AlertEvent> {
        let names: Vec<ServiceName> = self.services.keys().cloned().collect();
        let mut events = Vec::new();
        for name in names {
            self.look(&name, nanos(now), &mut events);
        }
        events
    }

    fn end_silences(&mut self, now: Timestamp) -> Vec<AlertEvent> {
        let before = self.silences.len();
        let now_ms = unix_ms(self.started_ms, nanos(now));
        self.silences.retain(|silence| silence.until_ms > now_ms);
        if self.silences.len() < before { self.look_at_all(now) } else { Vec::new() }
    }

    /// Steps every alert of a service, and notes when to look again.
    fn look(&mut self, name: &ServiceName, now: Nanos, events: &mut Vec<AlertEvent>) {
        let Some(mut watched) = self.services.remove(name) else { return };
        let mut next: Option<Nanos> = None;
        for kind in AlertKind::ALL {
            let due = self.step(name, kind, &mut watched, now, events);
            next = next.into_iter().chain(due).min();
        }
        if let Some(due) = watched.due.take() {
            self.due.remove(&(due, name.clone()));
        }
        if let Some(due) = next {
            self.due.insert((due, name.clone()));
            watched.due = Some(due);
        }
        self.services.insert(name.clone(), watched);
    }

    /// Steps the alert of one kind; says when it is to be looked at again.
    fn step(
        &mut self,
        name: &ServiceName,
        kind: AlertKind,
        watched: &mut Watched,
        now: Nanos,
        events: &mut Vec<AlertEvent>,
    ) -> Option<Nanos> {
        let Some(rule) = self.rule(kind, name) else {
            if let Some(alert) = watched.alerts.remove(&kind)
                && let Some(status) = alert.end().tell
            {
                events.push(self.event(name, kind, &alert, status, now, alert.detail.clone()));
            }
            return None;
        };
        let (at, seen) = watched.seen.as_ref()?;
        let judged = judge(rule, seen, *at, now);
        let around = Around {
            rule,
            now,
            silenced: self.silenced_until(kind, name).is_some(),
            repeat: self.spec.repeat.map(|repeat| length(repeat.max(Self::MIN_REPEAT))),
        };
        let known = watched.alerts.remove(&kind);
        // A new one that is no trouble is over with its first step.
        let mut alert = known.unwrap_or_else(|| Alert::pending(&around));
        let number = self.fired_total;
        let new_id = |at| format!("{}-{}-{number}", fingerprint(kind, name), unix_ms(self.started_ms, at));
        let was_pending = alert.fired.is_none();
        let outcome = alert.step(&around, &judged, new_id);
        if outcome.tell.is_some() {
            alert.detail = detail(rule, seen, alert.value);
        }
        let event = outcome.tell.map(|status| self.event(name, kind, &alert, status, now, alert.detail.clone()));
        self.fired_total += u64::from(was_pending && alert.fired.is_some());
        events.extend(event);
        if !outcome.over {
            watched.alerts.insert(kind, alert);
        }
        outcome.due.into_iter().chain(judged.changes_at).min()
    }

    /// The rule for this kind, when it holds for this service.
    fn rule(&self, kind: AlertKind, service: &ServiceName) -> Option<&AlertRule> {
        let rule = self.spec.rules.iter().find(|rule| rule.kind == kind)?;
        let fits = || rule.services.is_empty() || rule.services.iter().any(|p| glob_matches(p, service.as_str()));
        (self.spec.enabled && rule.enabled && fits()).then_some(rule)
    }

    /// Until when an alert is silenced, in milliseconds since the Unix epoch; none when it is not.
    fn silenced_until(&self, kind: AlertKind, service: &ServiceName) -> Option<u64> {
        let fits = self.silences.iter().filter(|silence| silence.fits(kind, service));
        fits.map(|silence| silence.until_ms).max()
    }

    fn event(
        &self,
        service: &ServiceName,
        kind: AlertKind,
        alert: &Alert,
        status: AlertStatus,
        now: Nanos,
        detail: String,
    ) -> AlertEvent {
        AlertEvent {
            id: alert.fired.as_ref().map(|fired| fired.id.clone()).unwrap_or_default(),
            kind,
            service: service.clone(),
            severity: alert.severity,
            status,
            at_ms: unix_ms(self.started_ms, now),
            since_ms: unix_ms(self.started_ms, alert.since),
            value: alert.value,
            summary: summary(service, kind),
            detail,
            fingerprint: fingerprint(kind, service),
        }
    }

    fn view(&self, service: &ServiceName, watched: &Watched, kind: AlertKind, alert: &Alert) -> AlertView {
        let fired = alert.fired.as_ref();
        let ms = |at| unix_ms(self.started_ms, at);
        let detail = match (&watched.seen, self.rule(kind, service)) {
            (Some((_, seen)), Some(rule)) => detail(rule, seen, alert.value),
            _ => alert.detail.clone(),
        };
        AlertView {
            id: fired.map(|fired| fired.id.clone()).unwrap_or_default(),
            kind,
            service: service.clone(),
            severity: alert.severity,
            stage: alert.stage(),
            since_ms: ms(alert.since),
            fired_ms: fired.map(|fired| ms(fired.at)),
            told_ms: fired.and_then(|fired| fired.told).map(ms),
            silenced_until_ms: self.silenced_until(kind, service),
            value: alert.value,
            summary: summary(service, kind),
            detail,
            fingerprint: fingerprint(kind, service),
        }
    }

    /// A moment of the wall clock, counted from the manager's start.
    fn moment(&self, unix_ms: u64) -> Nanos {
        let ms = i128::from(unix_ms) - i128::from(self.started_ms);
        Nanos::try_from(ms * 1_000_000).unwrap_or(if ms < 0 { Nanos::MIN } else { Nanos::MAX })
    }
}

/// A moment counted from the manager's start, in milliseconds since the Unix epoch.
fn unix_ms(started_ms: u64, at: Nanos) -> u64 {
    started_ms.saturating_add_signed(at.div_euclid(1_000_000))
}

fn summary(service: &ServiceName, kind: AlertKind) -> String {
    format!("{service}: {}", kind.summary())
}

fn detail(rule: &AlertRule, seen: &Observation, value: Option<f64>) -> String {
    let parts = facts(rule, seen, value).into_iter().chain((!seen.why.is_empty()).then(|| seen.why.clone()));
    let text = parts.collect::<Vec<_>>().join("\n");
    cut(&text, AlertEvent::MAX_DETAIL).to_owned()
}
