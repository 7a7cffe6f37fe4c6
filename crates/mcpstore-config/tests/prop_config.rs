//! Properties: no text makes the reader or the renderer panic, every place lies in its text, a difference is empty exactly
//! when there is none. `PROPTEST_CASES` sets how many cases are tried (256 by default).

use std::collections::BTreeMap;
use std::time::Duration;

use mcpstore_config::{
    Diagnostic, MAX_DIAGNOSTICS, Options, Parsed, Place, Source, Variables, cycle_diagnostic, diff, parse, render,
    render_short,
};
use mcpstore_types::{
    Backoff, BreakerPolicy, ChangeImpact, DepCondition, DepKind, Dependency, Era, EraChoice, Expose, HealthSpec,
    HttpSpec, Isolation, Limits, OtherSpec, Policy, ProbeKind, RecyclePolicy, RestartMode, RestartPolicy, Sandbox,
    Secret, ServiceName, ServiceSpec, StartMode, StdioSpec, Timeouts, ToolRules, TransportSpec, WaitCondition,
};
use proptest::prelude::*;

/// A config that has a bit of everything, good and bad, with characters of one to four bytes and tabs.
const SEED: &str = r#"// größe
{
	"mcpServers": {
		"filesystem": { "command": "npx", "args": ["-y", "${HOME:-日本}/x", "${NONE}"], "env": { "TOKEN": "s3cr3t-литерал", "N": 1 } },
		"search": { "url": "https://mcp.example.com/mcp", "headers": { "Authorization": "Bearer ${env:HOME}" }, "type": "http" },
		"🞄": { "command": "x" }, /* env: s3cr3t */ "sélf": 1,
		"api": { "command": "uvx", "dependsOn": ["filesytem", { "on": "search", "kind": "wants", "condition": "ready" }, "api"],
		         "restart": { "policy": "on_failure", "maxAttempts": 5, "jitter": 0.2, "delay": "1s", "maxDelay": "60s" },
		         "recovery": "seed", "health": { "probe": { "tool": "größe", "args": { "n": [1, "${HOME}"] } }, "readiness": { "tcp": 80 }, "interval": "10s", "fall": 3 },
		         "waitFor": [{ "tcp": "日本:1" }, { "exec": ["x", "${NONE}"] }, { "file": "~/x" }], "breaker": { "failures": 0 }, "recycle": { "maxMemory": "1" },
		         "timeouts": { "start": "60s", "call": 60 }, "tags": ["prod", "ключ"], "sandbox": "restrcted",
		         "tools": { "allow": ["größe*"], "deny": [], "rename": { "größe": "ключ", "a": "b", "c": "b" }, "expose": "plane" }, "start": "lasy", "idleStop": "0s",
		         "limits": { "memory": "512MB", "files": 1e9, "procs": 1 }, "inheritEnv": ["AWS_*", "*"], "sandboxRead": ["${HOME:-/x}"], "comand": "\u00e9\n", "enabled": true, }
	},
	"defaults": { "timeouts": { "stop": "1s" } }, "gateway": { "maxParallelStarts": 4, "listen": "x", "tls": { "key": "~/k" }, "origins": ["*"] },
	"profiles": { "größe": { "services": ["api"], "tools": { "allow": [] } } },
	"alerts": { "rules": { "errorRate": { "threshold": "10%", "clear": 0.5, "services": ["ap*", "ключ"] }, "latncy": false },
	            "sinks": [{ "type": "webhook", "url": "https://h/s3cr3t-литерал", "template": "slak" }, { "type": "command", "command": "x y" }] }
}
"#;

fn env(name: &str) -> Option<String> {
    (name == "HOME").then(|| "/srv/expanded-value".to_owned())
}

