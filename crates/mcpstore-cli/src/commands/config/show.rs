//! `config show`: what all files together state, before anything is filled in.

use std::fmt::Write as _;

use mcpstore::config::{Place, Plain, Source, Stated, StatedBlock, stated_blocks};
use mcpstore::types::suggestion;
use serde::Serialize;

use crate::args::{Global, ShowArgs};
use crate::config::{ConfigFiles, whole};
use crate::exit::{Exit, Failure};
use crate::output::{self, Schema};

pub(super) fn run(args: &ShowArgs, global: &Global) -> anyhow::Result<Exit> {
    let files = ConfigFiles::find(&args.config.config)?;
    let (sources, all) = whole(&files.files)?;
    for name in &args.names {
        if !all.iter().any(|stated| stated.name == name.as_str()) {
            let known: Vec<&str> = all.iter().map(|stated| stated.name.as_str()).collect();
            let message = format!("no service `{name}` in the config{}", suggestion(name, &known));
            return Err(Failure::new(Exit::NoSuchService, message).next("mcpstore config show -o name").into());
        }
    }
    let chosen = |stated: &&Stated| args.names.is_empty() || args.names.iter().any(|name| stated.name == name.as_str());
    let services: Vec<&Stated> = all.iter().filter(chosen).collect();
    // Whoever asks for services wants them alone.
    let blocks = if args.names.is_empty() { stated_blocks(&sources) } else { Vec::new() };
    let text = match global.output {
        output if output.is_json() => {
            output::print_json(&Schema::new("mcpstore.config/1", document(&services, &blocks, &sources)?))?;
            return Ok(Exit::Done);
        }
        crate::args::Format::Name => services.iter().map(|stated| format!("{}\n", stated.name)).collect(),
        _ if args.origin => with_origin(&services, &blocks, &sources),
        _ => {
            let members = services.iter().map(|stated| (stated.name.to_string(), stated.masked())).collect();
            let mut whole = vec![("mcpServers".to_owned(), Plain::Object(members))];
            whole.extend(blocks.iter().map(|block| (block.key.to_owned(), block.masked())));
            format!("{}\n", Plain::Object(whole).pretty())
        }
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

/// One line for each value, with the place that counts.
fn with_origin(services: &[&Stated], blocks: &[StatedBlock], sources: &[Source]) -> String {
    let mut rows: Vec<(String, String)> = Vec::new();
    for stated in services {
        rows.push((stated.name.to_string(), at(stated.place, sources)));
        for (path, value) in leaves(&stated.masked()) {
            let line = output::clean_line(&format!("{path} = {value}"));
            rows.push((format!("  {line}"), at(stated.place_of(&path), sources)));
        }
    }
    for block in blocks {
        rows.push((format!("({})", block.key), at(block.place, sources)));
        for (path, value) in leaves(&block.masked()) {
            let line = if path.is_empty() { value.to_string() } else { format!("{path} = {value}") };
            rows.push((format!("  {}", output::clean_line(&line)), at(block.place_of(&path), sources)));
        }
    }
    let widest = rows.iter().map(|(left, _)| left.chars().count()).filter(|width| *width <= 80).max().unwrap_or(0);
    let mut out = String::new();
    for (left, right) in rows {
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{left:<widest$}  {right}");
    }
    out
}

fn at(place: Place, sources: &[Source]) -> String {
    let name = sources.get(place.source).map_or("?", |source| source.name.as_str());
    format!("{name}:{}:{}", place.line, place.column)
}

/// Every value that is no object, by its path.
fn leaves(entry: &Plain) -> Vec<(String, &Plain)> {
    fn walk<'p>(value: &'p Plain, path: &str, out: &mut Vec<(String, &'p Plain)>) {
        match value {
            Plain::Object(members) if !members.is_empty() => {
                for (key, value) in members {
                    let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    walk(value, &inner, out);
                }
            }
            value => out.push((path.to_owned(), value)),
        }
    }
    let mut out = Vec::new();
    walk(entry, "", &mut out);
    out
}

/// `mcpstore.config/1`.
#[derive(Debug, Serialize)]
struct ConfigDoc {
    files: Vec<String>,
    services: Vec<ServiceDoc>,
    /// What stands beside the services; none when services were asked for by name.
    blocks: Vec<BlockDoc>,
}

#[derive(Debug, Serialize)]
struct BlockDoc {
    /// `defaults`, `gateway`, `profiles` or `alerts`.
    key: &'static str,
    #[serde(flatten)]
    place: PlaceDoc,
    /// With `***` for what may be secret.
    value: serde_json::Value,
    /// Where each value stands, by its path.
    origins: std::collections::BTreeMap<String, PlaceDoc>,
}

#[derive(Debug, Serialize)]
struct ServiceDoc {
    name: String,
    #[serde(flatten)]
    place: PlaceDoc,
    /// With `***` for what may be secret.
    entry: serde_json::Value,
    /// Where each value stands, by its path.
    origins: std::collections::BTreeMap<String, PlaceDoc>,
}

#[derive(Debug, Serialize)]
struct PlaceDoc {
    file: String,
    line: usize,
    column: usize,
}

fn document(services: &[&Stated], blocks: &[StatedBlock], sources: &[Source]) -> anyhow::Result<ConfigDoc> {
    let place = |place: Place| PlaceDoc {
        file: sources.get(place.source).map_or_else(String::new, |source| source.name.clone()),
        line: place.line,
        column: place.column,
    };
    let mut out = Vec::with_capacity(services.len());
    for stated in services {
        out.push(ServiceDoc {
            name: stated.name.to_string(),
            place: place(stated.place),
            entry: serde_json::from_str(&stated.masked().to_string())?,
            origins: stated.places().map(|(path, at)| (path.to_owned(), place(at))).collect(),
        });
    }
    let mut beside = Vec::with_capacity(blocks.len());
    for block in blocks {
        beside.push(BlockDoc {
            key: block.key,
            place: place(block.place),
            value: serde_json::from_str(&block.masked().to_string())?,
            origins: block.places().map(|(path, at)| (path.to_owned(), place(at))).collect(),
        });
    }
    let files = sources.iter().map(|source| source.name.clone()).collect();
    Ok(ConfigDoc { files, services: out, blocks: beside })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use mcpstore::config::stated;

    use super::*;

    #[test]
    fn every_value_has_its_place() {
        let sources = [
            Source::new(
                "team.yaml",
                "mcpServers:\n  api:\n    command: uvx\n    args: [acme]\n    env:\n      TOKEN: s3cret\n      REF: ${T}\n    timeouts:\n      call_total: 5m\n",
            ),
            Source::new(
                "mine.json",
                r#"{ "mcpServers": { "api": { "enabled": false, "timeouts": { "start": "5s" } } },
  "alerts": { "rules": { "gaveUp": { "for": "1m" } }, "sinks": [{ "type": "webhook", "url": "https://h/s3cret" }] } }"#,
            ),
            Source::new(
                "more.toml",
                "[alerts.rules.error_rate]\nresolve_after = \"5m\"\n[gateway]\nmax_parallel_starts = 3\n",
            ),
        ];
        let all = stated(&sources);
        let blocks = stated_blocks(&sources);
        let services: Vec<&Stated> = all.iter().collect();
        expect![[r#"
            api                                              team.yaml:2:3
              command = "uvx"                                team.yaml:3:5
              args = ["acme"]                                team.yaml:4:5
              env.TOKEN = "***"                              team.yaml:6:7
              env.REF = "${T}"                               team.yaml:7:7
              timeouts.callTotal = "5m"                      team.yaml:9:7
              timeouts.start = "5s"                          mine.json:1:60
              enabled = false                                mine.json:1:28
            (gateway)                                        more.toml:3:1
              maxParallelStarts = 3                          more.toml:4:1
            (alerts)                                         mine.json:2:13
              rules.gave_up.for = "1m"                       mine.json:2:38
              rules.error_rate.resolveAfter = "5m"           more.toml:2:1
              sinks = [{ "type": "webhook", "url": "***" }]  mine.json:2:55
        "#]]
        .assert_eq(&with_origin(&services, &blocks, &sources));
        let json = serde_json::to_string(&document(&services, &blocks, &sources).unwrap()).unwrap();
        assert!(json.contains(r#""timeouts.start":{"file":"mine.json","line":1,"column":60}"#), "{json}");
        assert!(!json.contains("s3cret"), "{json}");
    }
}
