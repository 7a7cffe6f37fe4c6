//! Properties of writing and reading: what [`entry`] writes, [`parse`] reads; a delta leads where it says; `stated` tells every value's place.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use mcpstore_config::{Nothing, Options, Plain, Source, apply, diff, entry, parse, render_short, stated};
use mcpstore_types::{
    Backoff, DepCondition, DepKind, Dependency, Era, EraChoice, HealthSpec, HttpSpec, Limits, OAuthSpec, OtherSpec,
    Policy, ProbeKind, RestartMode, RestartPolicy, Sandbox, Secret, ServiceName, ServiceSpec, StdioSpec, Timeouts,
    TransportSpec,
};
use proptest::prelude::*;

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("a good name")
}

/// Text with everything that formats treat in a way of their own.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "Z", "0", "-", ".", "/", "=", ":", "#", "\"", "'", "\\", "\n", "\t", "$", "${", "}", "${X}", "{", "[",
        ",", "é", "日", "🞄", "&", "*", "!", "|", ">", "%", "@", "`", "~", "no", "null", "1e3", "\u{7f}", "\u{2028}",
    ]);
    // What is blank would be refused.
    prop::collection::vec(piece, 0..6).prop_map(|pieces| format!("x{}", pieces.concat()))
}

fn times(min_ms: u64) -> impl Strategy<Value = Duration> {
    prop::sample::select(vec![0, 1, 250, 1_000, 61_500, 3_600_000, 30 * 24 * 3_600_000])
        .prop_map(move |ms| Duration::from_millis(ms.max(min_ms)))
}

fn map(value: impl Strategy<Value = String>) -> impl Strategy<Value = BTreeMap<String, Secret>> {
    prop::collection::btree_map("[A-Z_]{1,3}", value.prop_map(Secret::new), 0..3)
}

fn stdio() -> impl Strategy<Value = StdioSpec> {
    let paths = || prop::collection::vec(text().prop_map(|text| PathBuf::from(format!("/{text}"))), 0..2);
    let limits =
        (prop::option::of(16_u64 << 20..1 << 44), prop::option::of(16_u64..1 << 20), prop::option::of(1_u64..1 << 22));
    (
        (text(), prop::collection::vec(text(), 0..3), map(text()), prop::option::of(text())),
        prop::collection::btree_set("[A-Z]{1,3}\\*?", 0..3),
        prop::sample::select(Sandbox::WORDS.to_vec()),
        (paths(), paths()),
        limits,
    )
        .prop_map(
            |((command, args, env, cwd), inherit, (_, sandbox), (read, write), (memory, files, processes))| StdioSpec {
                command,
                args,
                env,
                cwd: cwd.map(PathBuf::from),
                inherit_env: inherit.into_iter().collect(),
                sandbox,
                sandbox_read: read,
                sandbox_write: write,
                limits: Limits { memory, files, processes },
            },
        )
}

fn http() -> impl Strategy<Value = HttpSpec> {
    let visible = || "[ -~]{0,8}".prop_map(|text| text.replace('$', "S"));
    let oauth = (
        prop::option::of(text()),
        prop::option::of(text()),
        prop::collection::vec("[a-z:]{1,4}", 0..3),
        prop::option::of(1_u16..),
        any::<bool>(),
    )
        .prop_map(|(client_id, client_secret, scopes, callback_port, issued)| OAuthSpec {
            client_id,
            client_secret: client_secret.map(Secret::new),
            issuer: issued.then(|| "https://as.example".to_owned()),
            client_metadata_url: None,
            scopes,
            callback_port,
        });
    (
        prop::sample::select(vec!["https://h.example/mcp", "http://127.0.0.1:1/x?y=${z}", "unix:/run/a.sock:/mcp"]),
        map(visible()),
        oauth,
        prop::option::of(text()),
    )
        .prop_map(|(url, headers, oauth, ca)| HttpSpec {
            url: url.to_owned(),
            headers,
            oauth,
            ca_file: ca.map(PathBuf::from),
        })
}