/// Reads and renders everything, and checks what must hold of any text.
fn check(texts: &[&str], strict: bool) -> Result<Parsed, TestCaseError> {
    let sources: Vec<Source> = texts.iter().map(|text| Source::new("mcp.json", *text)).collect();
    let parsed = parse(&sources, &Variables(env), &Options { strict });
    prop_assert_eq!(&parse(&sources, &Variables(env), &Options { strict }), &parsed);
    for diagnostic in &parsed.diagnostics {
        prop_assert!(diagnostic.primary.is_some(), "{diagnostic:?}");
        let places = diagnostic.primary.iter().chain(diagnostic.related.iter().map(|(place, _)| place));
        for place in places {
            check_place(*place, &sources)?;
        }
    }
    for (name, origin) in &parsed.config.origins {
        check_place(origin.place(), &sources)?;
        let spec = parsed.config.services.iter().find(|spec| spec.name == *name);
        prop_assert_eq!(spec.is_none(), parsed.config.left_out.contains(name));
        if let Some(spec) = spec {
            prop_assert_eq!(spec.dependencies.len(), origin.dependency_spans.len());
            for dependency in &spec.dependencies {
                prop_assert!(parsed.config.origins.contains_key(&dependency.on));
                prop_assert!(dependency.on != spec.name);
            }
        }
    }
    let mut in_order: Vec<Place> = Vec::new();
    for spec in &parsed.config.services {
        in_order.push(parsed.config.origins[&spec.name].place());
    }
    prop_assert!(in_order.is_sorted_by(|a, b| (a.source, a.span) < (b.source, b.span)));
    if parsed.config.services.len() < parsed.config.origins.len() {
        prop_assert!(parsed.has_errors());
    }
    check_rendering(&parsed.diagnostics, &sources)?;
    Ok(parsed)
}

fn check_place(place: Place, sources: &[Source]) -> Result<(), TestCaseError> {
    let text = sources[place.source].text.as_str();
    let (start, end) = (place.span.start, place.span.end);
    prop_assert!(start <= end && text.get(start..end).is_some(), "{place:?} is outside of {text:?}");
    // Counted the slow way.
    let before = text[..start].strip_prefix('\u{feff}').unwrap_or(&text[..start]);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    prop_assert_eq!(place.line, before.matches('\n').count() + 1);
    prop_assert_eq!(place.column, before[line_start..].chars().count() + 1);
    Ok(())
}

fn check_rendering(diagnostics: &[Diagnostic], sources: &[Source]) -> Result<(), TestCaseError> {
    let long = render(diagnostics, sources, false, 80);
    prop_assert_eq!(render(diagnostics, sources, true, 0).is_empty(), diagnostics.is_empty());
    let short = render_short(diagnostics, sources);
    prop_assert_eq!(short.lines().count(), diagnostics.len());
    for diagnostic in diagnostics {
        if let Some(place) = diagnostic.primary {
            let head = format!("mcp.json:{}:{}", place.line, place.column);
            prop_assert!(long.contains(&head), "{head} is not in\n{long}");
            prop_assert!(short.contains(&head));
        }
    }
    for shown in [&long, &short] {
        prop_assert!(!shown.contains("expanded-value"), "{shown}");
        prop_assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown:?}");
    }
    // With other texts than the diagnostics came from, the answer is of no use, but there is one.
    for others in [vec![], vec![Source::new("x", "é\n")]] {
        prop_assert_eq!(render(diagnostics, &others, false, 80).is_empty(), diagnostics.is_empty());
    }
    Ok(())
}

/// `SEED` with some of its characters taken out, doubled or replaced.
fn mutated() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(String::new()),
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("\"".to_owned()),
        Just(",".to_owned()),
        Just("[".to_owned()),
        Just("${".to_owned()),
        Just("\\".to_owned()),
        Just("\r".to_owned()),
        Just("\n".to_owned()),
        Just("null".to_owned()),
        Just("/*".to_owned()),
        Just("\u{1b}[31m".to_owned()),
        Just("\u{202e}".to_owned()),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, piece), 0..6).prop_map(|edits| {
        let mut characters: Vec<String> = SEED.chars().map(String::from).collect();
        for (at, taken, put) in edits {
            let at = at.index(characters.len());
            let end = (at + taken).min(characters.len());
            characters.splice(at..end, [put]);
        }
        characters.concat()
    })
}

