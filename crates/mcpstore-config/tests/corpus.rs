//! Configs as people have them, in every client's way of writing: what each becomes, and what is said about it.
//!
//! A folder of `corpus/` is one config, `CLIENT-slug`: its texts under the names the client gives them, in the order of their
//! paths, and the files they refer to. `expected.txt` is written by this test (`UPDATE_EXPECT=1`).

// The crate touches no file; this test of it does. Its helpers are tests too: a failed `unwrap` is a failed assertion.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

#[path = "corpus/world.rs"]
mod world;

use std::collections::BTreeSet;

use expect_test::expect_file;
use mcpstore_config::{Code, Diagnostic, Options, Parsed, Severity, parse, render_short};
use mcpstore_types::{AlertsSpec, GatewaySpec, HttpSpec, ServiceSpec, StdioSpec, TransportSpec};
use world::{Case, cases};

fn read(case: &Case, strict: bool) -> Parsed {
    parse(&case.sources, &case.world(), &Options { strict })
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no config `{name}`"))
}

fn spec(name: &str, service: &str) -> ServiceSpec {
    let parsed = read(&case(name), false);
    parsed.config.services.into_iter().find(|spec| spec.name == service).unwrap_or_else(|| panic!("no `{service}`"))
}

fn stdio(name: &str, service: &str) -> StdioSpec {
    match spec(name, service).transport {
        TransportSpec::Stdio(stdio) => stdio,
        other => panic!("`{service}` is launched, not {other:?}"),
    }
}

fn http(name: &str, service: &str) -> HttpSpec {
    match spec(name, service).transport {
        TransportSpec::Http(http) | TransportSpec::Sse(http) => http,
        other => panic!("`{service}` is reached, not {other:?}"),
    }
}

/// What a config became: every field that is not the default, and what was said.
fn shown(case: &Case, parsed: &Parsed) -> String {
    let mut out = String::new();
    let dialects: Vec<String> =
        parsed.config.dialects.iter().map(|dialect| dialect.map_or("none".to_owned(), |d| format!("{d:?}"))).collect();
    out.push_str(&format!("dialect: {}\n", dialects.join(", ")));
    if parsed.config.max_parallel_starts != 8 {
        out.push_str(&format!("max_parallel_starts: {}\n", parsed.config.max_parallel_starts));
    }
    for spec in &parsed.config.services {
        out.push_str(&format!("\n[{}] {}\n", spec.name, spec.transport.kind()));
        let base = ServiceSpec::new(spec.name.clone(), bare(&spec.transport));
        let (have, usual) = (format!("{spec:#?}"), format!("{base:#?}"));
        for line in difference(&have, &usual) {
            out.push_str(&line);
            out.push('\n');
        }
    }
    let (have, usual) = (format!("{:#?}", parsed.config.alerts), format!("{:#?}", AlertsSpec::default()));
    if have != usual {
        out.push_str("\n[alerts]\n");
        for line in difference(&have, &usual) {
            out.push_str(&line);
            out.push('\n');
        }
    }
    let (have, usual) = (format!("{:#?}", parsed.config.gateway), format!("{:#?}", GatewaySpec::default()));
    if have != usual {
        out.push_str("\n[gateway]\n");
        for line in difference(&have, &usual) {
            out.push_str(&line);
            out.push('\n');
        }
    }
    for name in &parsed.config.left_out {
        out.push_str(&format!("\n[{name}] left out\n"));
    }
    for (name, profile) in &parsed.config.profiles {
        let services: Vec<&str> = profile.services.iter().map(|name| name.as_str()).collect();
        out.push_str(&format!("\nprofile {name}: {}\n", services.join(", ")));
        let view = parsed.config.views.iter().find(|view| view.name == *name);
        match view.map(|view| (&view.allow[..], &view.deny[..])) {
            None => out.push_str("  no view\n"),
            Some(([], [])) => {}
            Some((allow, deny)) => out.push_str(&format!("  allow {}; deny {}\n", allow.join(", "), deny.join(", "))),
        }
    }
    let short = render_short(&parsed.diagnostics, &case.sources);
    if !short.is_empty() {
        out.push('\n');
        out.push_str(&short);
    }
    out
}

/// The same kind of transport, and nothing in it.
fn bare(transport: &TransportSpec) -> TransportSpec {
    match transport {
        TransportSpec::Stdio(_) => TransportSpec::Stdio(StdioSpec::default()),
        TransportSpec::Http(_) => TransportSpec::Http(HttpSpec::default()),
        TransportSpec::Sse(_) => TransportSpec::Sse(HttpSpec::default()),
        other => other.clone(),
    }
}

/// The lines of `have` that say something else than `usual`, each with the fields it stands in.
fn difference(have: &str, usual: &str) -> Vec<String> {
    let (have, usual) = (paths(have), paths(usual).into_iter().collect::<BTreeSet<_>>());
    have.into_iter().filter(|line| !usual.contains(line)).map(|line| format!("  {line}")).collect()
}

