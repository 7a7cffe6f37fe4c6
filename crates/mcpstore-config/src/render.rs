//! Diagnostics for people: with the text they are about, or one line each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

use crate::diagnostic::push_visible;
use crate::mask::Masked;
use crate::source::{LineIndex, floor_boundary};
use crate::{Code, Diagnostic, Format, Place, Severity, Source};

/// Places at most so many lines apart are shown in one piece of text.
const NEAR_LINES: usize = 4;

/// Of a line that is longer, only the part around its places is shown; in bytes.
const MAX_LINE: usize = 600;

/// Diagnostics with the lines they are about, a pointer under the place, and what to do.
///
/// `sources` are those the diagnostics came from; `width` is the terminal's, in columns (at least 40 are used). With
/// `color` there are ANSI sequences in the result, and never otherwise: what is quoted is cleaned of them. Values inside
/// `env` and `headers`, and what looks like a secret elsewhere, are shown as `***`. The result ends with a line break unless it is empty.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &[Source], color: bool, width: usize) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.term_width(width.max(40));
    let mut texts: BTreeMap<usize, Text<'_>> = BTreeMap::new();
    let mut out = String::new();
    for diagnostic in diagnostics {
        let all = diagnostic.primary.iter().chain(diagnostic.related.iter().map(|(place, _)| place));
        for place in all {
            if let Some(source) = sources.get(place.source) {
                texts.entry(place.source).or_insert_with(|| Text::new(place.source, source, diagnostics));
            }
        }
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group =
            Group::with_title(level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.to_string()));
        let clusters = clusters(diagnostic);
        for cluster in &clusters {
            if let Some(text) = cluster.first().and_then(|mark| texts.get(&mark.place.source)) {
                group = group.element(piece(text, cluster));
            }
        }
        for note in &diagnostic.notes {
            group = group.element(Level::NOTE.message(normalize_untrusted_str(note)));
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(normalize_untrusted_str(help)));
        }
        let mut shown = renderer.render(&[group]);
        for cluster in &clusters {
            state_column(&mut shown, cluster, sources);
        }
        out.push_str(&shown);
        out.push_str("\n\n");
    }
    if out.ends_with("\n\n") {
        out.pop();
    }
    out
}

/// Diagnostics in one line each, for logs: `mcp.json:7:62: error[MS012]: unknown dependency …; did you mean …?`.
#[must_use]
pub fn render_short(diagnostics: &[Diagnostic], sources: &[Source]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let mut line = String::new();
        if let Some(place) = diagnostic.primary {
            let name = sources.get(place.source).map_or("config", |source| source.name.as_str());
            // Writing to a text cannot fail.
            let _ = write!(line, "{name}:{}:{}: ", place.line, place.column);
        }
        let _ = write!(line, "{}[{}]: {}", diagnostic.severity, diagnostic.code, diagnostic.message);
        if let Some(help) = &diagnostic.help {
            let _ = write!(line, "; {help}");
        }
        line.chars().for_each(|c| push_visible(&mut out, c));
        out.push('\n');
    }
    out
}

/// A source, ready to be shown.
struct Text<'s> {
    source: &'s Source,
    lines: LineIndex,
    masked: Masked,
}

impl<'s> Text<'s> {
    /// The text of this index. What its diagnostics say of it is heeded: whether it is broken, and where secrets stand.
    fn new(index: usize, source: &'s Source, diagnostics: &[Diagnostic]) -> Self {
        let text = source.text.as_str();
        let mine =
            || diagnostics.iter().filter_map(|d| Some((d.code, d.primary.filter(|place| place.source == index)?)));
        let broken = mine().any(|(code, _)| matches!(code, Code::Syntax | Code::TooDeep));
        let secrets: Vec<_> = mine()
            .filter(|(code, _)| *code == Code::PlainSecret)
            .map(|(_, place)| place.span.start..place.span.end)
            .filter(|range| text.get(range.clone()).is_some())
            .collect();
        let masked = Masked::new(text, Format::of(&source.name, text), broken, &secrets);
        Self { source, lines: LineIndex::new(text), masked }
    }

    /// A line, and where in it `place` stands; both with secrets hidden.
    fn line(&self, number: usize) -> (usize, &str) {
        let span = self.lines.line_span(&self.source.text, number);
        let start = self.masked.moved(span.start, false);
        let end = self.masked.moved(span.end, true).max(start);
        (start, self.masked.text.get(start..end).unwrap_or(""))
    }
}