/// Texts that are made of a config's words in any order.
fn soup() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"mcpServers\":",
        "\"a\":",
        "\"b\":",
        "{\"command\":\"x\"}",
        "\"dependsOn\":",
        "\"env\":",
        "\"a\"",
        "\"${X}\"",
        "1",
        "-0.5e9",
        "true",
        "null",
        "\"10s\"",
        "\"restart\":",
        "\"health\":",
        " ",
        "\n",
        "\t",
        "// c\n",
        "é",
    ]);
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("a good name")
}

fn duration() -> impl Strategy<Value = Duration> {
    (0..4_u64).prop_map(Duration::from_secs)
}

fn texts() -> impl Strategy<Value = BTreeMap<String, Secret>> {
    prop::collection::btree_map("[AB]", "[xy]".prop_map(Secret::new), 0..3)
}

fn transport() -> impl Strategy<Value = TransportSpec> {
    prop_oneof![
        ("[ab]", prop::collection::vec("[ab]", 0..3), texts(), prop::option::of("[ab]")).prop_map(
            |(command, args, env, cwd)| {
                TransportSpec::Stdio(StdioSpec { command, args, env, cwd: cwd.map(Into::into), ..StdioSpec::default() })
            }
        ),
        confined().prop_map(TransportSpec::Stdio),
        (http(), prop::bool::ANY).prop_map(|(http, sse)| if sse {
            TransportSpec::Sse(http)
        } else {
            TransportSpec::Http(http)
        }),
        ("[ab]", texts()).prop_map(|(kind, settings)| TransportSpec::Other(OtherSpec { kind, settings })),
    ]
}

fn confined() -> impl Strategy<Value = StdioSpec> {
    let paths = || prop::collection::vec("/[ab]".prop_map(std::path::PathBuf::from), 0..2);
    let limit = || prop::option::of(0..2_u64);
    let sandbox = prop::sample::select(Sandbox::WORDS.map(|(_, sandbox)| sandbox).to_vec());
    (prop::collection::vec("[AB]", 0..2), sandbox, paths(), paths(), (limit(), limit(), limit())).prop_map(
        |(inherit_env, sandbox, sandbox_read, sandbox_write, (memory, files, processes))| StdioSpec {
            inherit_env,
            sandbox,
            sandbox_read,
            sandbox_write,
            limits: Limits { memory, files, processes },
            ..StdioSpec::default()
        },
    )
}

fn http() -> impl Strategy<Value = HttpSpec> {
    ("[ab]", texts(), prop::option::of("[ab]")).prop_map(|(url, headers, ca_file)| HttpSpec {
        url,
        headers,
        ca_file: ca_file.map(Into::into),
        ..HttpSpec::default()
    })
}

fn dependency() -> impl Strategy<Value = Dependency> {
    let (kinds, conditions) = (DepKind::ALL.to_vec(), DepCondition::ALL.to_vec());
    ("[ab]", prop::sample::select(kinds), prop::sample::select(conditions))
        .prop_map(|(on, kind, condition)| Dependency { on: name(&on), kind, condition })
}

