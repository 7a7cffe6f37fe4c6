//! Which names patterns let through.

use mcpstore_types::glob_matches;

/// True when a name is let through: by one of `allow` (by all when there is none), and by none of `deny`.
pub(super) fn lets_through(allow: &[String], deny: &[String], name: &str) -> bool {
    let any = |patterns: &[String]| patterns.iter().any(|pattern| glob_matches(pattern, name));
    (allow.is_empty() || any(allow)) && !any(deny)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deny_wins_over_allow() {
        let list = |patterns: &[&str]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(lets_through(&[], &[], "x"));
        assert!(lets_through(&list(&["read_*"]), &list(&["*_all"]), "read_one"));
        assert!(!lets_through(&list(&["read_*"]), &list(&["*_all"]), "read_all"));
        assert!(!lets_through(&list(&["read_*"]), &[], "write"));
    }
}
