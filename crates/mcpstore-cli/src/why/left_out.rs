//! A service that the manager does not know, because its config leaves it out.

use mcpstore::config::{Diagnostic, Severity};

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::quote::quoted;

/// What is wrong with this service's entry in the manager's own files; `None` when they do not name it, or have nothing
/// against it.
pub(crate) fn left_out(name: &str, config: &Config) -> Option<Failure> {
    let loaded = &config.loaded;
    let named = loaded.config.origins.keys().any(|known| known.as_str() == name);
    if !named || loaded.config.services.iter().any(|spec| spec.name.as_str() == name) {
        return None;
    }
    let of_it = |one: &&Diagnostic| one.service.as_ref().is_some_and(|service| service.as_str() == name);
    let is_error = |one: &&Diagnostic| one.severity == Severity::Error;
    // Its own errors; else the warning that it goes with another one; else what is wrong with all of them: a cycle.
    let mut found: Vec<&Diagnostic> = loaded.diagnostics.iter().filter(of_it).filter(is_error).collect();
    if found.is_empty() {
        found = loaded.diagnostics.iter().filter(of_it).collect();
    }
    if found.is_empty() {
        found = loaded.diagnostics.iter().filter(is_error).collect();
    }
    let first = found.first()?;
    let mut codes: Vec<String> = found.iter().map(|one| one.code.to_string()).collect();
    codes.dedup();
    let message = format!(
        "`{name}` is not running: its entry in the config is left out ({}): {}",
        codes.join(", "),
        first.message
    );
    let files: String =
        config.files.files.iter().map(|file| format!(" {}", quoted(&file.display().to_string()))).collect();
    Some(Failure::new(Exit::NoSuchService, message).next(format!("mcpstore config check{files}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ConfigArgs;
    use crate::config::{Chosen, ConfigFiles};

    #[test]
    fn an_entry_that_is_left_out_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mcp.json");
        let text = r#"{ "mcpServers": {
            "broken": { "command": 7 },
            "leans": { "command": "sh", "dependsOn": ["broken"] },
            "fine": { "command": "sh" } } }"#;
        std::fs::write(&file, text).unwrap();
        let load = || {
            let files = ConfigFiles { files: vec![file.clone()], chosen: Chosen::Named };
            Config::load_files(files, &ConfigArgs::default()).unwrap()
        };
        let config = load();
        let broken = left_out("broken", &config).unwrap();
        assert_eq!(broken.exit, Exit::NoSuchService);
        assert!(
            broken.message.starts_with("`broken` is not running: its entry in the config is left out (MS"),
            "{broken}"
        );
        assert_eq!(broken.next, Some(format!("mcpstore config check {}", file.display())));
        let leans = left_out("leans", &config).unwrap();
        assert!(leans.message.contains("`leans` is left out: it cannot be without `broken`"), "{leans}");
        assert!(left_out("fine", &config).is_none() && left_out("nobody", &config).is_none());
        let circle = r#"{ "mcpServers": {
            "a": { "command": "sh", "dependsOn": ["b"] }, "b": { "command": "sh", "dependsOn": ["a"] } } }"#;
        std::fs::write(&file, circle).unwrap();
        assert!(left_out("a", &load()).unwrap().message.contains("(MS"));
    }
}
