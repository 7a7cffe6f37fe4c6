//! Ten times the text costs about ten times the time, whatever is wrong with it: a ratio, not a clock.
#![allow(clippy::disallowed_types)] // a test that measures asks the clock; the crate itself never does

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use mcpstore_config::{Nothing, Options, Source, parse, render, render_short};

/// The most that ten times the size may cost: a few times what it should, and less than half of what a square would.
const RATIO: f64 = 40.0;

/// The least time of a few runs: nothing but this work makes it longer.
fn cost(sources: &[Source], runs: usize) -> Duration {
    let once = || {
        let began = Instant::now();
        let parsed = parse(sources, &Nothing, &Options::default());
        assert!(!parsed.diagnostics.is_empty());
        let shown = render(&parsed.diagnostics[..parsed.diagnostics.len().min(20)], sources, false, 100);
        assert!(!shown.is_empty() && !render_short(&parsed.diagnostics, sources).is_empty());
        began.elapsed()
    };
    (0..runs).map(|_| once()).min().unwrap_or_default()
}

fn grows_evenly(what: &str, sources: impl Fn(usize) -> Vec<Source>, small: usize) {
    let [few, many] = [sources(small), sources(10 * small)];
    let ratio = |runs| cost(&many, runs).as_secs_f64() / cost(&few, 2 * runs).as_secs_f64().max(1e-4);
    // A machine that is busy with something else may spoil a run, not three.
    let mut least = ratio(2);
    for runs in 3..7 {
        if least >= RATIO {
            least = least.min(ratio(runs));
        }
    }
    assert!(least < RATIO, "{what}: ten times the size costs {least:.1} times the time");
}

/// A text of `count` entries in an object.
fn json(count: usize, mut entry: impl FnMut(&mut String, usize)) -> Vec<Source> {
    let mut text = String::from("{\"mcpServers\":{");
    for nth in 0..count {
        if nth > 0 {
            text.push(',');
        }
        entry(&mut text, nth);
    }
    text.push_str("}}");
    vec![Source::new("mcp.json", text)]
}

#[test]
fn services_with_errors_everywhere() {
    let entry = |out: &mut String, nth: usize| {
        let _ = write!(
            out,
            "\n\"service-{nth}\":{{\"command\":\"npx -y {nth}\",\"colour\":1,\"args\":[\"./a\",\"--token=abc{nth}\",5],\
             \"env\":{{\"API_TOKEN\":\"x{nth}\",\"N\":{nth},\"U\":\"${{UNSET}}\"}},\"cwd\":\"~/x\",\"dependsOn\":[\"servic-{nth}\",\"SERVICE-{nth}\"],\
             \"timeouts\":{{\"start\":5,\"call\":\"90m\"}},\"health\":{{\"timeout\":\"50s\",\"interval\":\"1s\"}}}},\n\"SERVICE-{nth}\":{{\"enabled\":false,\"command\":\"x\"}}"
        );
    };
    grows_evenly("10,000 services", |count| json(count, entry), 200);
}

#[test]
fn one_long_line() {
    let entry = |out: &mut String, nth: usize| {
        let _ = write!(out, "\"s{nth}\":{{\"command\":\"x\",\"args\":[{nth}]}}");
    };
    grows_evenly("one long line", |count| json(count, entry), 1_000);
}

#[test]
fn tools_of_many_services() {
    let entry = |out: &mut String, nth: usize| {
        let _ = write!(
            out,
            "\n\"s{nth}\":{{\"command\":\"x\",\"start\":\"lazy\",\"idleStop\":\"1m\",\"dependsOn\":[\"s{}\"],\"disabledTools\":[\"*x*y*\"],\
             \"tools\":{{\"allow\":[\"a\",\"a\",\"*a*b*\"],\"deny\":[\"a\"],\"rename\":{{\"a\":\"b\",\"c\":\"d\",\"e\":\"d\",\"abab\":\"t\"}}}}}}",
            nth / 2
        );
    };
    grows_evenly("tools of many services", |count| json(count, entry), 500);
    let profiles = |count: usize| {
        let profiles = "\"a b\":{\"services\":[\"a\"],\"tools\":{\"allow\":[\"x\"],\"deny\":[\"?\"]}},".repeat(count);
        let text = format!("{{\"mcpServers\":{{\"a\":{{\"command\":\"x\"}}}},\"profiles\":{{{profiles}}}}}");
        vec![Source::new("mcp.json", text)]
    };
    grows_evenly("views", profiles, 500);
}