/// A place to point at, with the words under it.
struct Mark<'d> {
    place: Place,
    label: Option<&'d str>,
    primary: bool,
}

/// The marks of a diagnostic, those near each other together; those with the primary place first.
fn clusters(diagnostic: &Diagnostic) -> Vec<Vec<Mark<'_>>> {
    let primary =
        diagnostic.primary.iter().map(|&place| Mark { place, label: diagnostic.label.as_deref(), primary: true });
    let related =
        diagnostic.related.iter().map(|(place, what)| Mark { place: *place, label: Some(what), primary: false });
    let mut marks: Vec<Mark<'_>> = primary.chain(related).collect();
    marks.sort_by_key(|mark| (mark.place.source, mark.place.line, mark.place.column));
    let mut clusters: Vec<Vec<Mark<'_>>> = Vec::new();
    for mark in marks {
        match clusters.last_mut() {
            Some(cluster) if cluster.last().is_some_and(|last| is_near(last.place, mark.place)) => cluster.push(mark),
            _ => clusters.push(vec![mark]),
        }
    }
    // A stable sort: the others keep their order.
    clusters.sort_by_key(|cluster| !cluster.iter().any(|mark| mark.primary));
    clusters
}

/// Puts the true column into the header of a piece: the renderer counts in the text as shown, where values are hidden
/// and long lines are cut.
fn state_column(shown: &mut String, cluster: &[Mark<'_>], sources: &[Source]) {
    let Some(head) = cluster.iter().find(|mark| mark.primary).or(cluster.first()) else { return };
    let Some(source) = sources.get(head.place.source) else { return };
    let header = format!("{}:{}:", source.name, head.place.line);
    for (at, _) in shown.match_indices(&header) {
        let start = at + header.len();
        let end = shown[start..].find(|c: char| !c.is_ascii_digit()).map_or(shown.len(), |n| start + n);
        // A header is the last thing on its line; in colour a sequence follows.
        let is_header = end > start && (end == shown.len() || shown[end..].starts_with(['\n', '\u{1b}']));
        if is_header {
            shown.replace_range(start..end, &head.place.column.to_string());
            return;
        }
    }
}

fn is_near(a: Place, b: Place) -> bool {
    a.source == b.source && b.line.saturating_sub(a.line) <= NEAR_LINES
}

/// The lines from the first to the last mark, with the marks in them.
fn piece<'d>(text: &Text<'d>, marks: &[Mark<'d>]) -> Snippet<'d, annotate_snippets::Annotation<'d>> {
    let first = marks.first().map_or(1, |mark| mark.place.line);
    let last = marks.last().map_or(first, |mark| mark.place.line);
    let mut shown = String::new();
    let mut annotations = Vec::new();
    for number in first..=last {
        let (line_start, line) = text.line(number);
        let here: Vec<(&Mark<'d>, usize, usize)> = marks
            .iter()
            .filter(|mark| mark.place.line == number)
            .map(|mark| {
                let start = text.masked.moved(mark.place.span.start, false).saturating_sub(line_start);
                let end = text.masked.moved(mark.place.span.end, true).saturating_sub(line_start);
                let start = floor_boundary(line, start);
                // What goes on over further lines is marked up to the end of its first one.
                (mark, start, floor_boundary(line, end).max(start))
            })
            .collect();
        let from = here.iter().map(|&(_, start, _)| start).min().unwrap_or(0);
        let to = here.iter().map(|&(_, start, _)| start).max().unwrap_or(0);
        let (cut_start, cut_end) = if line.len() <= MAX_LINE {
            (0, line.len())
        } else {
            (floor_boundary(line, from.saturating_sub(MAX_LINE / 4)), floor_boundary(line, to + MAX_LINE / 2))
        };
        if cut_start > 0 {
            shown.push('…');
        }
        let base = shown.len();
        // A stray carriage return would be a line end to the renderer.
        shown.extend(line[cut_start..cut_end].chars().map(|c| if c == '\r' { ' ' } else { c }));
        for (mark, start, end) in here {
            let end = end.min(cut_end).max(start);
            let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let span = start - cut_start + base..end - cut_start + base;
            annotations.push(kind.span(span).label(mark.label));
        }
        if cut_end < line.len() {
            shown.push('…');
        }
        shown.push('\n');
    }
    Snippet::source(shown).path(text.source.name.as_str()).line_start(first).annotations(annotations)
}
