//! The lower part of the terminal, drawn again and again in place; what is said stays above it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Once;

use crossterm::cursor::{Hide, MoveToColumn, MoveUp, Show};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap, EndSynchronizedUpdate,
};
use crossterm::{Command, terminal};

use crate::logging;
use crate::output::clean;

/// What to assume of a terminal that does not tell its size.
const SIZE: (u16, u16) = (80, 24);

/// stderr, on a terminal or off it. Off a terminal nothing is ever drawn, only said.
#[derive(Debug)]
pub(super) struct Screen {
    live: bool,
    /// The columns that each line drawn now takes.
    drawn: Vec<usize>,
}

impl Screen {
    /// `live`: stderr is a terminal that may be drawn on.
    pub(super) fn new(live: bool) -> Self {
        if live {
            restore_on_panic();
            logging::hold();
        }
        Self { live, drawn: Vec::new() }
    }

    /// True when [`Screen::draw`] shows something.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// Columns and lines.
    pub(super) fn size() -> (u16, u16) {
        match terminal::size() {
            Ok((columns, lines)) if columns > 0 && lines > 0 => (columns, lines),
            Ok(_) | Err(_) => SIZE,
        }
    }

    /// Writes lines that stay. What is drawn is gone until the next [`Screen::draw`].
    pub(super) fn say(&mut self, lines: &[String]) {
        let mut out = self.erased();
        self::lines(&mut out, lines);
        write(&out);
    }

    /// Draws these lines in place of those before: `picture` is cut at the width of the terminal, `below` is not.
    pub(super) fn draw(&mut self, picture: &[String], below: &[String]) {
        if !self.live {
            return;
        }
        let columns = usize::from(Self::size().0);
        let mut out = String::new();
        ansi(&mut out, BeginSynchronizedUpdate);
        ansi(&mut out, Hide);
        out.push_str(&self.erased());
        lines(&mut out, &logging::take());
        // Cut by the terminal, which alone knows how wide each character is.
        ansi(&mut out, DisableLineWrap);
        lines(&mut out, picture);
        ansi(&mut out, EnableLineWrap);
        // These hold commands to copy, which must stay whole.
        lines(&mut out, below);
        ansi(&mut out, EndSynchronizedUpdate);
        let width = |line: &String| clean(line).chars().count();
        self.drawn = picture.iter().map(|line| width(line).min(columns)).chain(below.iter().map(width)).collect();
        write(&out);
    }

    /// Takes away what is drawn, and gives the cursor back.
    pub(super) fn clear(&mut self) {
        let mut out = self.erased();
        if self.live {
            ansi(&mut out, Show);
        }
        write(&out);
    }

    /// What erases the drawn lines.
    fn erased(&mut self) -> String {
        if self.drawn.is_empty() {
            // Not even the size is asked for: off a terminal that would start a program (`tput`) for each line.
            return String::new();
        }
        let lines = wrapped(&std::mem::take(&mut self.drawn), usize::from(Self::size().0));
        erase(lines)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.live {
            write(RESTORE);
            logging::release();
        }
    }
}

/// Shows the cursor and wraps lines again.
const RESTORE: &str = "\x1b[?25h\x1b[?7h";

/// How many lines the drawn ones take now: a terminal made narrower has wrapped them.
fn wrapped(drawn: &[usize], columns: usize) -> usize {
    drawn.iter().map(|length| length.div_ceil(columns.max(1)).max(1)).sum()
}

fn erase(lines: usize) -> String {
    let mut out = String::new();
    if lines > 0 {
        ansi(&mut out, MoveToColumn(0));
        ansi(&mut out, MoveUp(u16::try_from(lines).unwrap_or(u16::MAX)));
        ansi(&mut out, Clear(ClearType::FromCursorDown));
    }
    out
}

fn lines(out: &mut String, lines: &[String]) {
    for line in lines {
        // Writing to a text cannot fail, here and below.
        let _ = writeln!(out, "{line}");
    }
}

fn ansi(out: &mut String, command: impl Command) {
    let _ = command.write_ansi(out);
}

/// All at once, so that nothing flickers. A terminal that went away is nobody's problem.
fn write(text: &str) {
    if text.is_empty() {
        return;
    }
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

/// A panic must not leave the terminal without a cursor, whatever becomes of the stack.
fn restore_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            write(RESTORE);
            before(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_erased_line_by_line() {
        assert_eq!(erase(0), "");
        assert_eq!(erase(3), "\u{1b}[1G\u{1b}[3A\u{1b}[J");
    }

    #[test]
    fn a_narrower_terminal_has_wrapped_the_lines() {
        assert_eq!(wrapped(&[80, 10, 0], 80), 3);
        assert_eq!(wrapped(&[80, 10, 0], 40), 4);
        assert_eq!(wrapped(&[81], 40), 3);
        assert_eq!(wrapped(&[5], 0), 5);
    }

    #[test]
    fn the_terminal_is_restored_with_what_was_taken() {
        let mut out = String::new();
        ansi(&mut out, Show);
        ansi(&mut out, EnableLineWrap);
        assert_eq!(out, RESTORE);
    }
}
