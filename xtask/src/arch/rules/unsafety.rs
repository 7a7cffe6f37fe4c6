//! Unsafe code: one file, and that is short.

use crate::arch::scope::{Code, line_of, words};
use crate::arch::tables::{UNSAFE_DOOR, UNSAFE_FILE, UNSAFE_LINES};
use crate::arch::{Rule, Violation};

pub(in crate::arch) fn check(code: &[Code<'_>], found: &mut Vec<Violation>) {
    for file in code {
        if file.path == UNSAFE_FILE {
            let lines = file.raw.lines().count();
            if lines > UNSAFE_LINES {
                let message =
                    format!("{lines} lines; the cap for unsafe code is {UNSAFE_LINES}: move out what is safe");
                found.push(Violation::of(Rule::UnsafePlace, file.path, message));
            }
            continue;
        }
        // A lint that is named is as good as the word: it would let the word through.
        let doors = if file.path == UNSAFE_DOOR { 2 } else { 0 };
        let lint = words(&file.all, "unsafe_code").skip(doors);
        for at in words(&file.all, "unsafe").chain(lint) {
            let message = format!("unsafe code belongs in {UNSAFE_FILE}, and only when no safe crate has the call");
            found.push(Violation::at(Rule::UnsafePlace, file.path, line_of(&file.all, at), message));
        }
    }
}
