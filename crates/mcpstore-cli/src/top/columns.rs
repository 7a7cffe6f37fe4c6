//! The columns of the table: what stands in each, how wide it is, and which of them find room.

use std::time::Duration;

use mcpstore::monitor::{CircuitReport, CircuitState, LatencyReport, ServiceReport};
use mcpstore::{Health, ServiceState};

use crate::output::{percent, short_bytes, short_count, short_duration, short_ms};

/// The width of the longest state with its glyph, `· not_started`.
pub(super) const STATE_WIDTH: usize = 13;
/// A spark line shorter than this says nothing.
const MIN_SPARK: usize = 12;
/// What is kept of a spark line: one entry per 10 s, so ten minutes.
const MAX_SPARK: usize = 60;
/// Between two columns.
pub(super) const GAP: usize = 2;

/// A column behind SERVICE and STATE, which are always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Health,
    Up,
    Restarts,
    Calls,
    Errors,
    P50,
    P95,
    P99,
    InFlight,
    Cpu,
    Memory,
    Processes,
    Circuit,
}

impl Column {
    /// All of them, from left to right.
    pub(super) const ALL: [Self; 13] = [
        Self::Health,
        Self::Up,
        Self::Restarts,
        Self::Calls,
        Self::Errors,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::InFlight,
        Self::Cpu,
        Self::Memory,
        Self::Processes,
        Self::Circuit,
    ];

    /// The same, by what is given up last: the first one stays longest.
    const BY_WORTH: [Self; 13] = [
        Self::Up,
        Self::Calls,
        Self::Errors,
        Self::P95,
        Self::Restarts,
        Self::Health,
        Self::Cpu,
        Self::Memory,
        Self::InFlight,
        Self::Circuit,
        Self::P50,
        Self::P99,
        Self::Processes,
    ];

    /// Its heading.
    pub(super) const fn head(self) -> &'static str {
        match self {
            Self::Health => "HEALTH",
            Self::Up => "UP",
            Self::Restarts => "RST",
            Self::Calls => "CALLS/m",
            Self::Errors => "ERR%",
            Self::P50 => "P50",
            Self::P95 => "P95",
            Self::P99 => "P99",
            Self::InFlight => "INFL",
            Self::Cpu => "CPU",
            Self::Memory => "MEM",
            Self::Processes => "PROCS",
            Self::Circuit => "CIRCUIT",
        }
    }

    /// Its width: fixed, so that nothing jumps from one refresh to the next.
    pub(super) const fn width(self) -> usize {
        match self {
            Self::Health | Self::Circuit => 9,
            Self::Calls => 7,
            Self::Up | Self::P50 | Self::P95 | Self::P99 | Self::Cpu => 6,
            Self::Restarts | Self::Errors | Self::Memory | Self::Processes => 5,
            Self::InFlight => 4,
        }
    }

    /// Numbers stand right, words left.
    pub(super) const fn is_word(self) -> bool {
        matches!(self, Self::Health | Self::Circuit)
    }

    /// What stands in it for this service.
    pub(super) fn cell(self, service: &ServiceReport) -> String {
        let latency = |pick: fn(&LatencyReport) -> f64| {
            service.calls.latency.as_ref().map_or_else(dash, |latency| short_ms(pick(latency)))
        };
        match self {
            Self::Health => match service.health {
                Health::Unknown => dash(),
                Health::Healthy => "ok".to_owned(),
                other => other.to_string(),
            },
            Self::Up if service.state != ServiceState::Running => dash(),
            Self::Up => age(service.in_state_seconds),
            Self::Restarts => short_count(service.restarts_total),
            Self::Calls => short_count(service.calls.last_minute),
            Self::Errors => error_share(service).map_or_else(dash, percent),
            Self::P50 => latency(|latency| latency.p50_ms),
            Self::P95 => latency(|latency| latency.p95_ms),
            Self::P99 => latency(|latency| latency.p99_ms),
            Self::InFlight => short_count(service.calls.in_flight),
            Self::Cpu => service.process.map_or_else(dash, |process| percent(process.cpu_percent / 100.0)),
            Self::Memory => service.process.map_or_else(dash, |process| short_bytes(process.resident_bytes)),
            Self::Processes => service.process.map_or_else(dash, |process| process.processes.to_string()),
            Self::Circuit => circuit(&service.circuit),
        }
    }
}

