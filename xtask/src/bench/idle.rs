//! What a manager costs while nothing happens: many running services, each probed, sampled and recorded.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::manager::Manager;
use super::samples::Samples;
use super::servers::fixture;
use super::table::{Row, Size};

/// How long nothing happens.
const WATCHED: Duration = Duration::from_secs(30);

/// The processor time of a manager with 100 idle services, against the goal: half a percent of a core.
pub(super) fn run() -> Vec<Row> {
    let manager = Manager::start("idle", &config(100), 100);
    // Let the starts settle: their lists, their first samples.
    std::thread::sleep(Duration::from_secs(3));
    let (before, _) = manager.cost();
    let began = Instant::now();
    std::thread::sleep(WATCHED);
    let watched = began.elapsed();
    let used = manager.cost().0.saturating_sub(before);
    vec![Row {
        what: format!("idle: processor time of a manager with 100 running services in {} s", WATCHED.as_secs()),
        reference: "computed: 0.5 % of a core for as long".into(),
        reference_time: watched / 200,
        measured: Samples::new(vec![used]),
    }]
}

/// The resident memory of managers with 20 and with 100 services.
pub(super) fn sizes() -> Vec<Size> {
    [(20, 12), (100, 20)]
        .map(|(count, goal_mib)| {
            let manager = Manager::start("memory", &config(count), count);
            std::thread::sleep(Duration::from_secs(3));
            Size {
                what: format!("resident memory of a manager with {count} running services"),
                reference: "goal".into(),
                reference_bytes: goal_mib * 1024 * 1024,
                bytes: manager.cost().1,
            }
        })
        .into()
}

fn config(count: usize) -> Value {
    let service = |number: usize| (format!("service-{number}"), json!({ "command": fixture() }));
    json!({ "mcpServers": (0..count).map(service).collect::<Map<_, _>>() })
}
