//! Edited texts, one snapshot for each way people write their files.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod errors;
mod json;
mod json_container;
mod speed;
mod toml;
mod yaml;

use mcpstore_config::{Change, Format, Plain, edit, read_plain};

/// An entry of two fields.
fn entry() -> Plain {
    Plain::Object(vec![("command".into(), Plain::text("npx")), ("args".into(), Plain::texts(["-y", "@acme/mcp"]))])
}

/// An object.
fn object<const N: usize>(members: [(&str, Plain); N]) -> Plain {
    Plain::Object(members.map(|(key, value)| (key.to_owned(), value)).into())
}

/// A number.
fn number(digits: &str) -> Plain {
    Plain::Number(digits.to_owned())
}

/// The edited text, or the error as people see it; carriage returns and the end of the text are made visible.
fn shown(text: &str, format: Format, container: &[&str], changes: &[Change<'_>]) -> String {
    match edit(text, format, container, changes) {
        Ok(edited) => format!("{edited}$").replace('\r', "␍").replace('\u{feff}', "<BOM>").replace('\t', "→"),
        Err(error) => format!("error: {error}"),
    }
}

/// Only the lines that differ: first the old ones, then the new ones.
fn difference(text: &str, format: Format, container: &[&str], changes: &[Change<'_>]) -> String {
    let old = shown(text, format, container, &[]);
    let new = shown(text, format, container, changes);
    if new.starts_with("error: ") {
        return new;
    }
    let (mut old, mut new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    while !old.is_empty() && !new.is_empty() && old.last() == new.last() {
        old.pop();
        new.pop();
    }
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let old = old[same..].iter().map(|line| format!("-{line}\n"));
    let new = new[same..].iter().map(|line| format!("+{line}\n"));
    old.chain(new).collect()
}

/// Adding and taking out again restores the text.
fn comes_back(text: &str, format: Format, container: &[&str]) {
    let value = entry();
    let added = edit(text, format, container, &[Change::Insert { key: "new", value: &value }]).unwrap();
    assert_ne!(added, text);
    let back = edit(&added, format, container, &[Change::Remove { key: "new" }]).unwrap();
    assert_eq!(back, text, "by way of\n{added}");
}
