//! Scenes of services that sleep until somebody needs them.

mod common;

use common::fleet_world::{World, def, name, names};
use common::script::scene;
use mcpstore_core::{
    Action, ChangedDef, FleetConfig, Input, Outcome, Reconfigure, Rejected, Rejection, Reply, Report, ServiceDef,
    Target,
};
use mcpstore_types::{Desired, Phase, PhaseName, Reason, ServiceState, StopKind};

fn lazy(text: &str) -> ServiceDef {
    ServiceDef { lazy: true, ..def(text) }
}

/// These are registered, and a start of all was given.
fn started(defs: Vec<ServiceDef>) -> World {
    let mut world = World::new(FleetConfig::default());
    world.must(Input::Register(defs));
    world.must(Input::Start(Target::All));
    world.answers();
    world
}

impl World {
    #[track_caller]
    fn wake(&mut self, service: &str) -> Reply {
        self.must(Input::Wake(name(service)))
    }

    #[track_caller]
    fn stays_down(&mut self, service: &str) {
        let refused = Rejection::Refused { name: name(service), rejected: Rejected::StaysDown };
        assert_eq!(self.rejected(Input::Wake(name(service))), refused);
    }

    #[track_caller]
    fn idles(&mut self, service: &str) {
        let incarnation = self.record(service).incarnation;
        self.must(Input::Report { service: name(service), incarnation, report: Report::Idle });
    }
}

fn asleep(kind: StopKind) -> Phase {
    Phase::Stopped { kind }
}

#[test]
fn a_start_of_all_leaves_the_lazy_ones_and_a_call_wakes_them_once() {
    let mut s = started(vec![def("eager"), lazy("db"), lazy("api: db")]);
    assert_eq!((s.phase("eager"), s.phase("api"), s.phase("db")), (PhaseName::Ready, PhaseName::Idle, PhaseName::Idle));
    let status = s.status("api");
    assert_eq!((status.state, status.reason, status.desired), (ServiceState::NotStarted, Reason::Lazy, Desired::Down));
    let from = s.mark();
    assert_eq!(s.wake("api").affected, [name("db"), name("api")]);
    assert_eq!((s.wake("api").affected, s.wake("db").affected), (vec![], vec![]));
    s.answers();
    s.wake("api");
    assert_eq!((s.phase("api"), s.who(from, Action::Spawn)), (PhaseName::Ready, "db api".into()));
    assert!(s.notice(from, "api", Reason::Woken).is_some());
}

#[test]
fn before_a_start_and_after_a_stop_nobody_wakes_it() {
    let mut s = scene(&[]);
    s.must(Input::Register(vec![lazy("a"), ServiceDef { enabled: false, ..lazy("off") }]));
    s.stays_down("a");
    assert_eq!(s.status("a").reason, Reason::Registered);
    s.must(Input::Start(Target::All));
    s.stays_down("off");
    s.stop("a");
    s.stays_down("a");
    s.must(Input::Start(Target::All));
    s.wake("a");
    s.answers();
    s.stop("a");
    s.goes_down("a");
    s.stays_down("a");
    // The start of all lets it sleep again, and says so.
    assert_eq!(s.must(Input::Start(Target::All)).affected, [name("a")]);
    assert_eq!((s.record("a").phase, s.status("a").reason), (asleep(StopKind::Idle), Reason::Idle));
    s.wake("a");
    s.answers();
    s.stop_all();
    s.stays_down("a");
}

#[test]
fn what_gave_up_is_not_tried_again_by_a_call_but_by_the_next_start_of_all() {
    let mut s = started(vec![lazy("a")]);
    s.wake("a");
    s.gives_up("a");
    let spawned = s.mark();
    // It is wanted up still, and has its own way back.
    assert_eq!((s.wake("a").affected, s.who(spawned, Action::Spawn)), (vec![], String::new()));
    s.must(Input::Start(Target::All));
    assert_eq!(s.record("a").phase, asleep(StopKind::Idle));
    s.wake("a");
    s.answers();
    assert_eq!(s.phase("a"), PhaseName::Ready);
}

