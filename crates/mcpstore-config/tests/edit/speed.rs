//! Time is linear in the text: 32 times the entries may not take 320 times as long, where the square would be 1,024 times.

#![allow(clippy::disallowed_types, reason = "a measurement; the crate itself reads no clock")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use mcpstore_config::{Change, Format, edit};

use crate::entry;

/// 32 times this is about 10,000.
const FEW: usize = 312;

/// For the rarer styles.
const FEWER: usize = 100;

fn json(count: usize, eol: &str) -> String {
    let mut text = format!("{{{eol}\"mcpServers\": {{{eol}");
    for nth in 0..count {
        let comma = if nth + 1 < count { "," } else { "" };
        let _ = write!(text, "\"s{nth}\": {{ \"command\": \"c\", \"env\": {{ \"A\": \"é\" }} }}{comma} /* c */{eol}");
    }
    text + "}" + eol + "}" + eol
}

fn toml(count: usize, _: &str) -> String {
    (0..count).fold(String::new(), |mut text, nth| {
        let _ = write!(text, "[mcpServers.s{nth}]\ncommand = \"c\" # c\n[mcpServers.s{nth}.env]\nA = \"é\"\n\n");
        text
    })
}

fn toml_inline(count: usize, _: &str) -> String {
    (0..count).fold("[mcpServers]\n".to_owned(), |mut text, nth| {
        let _ = writeln!(text, "s{nth} = {{ command = \"c\", env = {{ A = \"é\" }} }}");
        text
    })
}

fn yaml(count: usize, _: &str) -> String {
    (0..count).fold("mcpServers:\n".to_owned(), |mut text, nth| {
        let _ = write!(text, "  s{nth}:\n    command: c # c\n    env:\n      A: é\n");
        text
    })
}

fn yaml_brackets(count: usize, _: &str) -> String {
    let body = (0..count).fold(String::new(), |mut text, nth| {
        let _ = write!(text, "s{nth}: {{ command: c, env: {{ A: é }} }}, ");
        text
    });
    format!("mcpServers: {{ {body} }}\n")
}

/// How long each kind of pass takes: insert many, take many out, set a field in many.
fn time(text: &str, format: Format, count: usize) -> Duration {
    let value = entry();
    let new: Vec<String> = (0..count).map(|nth| format!("n{nth}")).collect();
    let old: Vec<String> = (0..count).map(|nth| format!("s{nth}")).collect();
    let insert: Vec<Change<'_>> = new.iter().map(|key| Change::Insert { key, value: &value }).collect();
    let remove: Vec<Change<'_>> = old.iter().skip(1).map(|key| Change::Remove { key }).collect();
    let path: &[&str] = &["env", "B"];
    let set: Vec<Change<'_>> = old.iter().map(|key| Change::Set { key, path, value: &value }).collect();
    let start = Instant::now();
    for changes in [&insert, &remove, &set] {
        let edited = edit(text, format, &["mcpServers"], changes).unwrap();
        assert_ne!(edited, text);
    }
    start.elapsed()
}

fn is_linear(format: Format, text: fn(usize, &str) -> String, eol: &str, few: usize) {
    let count = 32 * few;
    // The longest of some: a pause of the machine makes the bound wider, never narrower.
    let shorter = (0..3).map(|_| time(&text(few, eol), format, few)).max().unwrap_or_default();
    let shorter = shorter.max(Duration::from_millis(1));
    let longer = time(&text(count, eol), format, count);
    let ratio = longer.as_secs_f64() / shorter.as_secs_f64();
    assert!(ratio < 320.0, "{shorter:?} for {few}, {longer:?} for {count}: {ratio:.1} times as long");
}

#[test]
fn json_on_lines() {
    is_linear(Format::Json, json, "\n", FEW);
}

#[test]
fn json_on_one_line() {
    is_linear(Format::Json, json, " ", FEWER);
}

#[test]
fn toml_sections() {
    is_linear(Format::Toml, toml, "", FEW);
}

#[test]
fn toml_between_brackets() {
    is_linear(Format::Toml, toml_inline, "", FEWER);
}

#[test]
fn yaml_blocks() {
    is_linear(Format::Yaml, yaml, "", FEW);
}

#[test]
fn yaml_between_brackets() {
    is_linear(Format::Yaml, yaml_brackets, "", FEWER);
}
