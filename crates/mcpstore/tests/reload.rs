//! Reloads by the difference of two configs, in virtual time over scripted services: they lead to where a fresh start leads,
//! and disturb nobody on the way.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mcpstore::config::diff;
use mcpstore::{
    AdapterSet, DepKind, Dependency, McpStore, Outcome, ServiceName, ServiceSpec, ServiceState, SpecDelta,
    SupervisorConfig,
};
use mcpstore_testkit::scripted::{Answering, Life, ScriptedAdapter};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const SERVICES: usize = 7;
/// Nobody changes it, and it depends on nobody.
const LONE: &str = "lone";
const KINDS: [DepKind; 5] = [DepKind::Requires, DepKind::Wants, DepKind::BindsTo, DepKind::PartOf, DepKind::After];

/// One service of a config: on whom of those before it it depends, and how; and what may change in it.
#[derive(Clone, Debug)]
struct Plan {
    edges: Vec<(usize, usize)>,
    enabled: bool,
    args: u8,
    interval: u64,
    tag: u8,
}

/// A config: who is in it, by number.
type Config = Vec<Option<Plan>>;

fn plan() -> impl Strategy<Value = Plan> {
    let edges = prop::collection::vec((0..SERVICES, 0..KINDS.len()), 0..3);
    (edges, prop::bool::weighted(0.6), 0..2_u8, 5..7_u64, 0..2_u8)
        .prop_map(|(edges, enabled, args, interval, tag)| Plan { edges, enabled, args, interval, tag })
}

fn config() -> impl Strategy<Value = Config> {
    prop::collection::vec(prop::option::weighted(0.8, plan()), SERVICES)
}

fn name(index: usize) -> ServiceName {
    // The order of names is not that of the numbers.
    ServiceName::new(["mole", "ant", "bee", "zebra", "cat", "dog", "yak"][index]).unwrap()
}

fn specs(config: &Config) -> Vec<ServiceSpec> {
    let mut specs = vec![ServiceSpec::stdio(ServiceName::new(LONE).unwrap(), "scripted", Vec::<String>::new())];
    for (index, plan) in config.iter().enumerate() {
        let Some(plan) = plan else { continue };
        let mut spec = ServiceSpec::stdio(name(index), "scripted", [plan.args.to_string()]);
        for (to, kind) in plan.edges.iter().filter(|(to, _)| *to < index && config[*to].is_some()) {
            spec = spec.with_dependency(Dependency::new(name(*to), KINDS[*kind]));
        }
        spec.enabled = plan.enabled;
        spec.policy.health.interval = Duration::from_secs(plan.interval);
        spec.tags = vec![plan.tag.to_string()];
        specs.push(spec);
    }
    specs
}

/// A store of scripted services, each of which takes its time to come, to answer and to go.
fn store() -> (McpStore, ScriptedAdapter) {
    let world = ScriptedAdapter::new("stdio");
    let adapters = AdapterSet::empty().with(Arc::new(world.clone()));
    let store = McpStore::with_config(SupervisorConfig { adapters, ..SupervisorConfig::default() });
    for index in 0..SERVICES {
        let after = |ms: u64| Duration::from_millis(ms * (1 + index as u64));
        let life = Life { on_close: Some(after(7)), call: Answering::After(after(60)), ..Life::slow(after(11)) };
        world.script(&name(index), [life]);
    }
    (store, world)
}

/// Who runs, once nothing moves any more.
async fn running(store: &McpStore) -> Vec<String> {
    tokio::time::sleep(Duration::from_secs(120)).await;
    let mut running: Vec<_> = store
        .list_services()
        .iter()
        .filter(|info| info.status.state == ServiceState::Running)
        .map(|info| info.name().to_string())
        .collect();
    running.sort();
    running
}

async fn fresh_start(config: &Config) -> Vec<String> {
    let (store, _world) = store();
    store.add_services(specs(config)).await.unwrap();
    store.start_all().await.unwrap();
    running(&store).await
}

fn lives(store: &McpStore) -> BTreeMap<ServiceName, u64> {
    store.list_services().iter().map(|info| (info.name().clone(), info.status.incarnation.0)).collect()
}

