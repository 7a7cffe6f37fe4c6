//! Services that sleep: what is known of them all the same, and how they fall asleep.

use std::sync::Arc;

use mcpstore_core::{Input, Report};
use mcpstore_types::{Incarnation, PhaseName, Reason, ServiceName};

use crate::known::KnownLists;
use crate::owner::Owner;

/// Whether a service runs because nobody knows what it offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learning {
    /// No.
    No,
    /// Yes, and it has not listed everything yet.
    Lists,
    /// It has: it may sleep as soon as it is up.
    Done,
}

impl Owner {
    /// Puts a life to sleep that nobody uses, unless somebody came in the meantime or leans on it, or what it offers is not
    /// known yet: nobody would use what nobody knows of.
    pub(crate) fn fall_asleep(&mut self, service: &ServiceName, incarnation: Incarnation) {
        if !self.life(service).is_some_and(|life| life.listed) {
            return;
        }
        let Some(monitor) = self.records.get(service).map(|record| Arc::clone(&record.monitor)) else { return };
        if !monitor.in_use.shut() {
            return;
        }
        self.report(service, incarnation, Report::Idle);
        if matches!(self.phase(service), Some(PhaseName::Ready | PhaseName::Degraded)) {
            monitor.in_use.open();
        }
    }

    /// It was asked for all of its lists once.
    pub(crate) fn learned(&mut self, service: &ServiceName) {
        let Some(record) = self.records.get_mut(service) else { return };
        if let Some(life) = &mut record.life {
            life.listed = true;
        }
        if matches!(record.learning, Learning::Lists) {
            record.learning = Learning::Done;
        }
    }

    /// Whoever was started to learn what it offers sleeps again once that is known, unless somebody uses it by then.
    pub(crate) fn sleep_when_learned(&mut self, service: &ServiceName, incarnation: Incarnation) {
        if !matches!(self.phase(service), Some(PhaseName::Ready)) {
            return;
        }
        if let Some(record) = self.records.get_mut(service)
            && matches!(record.learning, Learning::Done)
        {
            record.learning = Learning::No;
            self.fall_asleep(service, incarnation);
        }
    }

    /// Takes over what this life has listed so far. What it has not listed yet stays that of the life before.
    pub(crate) fn keep_lists(&mut self, service: &ServiceName) {
        let Some(record) = self.records.get_mut(service) else { return };
        let Some(server) = record.life.as_ref().and_then(|life| life.server.clone()) else { return };
        let before = record.known.as_deref().cloned().unwrap_or_default();
        let mut offers = (*before.offers).clone();
        for (kept, listed, has) in [
            (&mut offers.prompts, &record.offers.prompts, server.has_prompts),
            (&mut offers.resources, &record.offers.resources, server.has_resources),
            (&mut offers.templates, &record.offers.templates, server.has_resources),
        ] {
            // What a server has no more will not be listed again.
            *kept = listed.clone().or_else(|| kept.take().filter(|_| has));
        }
        let tools = record.tools.clone().or(before.tools);
        let known = Arc::new(KnownLists { server, tools, offers: Arc::new(offers) });
        if let Some(keeper) = self.shared.keeper.as_ref().filter(|_| record.spec.instance_of.is_none()) {
            keeper.keep(&record.spec, &known);
        }
        record.known = Some(known);
    }

    /// Starts those that sleep and of which nothing is known, where what they offer is kept: once it is, they sleep again.
    pub(crate) fn learn_lists(&mut self) {
        if self.shared.keeper.is_none() {
            return;
        }
        let unknown = self.records.iter().filter(|(service, record)| {
            let sleeps = |status: mcpstore_types::Status| matches!(status.reason, Reason::Lazy | Reason::Idle);
            record.known.is_none() && self.fleet.status(service.as_str()).is_some_and(sleeps)
        });
        let unknown: Vec<_> = unknown.map(|(service, _)| service.clone()).collect();
        for service in unknown {
            // One that cannot be woken now is learned of when somebody starts it.
            if self.apply(Input::Wake(service.clone())).is_ok()
                && let Some(record) = self.records.get_mut(&service)
            {
                record.learning = Learning::Lists;
            }
        }
    }
}
