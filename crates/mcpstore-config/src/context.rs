//! What every reading function has at hand: the texts, the world around them, the sink.

use crate::sink::Sink;
use crate::source::{LineIndex, floor_boundary};
use crate::tree::{At, Value};
use crate::{Code, Diagnostic, Format, Outside, Place, Source, Span};

/// A text, its lines, and its format.
pub(crate) struct Text<'a> {
    pub(crate) source: &'a Source,
    pub(crate) lines: LineIndex,
    pub(crate) format: Format,
}

impl<'a> Text<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        Self { source, lines: LineIndex::new(&source.text), format: Format::of(&source.name, &source.text) }
    }
}

/// The place of what stands there.
pub(crate) fn place(texts: &[Text<'_>], at: At) -> Place {
    let text = &texts[at.source as usize];
    let whole = text.source.text.as_str();
    // Whoever points at the first byte of something means its first character.
    let end = (at.end as usize..whole.len()).find(|end| whole.is_char_boundary(*end)).unwrap_or(whole.len());
    let span = Span::new(floor_boundary(whole, at.start as usize), end);
    let (line, column) = text.lines.locate(&text.source.text, span.start);
    Place { source: at.source as usize, span, line, column }
}

/// All texts of a config, while they are read.
pub(crate) struct Context<'a> {
    pub(crate) texts: &'a [Text<'a>],
    pub(crate) outside: &'a dyn Outside,
    pub(crate) sink: &'a mut Sink,
    /// The inputs that the texts declare.
    pub(crate) inputs: &'a crate::inputs::Inputs,
}

impl<'a> Context<'a> {
    /// The text something stands in.
    pub(crate) fn text(&self, at: At) -> &'a Text<'a> {
        &self.texts[at.source as usize]
    }

    /// The place of what stands there.
    pub(crate) fn place(&self, at: At) -> Place {
        place(self.texts, at)
    }

    /// An error at a value, still to be completed and pushed.
    pub(crate) fn error_at(&self, value: &Value<'_>, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message).with_place(self.place(value.at))
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.sink.push(diagnostic);
    }
}
