//! What the lanes found, scenario by scenario, and what of it is lost.

use std::collections::BTreeMap;
use std::fmt;

use super::checks::Counts;
use super::explained::{self, Explained};
use super::lane::Lane;
use super::suite::Scenarios;

/// What a lane found: per scenario its checks; `None` when it did not run.
pub(super) type Found = BTreeMap<String, Option<Counts>>;

/// One revision's lanes beside each other.
pub(super) struct Table {
    revision: &'static str,
    scenarios: Scenarios,
    /// Every scenario was run, and not one alone.
    whole: bool,
    lanes: Vec<(Lane, Result<Found, String>)>,
}

/// What a lane has of a scenario.
#[derive(Debug, PartialEq, Eq)]
enum Cell {
    /// It counts, with so many checks.
    Ok(usize),
    /// Nothing failed, but fewer checks succeeded than directly.
    Lost(usize, usize),
    /// So many of so many failed.
    Fail(usize, usize),
    /// Nothing was checked.
    Nothing,
    /// It did not run.
    Absent,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Ok(checks) => format!("ok {checks}"),
            Self::Lost(now, direct) => format!("lost {} of {direct}", direct - now),
            Self::Fail(failed, of) => format!("fail {failed} of {of}"),
            Self::Nothing => "nothing".to_owned(),
            Self::Absent => "-".to_owned(),
        };
        f.write_str(&text)
    }
}

impl Table {
    pub(super) fn new(revision: &'static str, scenarios: Scenarios, whole: bool) -> Self {
        Self { revision, scenarios, whole, lanes: Vec::new() }
    }

