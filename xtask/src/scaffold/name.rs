//! The name of a new part, in the spellings its files need.

use anyhow::{Result, bail};

const MIN: usize = 2;
const MAX: usize = 32;

/// Kinds that exist, and words that cannot be a module.
const TAKEN: &[&str] =
    &["stdio", "http", "sse", "in_process", "websocket", "ws", "other", "settings", "mod", "lib", "main"];
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// A name that can be a module, a kind in a config, and part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    /// Checks it.
    ///
    /// # Errors
    /// When it is none; the message says what is wrong and gives one that would do.
    pub(super) fn new(text: &str) -> Result<Self> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(MIN..=MAX).contains(&text.len()) {
            bail!("`{}` has {} characters; a name has {MIN} to {MAX}", text.escape_debug(), text.chars().count());
        }
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(good) {
            bail!(
                "`{}` is no name of a transport: it begins with a lower-case letter, then come lower-case letters, digits and `_`{}",
                text.escape_debug(),
                would_do(text)
            );
        }
        if text.ends_with('_') || text.contains("__") {
            bail!("`{text}` has a `_` that separates nothing{}", would_do(text));
        }
        if KEYWORDS.contains(&text) {
            bail!("`{text}` is a keyword of Rust, and no module can be called so");
        }
        if TAKEN.contains(&text) {
            bail!("`{text}` is taken: it has a meaning already");
        }
        Ok(Self(text.to_owned()))
    }

    /// As a module and as a kind: `tcp_lines`.
    pub(super) fn snake(&self) -> &str {
        &self.0
    }

    /// As a type: `TcpLines`.
    pub(super) fn camel(&self) -> String {
        let words = self.0.split('_').map(|word| {
            let mut chars = word.chars();
            chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
        });
        words.collect()
    }

    /// A template with its places filled.
    pub(super) fn fill(&self, template: &str) -> String {
        template.replace("@name@", self.snake()).replace("@Type@", &self.camel())
    }
}

/// The nearest name that would do, when there is one.
fn would_do(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_");
    if name != text && Name::new(&name).is_ok() { format!("; `{name}` would do") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_for_every_place() {
        let name = Name::new("tcp_lines2").unwrap();
        assert_eq!((name.snake(), name.camel().as_str()), ("tcp_lines2", "TcpLines2"));
        assert_eq!(name.fill("@name@/@Type@::new()"), "tcp_lines2/TcpLines2::new()");
    }

    #[test]
    fn what_is_no_name_is_refused_with_one_that_would_do() {
        let error = |text: &str| Name::new(text).unwrap_err().to_string();
        assert!(error("Tcp-Lines").ends_with("; `tcp_lines` would do"), "{}", error("Tcp-Lines"));
        assert!(error("../../etc").ends_with("; `etc` would do"));
        assert!(error("a").contains("2 to 32") && error(&"a".repeat(33)).contains("33 characters"));
        assert!(error("tcp__x").ends_with("; `tcp_x` would do") && error("tcp_").ends_with("; `tcp` would do"));
        assert!(error("fn").contains("keyword") && error("stdio").contains("taken"));
        for bad in ["", "1tcp", "tcp/x", "tcp\n", "tçp", "tcp x"] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
    }
}
