//! One alert of one kind and service, from the first trouble to its end.

use mcpstore_types::{AlertRule, AlertSeverity};

use super::event::{AlertStage, AlertStatus};
use super::judge::{Judgement, Level, length};
use crate::spans::Nanos;

/// An alert that is pending or fires.
#[derive(Clone, Debug)]
pub(super) struct Alert {
    pub(super) severity: AlertSeverity,
    /// Since when the trouble lasts.
    pub(super) since: Nanos,
    pub(super) value: Option<f64>,
    /// As it was told last, or as it was restored.
    pub(super) detail: String,
    pub(super) fired: Option<Fired>,
}

/// What an alert has once it fires.
#[derive(Clone, Debug)]
pub(super) struct Fired {
    pub(super) id: String,
    pub(super) at: Nanos,
    /// When it was last told; none while a silence keeps it from being told at all.
    pub(super) told: Option<Nanos>,
    /// Since when the trouble is gone.
    pub(super) clear_since: Option<Nanos>,
}

/// What surrounds a step.
pub(super) struct Around<'a> {
    pub(super) rule: &'a AlertRule,
    pub(super) now: Nanos,
    pub(super) silenced: bool,
    /// After which time an alert that lasts is told again.
    pub(super) repeat: Option<Nanos>,
}

/// What came of a step.
pub(super) struct Outcome {
    /// What is to be told.
    pub(super) tell: Option<AlertStatus>,
    /// It is over, and to be forgotten.
    pub(super) over: bool,
    /// When the next step is due if nothing else happens.
    pub(super) due: Option<Nanos>,
}

impl Outcome {
    const OVER: Self = Self { tell: None, over: true, due: None };

    const fn wait(due: Option<Nanos>) -> Self {
        Self { tell: None, over: false, due }
    }

    const fn tell(status: AlertStatus, due: Option<Nanos>) -> Self {
        Self { tell: Some(status), over: false, due }
    }
}

impl Alert {
    pub(super) fn pending(around: &Around<'_>) -> Self {
        let severity = around.rule.severity;
        Self { severity, since: around.now, value: None, detail: String::new(), fired: None }
    }

    pub(super) fn stage(&self) -> AlertStage {
        match &self.fired {
            None => AlertStage::Pending,
            Some(fired) if fired.clear_since.is_some() => AlertStage::Clearing,
            Some(_) => AlertStage::Firing,
        }
    }

    /// Goes on by what its rule says now. `new_id` names it when it fires.
    pub(super) fn step(
        &mut self,
        around: &Around<'_>,
        judged: &Judgement,
        new_id: impl FnOnce(Nanos) -> String,
    ) -> Outcome {
        let now = around.now;
        self.severity = around.rule.severity;
        self.value = judged.value;
        if self.fired.is_none() {
            if judged.level != Level::Over {
                return Outcome::OVER;
            }
            let fires_at = self.since.saturating_add(length(around.rule.hold));
            if now < fires_at {
                return Outcome::wait(Some(fires_at));
            }
        }
        let fired = self.fired.get_or_insert_with(|| Fired { id: new_id(now), at: now, told: None, clear_since: None });
        if judged.level == Level::Clear {
            let since = *fired.clear_since.get_or_insert(now);
            let over_at = since.saturating_add(length(around.rule.resolve_after));
            return if now < over_at { Outcome::wait(Some(over_at)) } else { self.end() };
        }
        fired.clear_since = None;
        if around.silenced {
            return Outcome::wait(None);
        }
        let again = |told: Nanos| around.repeat.map(|repeat| told.saturating_add(repeat));
        match fired.told {
            None => {
                fired.told = Some(now);
                Outcome::tell(AlertStatus::Firing, again(now))
            }
            Some(told) if again(told).is_some_and(|due| now >= due) => {
                fired.told = Some(now);
                Outcome::tell(AlertStatus::Repeated, again(now))
            }
            Some(told) => Outcome::wait(again(told)),
        }
    }

    /// It is over. Who heard of it hears of its end, silenced or not; of what nobody heard nobody hears the end.
    pub(super) fn end(&self) -> Outcome {
        let told = self.fired.as_ref().is_some_and(|fired| fired.told.is_some());
        Outcome { tell: told.then_some(AlertStatus::Resolved), ..Outcome::OVER }
    }
}
