//! Texts of a server in our errors, cut to a bound: they end up in logs, notices and terminals.

/// Bytes of a server's text that an error shows.
const MAX_BYTES: usize = 2 * 1024;
/// What marks a cut text.
const CUT: &str = " …(cut)";

/// The text, cut at a character and marked when it is longer than an error may be.
pub(crate) fn clip(text: &str) -> String {
    if text.len() <= MAX_BYTES {
        return text.to_owned();
    }
    let mut end = MAX_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{CUT}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(clip("short"), "short");
        let cut = clip(&format!("x{}", "ä".repeat(MAX_BYTES)));
        assert!(cut.ends_with(CUT) && cut.len() <= MAX_BYTES + CUT.len(), "{} bytes", cut.len());
    }
}
