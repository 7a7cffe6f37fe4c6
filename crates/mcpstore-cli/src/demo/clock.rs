//! Demo server `clock`: the time of day, and arithmetic on it.

use std::time::SystemTime;

use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::{Deserialize, Serialize};

use super::calendar::{Moment, Offset};
use super::say;

pub(crate) const NAME: &str = "clock";
pub(crate) const DESCRIPTION: &str = "The time of day, and arithmetic on it";

/// The server; it keeps nothing.
pub(crate) struct Clock;

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct NowArgs {
    /// The offset to write the time in: UTC (the default), +02:00, -05:30
    offset: Option<String>,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct AddArgs {
    /// A time as RFC 3339 has it, such as 2026-01-31T23:59:59Z
    time: String,
    /// How many seconds later; negative: earlier
    seconds: i64,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct DiffArgs {
    /// The time to count from, as RFC 3339 has it
    from: String,
    /// The time to count to
    to: String,
}

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct TimeOut {
    /// The time as RFC 3339 has it
    time: String,
    /// The same as milliseconds since 1970 in UTC
    unix_ms: i64,
}

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct DiffOut {
    /// Seconds between the two; negative when `to` lies before `from`
    seconds: f64,
}

impl From<Moment> for TimeOut {
    fn from(moment: Moment) -> Self {
        Self { time: moment.to_string(), unix_ms: moment.unix_ms() }
    }
}

const OUT_OF_RANGE: &str = "the result lies outside the years 1 to 9999";

#[tool_router]
impl Clock {
    #[tool(description = "The present time, in UTC or at an offset from it", annotations(read_only_hint = true))]
    fn now(&self, Parameters(args): Parameters<NowArgs>) -> Result<Json<TimeOut>, String> {
        let offset: Offset = args.offset.as_deref().unwrap_or("UTC").parse()?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let unix_ms = i64::try_from(since.as_millis()).map_err(|_| OUT_OF_RANGE)?;
        let now = Moment::new(unix_ms, offset).ok_or(OUT_OF_RANGE)?;
        say(format_args!("now -> {now}"));
        Ok(Json(now.into()))
    }

    #[tool(description = "The time so many seconds after (or before) another", annotations(read_only_hint = true))]
    fn add_seconds(&self, Parameters(args): Parameters<AddArgs>) -> Result<Json<TimeOut>, String> {
        let time: Moment = args.time.parse()?;
        let sum = args.seconds.checked_mul(1000).and_then(|ms| time.plus(ms)).ok_or(OUT_OF_RANGE)?;
        say(format_args!("add_seconds {time} {} -> {sum}", args.seconds));
        Ok(Json(sum.into()))
    }

    #[tool(description = "How many seconds lie between two times", annotations(read_only_hint = true))]
    fn diff(&self, Parameters(args): Parameters<DiffArgs>) -> Result<Json<DiffOut>, String> {
        let (from, to): (Moment, Moment) = (args.from.parse()?, args.to.parse()?);
        // Ten thousand years of milliseconds are far below 2^53: exact.
        let seconds = (to.unix_ms() - from.unix_ms()) as f64 / 1000.0;
        say(format_args!("diff {from} {to} -> {seconds}"));
        Ok(Json(DiffOut { seconds }))
    }
}

#[tool_handler(name = "mcpstore-demo-clock", instructions = "Tells the time and computes with it.")]
impl ServerHandler for Clock {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic() {
        let add = |time: &str, seconds| Clock.add_seconds(Parameters(AddArgs { time: time.to_owned(), seconds }));
        assert_eq!(add("2026-02-28T23:59:59Z", 1).ok().unwrap().0.time, "2026-03-01T00:00:00Z");
        assert_eq!(add("2026-01-01T00:00:00+01:00", -1).ok().unwrap().0.time, "2025-12-31T23:59:59+01:00");
        assert_eq!(add("2026-01-01T00:00:00Z", i64::MAX).err().unwrap(), OUT_OF_RANGE);
        let diff = |from: &str, to: &str| {
            Clock.diff(Parameters(DiffArgs { from: from.to_owned(), to: to.to_owned() })).map(|out| out.0.seconds)
        };
        assert_eq!(diff("2026-01-01T00:00:00Z", "2026-01-02T00:00:00.500Z"), Ok(86_400.5));
        assert!(diff("yesterday", "2026-01-02T00:00:00Z").unwrap_err().contains("`yesterday` is no time"));
    }
}
