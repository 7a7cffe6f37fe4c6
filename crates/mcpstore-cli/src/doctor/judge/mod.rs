//! From facts to checks. Pure.

mod config;
mod manager;
mod programs;
mod system;

use serde::Serialize;

use super::facts::Facts;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) level: Level,
    /// What was found, in one line.
    pub(super) found: String,
    /// What to do; none where nothing is to be done.
    pub(super) fix: Option<String>,
    /// The command that does it, or helps.
    pub(super) run: Option<String>,
}

/// Checks that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) checks: Vec<Check>,
}

/// `mcpstore.doctor/1`, but for its schema word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    pub(super) groups: Vec<Group>,
}

impl Report {
    /// How many checks came out like that.
    pub(super) fn count(&self, level: Level) -> usize {
        self.groups.iter().flat_map(|group| &group.checks).filter(|check| check.level == level).count()
    }
}

impl Check {
    fn ok(found: impl Into<String>) -> Self {
        Self { level: Level::Ok, found: found.into(), fix: None, run: None }
    }

    fn warn(found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level: Level::Warn, found: found.into(), fix: Some(fix.into()), run: None }
    }

    fn fail(found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level: Level::Fail, ..Self::warn(found, fix) }
    }

    /// With the command to type.
    fn run(mut self, command: impl Into<String>) -> Self {
        self.run = Some(command.into());
        self
    }
}

/// All checks, by groups; a group without any is left out.
pub(super) fn judge(facts: &Facts) -> Report {
    let groups = [
        ("config", config::checks(facts)),
        ("programs", programs::checks(facts)),
        ("folders", system::folders(facts)),
        ("limits", system::limits(facts)),
        ("containment", system::containment(facts)),
        ("ports", system::ports(facts)),
        ("manager", manager::checks(facts)),
        ("network and time", manager::surroundings(facts)),
    ];
    let groups = groups.into_iter().filter(|(_, checks)| !checks.is_empty());
    Report { groups: groups.map(|(name, checks)| Group { name, checks }).collect() }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The first few names, and how many there are more.
fn names(all: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown = all.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN { format!("{shown} and {} more", all.len() - SHOWN) } else { shown }
}