fn policy() -> impl Strategy<Value = Policy> {
    let backoff = (duration(), duration(), 0..3_u8).prop_map(|(delay, max_delay, jitter_percent)| Backoff {
        delay,
        max_delay,
        jitter_percent,
    });
    let restart =
        (
            prop::sample::select(RestartMode::ALL.to_vec()),
            1..3_u32,
            duration(),
            1..3_u32,
            backoff,
            duration(),
            prop::option::of(duration()),
        )
            .prop_map(|(mode, max_attempts, window, max_in_window, backoff, stable_after, slow_retry)| {
                RestartPolicy { mode, max_attempts, window, max_in_window, backoff, stable_after, slow_retry }
            });
    let timeouts = prop::collection::vec(duration(), 11).prop_map(|d| Timeouts {
        wait: d[0],
        start: d[1],
        handshake: d[2],
        list: d[3],
        call: d[4],
        call_total: d[5],
        drain: d[6],
        close: d[7],
        term: d[8],
        kill: d[9],
        reap: d[10],
    });
    let health = ((probe(), prop::option::of(probe())), duration(), duration(), 1..3_u32, 1..3_u32, duration())
        .prop_map(|((probe, readiness), interval, timeout, rise, fall, startup)| HealthSpec {
            probe,
            readiness,
            interval,
            timeout,
            rise,
            fall,
            startup,
        });
    let breaker = (1..3_u32, 1..3_u32, 1..3_u8, duration(), duration(), duration()).prop_map(
        |(failures, window, failure_percent, open_for, max_open_for, trial_timeout)| BreakerPolicy {
            failures,
            window,
            failure_percent,
            open_for,
            max_open_for,
            trial_timeout,
        },
    );
    let recycle = (prop::option::of(0..2_u64), prop::option::of(duration()))
        .prop_map(|(max_memory, max_age)| RecyclePolicy { max_memory, max_age });
    (restart, timeouts, health, prop::option::of(breaker), recycle).prop_map(
        |(restart, timeouts, health, breaker, recycle)| Policy { restart, timeouts, health, breaker, recycle },
    )
}

fn probe() -> impl Strategy<Value = ProbeKind> {
    prop_oneof![
        prop::sample::select(vec![ProbeKind::Auto, ProbeKind::Ping, ProbeKind::Discover, ProbeKind::List]),
        ("[ab]", "[ab]").prop_map(|(name, args)| ProbeKind::Tool { name, args }),
        "[ab]".prop_map(|url| ProbeKind::Http { url }),
        "[ab]".prop_map(|address| ProbeKind::Tcp { address }),
        ("[ab]", prop::collection::vec("[ab]", 0..2)).prop_map(|(command, args)| ProbeKind::Exec { command, args }),
    ]
}

fn condition() -> impl Strategy<Value = WaitCondition> {
    prop_oneof![
        "[ab]".prop_map(|address| WaitCondition::Tcp { address }),
        "[ab]".prop_map(|url| WaitCondition::Http { url }),
        "[ab]".prop_map(|path| WaitCondition::File { path: path.into() }),
        ("[ab]", prop::collection::vec("[ab]", 0..2)).prop_map(|(command, args)| WaitCondition::Exec { command, args }),
    ]
}

fn era() -> impl Strategy<Value = EraChoice> {
    prop::sample::select(vec![EraChoice::Auto, EraChoice::Only(Era::Handshake), EraChoice::Only(Era::Stateless)])
}

/// A spec whose every field varies.
fn spec() -> impl Strategy<Value = ServiceSpec> {
    let words = || prop::collection::vec("[tu]", 0..2);
    (
        transport(),
        (prop::collection::vec(dependency(), 0..3), prop::collection::vec(condition(), 0..2)),
        policy(),
        any::<bool>(),
        words(),
        prop::option::of("[de]"),
        era(),
        exposure(),
    )
        .prop_map(|(transport, (dependencies, wait_for), policy, enabled, tags, description, era, exposure)| {
            ServiceSpec {
                wait_for,
                name: name("s"),
                transport,
                era,
                dependencies,
                policy,
                enabled,
                tags,
                description,
                tools: exposure.0,
                isolation: exposure.1,
                start: exposure.2,
                idle_stop: exposure.3,
                instance_of: None,
            }
        })
}

fn exposure() -> impl Strategy<Value = (ToolRules, Isolation, StartMode, Option<Duration>)> {
    let words = || prop::collection::vec("[tu]", 0..2);
    let texts = || prop::collection::btree_map("[tu]", "[tu]", 0..2);
    let expose = prop::sample::select(vec![Expose::Prefixed, Expose::Plain]);
    let rules = (words(), words(), texts(), texts(), expose)
        .prop_map(|(allow, deny, rename, describe, expose)| ToolRules { allow, deny, rename, describe, expose });
    (
        rules,
        prop::sample::select(vec![Isolation::Auto, Isolation::Shared, Isolation::PerSession]),
        prop::sample::select(vec![StartMode::Eager, StartMode::Lazy]),
        prop::option::of(duration()),
    )
}

