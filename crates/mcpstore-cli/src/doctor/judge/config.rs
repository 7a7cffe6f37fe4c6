//! Checks of the config.

use super::{Check, counted};
use crate::doctor::facts::Facts;
use crate::quote::quoted;

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let config = &facts.config;
    if let Some(why) = config.missing.as_ref().filter(|_| config.wanted) {
        return vec![Check::fail(why, "correct its name, or write it").run("mcpstore config path")];
    }
    if let Some(why) = &config.missing {
        return vec![Check::warn(why, "write one from what is on this machine").run("mcpstore init")];
    }
    let files = config.files.join(", ");
    let services = counted(config.services, "service", "services");
    let mut checks = vec![Check::ok(format!("{files}: {services}"))];
    let named: String = config.files.iter().map(|file| format!(" {}", quoted(file))).collect();
    let check = format!("mcpstore config check{named}");
    match (config.errors, config.warnings) {
        (0, 0) => checks.push(Check::ok("no errors, no warnings")),
        (0, warnings) => {
            let found = counted(warnings, "warning", "warnings");
            checks.push(Check::warn(found, "see what they are").run(check));
        }
        (errors, warnings) => {
            let found = format!("{}, {}", counted(errors, "error", "errors"), counted(warnings, "warning", "warnings"));
            checks.push(Check::fail(found, "what has an error is left out of a start; see what they are").run(check));
        }
    }
    if config.found_here {
        checks.push(Check::ok("it was found in this folder: it runs nothing before it was shown and approved"));
    }
    checks
}
