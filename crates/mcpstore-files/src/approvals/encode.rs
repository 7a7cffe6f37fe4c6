//! Values as bytes that mean one thing only: everything has its length before it.

use std::collections::BTreeMap;
use std::path::Path;

use mcpstore_types::Secret;
use sha2::{Digest as _, Sha256};

/// Feeds values to a digest so that no two different sequences of calls feed the same bytes.
#[derive(Default)]
pub(super) struct Encoder(Sha256);

impl Encoder {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn path(&mut self, path: &Path) {
        self.bytes(path.as_os_str().as_encoded_bytes());
    }

    /// A path that may not be there.
    pub(super) fn maybe_path(&mut self, path: Option<&Path>) {
        self.count(usize::from(path.is_some()));
        if let Some(path) = path {
            self.path(path);
        }
    }

    /// How many values follow.
    pub(super) fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_le_bytes());
    }

    pub(super) fn texts(&mut self, texts: &[String]) {
        self.count(texts.len());
        texts.iter().for_each(|text| self.text(text));
    }

    pub(super) fn paths(&mut self, paths: &[std::path::PathBuf]) {
        self.count(paths.len());
        paths.iter().for_each(|path| self.path(path));
    }

    /// Names, and the values of those that `with_value` picks.
    pub(super) fn named(&mut self, values: &BTreeMap<String, Secret>, with_value: impl Fn(&str) -> bool) {
        self.count(values.len());
        for (name, value) in values {
            self.text(name);
            let shown = with_value(name);
            self.count(usize::from(shown));
            if shown {
                self.text(value.expose());
            }
        }
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
