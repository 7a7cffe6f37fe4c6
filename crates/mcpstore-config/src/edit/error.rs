//! Why a text was not edited.

use thiserror::Error;

use super::lines;
use crate::Format;

/// Why [`edit`](super::edit) or [`read_plain`](super::read_plain) failed. Nothing was changed then.
///
/// No message has a value of the text in it, so none tells a secret. Lines and columns count from 1; columns are
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EditError {
    /// The text is none of its format.
    #[error("line {line}, column {column} is no {format}: {message}")]
    Syntax {
        /// What it was read as.
        format: Format,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// The text is larger than what is read.
    #[error("the text has {bytes} bytes; at most {max} are edited")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest size.
        max: usize,
    },
    /// An entry of this name is there already.
    #[error("`{key}` is there already")]
    KeyExists {
        /// The name.
        key: String,
    },
    /// There is no entry of this name.
    #[error("there is no `{key}`{}", did_you_mean(nearest))]
    NoSuchKey {
        /// The name.
        key: String,
        /// The nearest name that is there.
        nearest: Option<String>,
    },
    /// What should hold entries or fields holds something else.
    #[error("{} is no object, so nothing can be put into it", named(path))]
    NotAnObject {
        /// Its keys, with dots between them; empty for the whole text.
        path: String,
    },
    /// The value to be written has no form in this format.
    #[error("this value cannot be written as {format}: {why}")]
    Value {
        /// The format.
        format: Format,
        /// What does not fit.
        why: &'static str,
    },
    /// The text is written in a way that is not edited by a program.
    #[error("line {line} {why}; edit it by hand")]
    Unsupported {
        /// The line.
        line: usize,
        /// What stands there.
        why: &'static str,
    },
    /// The edited text would not have said what it should. A bug of mcpstore, noticed in time.
    #[error("the change cannot be made without a risk for the rest of the text; edit it by hand")]
    Unsafe,
}

impl EditError {
    /// A text that is none of its format at the byte `at`.
    pub(super) fn syntax(format: Format, text: &str, at: usize, message: impl Into<String>) -> Self {
        let (line, column) = lines::line_and_column(text, at);
        Self::Syntax { format, line, column, message: message.into() }
    }

    /// A form at the byte `at` that is not edited.
    pub(super) fn unsupported(text: &str, at: usize, why: &'static str) -> Self {
        Self::Unsupported { line: lines::line_and_column(text, at).0, why }
    }
}

/// The tail of a message, as `mcpstore_types::suggestion` writes it.
fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

fn named(path: &str) -> String {
    if path.is_empty() { "the whole text".to_owned() } else { format!("`{path}`") }
}