    pub(super) fn revision(&self) -> &'static str {
        self.revision
    }

    pub(super) fn scenarios(&self) -> impl Iterator<Item = &str> {
        self.scenarios.required.iter().chain(&self.scenarios.others).map(String::as_str)
    }

    /// Adds a lane; the first one is what the others are held against.
    pub(super) fn add(&mut self, lane: Lane, found: Result<Found, String>) {
        self.lanes.push((lane, found));
    }

    fn counts(&self, lane: usize, scenario: &str) -> Option<&Counts> {
        self.lanes.get(lane)?.1.as_ref().ok()?.get(scenario)?.as_ref()
    }

    fn cell(&self, lane: usize, scenario: &str) -> Cell {
        let Some(counts) = self.counts(lane, scenario) else { return Cell::Absent };
        let direct = self.counts(0, scenario).map_or(0, |direct| direct.success);
        match counts {
            Counts { failed, .. } if !failed.is_empty() => Cell::Fail(failed.len(), counts.said()),
            Counts { success, .. } if *success < direct => Cell::Lost(*success, direct),
            Counts { success: 0, .. } => Cell::Nothing,
            Counts { success, .. } => Cell::Ok(*success),
        }
    }

    /// How many of the required scenarios count in a lane.
    fn held(&self, lane: usize) -> usize {
        let required = self.scenarios.required.iter();
        required.filter(|one| matches!(self.cell(lane, one), Cell::Ok(_))).count()
    }

    /// What is lost, lane by lane.
    pub(super) fn wrong(&self, explained: &Explained) -> Vec<String> {
        let required = self.scenarios.required.len();
        let mut wrong = Vec::new();
        for (at, (lane, found)) in self.lanes.iter().enumerate() {
            let name = format!("{} {}", self.revision, lane.name());
            if let Err(problem) = found {
                wrong.push(format!("{name}: {problem}"));
                continue;
            }
            let lost: Vec<_> = self.missed(at).filter(|one| self.excused(*lane, one, explained).is_none()).collect();
            if !lost.is_empty() {
                wrong.push(format!("{name}: lost, and not explained in {}: {}", explained::FILE, lost.join(", ")));
            }
            let (held, floor) = (self.held(at), lane.floor(self.revision, required));
            if self.whole && held < floor {
                wrong.push(format!("{name}: {held} of {required} count, not {floor}"));
            }
        }
        wrong.extend(self.stale(explained));
        wrong
    }

    /// The scenarios that do not count in a lane. One that is never scored may have nothing to check.
    fn missed(&self, lane: usize) -> impl Iterator<Item = &str> {
        let required = self.scenarios.required.iter();
        let required = required.filter(move |one| !matches!(self.cell(lane, one), Cell::Ok(_)));
        let others = self.scenarios.others.iter();
        let others = others.filter(move |one| !matches!(self.cell(lane, one), Cell::Ok(_) | Cell::Nothing));
        required.chain(others).map(String::as_str)
    }

    /// The reason for a miss, where one is good enough: across the eras.
    fn excused<'a>(&self, lane: Lane, scenario: &str, explained: &'a Explained) -> Option<&'a str> {
        explained.why(self.revision, scenario).filter(|_| lane.crosses())
    }

    /// Explanations of what counts on every way through the gateway, once all of them were gone.
    fn stale(&self, explained: &Explained) -> Option<String> {
        let gone = self.lanes.iter().filter(|(lane, found)| *lane != Lane::Direct && found.is_ok()).count();
        if !self.whole || gone < Lane::GATEWAY.len() {
            return None;
        }
        let missed = |one: &str| (0..self.lanes.len()).any(|lane| self.missed(lane).any(|missed| missed == one));
        let stale: Vec<_> = explained.of(self.revision).filter(|one| !missed(one)).collect();
        let stale = (!stale.is_empty()).then(|| stale.join(", "))?;
        Some(format!("{}: explained in {}, and not missed: {stale}", self.revision, explained::FILE))
    }

    /// Why scenarios do not count: the checks of a lane that failed, or warned where directly they do not.
    fn misses(&self, text: &mut String, explained: &Explained) {
        for (at, (lane, found)) in self.lanes.iter().enumerate() {
            let name = format!("{} {}", self.revision, lane.name());
            if let Err(problem) = found {
                text.push_str(&format!("{name}: {problem}\n"));
            }
            for scenario in self.scenarios() {
                let cell = self.cell(at, scenario);
                if found.is_err() || matches!(cell, Cell::Ok(_) | Cell::Nothing) {
                    continue;
                }
                text.push_str(&format!("{name} {scenario}: {cell}\n"));
                if let Some(why) = self.excused(*lane, scenario, explained) {
                    text.push_str(&format!("    explained: {why}\n"));
                }
                let Some(counts) = self.counts(at, scenario) else { continue };
                for line in counts.failed.iter().chain(&counts.warned) {
                    text.push_str(&format!("    {line}\n"));
                }
                if counts.skipped > 0 {
                    text.push_str(&format!("    {} skipped\n", counts.skipped));
                }
            }
        }
    }

    /// The table, and below it what is missed and why.
    pub(super) fn show(&self, explained: &Explained) -> String {
        let mut text = String::from("\n");
        let lanes = 0..self.lanes.len();
        let row = |name: &str, cell: &dyn Fn(usize) -> String| {
            let line = lanes.clone().fold(format!("{name:<46}"), |line, at| format!("{line} {:<14}", cell(at)));
            format!("{}\n", line.trim_end())
        };
        let rows = |scenarios: &[String]| -> String {
            scenarios.iter().map(|scenario| row(scenario, &|at| self.cell(at, scenario).to_string())).collect()
        };
        let required = self.scenarios.required.len();
        text.push_str(&row(self.revision, &|at| self.lanes[at].0.name().to_owned()));
        text.push_str(&rows(&self.scenarios.required));
        text.push_str(&row("required that count", &|at| format!("{} of {required}", self.held(at))));
        if !self.scenarios.others.is_empty() {
            text.push_str("not scored:\n");
            text.push_str(&rows(&self.scenarios.others));
        }
        self.misses(&mut text, explained);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(success: usize, failed: &[&str]) -> Option<Counts> {
        let failed = failed.iter().map(|one| (*one).to_owned()).collect();
        Some(Counts { success, failed, ..Counts::default() })
    }

    fn table() -> Table {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let scenarios = Scenarios { required: names(&["a", "b", "c"]), others: names(&["d"]) };
        let mut table = Table::new("2025-11-25", scenarios, true);
        let found =
            |all: [Option<Counts>; 4]| Ok(["a", "b", "c", "d"].map(String::from).into_iter().zip(all).collect());
        let direct = [counts(2, &[]), counts(2, &[]), counts(1, &[]), counts(0, &[])];
        table.add(Lane::Direct, found(direct));
        table.add(Lane::Stdio, found([counts(2, &[]), counts(1, &[]), counts(1, &["x: y"]), None]));
        table.add(Lane::Http, Err("no gateway".to_owned()));
        table
    }

    #[test]
    fn a_scenario_counts_only_with_every_success_of_the_direct_run() {
        let table = table();
        let cells = |lane| ["a", "b", "c", "d"].map(|scenario| table.cell(lane, scenario));
        assert_eq!(cells(0), [Cell::Ok(2), Cell::Ok(2), Cell::Ok(1), Cell::Nothing]);
        assert_eq!(cells(1), [Cell::Ok(2), Cell::Lost(1, 2), Cell::Fail(1, 2), Cell::Absent]);
        let wrong = |explained: &str| table.wrong(&Explained::parse(explained));
        let lost = |which: &str| format!("2025-11-25 stdio: lost, and not explained in docs/conformance.md: {which}");
        let few = "2025-11-25 stdio: 1 of 3 count, not 3".to_owned();
        let none = "2025-11-25 http: no gateway".to_owned();
        assert_eq!(wrong(""), [lost("b, c, d"), few.clone(), none.clone()]);
        // Within one era no reason is good enough.
        assert_eq!(wrong(&(row("b") + &row("d"))), [lost("b, c, d"), few, none]);
    }

    fn row(name: &str) -> String {
        format!("| 2025-11-25 | `{name}` | because |\n")
    }

    #[test]
    fn across_the_eras_what_is_missed_is_explained_and_nothing_else_is() {
        let scenarios = Scenarios { required: vec!["a".to_owned(), "b".to_owned()], others: Vec::new() };
        let mut table = Table::new("2025-11-25", scenarios, false);
        let found = |a, b| Ok([("a".to_owned(), a), ("b".to_owned(), b)].into_iter().collect());
        table.add(Lane::Direct, found(counts(1, &[]), counts(1, &[])));
        table.add(Lane::Stdio, found(counts(1, &[]), counts(1, &[])));
        table.add(Lane::Http, found(counts(1, &[]), counts(1, &[])));
        table.add(Lane::CrossStdio, found(counts(1, &[]), counts(0, &["x"])));
        let wrong = |rows: &str| table.wrong(&Explained::parse(rows));
        assert_eq!(wrong(""), ["2025-11-25 cross-stdio: lost, and not explained in docs/conformance.md: b"]);
        assert_eq!(wrong(&row("b")), [""; 0]);
        assert!(table.show(&Explained::parse(&row("b"))).contains("fail 1 of 1\n    explained: because\n    x\n"));
        // Missed on one of the ways is missed; what is missed on none must not be explained.
        table.whole = true;
        table.add(Lane::CrossHttp, found(counts(1, &[]), counts(1, &[])));
        let wrong = table.wrong(&Explained::parse(&(row("a") + &row("b"))));
        assert_eq!(wrong.last().unwrap(), "2025-11-25: explained in docs/conformance.md, and not missed: a");
    }

    #[test]
    fn the_table_tells_why() {
        let text = table().show(&Explained::default());
        assert!(text.contains("lost 1 of 2") && text.contains("fail 1 of 2\n    x: y"), "{text}");
        assert!(text.contains("required that count") && text.contains("1 of 3"), "{text}");
    }
}
