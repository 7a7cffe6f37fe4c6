//! What the lanes found, scenario by scenario, and what of it is lost.

use std::collections::BTreeMap;
use std::fmt;

use super::checks::Counts;
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
        required.filter(|scenario| matches!(self.cell(lane, scenario), Cell::Ok(_))).count()
    }

    /// What is lost, lane by lane.
    pub(super) fn wrong(&self) -> Vec<String> {
        let required = self.scenarios.required.len();
        let mut wrong = Vec::new();
        for (at, (lane, found)) in self.lanes.iter().enumerate() {
            let name = format!("{} {}", self.revision, lane.name());
            if let Err(problem) = found {
                wrong.push(format!("{name}: {problem}"));
                continue;
            }
            // One alone has to count where all have to; elsewhere it is only shown.
            let floor = lane.floor(self.revision, required);
            let floor = if self.whole || floor == required { floor } else { 0 };
            let held = self.held(at);
            if held < floor {
                let missed = self.scenarios.required.iter().filter(|one| !matches!(self.cell(at, one), Cell::Ok(_)));
                let missed: Vec<_> = missed.map(String::as_str).collect();
                wrong.push(format!("{name}: {held} of {required} count, not {floor}: {}", missed.join(", ")));
            }
        }
        wrong
    }

    /// Why scenarios do not count: the checks of a lane that failed, or warned where directly they do not.
    fn misses(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (lane, found)) in self.lanes.iter().enumerate() {
            if let Err(problem) = found {
                writeln!(f, "{} {}: {problem}", self.revision, lane.name())?;
            }
            for scenario in self.scenarios() {
                let cell = self.cell(at, scenario);
                if found.is_err() || matches!(cell, Cell::Ok(_) | Cell::Nothing) {
                    continue;
                }
                writeln!(f, "{} {} {scenario}: {cell}", self.revision, lane.name())?;
                let Some(counts) = self.counts(at, scenario) else { continue };
                for line in counts.failed.iter().chain(&counts.warned) {
                    writeln!(f, "    {line}")?;
                }
                if counts.skipped > 0 {
                    writeln!(f, "    {} skipped", counts.skipped)?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lanes = 0..self.lanes.len();
        let row = |f: &mut fmt::Formatter<'_>, name: &str, cell: &dyn Fn(usize) -> String| {
            let line = lanes.clone().fold(format!("{name:<46}"), |line, at| format!("{line} {:<14}", cell(at)));
            writeln!(f, "{}", line.trim_end())
        };
        let rows = |f: &mut fmt::Formatter<'_>, scenarios: &[String]| {
            scenarios.iter().try_for_each(|scenario| row(f, scenario, &|at| self.cell(at, scenario).to_string()))
        };
        writeln!(f)?;
        row(f, self.revision, &|at| self.lanes[at].0.name().to_owned())?;
        rows(f, &self.scenarios.required)?;
        let required = self.scenarios.required.len();
        row(f, "required that count", &|at| format!("{} of {required}", self.held(at)))?;
        if !self.scenarios.others.is_empty() {
            writeln!(f, "not scored:")?;
            rows(f, &self.scenarios.others)?;
        }
        self.misses(f)
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
        assert_eq!(table.wrong(), ["2025-11-25 stdio: 1 of 3 count, not 3: b, c", "2025-11-25 http: no gateway"]);
    }

    #[test]
    fn the_table_tells_why() {
        let text = table().to_string();
        assert!(text.contains("lost 1 of 2") && text.contains("fail 1 of 2\n    x: y"), "{text}");
        assert!(text.contains("required that count") && text.contains("1 of 3"), "{text}");
    }
}