async fn reloads(configs: Vec<(u64, Config)>) {
    let (store, world) = store();
    let (first, rest) = configs.split_first().unwrap();
    store.add_services(specs(&first.1)).await.unwrap();
    store.supervisor().start(mcpstore::Target::All).await.unwrap();
    for (pause, config) in rest {
        tokio::time::sleep(Duration::from_millis(*pause)).await;
        let delta = diff(&store.supervisor().specs(), &specs(config));
        store.supervisor().apply(delta, true).await.unwrap();
    }
    let (_, last) = configs.last().unwrap();
    assert_eq!(running(&store).await, fresh_start(last).await, "not where a fresh start leads");
    assert!(diff(&store.supervisor().specs(), &specs(last)).is_empty(), "the specs are others");
    assert_eq!(store.service_status(LONE).unwrap().incarnation.0, 1);
    assert_eq!(world.most_alive_at_once(), 1);
}

proptest! {
    /// Whatever the configs, and in whatever moment of the reload before, or of the start, the next one comes.
    #[test]
    fn a_reload_leads_to_where_a_fresh_start_leads(
        configs in prop::collection::vec((prop_oneof![Just(0_u64), 0..60_u64, Just(60_000)], config()), 2..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(reloads(configs));
    }
}

/// The configs of a fixed seed.
fn configs(count: usize) -> Vec<Config> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| config().new_tree(&mut runner).unwrap().current()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_reloads_disturb_no_call_and_restart_nobody_without_need() {
    let (store, world) = store();
    let mut before = specs(&configs(1)[0]);
    store.add_services(before.clone()).await.unwrap();
    store.start_all().await.unwrap();
    let mut seen = BTreeMap::<&str, usize>::new();
    let mut calls_made = 0;
    for config in configs(100) {
        let after = specs(&config);
        let delta = diff(&before, &after);
        let lives_before = lives(&store);
        let running = store.list_services().into_iter().filter(|info| info.status.state == ServiceState::Running);
        let calls: Vec<_> = running
            .map(|info| {
                let (store, name) = (store.clone(), info.name().clone());
                tokio::spawn(async move {
                    let result = store.call_tool(name.as_str(), "echo", "{}").await;
                    assert!(result.is_ok(), "a call of {name} failed: {result:?}");
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(1)).await;
        calls_made += calls.len();
        let reply = store.apply(delta.clone(), true).await.unwrap();
        for call in calls {
            call.await.unwrap();
        }
        let outcomes: BTreeMap<_, _> = reply.outcomes.iter().cloned().collect();
        for (name, life) in lives(&store) {
            let outcome = outcomes.get(&name);
            *seen.entry(outcome.map_or("untouched", |outcome| outcome.as_str())).or_default() += 1;
            let expected = match outcome {
                Some(Outcome::Started) => lives_before.get(&name).copied().unwrap_or(0) + 1,
                Some(Outcome::Restarted) => lives_before[&name] + 1,
                _ => lives_before.get(&name).copied().unwrap_or(0),
            };
            assert_eq!(life, expected, "{name} is {outcome:?}");
        }
        for name in &delta.removed {
            assert!(store.service_info(name.as_str()).is_none(), "{name} is still there");
        }
        before = after;
    }
    assert_eq!(store.service_status(LONE).unwrap().incarnation.0, 1);
    assert_eq!(world.most_alive_at_once(), 1);
    // The test means something only if all of it happened, and often.
    assert!(calls_made > 200, "{calls_made} calls");
    for outcome in ["started", "restarted", "stopped", "updated", "stored", "untouched"] {
        assert!(seen.get(outcome).is_some_and(|times| *times >= 10), "{outcome} in {seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_of_the_same_config_is_nothing() {
    let (store, _world) = store();
    let same = specs(&configs(1)[0]);
    store.add_services(same.clone()).await.unwrap();
    store.start_all().await.unwrap();
    let (version, seen) = (store.supervisor().snapshot().version, store.supervisor().events().last_seq());
    let delta = diff(&store.supervisor().specs(), &same);
    assert_eq!(delta, SpecDelta::default());
    assert!(store.apply(delta, true).await.unwrap().outcomes.is_empty());
    assert_eq!((store.supervisor().snapshot().version, store.supervisor().events().last_seq()), (version, seen));
}