#[test]
fn probes_conditions_and_alerts() {
    let entry = |out: &mut String, nth: usize| {
        let _ = write!(
            out,
            "\n\"s{nth}\":{{\"command\":\"x\",\"waitFor\":[{{\"file\":\"x\"}},{{\"tcp\":{nth}}}],\"breaker\":{{\"failures\":0}},\
             \"health\":{{\"probe\":{{\"tool\":\"t\",\"args\":{{\"token\":\"abc{nth}\"}}}},\"readiness\":{{\"exec\":[\"a\",\"--token\",\"b\"]}}}}}}"
        );
    };
    grows_evenly("probes of many services", |count| json(count, entry), 500);
    let alerts = |count: usize| {
        let sinks = "{\"type\":\"webhook\",\"url\":\"http://h/x\"},".repeat(count);
        let patterns = "\"none-*\",".repeat(count);
        let text = format!(
            "{{\"mcpServers\":{{\"a\":{{\"command\":\"x\"}}}},\"alerts\":{{\"rules\":{{{}\"latency\":{{\"services\":[{patterns}]}}}},\"sinks\":[{sinks}]}}}}",
            "\"gaveUp\":{\"threshold\":1},".repeat(count)
        );
        vec![Source::new("mcp.json", text)]
    };
    grows_evenly("many rules and sinks", alerts, 1_000);
}

#[test]
fn unknown_keys() {
    let keys = |count| {
        json(1, |out, _| {
            out.push_str("\"a\":{\"command\":\"x\"");
            (0..count).for_each(|nth| {
                let _ = write!(out, ",\"kex{nth}\":1");
            });
            out.push('}');
        })
    };
    grows_evenly("unknown keys", keys, 2_000);
    // The same keys in two texts, of which the second patches the first.
    let twice = |count| {
        let mut sources = keys(count);
        let patch = sources[0].text.replace("\"command\":\"x\"", "\"enabled\":true");
        sources.push(Source::new("other.json", patch));
        sources
    };
    grows_evenly("unknown keys of a patch", twice, 1_000);
}

#[test]
fn keys_and_services_that_stand_twice() {
    let keys = |count| {
        json(1, |out, _| {
            out.push_str("\"a\":{\"command\":\"x\"");
            (0..count).for_each(|_| out.push_str(",\"command\":\"x\""));
            out.push('}');
        })
    };
    grows_evenly("duplicate keys", keys, 1_000);
    let services = |count| {
        json(count, |out, nth| {
            let _ = write!(out, "\"s{}\":{{\"command\":\"x\"}}", nth % 10);
        })
    };
    grows_evenly("duplicate services", services, 1_000);
}

#[test]
fn dependencies_on_nothing() {
    let one = |count| {
        json(1, |out, _| {
            out.push_str("\"a\":{\"command\":\"x\",\"dependsOn\":[\"b\"");
            (0..count).for_each(|nth| {
                let _ = write!(out, ",\"nobody-{nth}\"");
            });
            out.push_str("]}");
        })
    };
    grows_evenly("unknown dependencies", one, 1_000);
    let each = |count| {
        json(count, |out, nth| {
            let _ = write!(out, "\"s{nth}\":{{\"command\":\"x\",\"dependsOn\":[\"n{nth}\"]}}");
        })
    };
    grows_evenly("an unknown dependency each", each, 1_000);
}

#[test]
fn anchors_and_aliases() {
    let text = |count: usize| {
        let mut text = String::from("mcpServers:\n");
        for nth in 0..count {
            let _ = write!(
                text,
                "  s{nth}:\n    command: x\n    env: &a{nth}\n      T: secret\n      N: 1\n  t{nth}:\n    command: x\n    env: *a{nth}\n"
            );
        }
        vec![Source::new("mcp.yaml", text)]
    };
    grows_evenly("anchors", text, 500);
}

#[test]
fn tables_and_headers() {
    let text = |count: usize| {
        let mut text = String::new();
        for nth in 0..count {
            let _ = write!(text, "[mcp_servers.s{nth}]\ncommand = 5\n[mcp_servers.s{nth}.env]\nA = \"x\"\n");
        }
        vec![Source::new("config.toml", text)]
    };
    grows_evenly("tables", text, 500);
    let broken = move |count| {
        let mut sources = text(count);
        sources[0].text.push_str("x = \n");
        sources
    };
    grows_evenly("tables of a broken text", broken, 500);
}

#[test]
fn what_may_be_a_secret() {
    for piece in [
        "://a:b",
        "a=",
        "--token ",
        "-----BEGIN ",
        "&a ",
        "*a ",
        "${",
        "\\\"",
        "env ",
        "eyJ",
        "ghp_",
        "x@",
        "{{",
        "%A",
        "sinks url: ,",
        "sinks server: ${} ",
        "sinks \"url\":\"a://\" ",
        "sinks a://b ",
        "\"Cookie:",
        "-H A: x",
        "'Cookie: ${A} ",
        "\nCookie:",
        "-H \"",
    ] {
        for name in ["a.json", "b.toml", "c.yaml"] {
            grows_evenly(piece, |count| vec![Source::new(name, format!("x{}", piece.repeat(count)))], 1_000);
        }
    }
}
