//! What was measured of the gateway, as markdown.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::samples::Samples;
use super::super::table::{self, time};
use super::Measured;

/// One comparison.
pub(in crate::bench) struct Line {
    pub(super) what: String,
    pub(super) clients: usize,
    pub(super) direct: Side,
    /// Where there is one.
    pub(super) floor: Option<Side>,
    pub(super) gateway: Side,
}

/// One side of it.
pub(super) struct Side {
    pub(super) times: Samples,
    pub(super) wall: Duration,
    /// Processor time of the process that was asked.
    pub(super) used: Duration,
}

impl Side {
    fn rate(&self) -> f64 {
        self.times.runs() as f64 / self.wall.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn cost(&self) -> Duration {
        self.used / u32::try_from(self.times.runs()).unwrap_or(u32::MAX)
    }
}

/// The section of the gateway, without its heading.
pub(in crate::bench) fn section(measured: &Measured) -> String {
    let mut text = String::from(
        "Each cell of three: the server reached directly over HTTP · the floor (HTTP ↔ pipe on one thread, names and ids \
         changed, nothing else) · the gateway. CPU is that of the process that was asked, without the server behind it (for \
         the direct path it is the server itself).\n\n\
         | call | clients | p50 | added p50 | p99 | calls/s | of the floor | CPU per call |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for Line { what, clients, direct, floor, gateway } in &measured.calls {
        let three = |of: &dyn Fn(&Side) -> String| {
            let floor = floor.as_ref().map_or_else(|| "–".to_owned(), of);
            format!("{} · {floor} · {}", of(direct), of(gateway))
        };
        let added = gateway.times.p50().saturating_sub(direct.times.p50());
        let share = floor
            .as_ref()
            .map_or_else(|| "–".to_owned(), |floor| format!("{:.0} %", 100.0 * gateway.rate() / floor.rate()));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {what} | {clients} | {} | {} | {} | {} | {share} | {} |",
            three(&|side| time(side.times.p50())),
            time(added),
            three(&|side| time(side.times.percentile(99))),
            three(&|side| format!("{:.0}", side.rate())),
            three(&|side| time(side.cost())),
        );
    }
    format!("{text}\n{}\n{}", table::table(&measured.rows), table::sizes(&measured.sizes))
}
