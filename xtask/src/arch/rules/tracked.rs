//! What no tracked file may say: the host of a package registry, and a path of somebody's machine.

use crate::arch::source::is_word;
use crate::arch::{Rule, SourceFile, Violation, Workspace};

// In two halves, so that this file does not say them either.
const HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("registry.", "npmjs.org"),
    concat!("npmjs", ".com"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("://", "registry."),
    concat!("://", "mirror"),
    concat!("\"resolved\"", ": \"http"),
];
const PLACES: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("C:\\", "Users"),
];

pub(in crate::arch) fn check(workspace: &Workspace, found: &mut Vec<Violation>) {
    // The lock names its registry by itself, and cannot be told not to.
    for file in workspace.files.iter().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for (number, line) in file.text.lines().enumerate() {
            look(file, number + 1, line, found);
        }
    }
}

fn look(file: &SourceFile, number: usize, line: &str, found: &mut Vec<Violation>) {
    if let Some(host) = HOSTS.iter().find(|host| line.contains(*host)) {
        let message = format!("`{host}` names a registry: builds take it from the user's own configuration");
        found.push(Violation::at(Rule::RegistryHost, &file.path, number, message));
    }
    if let Some(place) = PLACES.iter().find(|place| names_place(line, place)) {
        let message =
            format!("`{place}` is a path of one machine: write it relative, or use a made-up one like `/srv/x`");
        found.push(Violation::at(Rule::MachinePath, &file.path, number, message));
    }
}

/// True when `place` stands in `line` as the start of a path, not within a longer one.
fn names_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = at.checked_sub(1).map(|i| line.as_bytes()[i]);
        !before.is_some_and(|byte| is_word(byte) || b".-~*})/$".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_inside_a_longer_path_is_none() {
        let place = concat!("/ho", "me/");
        assert!(names_place(&format!("see {place}me/x"), place));
        assert!(names_place(&format!("\"{place}me\""), place));
        assert!(!names_place(&format!("docs{place}x"), place));
        assert!(!names_place(&format!("${{root}}{place}x"), place));
    }
}
