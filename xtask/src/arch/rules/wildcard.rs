//! No catch-all arm in the core: a new state or input must break the build where it is not thought of.
//!
//! clippy's `wildcard_enum_match_arm` misses `_` inside tuple patterns, so the search is textual: an arm whose pattern is `_`, a
//! name that begins with `_`, or a tuple or slice of nothing but `_` and `..`, with or without a guard.

use crate::arch::scope::{Code, line_of};
use crate::arch::source::is_word;
use crate::arch::{Rule, Violation};

const CORE: &str = "crates/mcpstore-core/src/";

pub(in crate::arch) fn check(code: &[Code<'_>], found: &mut Vec<Violation>) {
    for file in code.iter().filter(|file| file.path.starts_with(CORE)) {
        for at in wild_arms(&file.live) {
            let message = "a catch-all arm: name every case, so that a new one cannot be forgotten";
            found.push(Violation::at(Rule::WildArm, file.path, line_of(&file.live, at), message));
        }
    }
}

/// The offsets at which the pattern of a catch-all arm ends.
fn wild_arms(code: &str) -> Vec<usize> {
    let arrows = code.match_indices("=>").map(|(at, _)| at);
    let guards = crate::arch::scope::words(code, "if").filter(|at| guards_an_arm(&code[*at..]));
    let mut ends: Vec<usize> = arrows.chain(guards).filter(|at| is_wild(&code[..*at])).collect();
    ends.sort_unstable();
    ends
}

/// True when the `if` at the start of `code` is the guard of an arm: an arrow comes before a block or a statement ends.
fn guards_an_arm(code: &str) -> bool {
    let arrow = code.find("=>").unwrap_or(usize::MAX);
    arrow < code.find(';').unwrap_or(usize::MAX)
}

/// True when `before` ends with a pattern that takes everything.
fn is_wild(before: &str) -> bool {
    let before = before.trim_end();
    match before.as_bytes().last() {
        Some(b')') => group(before, '(', ')').is_some_and(|at| holds_nothing(before, at)),
        Some(b']') => group(before, '[', ']').is_some_and(|at| holds_nothing(before, at)),
        Some(byte) if is_word(*byte) => {
            let start = before.bytes().rposition(|byte| !is_word(byte)).map_or(0, |at| at + 1);
            before[start..].starts_with('_')
        }
        _ => false,
    }
}

/// The offset of the bracket that opens the group at the end of `before`.
fn group(before: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in before.char_indices().rev() {
        if c == close {
            depth += 1;
        } else if c == open {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// True when the group from `at` on is no constructor's and holds only `_`, `..` and more such groups.
fn holds_nothing(before: &str, at: usize) -> bool {
    let inside = &before[at..];
    let constructor = before[..at].trim_end().bytes().last().is_some_and(|byte| is_word(byte) || byte == b'>');
    let only_blanks = inside.chars().all(|c| c.is_whitespace() || "_,.()[]".contains(c));
    // `()` takes the unit value only: it names its one case.
    !constructor && only_blanks && inside.contains(['_', '.'])
}

#[cfg(test)]
mod tests {
    use super::wild_arms;

    #[test]
    fn catch_all_arms_are_seen() {
        for code in [
            "match x { A => 1, _ => 2 }",
            "match x { A => 1, _ if f(x) => 2, B => 3 }",
            "match x { A => {} _ => {} }",
            "match x { A | _ => 1 }",
            "match x { all @ _ => 1 }",
            "match x { _other => 1 }",
            "match x { (_, _) => 1 }",
            "match x { (_, (_, _),) => 1 }",
            "match x { (..) => 1 }",
            "match x { (_, _) if f() => 1 }",
            "match x { [_, ..] => 1 }",
            "match x {\n  _\n  => 1 }",
        ] {
            assert_eq!(wild_arms(code).len(), 1, "{code}");
        }
    }

    #[test]
    fn named_cases_are_let_through() {
        for code in [
            "match x { A(_) => 1, B { .. } => 2, C(..) => 3 }",
            "match x { (A, _) => 1, (_, B) => 2 }",
            "match x { () => 1 }",
            "match x { Some(_) if f() => 1, None => 2 }",
            "match x { Foo::<T>(_) => 1 }",
            "let _ = f(); if g() { 1 } else { 2 }",
            "f(|_| 1); x.map(|(_, _)| 2)",
            "let (a, _) = f();\nmatch a { A => 1 }",
            "match x { n_ => 1, 0..=9 => 2 }",
        ] {
            assert_eq!(wild_arms(code), [0_usize; 0], "{code}");
        }
    }
}
