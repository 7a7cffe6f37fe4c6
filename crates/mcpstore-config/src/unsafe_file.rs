//! What is told of a config file that somebody else can change.

use crate::diagnostic::{push_visible, shown};
use crate::{Code, Diagnostic};

/// The refusal of a file: `path` is what can be changed (the file or a folder on the way to it), `why` says by whom, and
/// `command` mends it. Whoever opens files judges them; this crate opens none.
#[must_use]
pub fn unsafe_file_diagnostic(path: &str, why: &str, command: &str) -> Diagnostic {
    // A command must stay whole, however long the path in it.
    let mut help = String::with_capacity(command.len());
    command.chars().for_each(|c| push_visible(&mut help, c));
    Diagnostic::error(Code::UnsafeFile, format!("`{}` {why}", shown(path)))
        .with_note("a config names programs to run, so whoever can change it can run programs as you")
        .with_help(format!("run: {help}"))
}