fn transport() -> impl Strategy<Value = TransportSpec> {
    prop_oneof![
        stdio().prop_map(TransportSpec::Stdio),
        http().prop_map(TransportSpec::Http),
        http().prop_map(TransportSpec::Sse),
        map(text()).prop_map(|settings| TransportSpec::Other(OtherSpec { kind: "tcp".into(), settings })),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let modes = prop::sample::select(RestartMode::ALL.to_vec());
    let backoff = (times(0), times(0), 0..=100_u8).prop_map(|(one, other, jitter_percent)| Backoff {
        delay: one.min(other),
        max_delay: one.max(other),
        jitter_percent,
    });
    let restart = (modes, 1..9_u32, times(1), 1..9_u32, backoff, times(1), prop::option::of(times(1_000))).prop_map(
        |(mode, max_attempts, window, max_in_window, backoff, stable_after, slow_retry)| RestartPolicy {
            mode,
            max_attempts,
            window,
            max_in_window,
            backoff,
            stable_after,
            slow_retry,
        },
    );
    let timeouts = prop::collection::vec(times(1), 11).prop_map(|d| Timeouts {
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
    let probes = prop::sample::select(vec![ProbeKind::Auto, ProbeKind::Ping, ProbeKind::List]);
    let health = (probes, times(100), times(1), 1..9_u32, 1..9_u32, times(10)).prop_map(
        |(probe, interval, timeout, rise, fall, startup)| HealthSpec {
            probe,
            readiness: None,
            interval,
            timeout,
            rise,
            fall,
            startup,
        },
    );
    // Most entries say little.
    let sometimes = |default: bool, policy: Policy| if default { Policy::default() } else { policy };
    (restart, timeouts, health, any::<bool>()).prop_map(move |(restart, timeouts, health, default)| {
        sometimes(default, Policy { restart, timeouts, health, ..Policy::default() })
    })
}

/// A spec as a config may state it; its dependencies are on `a` and `b`.
fn spec() -> impl Strategy<Value = ServiceSpec> {
    let kinds = (prop::sample::select(DepKind::ALL.to_vec()), prop::sample::select(DepCondition::ALL.to_vec()));
    let dependencies = prop::collection::btree_map("[ab]", kinds, 0..3).prop_map(|map| {
        let dependency = |(on, (kind, condition)): (String, (DepKind, DepCondition))| {
            let has_condition = !matches!(kind, DepKind::PartOf | DepKind::Conflicts);
            Dependency { on: name(&on), kind, condition: if has_condition { condition } else { DepCondition::Ready } }
        };
        map.into_iter().map(dependency).collect::<Vec<_>>()
    });
    let eras =
        prop::sample::select(vec![EraChoice::Auto, EraChoice::Only(Era::Handshake), EraChoice::Only(Era::Stateless)]);
    let tags = prop::collection::btree_set("[tuv]", 0..3).prop_map(|tags| tags.into_iter().collect::<Vec<_>>());
    (transport(), eras, dependencies, policy(), any::<bool>(), tags, prop::option::of(text())).prop_map(
        |(transport, era, dependencies, policy, enabled, tags, description)| ServiceSpec {
            wait_for: Vec::new(),
            name: name("s"),
            transport,
            era,
            dependencies,
            policy,
            enabled,
            tags,
            description,
        },
    )
}

fn set() -> impl Strategy<Value = Vec<ServiceSpec>> {
    prop::collection::btree_map("[c-f]", spec(), 0..4)
        .prop_map(|specs| specs.into_iter().map(|(text, spec)| ServiceSpec { name: name(&text), ..spec }).collect())
}

/// The config of these services, and of the two that they may depend on.
fn written(specs: &[ServiceSpec]) -> Plain {
    let helpers = ["a", "b"].map(|text| ServiceSpec::stdio(name(text), "x", Vec::<String>::new()));
    let all = helpers.iter().chain(specs).map(|spec| (spec.name.to_string(), entry(spec).expect("no server inside")));
    Plain::Object(vec![("mcpServers".to_owned(), Plain::Object(all.collect()))])
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_written_is_read(specs in set()) {
        let plain = written(&specs);
        // JSON is YAML too.
        for (file, text) in [("mcp.json", plain.pretty()), ("mcp.json", plain.to_string()), ("mcp.yaml", plain.to_string())] {
            let sources = [Source::new(file, text)];
            let parsed = parse(&sources, &Nothing, &Options { strict: true });
            let short = render_short(&parsed.diagnostics, &sources);
            prop_assert!(!parsed.has_errors(), "{file}: {short}\n{}", sources[0].text);
            prop_assert_eq!(&parsed.config.services[2..], specs.as_slice(), "{}", file);
        }
    }

    #[test]
    fn what_is_stated_is_what_is_written(specs in set()) {
        let sources = [Source::new("mcp.json", written(&specs).pretty())];
        let stated = stated(&sources);
        prop_assert_eq!(stated.len(), specs.len() + 2);
        for (stated, spec) in stated[2..].iter().zip(&specs) {
            prop_assert_eq!(Some(stated.entry.clone()), entry(spec));
            for (path, place) in stated.places() {
                let key = path.rsplit('.').next().unwrap_or(path);
                let shown = &sources[0].text[place.span.start..place.span.end];
                prop_assert!(shown.contains(key) || path.starts_with("env") || path.starts_with("headers"), "{path}: {shown}");
            }
            prop_assert_eq!(stated.place_of("command.none"), stated.place_of("command"));
            prop_assert_eq!(stated.place_of("none"), stated.place);
        }
    }

    #[test]
    fn a_delta_leads_where_it_says((old, new) in (set(), set())) {
        let mut led = apply(&diff(&old, &new), &old);
        led.sort_by(|a, b| a.name.cmp(&b.name));
        prop_assert_eq!(led, new);
        prop_assert!(diff(&old, &old).is_empty());
        prop_assert_eq!(apply(&diff(&old, &old), &old), old);
    }
}
