//! What the core asks for, done to one life of a service.

use std::sync::Arc;

use mcpstore_core::{Action, jitter_key};
use mcpstore_transport::LaunchRequest;
use mcpstore_types::{Health, Incarnation, ServiceName};

use crate::life::{self, Life};
use crate::msg::Reporter;
use crate::owner::Owner;
use crate::prober::Prober;

impl Owner {
    /// Does what the core asks for. What comes of it comes back as a report.
    pub(crate) fn act(&mut self, service: &ServiceName, incarnation: Incarnation, action: Action) {
        let Action::Spawn = action else { return self.act_on_life(service, action) };
        let Some(record) = self.records.get_mut(service) else { return };
        let next = Arc::new(record.logs.following(incarnation));
        let before = std::mem::replace(&mut record.logs, next);
        record.previous_logs = (before.incarnation() > Incarnation(0)).then_some(before);
        record.health = Health::Unknown;
        record.tools = None;
        record.tools_error = None;
        record.offers = Arc::default();
        record.monitor.begin_life();
        self.last_life += 1;
        let life = Life::new(self.last_life, incarnation);
        let mut request = LaunchRequest::new(Arc::clone(&record.spec), incarnation, Arc::clone(&record.logs));
        if let Some(sides) = &self.sides {
            request.client = sides.side(&record.spec, incarnation);
        }
        let adapter = self.adapters.get(record.spec.transport.kind());
        let abort = life.abort.clone();
        record.life = Some(life);
        if let Some(reporter) = self.reporter(service) {
            self.helpers.spawn(life::launch(adapter, request, abort, reporter));
        }
    }

    fn act_on_life(&mut self, service: &ServiceName, action: Action) {
        let Some(reporter) = self.reporter(service) else { return };
        match action {
            // Done by the caller: there is no life yet.
            Action::Spawn => {}
            Action::AbortSpawn => {
                if let Some(life) = self.life_mut(service) {
                    life.abort.cancel();
                }
            }
            Action::Handshake => {
                let Some(life) = self.life_mut(service) else { return };
                let (cancel, settled) = (life.cancel.clone(), life.settled.clone());
                if let Some(handshake) = life.handshake.take() {
                    self.helpers.spawn(life::shake_hands(handshake, cancel, settled, reporter));
                }
            }
            Action::Probe => self.probe(service, reporter),
            Action::Drain => {
                let Some(life) = self.life(service) else { return };
                // A probe under way is no call that deserves an answer.
                life.probes.cancel();
                let (session, cancel) = (life.session.clone(), life.cancel.clone());
                self.helpers.spawn(async move {
                    cancel.run_until_cancelled(life::drain(session, reporter)).await;
                });
            }
            Action::Close => {
                if let Some(life) = self.life_mut(service) {
                    life.end_session();
                    if let Some(endpoint) = &life.endpoint {
                        endpoint.close_input();
                    }
                }
            }
            Action::Term | Action::Kill | Action::Sweep => {
                let Some(life) = self.life_mut(service) else { return };
                life.end_session();
                let Some(endpoint) = &life.endpoint else { return };
                if matches!(action, Action::Term) { endpoint.terminate() } else { endpoint.kill() }
            }
        }
    }

    fn probe(&mut self, service: &ServiceName, reporter: Reporter) {
        let Some(record) = self.records.get(service) else { return };
        let Some(life) = &record.life else { return };
        let Some(session) = life.session.clone() else { return };
        let prober = Prober {
            session,
            specs: record.spec_feed.subscribe(),
            monitor: Arc::clone(&record.monitor),
            clock: Arc::clone(&self.shared.clock),
            outside: Arc::clone(&self.shared.outside),
            incarnation: life.incarnation,
            process: Arc::clone(&record.process),
            key: jitter_key(self.fleet.seed(), service),
            reporter,
        };
        self.helpers.spawn(prober.run(life.probes.clone()));
    }

    /// Where the helpers of its present life send their news.
    pub(crate) fn reporter(&self, service: &ServiceName) -> Option<Reporter> {
        let life = self.life(service)?.id;
        Some(Reporter { service: service.clone(), life, inbox: self.inbox.clone() })
    }
}
