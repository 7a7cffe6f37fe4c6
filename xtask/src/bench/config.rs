//! Reading a config of very many services.
//!
//! The reference is serde_json reading the same bytes into its own tree: no comments, no places, no checks, no specs. It is what
//! looking at every byte costs.

use std::fmt::Write as _;

use mcpstore_config::{Nothing, Options, Parsed, Source, parse};

use super::samples::in_turns;
use super::table::Row;

const SERVICES: usize = 10_000;
const RUNS: usize = 20;

/// One good config, as a person would write it.
pub(super) fn run() -> Vec<Row> {
    let sources = [Source::new("mcp.json", text())];
    let (plain, time) = in_turns(RUNS, || plain(&sources[0].text), || ours(&sources));
    let size = sources[0].text.len() / 1024;
    vec![Row {
        what: format!("config: read and check {SERVICES} services, {size} KiB of JSON"),
        reference: "serde_json into a `Value`".into(),
        reference_time: plain.p50(),
        measured: time,
    }]
}

fn plain(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("it is JSON")
}

fn ours(sources: &[Source]) -> Parsed {
    let parsed = parse(sources, &Nothing, &Options::default());
    assert_eq!((parsed.config.services.len(), parsed.diagnostics.len()), (SERVICES, 0));
    parsed
}

fn text() -> String {
    let mut text = String::from("{\n  \"mcpServers\": {");
    for nth in 0..SERVICES {
        let comma = if nth > 0 { "," } else { "" };
        let after = if nth > 0 { format!("\"service-{}\"", nth / 2) } else { String::new() };
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "{comma}\n    \"service-{nth}\": {{\n      \"command\": \"npx\",\n      \"args\": [\"-y\", \"@example/server-{nth}\", \"--root\", \"/srv/{nth}\"],\n      \"env\": {{ \"MODE\": \"production\", \"LEVEL\": \"info\" }},\n      \"dependsOn\": [{after}],\n      \"timeouts\": {{ \"start\": \"30s\" }},\n      \"tags\": [\"one\", \"two\"]\n    }}"
        );
    }
    text.push_str("\n  }\n}\n");
    text
}
