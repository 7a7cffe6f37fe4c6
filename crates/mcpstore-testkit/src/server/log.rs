//! Where a server notes what happens to it: lines of `time pid event` in a file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// A file of `time pid event` lines, the time in milliseconds since 1970; none by default.
#[derive(Debug, Default)]
pub struct EventLog(Option<Mutex<File>>);

impl EventLog {
    /// Appends to this file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn to(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Some(Mutex::new(file))))
    }

    /// Notes an event.
    pub fn note(&self, event: &str) {
        let Some(file) = &self.0 else { return };
        let ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let line = format!("{ms} {} {event}\n", std::process::id());
        if let Ok(mut file) = file.lock() {
            // A fixture has nobody to complain to; the test misses the line and says so.
            let _ = file.write_all(line.as_bytes());
        }
    }
}
