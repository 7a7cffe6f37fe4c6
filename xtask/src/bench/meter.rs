//! What counting a call costs: the meters of its service and its tool, and the question to the circuit.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcpstore::monitor::{Admit, Breaker, ServiceMeter};
use mcpstore::types::{BreakerPolicy, Timestamp};

use super::samples::in_turns;
use super::table::Row;

const CALLS: u32 = 10_000;
const RUNS: usize = 200;

/// 10,000 calls counted, against the two looks at the clock that each of them needs to be timed at all.
pub(super) fn run() -> Vec<Row> {
    let meter = Arc::new(ServiceMeter::default());
    let mut breaker = Breaker::new(BreakerPolicy::default());
    let clock = || {
        (0..CALLS).fold(Duration::ZERO, |sum, _| {
            let began = black_box(Instant::now());
            sum + black_box(began.elapsed())
        })
    };
    let counted = || {
        for call in 0..CALLS {
            let now = Timestamp::from_millis(u64::from(call));
            let under_way = meter.begin(meter.tool_if("echo", || true), 64);
            let Admit::Pass(ticket) = breaker.admit(now) else { panic!("a circuit without a failure is closed") };
            under_way.end(now, Duration::from_micros(120), black_box(Ok(())), 128);
            breaker.record(now, ticket, Ok(()));
        }
    };
    let (reference, measured) = in_turns(RUNS, clock, counted);
    vec![Row {
        what: "metrics: 10,000 calls counted (service, tool, last ten minutes, circuit), without the calls".into(),
        reference: "the clock read twice, 10,000 times".into(),
        reference_time: reference.p50(),
        measured,
    }]
}