#[test]
fn an_idle_service_is_stopped_unless_somebody_leans_on_it() {
    let mut s = started(vec![def("db"), def("api: db"), def("log: db after"), def("fan: db wants")]);
    s.idles("db");
    assert_eq!(s.phase("db"), PhaseName::Ready);
    s.stop("fan");
    s.goes_down("fan");
    s.idles("db");
    assert_eq!(s.phase("db"), PhaseName::Ready);
    s.idles("api");
    s.idles("db");
    assert_eq!((s.phase("api"), s.phase("db")), (PhaseName::Drain, PhaseName::Ready));
    s.goes_down("api");
    s.idles("db");
    s.goes_down("db");
    assert_eq!((s.record("api").phase, s.record("db").phase), (asleep(StopKind::Idle), asleep(StopKind::Idle)));
    assert_eq!((s.record("db").failures, s.status("db").reason, s.phase("log")), (0, Reason::Idle, PhaseName::Ready));
    // A reload that concerns neither revives neither; a call revives both.
    s.must(Input::Reconfigure(Reconfigure {
        changed: vec![ChangedDef { def: def("log"), restart: false }],
        start_added: true,
        ..Reconfigure::default()
    }));
    assert_eq!(s.phase("db"), PhaseName::Stopped);
    s.wake("api");
    s.answers();
    assert_eq!((s.phase("api"), s.phase("db")), (PhaseName::Ready, PhaseName::Ready));
}

#[test]
fn a_call_during_the_stop_of_an_idle_service_brings_it_back_and_during_a_users_stop_does_not() {
    let mut s = started(vec![def("a"), def("b")]);
    s.idles("a");
    s.step("a");
    let from = s.mark();
    assert_eq!((s.phase("a"), s.wake("a").affected), (PhaseName::Close, vec![name("a")]));
    s.comes_up("a");
    assert_eq!(s.path(from, "a"), "stopped starting running");
    assert_eq!((s.record("a").failures, s.who(from, Action::Spawn)), (0, "a".into()));
    s.stop("b");
    s.stays_down("b");
    // A user's stop over the idle one is a user's stop.
    s.idles("a");
    s.stop("a");
    s.stays_down("a");
    s.goes_down("a");
    s.stays_down("a");
}

#[test]
fn a_call_revives_nothing_that_a_user_stopped_and_stops_no_rival() {
    let mut s = started(vec![def("db"), lazy("api: db"), def("old"), lazy("new: old conflicts")]);
    let conflict = Rejection::Conflict { name: name("new"), with: name("old") };
    assert_eq!(s.rejected(Input::Wake(name("new"))), conflict);
    s.stop("db");
    s.goes_down("db");
    s.stays_down("api");
    s.stop("old");
    s.goes_down("old");
    s.wake("new");
    s.start("db");
    s.wake("api");
    s.answers();
    assert_eq!(
        (s.phase("new"), s.phase("api"), s.phase("old")),
        (PhaseName::Ready, PhaseName::Ready, PhaseName::Stopped)
    );
}

#[test]
fn a_reload_adds_lazy_services_asleep_and_starts_those_that_are_eager_now() {
    let mut s = started(vec![def("a")]);
    let added = |text, start_added| Reconfigure { added: vec![lazy(text)], start_added, ..Reconfigure::default() };
    s.must(Input::Reconfigure(added("b", true)));
    s.must(Input::Reconfigure(added("c", false)));
    assert_eq!(
        (s.phase("b"), s.status("b").reason, s.status("c").reason),
        (PhaseName::Idle, Reason::Lazy, Reason::Registered)
    );
    s.stays_down("c");
    let eager = |text| vec![ChangedDef { def: def(text), restart: false }];
    let reply =
        s.must(Input::Reconfigure(Reconfigure { changed: eager("b"), start_added: true, ..Reconfigure::default() }));
    assert_eq!(reply.outcomes, [(name("b"), Outcome::Started)]);
    s.answers();
    // And one that is lazy now goes on as it is.
    let lazily = vec![ChangedDef { def: lazy("a"), restart: false }];
    s.must(Input::Reconfigure(Reconfigure { changed: lazily, start_added: true, ..Reconfigure::default() }));
    assert_eq!((s.phase("a"), s.phase("b")), (PhaseName::Ready, PhaseName::Ready));
    s.must(Input::Restart { target: names("a"), force: false });
    s.answers();
    assert_eq!((s.phase("a"), s.record("a").incarnation.0), (PhaseName::Ready, 2));
}
