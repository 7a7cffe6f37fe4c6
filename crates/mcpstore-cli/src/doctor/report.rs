//! The checks as people read them.

use super::judge::{Level, Report};
use crate::output::{Term, clean_line};

/// A heading for each group, a line for each check, and below what is not ok how to mend it; a count at the end.
/// `in_command` makes a command of ours what must be typed to reach the same manager.
pub(super) fn text(report: &Report, term: &Term, in_command: &dyn Fn(&str) -> String) -> String {
    let mut out = String::new();
    for group in &report.groups {
        out.push_str(&term.paint(1, group.name));
        out.push('\n');
        for check in &group.checks {
            // A word each, never a colour alone.
            let (word, color) = match check.level {
                Level::Ok => ("ok  ", 32),
                Level::Warn => ("warn", 33),
                Level::Fail => ("FAIL", 31),
            };
            out.push_str(&format!("  {} {}\n", term.paint(color, word), clean_line(&check.found)));
            if let Some(fix) = &check.fix {
                out.push_str(&format!("       fix: {}\n", clean_line(fix)));
            }
            if let Some(command) = &check.run {
                out.push_str(&format!("         {}\n", clean_line(&in_command(command))));
            }
        }
    }
    let [ok, warn, fail] = [Level::Ok, Level::Warn, Level::Fail].map(|level| report.count(level));
    out.push_str(&format!("{ok} ok, {warn} warn, {fail} fail\n"));
    out
}
