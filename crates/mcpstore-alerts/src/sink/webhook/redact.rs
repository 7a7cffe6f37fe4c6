//! Secrets taken out of what receivers say.

use mcpstore_types::Secret;

/// Parts shorter than this are no secrets, and stand in ordinary sentences.
const MIN_BYTES: usize = 6;

/// Takes the address, its parts, the headers and the key out of a text.
pub(super) struct Redact(Vec<Secret>);

impl Redact {
    pub(super) fn new<'a>(url: &Secret, others: impl Iterator<Item = &'a Secret>) -> Self {
        let mut parts: Vec<Secret> = others.cloned().collect();
        parts.push(url.clone());
        // Tokens are in the path, in the query, or in front of the host.
        let behind_scheme = url.expose().split_once("://").map_or("", |(_, rest)| rest);
        let (host, path) = behind_scheme.split_once(['/', '?']).unwrap_or((behind_scheme, ""));
        parts.push(path.into());
        parts.extend(path.split(['/', '?', '&', '=', '#']).map(Secret::from));
        parts.extend(host.split_once('@').map(|(user, _)| user).unwrap_or_default().split(':').map(Secret::from));
        parts.retain(|part| part.expose().len() >= MIN_BYTES);
        // The longest first: a part of a part would leave the rest.
        parts.sort_by_key(|part| std::cmp::Reverse(part.expose().len()));
        Self(parts)
    }

    pub(super) fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, part| text.replace(part.expose(), "***"))
    }
}
