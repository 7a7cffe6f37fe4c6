//! The chain of a made-up start. `UPDATE_EXPECT=1` writes the texts anew.

use expect_test::expect_file;
use mcpstore::types::{DepCondition, DepKind};
use mcpstore::{Dependency, ServiceName};

use super::chain::critical_chain;
use super::text::chain_text;
use super::{ChainModel, ServiceStart, show};
use crate::args::{CriticalChainArgs, Global};
use crate::exit::{Exit, Failure};
use crate::output::{Schema, Term};
use crate::views_doc::View;

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

/// A service that was asked to start at once; its moments are those of spawn, init, probe, ready.
fn start(service: &str, on: &[&str], moments: &[f64]) -> ServiceStart {
    ServiceStart {
        service: name(service),
        depends_on: on.iter().map(|on| Dependency::requires(name(on))).collect(),
        asked: 0.1,
        spawn: moments.first().copied(),
        init: moments.get(1).copied(),
        probe: moments.get(2).copied(),
        ready: moments.get(3).copied(),
    }
}

/// files ← search ← api ← web; api needs files too, and mail nobody.
fn model() -> ChainModel {
    ChainModel {
        services: vec![
            start("files", &[], &[0.1, 0.15, 0.9, 1.0]),
            start("search", &["files"], &[1.5, 1.6, 9.6, 9.8]),
            start("mail", &[], &[0.1, 0.2, 3.0, 3.1]),
            start("api", &["files", "search", "mail"], &[9.8, 10.0, 11.0, 11.25]),
            start("web", &["api", "files"], &[11.25, 11.3, 11.9, 12.0]),
            start("alone", &[], &[0.2, 0.3, 0.4, 0.5]),
        ],
    }
}

/// What the docs show.
pub(crate) fn views() -> Vec<View> {
    let text = critical_chain(&model(), None).map(|found| chain_text(&found, &Term::PLAIN)).unwrap();
    vec![View::console("critical-chain", "mcpstore critical-chain", &text)]
}

fn chain_of(model: &ChainModel, service: Option<&str>) -> Vec<String> {
    let found = critical_chain(model, service.map(name).as_ref()).unwrap();
    found.chain.into_iter().map(|link| link.service).collect()
}

#[test]
fn the_slowest_chain_is_marked() {
    let found = critical_chain(&model(), None).unwrap();
    assert_eq!(chain_of(&model(), None), ["files", "search", "api", "web"]);
    expect_file!["snapshots/chain.txt"].assert_eq(&chain_text(&found, &Term::PLAIN));
    let json = serde_json::to_string_pretty(&Schema::new("mcpstore.critical_chain/1", found)).unwrap();
    expect_file!["snapshots/chain.json"].assert_eq(&format!("{json}\n"));
}

#[test]
fn the_parts_of_the_chain_add_up() {
    let found = critical_chain(&model(), None).unwrap();
    let took: f64 = found.chain.iter().map(|link| link.took.unwrap()).sum();
    // From when the first was asked until the last was ready, without a gap.
    assert!((took - (12.0 - 0.1)).abs() < 1e-9, "{took}");
    for link in &found.chain {
        let steps = [link.steps.slot, link.steps.launch, link.steps.handshake, link.steps.check];
        let sum: f64 = steps.into_iter().flatten().sum();
        assert!((sum - link.took.unwrap()).abs() < 1e-9, "{link:?}");
    }
    assert_eq!(found.chain[1].steps.slot.map(|slot| (slot * 10.0).round()), Some(5.0), "half a second for a slot");
}

#[test]
fn a_chain_ends_where_it_is_asked_to() {
    assert_eq!(chain_of(&model(), Some("search")), ["files", "search"]);
    assert_eq!(chain_of(&model(), Some("alone")), ["alone"]);
    assert_eq!(critical_chain(&model(), Some(&name("nobody"))), None);
    assert_eq!(critical_chain(&ChainModel::default(), None), None);
}

#[test]
fn who_is_not_there_is_a_failure() {
    for unknown in ["nobody", "no name at all\n"] {
        let args = CriticalChainArgs { service: Some(unknown.to_owned()) };
        let error = show(&model(), &args, &Global::default()).unwrap_err();
        assert_eq!(error.downcast::<Failure>().unwrap().exit, Exit::NoSuchService);
    }
}

#[test]
fn what_was_not_waited_for_is_no_part_of_it() {
    let mut model = model();
    // Started anew after api was launched: that did not wait for this life.
    model.services[1].ready = Some(50.0);
    assert_eq!(chain_of(&model, Some("api")), ["mail", "api"]);
    // Ready before it was asked for.
    model.services[3].asked = 5.0;
    assert_eq!(chain_of(&model, Some("api")), ["api"]);
    // Only that it exists was waited for.
    let mut model = self::model();
    model.services[3].depends_on[1].condition = DepCondition::Started;
    assert_eq!(chain_of(&model, Some("api")), ["mail", "api"], "search was there at 1.6");
    // No order.
    let mut model = self::model();
    model.services[3].depends_on.iter_mut().for_each(|dependency| dependency.kind = DepKind::PartOf);
    assert_eq!(chain_of(&model, Some("api")), ["api"]);
}

#[test]
fn what_is_not_ready_holds_up() {
    let mut model = model();
    model.services[1] = start("search", &["files"], &[1.5, 1.6]);
    model.services[3] = start("api", &["files", "search", "mail"], &[]);
    model.services[4] = start("web", &["api", "files"], &[]);
    assert_eq!(chain_of(&model, None), ["mail"], "the last of those that are ready");
    assert_eq!(chain_of(&model, Some("web")), ["files", "search", "api", "web"]);
    let text = chain_text(&critical_chain(&model, Some(&name("web"))).unwrap(), &Term::PLAIN);
    expect_file!["snapshots/not_ready.txt"].assert_eq(&text);
}

#[test]
fn a_circle_ends_too() {
    let mut model = model();
    model.services[0].depends_on.push(Dependency::requires(name("web")));
    model.services[0].spawn = None;
    assert!(critical_chain(&model, None).unwrap().chain.len() <= 5);
}

#[test]
fn the_model_travels() {
    let json = serde_json::to_string(&model()).unwrap();
    let read: ChainModel = serde_json::from_str(&json).unwrap();
    assert_eq!(critical_chain(&read, None), critical_chain(&model(), None));
}
