//! What every reading function has at hand: the text, its lines, the variables, the sink.

use jsonc_parser::ast::Value;
use jsonc_parser::common::{Range, Ranged};

use crate::sink::Sink;
use crate::source::LineIndex;
use crate::{Code, Diagnostic, Place, Span};

/// One text being read.
pub(crate) struct Context<'a> {
    /// Its index among the sources.
    pub(crate) source: usize,
    /// The whole text.
    pub(crate) text: &'a str,
    pub(crate) lines: &'a LineIndex,
    /// How far the parser's ranges lie before the text's: the length of the byte order mark.
    pub(crate) shift: usize,
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) sink: &'a mut Sink,
}

impl Context<'_> {
    /// The span of a range of the parser.
    pub(crate) const fn span(&self, range: Range) -> Span {
        Span::new(range.start + self.shift, range.end + self.shift)
    }

    /// The place of a span.
    pub(crate) fn place(&self, span: Span) -> Place {
        let (line, column) = self.lines.locate(self.text, span.start);
        Place { source: self.source, span, line, column }
    }

    /// The place of a value.
    pub(crate) fn place_of(&self, value: &Value<'_>) -> Place {
        self.place(self.span(value.range()))
    }

    /// An error at a value, still to be completed and pushed.
    pub(crate) fn error_at(&self, value: &Value<'_>, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message).with_place(self.place_of(value))
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.sink.push(diagnostic);
    }
}
