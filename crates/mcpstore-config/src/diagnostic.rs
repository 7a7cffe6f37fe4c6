//! A diagnostic: what is wrong, where, and what to do about it. Data, not text.

use std::fmt;

use mcpstore_types::ServiceName;

use crate::{Code, Place};

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// What it concerns is left out.
    Error,
    /// It is worth a look; nothing is left out.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One problem in the config.
///
/// No text in it ever holds an expanded value, nor a literal value out of `env` or `headers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of problem it is.
    pub code: Code,
    /// What is wrong, in lower case, without a full stop.
    pub message: String,
    /// Where; `None` when it concerns no single place.
    pub primary: Option<Place>,
    /// What to write under the place.
    pub label: Option<String>,
    /// Facts that help to understand it.
    pub notes: Vec<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that have to do with it, each with what it has.
    pub related: Vec<(Place, String)>,
    /// The service in whose entry it stands.
    pub service: Option<ServiceName>,
}

impl Diagnostic {
    /// A diagnostic without a place; the `with_` methods add the rest.
    #[must_use]
    pub fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            message: message.into(),
            primary: None,
            label: None,
            notes: Vec::new(),
            help: None,
            related: Vec::new(),
            service: None,
        }
    }

    /// An error without a place.
    #[must_use]
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning without a place.
    #[must_use]
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// This diagnostic at a place.
    #[must_use]
    pub fn with_place(mut self, place: Place) -> Self {
        self.primary = Some(place);
        self
    }

    /// This diagnostic with words under its place.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// This diagnostic with one more fact.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// This diagnostic with what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// This diagnostic with one more place.
    #[must_use]
    pub fn with_related(mut self, place: Place, what: impl Into<String>) -> Self {
        self.related.push((place, what.into()));
        self
    }

    /// This diagnostic in the entry of a service.
    #[must_use]
    pub fn with_service(mut self, service: Option<ServiceName>) -> Self {
        self.service = service;
        self
    }
}

/// The longest piece of somebody's text shown in a message, in characters.
const MAX_SHOWN: usize = 80;

/// Somebody's text, fit for a message: cut when long, control and invisible characters made visible.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_SHOWN));
    for (nth, c) in text.chars().enumerate() {
        if nth == MAX_SHOWN {
            out.push('…');
            break;
        }
        push_visible(&mut out, c);
    }
    out
}

/// The name of a variable or a header, fit for a message: what follows the name in it, by a slip, may be its secret value.
pub(crate) fn shown_name(name: &str) -> String {
    match name.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))) {
        Some(end) => format!("{}…", shown(&name[..end])),
        None => shown(name),
    }
}

/// Appends `c`, or its escape when it would not show or would mislead: control, zero-width and direction characters.
pub(crate) fn push_visible(out: &mut String, c: char) {
    let hidden = matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    if c.is_control() || hidden {
        out.extend(c.escape_unicode());
    } else {
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_text_is_short_and_harmless() {
        assert_eq!(shown("a\u{1b}[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
        assert_eq!(shown(&"x".repeat(200)).chars().count(), MAX_SHOWN + 1);
    }
}
