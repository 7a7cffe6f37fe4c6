//! The shape of a file: what it is in its first line, and how long it may be.

use crate::arch::scope::Code;
use crate::arch::tables::{FILE_CAP, FILE_MOST};
use crate::arch::{Rule, Violation};

pub(in crate::arch) fn check(code: &[Code<'_>], found: &mut Vec<Violation>) {
    for file in code {
        if !file.raw.lines().next().is_some_and(|line| line.starts_with("//!") && line.len() > "//! ".len()) {
            found.push(Violation::at(
                Rule::HeadLine,
                file.path,
                1,
                "begin with a `//!` line that says what the file is",
            ));
        }
        if file.own_lines > FILE_CAP {
            let message = format!("{} lines outside tests; the cap is {FILE_CAP}: split it by idea", file.own_lines);
            found.push(Violation::of(Rule::FileCap, file.path, message));
        }
    }
    most(code, found);
}

fn most(code: &[Code<'_>], found: &mut Vec<Violation>) {
    let mut long: Vec<&Code<'_>> = code.iter().filter(|file| file.own_lines > FILE_MOST).collect();
    long.sort_by_key(|file| std::cmp::Reverse(file.own_lines));
    // 90 %, without rounding: of ten files one may be long, of nine none.
    if let Some(longest) = long.first().filter(|_| long.len() * 10 > code.len()) {
        let list: Vec<String> = long.iter().map(|file| format!("{} ({})", file.path, file.own_lines)).collect();
        let message = format!(
            "{} of {} files have over {FILE_MOST} lines outside tests, more than one in ten: {}",
            long.len(),
            code.len(),
            list.join(", ")
        );
        found.push(Violation::of(Rule::FileMost, longest.path, message));
    }
}
