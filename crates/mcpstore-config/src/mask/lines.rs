//! What the line-based formats have in common.

use super::keys::{holds_secrets, is_secret_name};
use crate::fields::camel;
use crate::words::is_word;

/// Where in a line something secret begins, and what it was.
pub(super) struct Begins {
    /// The first byte to hide, within the line.
    pub(super) at: usize,
    /// The key is the first thing on its line.
    pub(super) first: bool,
}

/// Finds in a line the first key whose values are hidden: a word of that kind that begins the line, or has
/// `=`, `:`, `.`, or a bracket after it. Quotes
/// are not heeded: in a broken line nobody knows which of them open and which close.
pub(super) fn secret_key(line: &str) -> Option<Begins> {
    let is_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '\\');
    let mut at = 0;
    let mut first = true;
    while let Some(start) = line[at..].find(is_key).map(|n| at + n) {
        let end = line[start..].find(|c| !is_key(c)).map_or(line.len(), |n| start + n);
        let word = &line[start..end];
        let behind = line[end..].trim_start_matches(['"', '\'']).trim_start();
        let is_list_sign = word.chars().all(|c| c == '-');
        // The sign between the two was forgotten.
        let is_followed =
            line[end..].starts_with(char::is_whitespace) && line[end..].trim_start().starts_with(['"', '\'']);
        if holds_secrets(word)
            && (first || is_followed || behind.is_empty() || behind.starts_with(['=', ':', '.', '{', '[', ']']))
        {
            let skipped = line.len() - behind.len();
            let sign = behind.find(['=', ':']).filter(|n| behind[..*n].trim().is_empty()).map_or(0, |n| n + 1);
            return Some(Begins { at: skipped + sign, first });
        }
        // Flags and addresses have a look of their own.
        let before = line[..start].trim_end_matches(['"', '\'']).trim_end();
        let is_key_position = before.is_empty() || before.ends_with(['{', ',', '-', '#', '.']);
        if is_key_position
            && !word.starts_with('-')
            && is_secret_name(word)
            && let Some(value) = behind.strip_prefix(['=', ':'])
            && !value.trim_start().starts_with('{')
            && !value.trim().is_empty()
        {
            return Some(Begins { at: line.len() - value.len(), first });
        }
        first &= is_list_sign;
        at = end;
    }
    None
}

/// Where the value of a key begins that stands first on the line and is no word of the config language.
pub(super) fn unknown_key(line: &str, sign: char) -> Option<usize> {
    let at = line.find(sign)?;
    let key = line[..at].trim().trim_start_matches("- ").trim().trim_matches(['"', '\'']);
    let last = key.rsplit('.').next().unwrap_or(key);
    let value = line[at + 1..].trim_start();
    (!is_word(last) && camel(last).is_none_or(|word| !is_word(&word)) && !value.is_empty() && !value.starts_with('{'))
        .then_some(at + 1)
}

/// By how much a text opens more brackets than it closes.
pub(super) fn depth(text: &str) -> isize {
    text.chars().fold(0, |depth, c| match c {
        '{' | '[' => depth + 1,
        '}' | ']' => depth - 1,
        _ => depth,
    })
}

/// True when a comment may be an entry that was taken out, or speak of one.
pub(super) fn is_telling(comment: &str) -> bool {
    if comment.contains([':', '=']) {
        return true;
    }
    let lower = comment.to_ascii_lowercase();
    ["env", "header", "secret", "token", "password", "key"].iter().any(|word| lower.contains(word))
}

/// The bytes of a line that are not blank.
pub(super) fn body(start: usize, line: &str) -> std::ops::Range<usize> {
    let begin = start + line.len() - line.trim_start().len();
    begin..(start + line.trim_end().len()).max(begin)
}
