//! Demo server `clock`: the time of day, and arithmetic on it.

use std::time::{Duration, SystemTime};

use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::{Deserialize, Serialize};

use super::say;

pub(crate) const NAME: &str = "clock";
pub(crate) const DESCRIPTION: &str = "The time of day, and arithmetic on it";

/// The server; it keeps nothing.
pub(crate) struct Clock;

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct AddArgs {
    /// A time in UTC as RFC 3339 has it, such as 2026-01-31T23:59:59Z
    time: String,
    /// How many seconds later; negative: earlier
    seconds: i64,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct DiffArgs {
    /// The time to count from, in UTC as RFC 3339 has it
    from: String,
    /// The time to count to
    to: String,
}

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct TimeOut {
    /// The time in UTC as RFC 3339 has it
    time: String,
}

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct DiffOut {
    /// Seconds between the two; negative when `to` lies before `from`
    seconds: f64,
}

/// The last moment that RFC 3339 can write, in seconds since 1970: the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;
const OUT_OF_RANGE: &str = "the result lies outside the years 1970 to 9999";

#[tool_router]
impl Clock {
    #[tool(description = "The present time, in UTC", annotations(read_only_hint = true))]
    fn now(&self) -> Json<TimeOut> {
        let now = written(SystemTime::now());
        say(format_args!("now -> {}", now.time));
        Json(now)
    }

    #[tool(description = "The time so many seconds after (or before) another", annotations(read_only_hint = true))]
    fn add_seconds(&self, Parameters(args): Parameters<AddArgs>) -> Result<Json<TimeOut>, String> {
        let time = read(&args.time)?;
        let distance = Duration::from_secs(args.seconds.unsigned_abs());
        let sum = if args.seconds < 0 { time.checked_sub(distance) } else { time.checked_add(distance) };
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST_SECOND);
        let sum = sum.filter(|sum| (SystemTime::UNIX_EPOCH..=end).contains(sum)).ok_or(OUT_OF_RANGE)?;
        let sum = written(sum);
        say(format_args!("add_seconds {} {} -> {}", args.time, args.seconds, sum.time));
        Ok(Json(sum))
    }

    #[tool(description = "How many seconds lie between two times", annotations(read_only_hint = true))]
    fn diff(&self, Parameters(args): Parameters<DiffArgs>) -> Result<Json<DiffOut>, String> {
        let (from, to) = (read(&args.from)?, read(&args.to)?);
        let seconds = match to.duration_since(from) {
            Ok(later) => later.as_secs_f64(),
            Err(earlier) => -earlier.duration().as_secs_f64(),
        };
        say(format_args!("diff {} {} -> {seconds}", args.from, args.to));
        Ok(Json(DiffOut { seconds }))
    }
}

fn read(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339(text)
        .map_err(|error| format!("`{text}` is no time in UTC such as 2026-01-31T23:59:59Z: {error}"))
}

fn written(time: SystemTime) -> TimeOut {
    TimeOut { time: humantime::format_rfc3339(time).to_string() }
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
        assert_eq!(add("2026-01-01T00:00:00Z", -1).ok().unwrap().0.time, "2025-12-31T23:59:59Z");
        for seconds in [i64::MAX, i64::MIN, 253_402_300_799] {
            assert_eq!(add("2026-01-01T00:00:00Z", seconds).err().unwrap(), OUT_OF_RANGE);
        }
        let diff = |from: &str, to: &str| {
            Clock.diff(Parameters(DiffArgs { from: from.to_owned(), to: to.to_owned() })).map(|out| out.0.seconds)
        };
        assert_eq!(diff("2026-01-01T00:00:00Z", "2026-01-02T00:00:00.500Z"), Ok(86_400.5));
        assert_eq!(diff("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"), Ok(-86_400.0));
        assert!(diff("yesterday", "2026-01-02T00:00:00Z").unwrap_err().contains("`yesterday` is no time"));
    }
}
