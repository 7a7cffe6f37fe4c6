//! What is wrong with a config, for people and for programs.

use mcpstore::Loaded;
use mcpstore::config::{Code, Diagnostic, Place, Severity, Source, anchor, render};
use serde::Serialize;

use super::Term;

/// How wide diagnostics are drawn off a terminal, in columns.
const WIDTH: usize = 120;

/// All problems with the lines they are about; empty without problems.
pub(crate) fn diagnostics_text(loaded: &Loaded, sources: &[Source], term: &Term) -> String {
    let width = term.width.map_or(WIDTH, usize::from);
    render(&loaded.diagnostics, sources, term.color, width)
}

/// The whole in one line: `mcp.json: 1 error, no warnings; 3 services can run, 1 is left out`.
pub(crate) fn summary(loaded: &Loaded, sources: &[Source]) -> String {
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let count = |severity| loaded.diagnostics.iter().filter(|d| d.severity == severity).count();
    let counted = |count: usize, word: &str| match count {
        0 => format!("no {word}s"),
        1 => format!("1 {word}"),
        many => format!("{many} {word}s"),
    };
    let good = loaded.config.services.len();
    let out = loaded.config.origins.len().saturating_sub(good) + misnamed(loaded);
    let left_out = match out {
        0 => String::new(),
        1 => ", 1 is left out".to_owned(),
        many => format!(", {many} are left out"),
    };
    format!(
        "{}: {}, {}; {} can run{left_out}",
        names.join(", "),
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Warning), "warning"),
        counted(good, "service"),
    )
}

/// How many entries are left out because their very name is invalid: nothing else speaks of them.
pub(crate) fn misnamed(loaded: &Loaded) -> usize {
    // A dependency of an invalid name is told about its service.
    loaded.diagnostics.iter().filter(|d| d.code == Code::InvalidName && d.service.is_none()).count()
}

/// `mcpstore.diagnostics/1`.
#[derive(Debug, Serialize)]
pub(crate) struct DiagnosticsDoc {
    errors: usize,
    warnings: usize,
    /// Those that can run.
    services: Vec<String>,
    diagnostics: Vec<DiagnosticRow>,
}

/// One problem.
#[derive(Debug, Serialize)]
struct DiagnosticRow {
    severity: &'static str,
    code: String,
    message: String,
    /// The section of the reference that explains the code.
    anchor: String,
    #[serde(flatten)]
    place: PlaceRow,
    label: Option<String>,
    notes: Vec<String>,
    help: Option<String>,
    related: Vec<RelatedRow>,
    service: Option<String>,
}

/// Where; all null when it concerns no single place. Lines and columns count from 1, columns in characters; the end is behind the
/// last character.
#[derive(Debug, Default, Serialize)]
struct PlaceRow {
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
}

/// Another place that has to do with it.
#[derive(Debug, Serialize)]
struct RelatedRow {
    #[serde(flatten)]
    place: PlaceRow,
    message: String,
}

/// All problems as a document.
pub(crate) fn diagnostics_doc(loaded: &Loaded, sources: &[Source]) -> DiagnosticsDoc {
    let count = |severity| loaded.diagnostics.iter().filter(|d| d.severity == severity).count();
    DiagnosticsDoc {
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        services: loaded.config.services.iter().map(|spec| spec.name.to_string()).collect(),
        diagnostics: loaded.diagnostics.iter().map(|diagnostic| row(diagnostic, sources)).collect(),
    }
}

fn row(diagnostic: &Diagnostic, sources: &[Source]) -> DiagnosticRow {
    let place = |place: Place| {
        let source = sources.get(place.source);
        let inside = source.and_then(|source| source.text.get(place.span.start..place.span.end)).unwrap_or_default();
        let (lines, last) = (inside.matches('\n').count(), inside.rsplit('\n').next().unwrap_or_default());
        let before = if lines > 0 { 1 } else { place.column };
        PlaceRow {
            file: source.map(|source| source.name.clone()),
            line: Some(place.line),
            column: Some(place.column),
            end_line: Some(place.line + lines),
            end_column: Some(before + last.chars().count()),
        }
    };
    DiagnosticRow {
        severity: diagnostic.severity.as_str(),
        code: diagnostic.code.to_string(),
        message: diagnostic.message.clone(),
        anchor: format!("docs/diagnostics.md#{}", anchor(diagnostic.code)),
        place: diagnostic.primary.map(place).unwrap_or_default(),
        label: diagnostic.label.clone(),
        notes: diagnostic.notes.clone(),
        help: diagnostic.help.clone(),
        related: diagnostic
            .related
            .iter()
            .map(|(at, message)| RelatedRow { place: place(*at), message: message.clone() })
            .collect(),
        service: diagnostic.service.as_ref().map(ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use mcpstore::{LoadOptions, load};

    use super::*;
    use crate::output::Schema;

    #[test]
    fn problems_as_a_document_and_in_one_line() {
        let text = r#"{ "mcpServers": { "a": { "command": "x", "dependsOn": ["bb"] }, "b": { "command": "y" } } }"#;
        let sources = [Source::new("mcp.json", text)];
        let loaded = load(&sources, &mcpstore::config::Nothing, LoadOptions::default());
        let doc = Schema::new("mcpstore.diagnostics/1", diagnostics_doc(&loaded, &sources));
        expect![[r#"
            {
              "schema": "mcpstore.diagnostics/1",
              "errors": 1,
              "warnings": 0,
              "services": [
                "b"
              ],
              "diagnostics": [
                {
                  "severity": "error",
                  "code": "MS012",
                  "message": "unknown dependency `bb`",
                  "anchor": "docs/diagnostics.md#ms012-unknown-dependency",
                  "file": "mcp.json",
                  "line": 1,
                  "column": 56,
                  "end_line": 1,
                  "end_column": 60,
                  "label": null,
                  "notes": [],
                  "help": "did you mean `b`?",
                  "related": [],
                  "service": "a"
                }
              ]
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&doc).unwrap());
        expect!["mcp.json: 1 error, no warnings; 1 service can run, 1 is left out"]
            .assert_eq(&summary(&loaded, &sources));
        let odd = r#"{ "mcpServers": { "": { "command": "x" }, "ｆｕｌｌ": { "command": "x" },
            "a": { "command": "x", "dependsOn": ["é"] }, "b": { "command": "y" } } }"#;
        let odd = load(&[Source::new("mcp.json", odd)], &mcpstore::config::Nothing, LoadOptions::default());
        expect!["mcp.json: 3 errors, no warnings; 1 service can run, 3 are left out"]
            .assert_eq(&summary(&odd, &sources));
        let text = diagnostics_text(&loaded, &sources, &Term::PLAIN);
        assert!(text.contains("mcp.json:1:") && !text.contains('\u{1b}'), "{text}");
    }
}