/// A pretty `Debug` text as one line for each value: `policy.timeouts.start = 60s`.
fn paths(pretty: &str) -> Vec<String> {
    let mut stack: Vec<String> = Vec::new();
    let mut out = Vec::new();
    for line in pretty.lines() {
        let line = line.trim().trim_end_matches(',');
        if let Some(open) = line.strip_suffix(['{', '[', '(']) {
            let name = open.split_once(':').map_or("", |(name, _)| name.trim()).trim_matches('"');
            stack.push(name.to_owned());
        } else if line.starts_with(['}', ']', ')']) {
            stack.pop();
        } else {
            let at: Vec<&str> = stack.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
            let at = at.join(".").replacen("transport", "", 1);
            let at = at.trim_start_matches('.');
            out.push(match line.split_once(": ").filter(|(key, _)| !key.contains(' ') && !key.starts_with("\"http")) {
                Some((key, value)) if at.is_empty() => format!("{} = {value}", key.trim_matches('"')),
                Some((key, value)) => format!("{at}.{} = {value}", key.trim_matches('"')),
                None => format!("{at} += {line}"),
            });
        }
    }
    out
}

#[test]
fn every_config_becomes_what_is_expected() {
    let cases = cases();
    assert!(cases.len() >= 45, "{} configs", cases.len());
    for case in cases {
        let parsed = read(&case, false);
        expect_file![case.folder.join("expected.txt")].assert_eq(&shown(&case, &parsed));
        // Nothing in the world that is secret is shown anywhere.
        let all = format!("{parsed:?}");
        for secret in world::SECRETS {
            assert!(!all.contains(secret), "{}: a secret is shown", case.name);
        }
    }
}

#[test]
fn only_those_with_a_reason_have_a_word_to_say() {
    // They ask for something that nobody here does yet, and are told so. Every other one loads without a word.
    const TALK: &[&str] = &[
        "claude-code-oauth",
        "codex-env-objects",
        "codex-tools",
        "fastmcp-standard",
        "gemini-settings",
        "vscode-sandbox",
        "zed-old-form",
    ];
    // What only looks like a mistake is another matter: `expected.txt` has it.
    let is_reading = |d: &Diagnostic| {
        let codes = [Code::UnknownKey, Code::NotSupportedYet, Code::NotAReference, Code::DuplicateKey, Code::NoEffect];
        d.severity == Severity::Error || codes.contains(&d.code)
    };
    let talks = |case: &Case| read(case, false).diagnostics.iter().any(is_reading);
    let talk: Vec<String> = cases().into_iter().filter(talks).map(|case| case.name).collect();
    assert_eq!(talk, TALK);
    // Their keys are known, all of them: a word that nobody knows would be a slip.
    for case in cases() {
        let unknown = read(&case, true).diagnostics.iter().any(|d| d.code == Code::UnknownKey);
        assert!(!unknown, "{}: a key of a client is unknown", case.name);
    }
}

#[test]
fn secrets_arrive_where_they_are_meant() {
    let env = |name, service: &str, variable: &str| stdio(name, service).env[variable].expose().to_owned();
    let header = |name, service: &str, header: &str| http(name, service).headers[header].expose().to_owned();
    // References of every kind.
    assert_eq!(env("claude-desktop-basic", "github", "GITHUB_PERSONAL_ACCESS_TOKEN"), "s3cret-github_token");
    assert_eq!(env("vscode-inputs", "perplexity", "PERPLEXITY_API_KEY"), "s3cret-perplexity-token");
    assert_eq!(env("continue-block", "Browser search", "KEY"), "s3cret-browser_key");
    assert_eq!(header("windsurf-file-secret", "vault", "Authorization"), "Bearer s3cret-of-a-file");
    assert_eq!(header("continue-global", "Remote", "Authorization"), "Bearer s3cret-remote_token");
    assert_eq!(header("copilot-jetbrains", "github", "Authorization"), "Bearer s3cret-github_token");
    assert_eq!(env("opencode-two", "local", "EXAMPLE_KEY"), "s3cret-example_key");
    assert_eq!(header("opencode-two", "remote", "Authorization"), "Bearer s3cret-of-opencode");
    // Codex names the variables.
    assert_eq!(header("codex-http", "figma", "Authorization"), "Bearer s3cret-figma_oauth_token");
    assert_eq!(header("codex-http", "figma", "X-Trace"), "s3cret-trace_key");
    // An entry of `env` wins over one of `envFile`.
    assert_eq!(env("cursor-project", "local", "API_KEY"), "s3cret-api_key");
    assert_eq!(env("cursor-project", "local", "GREETING"), "hello, \"you\"");
    assert_eq!(env("cursor-project", "local", "DB_SECRET"), "s3cret in a file");
    assert_eq!(env("vscode-env-file-and-dev", "gistpad", "LEVEL"), "warn");
    // A patch changes single variables.
    assert_eq!(env("merge-override-and-patch", "files", "LEVEL"), "debug");
    assert_eq!(env("merge-override-and-patch", "files", "KEEP"), "1");
    assert!(
        http("merge-override-and-patch", "search").headers.is_empty(),
        "an entry with an address stands for itself"
    );
    let login = http("cursor-auth", "oauth-server").oauth;
    assert_eq!(
        login.client_secret.map(|secret| secret.expose().to_owned()).as_deref(),
        Some("s3cret-mcp_client_secret")
    );
    let TransportSpec::Other(other) = spec("ours-everything", "f").transport else { panic!("f has a kind of its own") };
    assert_eq!(other.setting("key"), Some("s3cret-f_key"));
}