/// Puts one part of `other` into `spec`; by number, so that a single field differs.
fn mix(mut spec: ServiceSpec, other: ServiceSpec, part: usize) -> ServiceSpec {
    let (to, from) = (&mut spec.policy, other.policy);
    match part {
        0 => spec.transport = other.transport,
        1 => spec.dependencies = other.dependencies,
        2 => to.restart = from.restart,
        3 => to.restart.backoff = from.restart.backoff,
        4 => to.timeouts = from.timeouts,
        5 => to.timeouts.reap = from.timeouts.reap,
        6 => to.health = from.health,
        7 => to.health.startup = from.health.startup,
        8 => spec.enabled = other.enabled,
        9 => spec.tags = other.tags,
        10 => spec.description = other.description,
        11 => spec.era = other.era,
        12 => spec.wait_for = other.wait_for,
        13 => to.breaker = from.breaker,
        14 => to.recycle = from.recycle,
        15 => to.health.readiness = from.health.readiness,
        16 => spec.tools = other.tools,
        17 => spec.tools.describe = other.tools.describe,
        18 => spec.isolation = other.isolation,
        19 => spec.start = other.start,
        20 => spec.idle_stop = other.idle_stop,
        _ => {}
    }
    spec
}

fn set() -> impl Strategy<Value = Vec<ServiceSpec>> {
    prop::collection::btree_map("[a-d]", spec(), 0..4).prop_map(|specs| {
        let rename = |(text, spec): (String, ServiceSpec)| ServiceSpec { name: name(&text), ..spec };
        specs.into_iter().map(rename).collect()
    })
}

