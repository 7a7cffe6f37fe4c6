//! What holds of any bytes that are given as a config. Shared by the fuzz target and the test that replays its corpus.

use mcpstore_config::{
    Diagnostic, MAX_DIAGNOSTICS, Nothing, Options, Outside, Place, Source, Variables, parse, render, render_short,
};

/// The names of texts, of which the first byte of the data picks: one for each format, and one that says none.
const NAMES: [&str; 4] = ["a.json", "b.toml", "c.yaml", "d"];

/// What divides the data into texts.
const DIVIDER: &str = "\u{1}";

/// The texts in these bytes: the first byte says which formats they have, a byte 1 divides them.
pub(crate) fn sources(data: &[u8]) -> Vec<Source> {
    let Some((&formats, rest)) = data.split_first() else { return Vec::new() };
    let text = String::from_utf8_lossy(rest);
    let named = |(index, text): (usize, &str)| {
        let shift = u32::try_from(2 * index).unwrap_or(0);
        Source::new(NAMES[usize::from(formats >> shift) & 3], text)
    };
    text.splitn(3, DIVIDER).enumerate().map(named).collect()
}

/// Reads these bytes as a config and shows all that is wrong with it.
///
/// # Panics
/// When something does not hold.
pub(crate) fn check(data: &[u8]) {
    let sources = sources(data);
    let variables = Variables(|name: &str| (name.len() % 2 == 1).then(|| "value".to_owned()));
    let worlds: [&dyn Outside; 2] = [&Nothing, &variables];
    let strict = data.first().is_some_and(|first| first & 0x40 != 0);
    let parsed = parse(&sources, worlds[usize::from(strict)], &Options { strict });
    assert!(parsed.diagnostics.len() <= MAX_DIAGNOSTICS);
    assert_eq!(parsed.config.dialects.len(), sources.len());
    for diagnostic in &parsed.diagnostics {
        places(diagnostic).for_each(|place| is_sound(place, &sources));
    }
    for origin in parsed.config.origins.values() {
        is_sound(origin.place(), &sources);
        origin
            .dependency_spans
            .iter()
            .chain(&origin.overrides)
            .chain(&origin.patches)
            .for_each(|place| is_sound(*place, &sources));
    }
    for spec in &parsed.config.services {
        assert!(parsed.config.origins.contains_key(&spec.name) && !parsed.config.left_out.contains(&spec.name));
        assert_eq!(parsed.config.origins[&spec.name].dependency_spans.len(), spec.dependencies.len());
    }
    let shown = render(&parsed.diagnostics, &sources, false, 80);
    assert_eq!(shown.is_empty(), parsed.diagnostics.is_empty());
    assert!(!shown.contains('\u{1b}'));
    assert!(!render_short(&parsed.diagnostics, &sources).contains('\u{1b}'));
    if data.first().is_some_and(|first| first & 0x80 != 0) {
        let _ = render(&parsed.diagnostics, &sources, true, 120);
    }
}

fn places(diagnostic: &Diagnostic) -> impl Iterator<Item = Place> {
    diagnostic.primary.into_iter().chain(diagnostic.related.iter().map(|(place, _)| *place))
}

fn is_sound(place: Place, sources: &[Source]) {
    let text = &sources[place.source].text;
    assert!(text.get(place.span.start..place.span.end).is_some(), "{place:?} lies outside, or cuts a character");
    let line = text[..place.span.start].matches('\n').count() + 1;
    assert_eq!(place.line, line, "{place:?}");
    assert!(place.column >= 1);
}
