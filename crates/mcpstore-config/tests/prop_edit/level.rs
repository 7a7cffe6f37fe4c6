//! Where a value is, as seen from the entries.

use mcpstore_config::Plain;

/// How many levels above the entries a value is; none in an entry and beside the way to them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level<'w> {
    left: Option<usize>,
    way: &'w [&'w str],
}

impl<'w> Level<'w> {
    /// Of the whole text.
    pub(crate) fn new(way: &'w [&'w str]) -> Self {
        Self { left: Some(way.len()), way }
    }

    /// The level and the owner of a member, or of an element (then without a key).
    pub(crate) fn member(self, key: Option<&str>, owner: &[String], value: &Plain) -> (Self, Vec<String>) {
        let inside = Self { left: None, ..self };
        match (self.left, key, value.get("name")) {
            (Some(0), Some(key), _) => (inside, vec![key.to_owned()]),
            (Some(0), None, Some(Plain::Text(name))) => (inside, vec![name.clone()]),
            (Some(left), Some(key), _) if left > 0 && self.way[self.way.len() - left] == key => {
                (Self { left: Some(left - 1), ..self }, Vec::new())
            }
            (None, key, _) if !owner.is_empty() => (self, [owner, &[key.unwrap_or_default().to_owned()]].concat()),
            _ => (inside, Vec::new()),
        }
    }
}