fn config() -> ProptestConfig {
    // The failing input is printed and small; a file of seeds beside the sources would add nothing.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_text_is_read(text in any::<String>(), strict in any::<bool>()) {
        check(&[&text], strict)?;
    }

    #[test]
    fn any_soup_of_words_is_read(text in soup(), wrap in any::<bool>()) {
        let text = if wrap { format!("{{\"mcpServers\":{{{text}}}}}") } else { text };
        check(&[&text], false)?;
    }

    #[test]
    fn a_damaged_config_is_read(text in mutated(), bom in any::<bool>(), strict in any::<bool>()) {
        let text = if bom { format!("\u{feff}{text}") } else { text };
        check(&[&text, SEED], strict)?;
    }

    #[test]
    fn secrets_of_a_whole_config_stay_hidden(at in 0..SEED.lines().count(), column in any::<prop::sample::Index>()) {
        // One more character somewhere outside the secrets: `§` is good nowhere but in text.
        let mut lines: Vec<String> = SEED.lines().map(str::to_owned).collect();
        let column = column.index(lines[at].chars().count() + 1);
        let byte = lines[at].char_indices().nth(column).map_or(lines[at].len(), |(byte, _)| byte);
        let inside = lines[at].match_indices("s3cr3t").any(|(start, _)| (start..start + "s3cr3t-".len()).contains(&byte));
        prop_assume!(!inside);
        lines[at].insert(byte, '§');
        let text = lines.join("\n");
        let sources = [Source::new("mcp.json", text.as_str())];
        let parsed = parse(&sources, &Variables(env), &Options::default());
        let shown = render(&parsed.diagnostics, &sources, false, 400);
        // A key that is no longer `env` or `sinks` has values like any other.
        if text.contains("\"env\"") && text.contains(" env:") && text.contains("\"sinks\"") {
            prop_assert!(!shown.contains("s3cr3t"), "{shown}");
        }
    }

    #[test]
    fn a_cycle_has_a_diagnostic_whatever_is_asked(path in prop::collection::vec("[a-c]", 0..4), index in 0..3_usize) {
        let text = r#"{ "mcpServers": { "a": { "command": "x", "dependsOn": ["b"] }, "b": { "command": "x", "dependsOn": ["a"] } } }"#;
        let sources = [Source::new("mcp.json", text)];
        let parsed = check(&[text], true)?;
        let path: Vec<ServiceName> = path.iter().map(|text| name(text)).collect();
        let edges: Vec<(ServiceName, usize)> = path.iter().map(|service| (service.clone(), index)).collect();
        let diagnostic = cycle_diagnostic(&parsed.config, &path, &edges);
        prop_assert_eq!(diagnostic.primary.is_some(), index == 0 && path.iter().any(|service| *service != "c"));
        check_rendering(&[diagnostic], &sources)?;
    }

    #[test]
    fn a_difference_is_empty_exactly_when_there_is_none(old in spec(), other in spec(), part in 0..22_usize) {
        let new = mix(old.clone(), other, part);
        let delta = diff(std::slice::from_ref(&old), std::slice::from_ref(&new));
        prop_assert_eq!(delta.is_empty(), old == new);
        prop_assert!(delta.added.is_empty() && delta.removed.is_empty());
        for (spec, changes) in &delta.changed {
            prop_assert_eq!(spec, &new);
            let restarts = changes.iter().any(|change| change.impact == ChangeImpact::Restart);
            prop_assert_eq!(restarts, old.transport != new.transport || old.era != new.era);
            let mut fields: Vec<&str> = changes.iter().map(|change| change.field).collect();
            fields.sort_unstable();
            fields.dedup();
            prop_assert_eq!(fields.len(), changes.len());
        }
    }

    #[test]
    fn a_difference_leads_from_the_old_set_to_the_new(old in set(), new in set()) {
        let delta = diff(&old, &new);
        prop_assert_eq!(delta.is_empty(), old == new);
        let mut reached: BTreeMap<ServiceName, ServiceSpec> = old.into_iter().map(|spec| (spec.name.clone(), spec)).collect();
        for gone in &delta.removed {
            prop_assert!(reached.remove(gone).is_some());
        }
        for spec in delta.added {
            prop_assert!(reached.insert(spec.name.clone(), spec).is_none());
        }
        for (spec, _) in delta.changed {
            prop_assert!(reached.insert(spec.name.clone(), spec).is_some());
        }
        prop_assert_eq!(reached.into_values().collect::<Vec<_>>(), new);
    }
}

#[test]
fn the_seed_of_the_mutations_is_well_formed() {
    let parsed = check(&[SEED], false).expect("all holds");
    let names: Vec<&str> = parsed.config.services.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["search"]);
    assert!(parsed.error_count() > 5 && parsed.warning_count() > 2, "{:?}", parsed.diagnostics);
}

#[test]
fn hostile_texts_end_soon() {
    let n = 100_000;
    for text in [
        "[".repeat(n),
        "{\"a\":".repeat(n),
        format!("{{\"mcpServers\":{{{}", "\"a\":{},".repeat(n)),
        format!("{{\"mcpServers\":{{{}}}}}", "\"a\":1,".repeat(n)),
        format!("{{\"mcpServers\":{{\"{}\":1}}}}", "a".repeat(n)),
        format!("{{\"mcpServers\":{{\"a\":{{\"command\":\"x\",\"{}\":1}}}}}}", "command".repeat(n)),
        format!("{{\"mcpServers\":{{\"a\":{{\"command\":\"{}\"}}}}}}", "${".repeat(n)),
        format!("{{\"mcpServers\":{{\"a\":{{\"command\":\"{}}}\"}}}}}}", "${A:-".repeat(n)),
        format!("{{\"mcpServers\":{{\"a\":{{\"command\":\"x\",\"env\":{{\"A\":\"{}", "${A".repeat(n)),
        "/*".repeat(n),
        "\\\"".repeat(n),
        "\r".repeat(n),
        "\u{feff}".repeat(n),
    ] {
        let parsed = check(&[&text], false).expect("all holds");
        assert!(parsed.has_errors() || parsed.warning_count() > 0);
        assert!(parsed.diagnostics.len() <= MAX_DIAGNOSTICS);
    }
}
