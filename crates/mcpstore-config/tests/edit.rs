//! Edited texts, one snapshot for each way people write their files.

mod edit {
    pub mod errors;
    pub mod json;
    pub mod speed;
    pub mod toml;
    pub mod yaml;
}

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

/// Adding and taking out again restores the text.
fn comes_back(text: &str, format: Format, container: &[&str]) {
    let value = entry();
    let added = edit(text, format, container, &[Change::Insert { key: "new", value: &value }]).unwrap();
    assert_ne!(added, text);
    let back = edit(&added, format, container, &[Change::Remove { key: "new" }]).unwrap();
    assert_eq!(back, text, "by way of\n{added}");
}
