//! Every diagnostic as people see it: the configs under `broken/`, each with what is shown of it. `UPDATE_EXPECT=1` writes that
//! anew; read it as a user would before it is committed.
#![allow(clippy::disallowed_methods)] // the cases are files; the crate itself reads none

mod broken_world;

use std::collections::BTreeSet;
use std::path::PathBuf;

use broken_world::{World, check};
use expect_test::{expect, expect_file};
use mcpstore_config::{
    Code, Diagnostic, MAX_SOURCE_BYTES, Source, diagnostics_markdown, explain, render, render_short,
};

/// What no rendering may show: literal values out of `env` and `headers`, and expanded ones.
const SECRETS: &[&str] = &["literal-secret", "literalsecret", "expanded-secret", "4711"];

/// Codes that no text has, with a test of their own: `unsafe_file.rs`.
const ELSEWHERE: &[Code] = &[Code::UnsafeFile];

/// The folders of the cases, by name.
fn cases() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let entries = std::fs::read_dir(root).expect("the folder of the cases");
    let mut out: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    out.sort();
    out
}

/// The texts of a case, by name.
fn sources(case: &std::path::Path) -> Vec<Source> {
    let entries = std::fs::read_dir(case).expect("a case").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.file_name() != Some("expected.txt".as_ref())).collect();
    files.sort();
    files
        .iter()
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy();
            Source::new(name, std::fs::read_to_string(path).expect("a text"))
        })
        .collect()
}

fn shown(diagnostics: &[Diagnostic], sources: &[Source]) -> String {
    format!("{}\n=== in short ===\n{}", render(diagnostics, sources, false, 100), render_short(diagnostics, sources))
}

#[test]
fn broken_configs_are_shown_well() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut missing: BTreeSet<Code> = Code::ALL.iter().copied().filter(|code| !ELSEWHERE.contains(code)).collect();
    for case in &cases {
        let sources = sources(case);
        let diagnostics = check(&sources);
        assert!(!diagnostics.is_empty(), "{}: nothing is wrong with it", case.display());
        let actual = shown(&diagnostics, &sources);
        for secret in SECRETS {
            assert!(!actual.contains(secret), "{} shows `{secret}`:\n{actual}", case.display());
        }
        expect_file![case.join("expected.txt")].assert_eq(&actual);
        for diagnostic in &diagnostics {
            missing.remove(&diagnostic.code);
        }
    }
    // The text of its case would be too large to keep: see the next test.
    missing.remove(&Code::TooLarge);
    assert_eq!(missing, BTreeSet::new(), "codes without a case");
}

#[test]
fn five_errors_in_three_files_come_out_in_one_run() {
    let case = cases().into_iter().find(|path| {
        path.ends_with("078-three-files-five-errors") || path.to_string_lossy().ends_with("three-files-five-errors")
    });
    let sources = sources(&case.expect("the case"));
    let diagnostics = check(&sources);
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == mcpstore_config::Severity::Error).collect();
    let files: BTreeSet<usize> = errors.iter().filter_map(|d| Some(d.primary?.source)).collect();
    assert_eq!((sources.len(), errors.len(), files.len()), (3, 5, 3));
}

#[test]
fn a_text_that_is_too_large_is_not_read() {
    let sources = [Source::new("mcp.json", " ".repeat(MAX_SOURCE_BYTES + 1))];
    expect![[r#"
        mcp.json:1:1: error[MS003]: the text has 16777217 bytes; at most 16777216 are read
    "#]]
    .assert_eq(&render_short(&check(&sources), &sources));
}

#[test]
fn in_colour() {
    let text = "{ \"mcpServers\": {\n  \"files\": { \"command\": \"files\", \"dependsOn\": [\"serach\"] },\n  \"search\": { \"command\": \"search\", \"colour\": 1 }\n} }\n";
    let sources = [Source::new("mcp.json", text)];
    let diagnostics = check(&sources);
    assert_eq!(render(&[], &sources, true, 80), "");
    // Escapes are spelled out, so that the snapshot shows them.
    let coloured = render(&diagnostics, &sources, true, 80).replace('\u{1b}', "<ESC>");
    expect_file!["./colour.txt"].assert_eq(&coloured);
}

#[test]
fn colour_is_only_there_when_asked_for() {
    let text = "{ \"mcpServers\": { \"a\": { \"command\": \"\\u001b[31m\", \"args\": \"\u{1b}[31m\" } } }";
    let sources = [Source::new("mcp.json", text)];
    let diagnostics = check(&sources);
    assert!(!diagnostics.is_empty());
    assert!(!render(&diagnostics, &sources, false, 80).contains('\u{1b}'));
    assert!(!render_short(&diagnostics, &sources).contains('\u{1b}'));
    assert!(render(&diagnostics, &sources, true, 80).contains('\u{1b}'));
}

#[test]
fn codes_have_their_numbers_and_explanations() {
    for (index, &code) in Code::ALL.iter().enumerate() {
        assert_eq!(usize::from(code.number()), index + 1);
        assert!(explain(code).len() > 60, "{code}");
    }
    assert_eq!(Code::UnknownDependency.to_string(), "MS012");
}

#[test]
fn the_generated_page_has_every_code() {
    let page = diagnostics_markdown();
    for &code in Code::ALL {
        assert_eq!(page.matches(&format!("\n## {code}: ")).count(), 1, "{code}");
        assert!(page.contains(explain(code)), "{code}");
    }
    assert!(page.contains("| [MS012](#ms012-unknown-dependency) | unknown dependency |\n"), "{page}");
}

#[test]
fn hidden_values_do_not_shift_the_column() {
    let text = r#"{ "mcpServers": { "a": { "env": { "T": "a-very-long-literal-secret-value" }, "comand": "x", "command": "x" } } }"#;
    let sources = [Source::new("mcp.json", text)];
    expect![[r#"
        warning[MS007]: unknown key `comand` of a service
         --> mcp.json:1:78
          |
        1 | { "mcpServers": { "a": { "env": { "T": "***" }, "comand": "x", "command": "x" } } }
          |                                                 ^^^^^^^^
          |
          = help: did you mean `command`?
    "#]]
    .assert_eq(&render(&check(&sources), &sources, false, 100));
}

#[test]
fn a_minified_config_is_cut_around_the_place() {
    let mut entries: Vec<String> = (0..200).map(|n| format!("\"s{n:03}\":{{\"command\":\"x\"}}")).collect();
    entries[100] = "\"s100\":{\"command\":\"x\",\"dependsOn\":[\"s999x\"]}".to_owned();
    let sources = [Source::new("mcp.json", format!("{{\"mcpServers\":{{{}}}}}", entries.join(",")))];
    expect![[r#"
        error[MS012]: unknown dependency `s999x`
         --> mcp.json:1:2351
          |
        1 | ...:"x"},"s100":{"command":"x","dependsOn":["s999x"]},"s101":{"command":"x"},"s102":{"command...
          |                                             ^^^^^^^
    "#]]
    .assert_eq(&render(&check(&sources), &sources, false, 100));
}

/// The world is the same in every case.
#[test]
fn the_world_has_what_the_cases_need() {
    use mcpstore_config::{Outside as _, Program};
    assert_eq!(World.program("npx", None, None), Program::Found);
    assert_eq!(World.variable("HOME").as_deref(), Some("/srv/me"));
}
