//! Public signatures: the types of libraries that move fast stay inside their owner.

use crate::arch::scope::{Code, line_of, words};
use crate::arch::tables::{FACADE, PRIVATE_TYPES, TESTKIT};
use crate::arch::{Rule, Violation};

pub(in crate::arch) fn check(code: &[Code<'_>], found: &mut Vec<Violation>) {
    for file in code {
        let Some(name) = library(file.path) else { continue };
        for item in public_items(&file.live) {
            for (library, owner) in PRIVATE_TYPES {
                let reexport = item.text.starts_with("pub use") && words(item.text, library).next().is_some();
                let foreign = name != *owner && words(item.text, &format!("{library}::")).next().is_some();
                if reexport || foreign {
                    let message =
                        format!("a public item speaks of `{library}`: wrap its types in our own (owner: {owner})");
                    found.push(Violation::at(Rule::ForeignSignature, file.path, line_of(&file.live, item.at), message));
                }
            }
        }
    }
}

/// The crate of a library file. The testkit and programs have no public face to keep clean.
fn library(path: &str) -> Option<&str> {
    let (name, rest) = path.strip_prefix("crates/")?.split_once('/')?;
    let clean = rest.starts_with("src/") && !rest.starts_with("src/bin/");
    (clean && name != TESTKIT && name.starts_with(FACADE) && name != "mcpstore-cli").then_some(name)
}

struct Item<'t> {
    at: usize,
    text: &'t str,
}

/// Every `pub` item (not `pub(crate)`) up to its body or its end.
fn public_items(code: &str) -> impl Iterator<Item = Item<'_>> {
    words(code, "pub").filter_map(|at| {
        let rest = &code[at..];
        if rest["pub".len()..].trim_start().starts_with('(') {
            return None;
        }
        // A re-export may list names in braces; every other item ends before its body.
        let end = if rest.starts_with("pub use") { rest.find(';') } else { rest.find(['{', ';']) };
        Some(Item { at, text: &rest[..end.unwrap_or(rest.len())] })
    })
}
