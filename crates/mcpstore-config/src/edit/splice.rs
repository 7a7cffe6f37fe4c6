//! Pieces of a text that are taken out, and what is put in their place.

/// Changes of a text, each between two bytes of the old one.
#[derive(Debug, Default)]
pub(super) struct Splices {
    list: Vec<(usize, usize, String)>,
}

impl Splices {
    /// Puts `new` where `start..end` was. Of several at one place, the first that was added comes first.
    pub(super) fn replace(&mut self, start: usize, end: usize, new: impl Into<String>) {
        self.list.push((start, end, new.into()));
    }

    /// Puts `new` before the byte `at`.
    pub(super) fn insert(&mut self, at: usize, new: impl Into<String>) {
        self.replace(at, at, new);
    }

    /// Takes `start..end` out. What is taken out may overlap.
    pub(super) fn delete(&mut self, start: usize, end: usize) {
        self.replace(start, end, "");
    }

    /// The new text; `None` when a place is not in the text, or between the bytes of a character.
    pub(super) fn apply(mut self, text: &str) -> Option<String> {
        // An insertion goes before what is taken out at the same place.
        self.list.sort_by_key(|(start, end, _)| (*start, end > start));
        let mut out = String::with_capacity(text.len() + self.list.iter().map(|(_, _, new)| new.len()).sum::<usize>());
        let mut at = 0;
        for (start, end, new) in &self.list {
            if *start > at {
                out.push_str(text.get(at..*start)?);
            }
            out.push_str(new);
            at = at.max(*end);
        }
        out.push_str(text.get(at..)?);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_together_in_the_order_of_the_text() {
        let mut splices = Splices::default();
        splices.delete(4, 6);
        splices.insert(1, "1");
        splices.insert(1, "2");
        splices.delete(5, 7);
        splices.insert(4, "-");
        assert_eq!(splices.apply("abcdefgh").as_deref(), Some("a12bcd-h"));
        let mut splices = Splices::default();
        splices.delete(1, 2);
        assert_eq!(splices.apply("é"), None);
    }
}
