//! "Did you mean": the nearest known word.

/// The known word nearest to `word`, when one is near enough to be meant.
///
/// Near means an edit distance (with transpositions, case folded) of at most a third of the longer word, and at least
/// one; a known word of which `word` is a prefix of three characters or more counts too. Ties go to the first in
/// alphabetical order.
pub fn nearest<'a, I, S>(word: &str, known: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a S>,
    S: AsRef<str> + ?Sized + 'a,
{
    let folded = word.to_lowercase();
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in known {
        let candidate = candidate.as_ref();
        let other = candidate.to_lowercase();
        let longer = folded.chars().count().max(other.chars().count());
        let mut distance = strsim::damerau_levenshtein(&folded, &other);
        if folded.len() >= 3 && other.starts_with(&folded) {
            distance = distance.min(1);
        }
        if distance <= (longer / 3).max(1) && distance < longer && best.is_none_or(|b| (distance, candidate) < b) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// `"; did you mean `x`?"` for the nearest known word, or nothing: a tail for error messages.
pub fn suggestion<'a, I, S>(word: &str, known: I) -> String
where
    I: IntoIterator<Item = &'a S>,
    S: AsRef<str> + ?Sized + 'a,
{
    nearest(word, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_else() {
        let known = ["filesystem", "search", "api", "memory"];
        assert_eq!(nearest("filesytem", &known), Some("filesystem"));
        assert_eq!(nearest("Serach", &known), Some("search"));
        assert_eq!(nearest("mem", &known), Some("memory"));
        assert_eq!(nearest("postgres", &known), None);
        assert_eq!(nearest("x", &["y"]), None);
        assert_eq!(suggestion("fo", &["foo"]), "; did you mean `foo`?");
        assert_eq!(suggestion("zzz", &["foo"]), "");
    }
}
