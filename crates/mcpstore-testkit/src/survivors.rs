//! Finding processes that outlived the test which started them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The environment variable that marks the processes of one test.
pub const TAG_VARIABLE: &str = "MCPSTORE_TEST_TAG";

/// A tag that no other test uses, in this process or another that runs now.
#[must_use]
pub fn unique_tag(test: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{test}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The living processes, other than this one, whose environment carries [`TAG_VARIABLE`] with this tag.
///
/// Zombies do not count. Empty where there is no `/proc`.
#[must_use]
pub fn survivors(tag: &str) -> Vec<u32> {
    let wanted = format!("{TAG_VARIABLE}={tag}");
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let carries_tag = |pid: &u32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    let mut found: Vec<u32> = pids.filter(|pid| *pid != std::process::id()).filter(carries_tag).collect();
    found.sort_unstable();
    found
}

/// Waits up to `within` until no process carries the tag; returns those that are left.
#[must_use]
pub fn no_survivors(tag: &str, within: Duration) -> Vec<u32> {
    let start = Instant::now();
    loop {
        let left = survivors(tag);
        if left.is_empty() || start.elapsed() > within {
            return left;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
