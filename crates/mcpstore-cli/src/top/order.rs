//! In which order the services stand.

use std::cmp::Ordering;

use clap::ValueEnum;
use mcpstore::ServiceState;
use mcpstore::monitor::ServiceReport;

use super::columns::error_share;

/// By what the rows are sorted. Of numbers the largest comes first, of states the worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// As they were registered.
    #[default]
    Order,
    /// By name.
    Service,
    /// The worst state first.
    State,
    /// The most calls in the last minute first.
    Calls,
    /// The largest part of calls that failed first.
    Errors,
    /// The slowest first, by the time within which 95% of calls were answered.
    P95,
    /// The most processor time first.
    Cpu,
    /// The most memory first.
    Memory,
    /// The most restarts first.
    Restarts,
    /// The longest in its state first.
    Up,
}

impl Sort {
    /// All of them, as `s` goes through them.
    pub(super) const ALL: [Self; 10] = [
        Self::Order,
        Self::Service,
        Self::State,
        Self::Calls,
        Self::Errors,
        Self::P95,
        Self::Cpu,
        Self::Memory,
        Self::Restarts,
        Self::Up,
    ];

    /// The next one, and the first behind the last.
    pub(super) fn next(self) -> Self {
        let at = Self::ALL.iter().position(|sort| *sort == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    /// Its word on the command line.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Service => "service",
            Self::State => "state",
            Self::Calls => "calls",
            Self::Errors => "errors",
            Self::P95 => "p95",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Restarts => "restarts",
            Self::Up => "up",
        }
    }

    fn compare(self, a: &ServiceReport, b: &ServiceReport) -> Ordering {
        let falling = |value: fn(&ServiceReport) -> f64| value(b).total_cmp(&value(a));
        match self {
            Self::Order => Ordering::Equal,
            Self::Service => a.service.cmp(&b.service),
            Self::State => rank(a.state).cmp(&rank(b.state)),
            Self::Calls => b.calls.last_minute.cmp(&a.calls.last_minute),
            Self::Errors => falling(|service| error_share(service).unwrap_or(-1.0)),
            Self::P95 => falling(|service| service.calls.latency.map_or(-1.0, |latency| latency.p95_ms)),
            Self::Cpu => falling(|service| service.process.map_or(-1.0, |process| process.cpu_percent)),
            Self::Memory => {
                let bytes = |service: &ServiceReport| service.process.map(|process| process.resident_bytes);
                bytes(b).cmp(&bytes(a))
            }
            Self::Restarts => b.restarts_total.cmp(&a.restarts_total),
            Self::Up => falling(|service| service.in_state_seconds),
        }
    }
}

/// The services that a filter lets through, in order: places in `services`.
pub(super) fn rows(services: &[ServiceReport], filter: &str, sort: Sort, reverse: bool) -> Vec<usize> {
    let filter = filter.to_lowercase();
    let shown = |service: &ServiceReport| {
        service.service.as_str().to_lowercase().contains(&filter) || service.state.as_str().contains(&filter)
    };
    let mut rows: Vec<usize> = (0..services.len()).filter(|at| shown(&services[*at])).collect();
    // Stable: what is equal stays as it was registered.
    rows.sort_by(|a, b| sort.compare(&services[*a], &services[*b]));
    if reverse {
        rows.reverse();
    }
    rows
}

/// How bad a state is; 0 is worst.
pub(super) const fn rank(state: ServiceState) -> u8 {
    match state {
        ServiceState::Error => 0,
        ServiceState::Unknown => 1,
        ServiceState::Starting => 2,
        ServiceState::Stopping => 3,
        ServiceState::Running => 4,
        ServiceState::Stopped => 5,
        ServiceState::NotStarted => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{few, many};
    use super::*;

    #[test]
    fn words_are_those_of_the_command_line() {
        for sort in Sort::ALL {
            assert_eq!(sort.to_possible_value().unwrap().get_name(), sort.word());
            assert_eq!((0..Sort::ALL.len()).fold(sort, |sort, _| sort.next()), sort);
        }
    }

    #[test]
    fn rows_are_filtered_and_sorted() {
        let services = few().report.services;
        let names = |filter: &str, sort, reverse| -> Vec<&str> {
            rows(&services, filter, sort, reverse).iter().map(|at| services[*at].service.as_str()).collect()
        };
        assert_eq!(names("", Sort::Order, false), ["filesystem", "search", "browser"]);
        assert_eq!(names("", Sort::Order, true), ["browser", "search", "filesystem"]);
        assert_eq!(names("", Sort::State, false)[0], "browser");
        assert_eq!(names("", Sort::Cpu, false)[2], "browser", "without a process at the end");
        assert_eq!(names("SEAR", Sort::Order, false), ["search"]);
        assert_eq!(names("error", Sort::Order, false), ["browser"], "a state is found too");
        assert_eq!(names("nothing", Sort::Order, false), [""; 0]);
        let services = many(300).report.services;
        for sort in Sort::ALL {
            let there = rows(&services, "", sort, false);
            let mut back = rows(&services, "", sort, true);
            back.reverse();
            assert_eq!((there.len(), &there), (300, &back), "{sort:?}");
        }
    }
}
