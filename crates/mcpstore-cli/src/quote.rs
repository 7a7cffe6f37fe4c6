//! Words as a shell takes them, for the commands that are suggested.

use std::path::{Path, PathBuf};

/// The word as a shell takes it: in quotes when it needs them.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// `command` with the config files that were named; one from stdin cannot be read again and gives `None`.
pub(crate) fn with_config(command: &str, files: &[PathBuf]) -> Option<String> {
    if files.iter().any(|file| file == Path::new("-")) {
        return None;
    }
    let options: String = files.iter().map(|file| format!(" --config {}", quoted(&file.to_string_lossy()))).collect();
    Some(format!("{command}{options}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("@scope/web.x"), "@scope/web.x");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!((quoted(""), quoted("a b")), ("''".to_owned(), "'a b'".to_owned()));
    }

    #[test]
    fn named_configs_are_named_again() {
        let files = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(with_config("mcpstore plan", &[]).unwrap(), "mcpstore plan");
        assert_eq!(
            with_config("mcpstore plan", &files(&["a.json", "my b.json"])).unwrap(),
            "mcpstore plan --config a.json --config 'my b.json'"
        );
        assert_eq!(with_config("mcpstore plan", &files(&["-"])), None);
    }
}
