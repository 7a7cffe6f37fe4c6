//! Words that have no place somewhere: spawning in the facade, printing in libraries, unfinished work anywhere.

use crate::arch::scope::{Code, line_of, words};
use crate::arch::tables::{FACADE, PRINTERS};
use crate::arch::{Rule, Violation};

const SPAWNING: &[&str] = &["spawn(", "spawn_local(", "spawn_blocking(", "select!", "join_set", "JoinSet"];
const PRINTING: &[&str] = &["println!", "print!", "eprintln!", "eprint!", "dbg!"];
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "#[ignore", "should_panic"];
const FIXED_CASES: &[&str] = &["with_cases(", "cases:"];

pub(in crate::arch) fn check(code: &[Code<'_>], found: &mut Vec<Violation>) {
    let facade = format!("crates/{FACADE}/src/");
    for file in code {
        if file.path.starts_with(&facade) {
            search(
                file,
                &file.live,
                SPAWNING,
                Rule::FacadeSpawn,
                "the facade starts no task: it belongs in runtime",
                found,
            );
        }
        if !prints(file.path) {
            search(
                file,
                &file.live,
                PRINTING,
                Rule::Printing,
                "a library prints nothing: return it, or use tracing",
                found,
            );
        }
        search(file, &file.all, UNFINISHED, Rule::Unfinished, "finish it, or leave it out", found);
        fences(file, found);
        fixed_cases(file, found);
    }
}

fn search(file: &Code<'_>, text: &str, needles: &[&str], rule: Rule, advice: &str, found: &mut Vec<Violation>) {
    for needle in needles {
        for at in words(text, needle) {
            found.push(Violation::at(rule, file.path, line_of(text, at), format!("`{needle}`: {advice}")));
        }
    }
}

fn prints(path: &str) -> bool {
    let beside = ["/tests/", "/examples/", "/benches/"].iter().any(|dir| path.contains(dir));
    beside || PRINTERS.iter().any(|prefix| path.starts_with(prefix))
}

/// Doc examples that are skipped or expected to panic: the info string of a code fence in a doc comment.
fn fences(file: &Code<'_>, found: &mut Vec<Violation>) {
    for (number, line) in file.raw.lines().enumerate() {
        let line = line.trim_start();
        let Some(info) =
            line.strip_prefix("//").and_then(|rest| rest.trim_start_matches(['/', '!', ' ']).strip_prefix("```"))
        else {
            continue;
        };
        for word in info.split([',', ' ']).filter(|word| word.starts_with("ignore") || *word == "should_panic") {
            let message =
                format!("a doc example marked `{word}`: make it run, or use `no_run`, or `text` for what is no Rust");
            found.push(Violation::at(Rule::Unfinished, file.path, number + 1, message));
        }
    }
}

/// A literal number of cases: it would win over PROPTEST_CASES.
fn fixed_cases(file: &Code<'_>, found: &mut Vec<Violation>) {
    if !words(&file.all, "proptest").any(|_| true) && !words(&file.all, "ProptestConfig").any(|_| true) {
        return;
    }
    for needle in FIXED_CASES {
        for at in words(&file.all, needle) {
            let rest = file.all[at + needle.len()..].trim_start();
            if rest.starts_with(|c: char| c.is_ascii_digit()) {
                let message = "a fixed number of cases wins over PROPTEST_CASES: leave it out (256 is the default), or derive it from `ProptestConfig::default().cases`";
                found.push(Violation::at(Rule::FixedCases, file.path, line_of(&file.all, at), message));
            }
        }
    }
}
