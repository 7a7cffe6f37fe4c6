//! What is good is good to the reader and to an editor.

use mcpstore::config::{Dialect, Options, Source, parse, render_short};

use crate::text::{Everything, as_json, blocks, pages};
use crate::validator::{root, validate};

/// The validator's red lines of these texts, each with where they are.
fn red(texts: &[(String, String)]) -> Option<Vec<String>> {
    let bodies: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
    let found = validate(&bodies)?;
    let lines = texts.iter().zip(found).flat_map(|((name, _), problems)| {
        let errors = problems.into_iter().filter(|problem| problem.is_error);
        errors.map(move |problem| format!("{name}: {} at {}", problem.message, problem.at))
    });
    Some(lines.collect())
}

#[test]
fn every_example_of_the_docs_is_read_strictly_and_an_editor_agrees() {
    let mut texts = Vec::new();
    for (page, text) in pages(&root()) {
        let mut before: Option<Source> = None;
        for block in blocks(&page, &text) {
            // A patch means something over what it changes only.
            let base = before.take().filter(|_| block.is_patch);
            assert_eq!(base.is_some(), block.is_patch, "{}: no example before this patch", block.source.name);
            let sources: Vec<Source> = base.into_iter().chain([block.source.clone()]).collect();
            let parsed = parse(&sources, &Everything, &Options { strict: true });
            assert!(!parsed.has_errors(), "{}", render_short(&parsed.diagnostics, &sources));
            let config = &parsed.config;
            let says = !config.services.is_empty()
                || !config.profiles.is_empty()
                || config.alerts != mcpstore::types::AlertsSpec::default();
            assert!(says, "{page}: it says nothing");
            if !block.is_patch && is_covered(&parsed.config.dialects) {
                texts.push((block.source.name.clone(), as_json(&block.source)));
            }
            before = sources.into_iter().next();
        }
    }
    assert!(texts.len() >= 6, "{} examples", texts.len());
    if let Some(red) = red(&texts) {
        assert_eq!(red, [""; 0]);
    }
}

#[test]
fn configs_of_the_corpus_are_good_in_an_editor() {
    let mut texts = Vec::new();
    // VS Code's `sandbox` is an object, and no word of ours: its own schema is for that file.
    const NOT_OURS: &[&str] = &["vscode-sandbox/.vscode/mcp.json"];
    let corpus = root().join("crates/mcpstore-config/tests/corpus");
    let mut folders: Vec<_> = vec![corpus.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&corpus).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if ["json", "jsonc", "toml", "yaml"].iter().any(|end| name.ends_with(&format!(".{end}"))) {
                let source = Source::new(name, std::fs::read_to_string(path).unwrap());
                let parsed = parse(std::slice::from_ref(&source), &Everything, &Options::default());
                let is_ours = !NOT_OURS.contains(&source.name.as_str());
                // A patch alone is none of them: an entry without a way to its server is an error there.
                if is_ours && !parsed.has_errors() && is_covered(&parsed.config.dialects) {
                    texts.push((source.name.clone(), as_json(&source)));
                }
            }
        }
    }
    assert!(texts.len() >= 35, "{} configs", texts.len());
    if let Some(red) = red(&texts) {
        assert_eq!(red, [""; 0]);
    }
}

/// True for the ways of writing that the schema is about.
fn is_covered(dialects: &[Option<Dialect>]) -> bool {
    dialects.iter().all(|dialect| matches!(dialect, Some(Dialect::McpServers | Dialect::Servers)))
}