/// What is shown in one line of this width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    /// The room of the name.
    pub(super) name: usize,
    /// The columns behind STATE, from left to right.
    pub(super) columns: Vec<Column>,
    /// The length of the spark line; 0: none.
    pub(super) spark: usize,
}

impl Fit {
    /// Room for the longest name first (as far as the line has it), then for columns by their worth, then for the spark line.
    /// `lead` characters stand before the name.
    pub(super) fn new(width: usize, lead: usize, longest_name: usize) -> Self {
        let fixed = lead + GAP + STATE_WIDTH;
        let name = longest_name.max("SERVICE".len()).min(width.saturating_sub(fixed));
        let mut left = width.saturating_sub(fixed + name);
        let mut columns = Vec::new();
        for column in Column::BY_WORTH {
            let needed = GAP + column.width();
            if needed > left {
                break;
            }
            left -= needed;
            columns.push(column);
        }
        columns.sort_unstable();
        let all = columns.len() == Column::ALL.len();
        let spark = if all && left >= GAP + MIN_SPARK { (left - GAP).min(MAX_SPARK) } else { 0 };
        Self { name, columns, spark }
    }
}

/// The last entries as a line of blocks, the newest at the right; the tallest block is the busiest entry shown.
pub(super) fn spark(calls: &[u32], width: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = &calls[calls.len().saturating_sub(width)..];
    let most = shown.iter().copied().max().unwrap_or(0);
    let block = |count: u32| match (count, most) {
        (0, _) | (_, 0) => ' ',
        _ => {
            let step = (u64::from(count) * BLOCKS.len() as u64).div_ceil(u64::from(most));
            BLOCKS[usize::try_from(step).unwrap_or(BLOCKS.len()).clamp(1, BLOCKS.len()) - 1]
        }
    };
    let line: String = shown.iter().map(|count| block(*count)).collect();
    format!("{line:>width$}")
}

/// The part of its calls that failed; `None` without a call.
pub(super) fn error_share(service: &ServiceReport) -> Option<f64> {
    let calls = &service.calls;
    (calls.calls_total > 0).then(|| calls.errors_total as f64 / calls.calls_total as f64)
}

fn circuit(circuit: &CircuitReport) -> String {
    match (circuit.state, circuit.retry_in_seconds) {
        (CircuitState::Closed, _) => "closed".to_owned(),
        (CircuitState::HalfOpen, _) => "half_open".to_owned(),
        (CircuitState::Open, None) => "open".to_owned(),
        // Whole minutes from a minute on: the column is narrow.
        (CircuitState::Open, Some(left)) if left >= 60.0 => format!("open {:.0}m", (left / 60.0).min(999.0)),
        (CircuitState::Open, Some(left)) => format!("open {:.0}s", left.max(0.0)),
    }
}

/// A length of time from a number that came over the wire: never negative, never endless.
pub(super) fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value.max(0.0)).unwrap_or_default()
}

/// For how long something has been so, in whole seconds.
pub(super) fn age(value: f64) -> String {
    if value < 1.0 { "0s".to_owned() } else { short_duration(seconds(value.floor())) }
}

fn dash() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_its_worth() {
        let mut sorted = Column::BY_WORTH;
        sorted.sort_unstable();
        assert_eq!(sorted, Column::ALL);
        assert!(Column::ALL.iter().all(|column| column.head().len() <= column.width()));
    }

    #[test]
    fn what_is_worth_least_goes_first() {
        let narrow = Fit::new(80, 3, 12);
        assert_eq!((narrow.name, narrow.spark), (12, 0));
        let expected = [Column::Health, Column::Up, Column::Restarts, Column::Calls, Column::Errors, Column::P95];
        assert_eq!(narrow.columns, expected);
        let wide = Fit::new(200, 3, 12);
        assert_eq!((wide.columns.len(), wide.spark > MIN_SPARK), (Column::ALL.len(), true));
        let long = Fit::new(40, 3, 64);
        assert_eq!((long.name, long.columns.len()), (22, 0), "the state stays whole");
        assert_eq!(Fit::new(0, 3, 64).name, 0);
    }

    #[test]
    fn a_line_is_as_high_as_its_busiest_entry() {
        assert_eq!(spark(&[0, 1, 4, 8], 6), "   ▁▄█");
        assert_eq!(spark(&[9, 0, 7], 2), " █");
        assert_eq!(spark(&[], 3), "   ");
        assert_eq!(spark(&[1, u32::MAX], 2), "▁█");
    }
}
