//! What a run of the suite found of one scenario.

use std::path::Path;

use anyhow::{Context, Result};

/// The checks of a scenario, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) success: usize,
    pub(super) warning: usize,
    pub(super) skipped: usize,
    /// The checks that failed: their names, and why.
    pub(super) failed: Vec<String>,
    /// The checks that warned: what should be, and is not.
    pub(super) warned: Vec<String>,
}

impl Counts {
    /// The checks that say something.
    pub(super) fn said(&self) -> usize {
        self.success + self.failed.len()
    }
}

/// Reads what the scenario left in the folder `out`; `prefix` stands before its name there.
pub(super) fn read(out: &Path, prefix: &str, scenario: &str) -> Result<Counts> {
    count(&text(out, prefix, scenario)?)
}

/// The results of a scenario: in a folder named after it and the moment it began.
fn text(out: &Path, prefix: &str, scenario: &str) -> Result<String> {
    let scenario = format!("{prefix}{scenario}");
    let (folder, name) = match scenario.rsplit_once('/') {
        Some((group, name)) => (out.join(group), name),
        None => (out.to_owned(), scenario.as_str()),
    };
    let entries = std::fs::read_dir(folder).context("it did not run")?;
    let mut found = entries.flatten().filter(|entry| {
        let file = entry.file_name();
        let moment = file.to_str().and_then(|file| file.strip_prefix(name)?.strip_prefix('-'));
        // A year, and no longer name that begins with a number.
        moment.is_some_and(|moment| moment.starts_with("20") && moment.get(4..5) == Some("-"))
    });
    let entry = found.next().context("it did not run")?;
    std::fs::read_to_string(entry.path().join("checks.json")).context("it has no results")
}

fn count(text: &str) -> Result<Counts> {
    let checks: Vec<serde_json::Value> = serde_json::from_str(text).context("its results are no JSON")?;
    let mut counts = Counts::default();
    for check in checks {
        let word = |name: &str| check[name].as_str().unwrap_or_default();
        let why = if word("errorMessage").is_empty() { word("description") } else { word("errorMessage") };
        let line = format!("{}: {why}", word("id"));
        match word("status") {
            "SUCCESS" => counts.success += 1,
            "FAILURE" => counts.failed.push(line),
            "WARNING" => {
                counts.warning += 1;
                counts.warned.push(line);
            }
            "SKIPPED" => counts.skipped += 1,
            _ => {}
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_counted_by_their_status() {
        let text = r#"[{"status":"SUCCESS"},{"status":"INFO"},{"status":"SKIPPED"},{"status":"WARNING","id":"w","description":"d"},{"status":"FAILURE","id":"a","description":"b","errorMessage":"c"}]"#;
        let counts = count(text).unwrap();
        let failed = vec!["a: c".to_owned()];
        let warned = vec!["w: d".to_owned()];
        assert_eq!(counts, Counts { success: 1, warning: 1, skipped: 1, failed, warned });
        assert_eq!(counts.said(), 2);
        assert!(count("no").is_err());
    }

    #[test]
    fn results_are_found_by_the_whole_name() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in
            [("auth/iss-supported-missing-2026-01-02T", "no"), ("auth/iss-supported-2026-01-02T", "yes")]
        {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("checks.json"), text).unwrap();
        }
        std::fs::create_dir_all(folder.path().join("server-json-schema-2020-12-2026-01-02T")).unwrap();
        assert_eq!(text(folder.path(), "", "auth/iss-supported").unwrap(), "yes");
        assert!(text(folder.path(), "", "auth/iss").is_err() && text(folder.path(), "", "ping").is_err());
        let found = text(folder.path(), "server-", "json-schema-2020-12").unwrap_err();
        assert_eq!(found.to_string(), "it has no results");
    }
}
