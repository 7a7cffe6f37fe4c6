//! The configs of the docs and of the corpus.

use std::path::Path;

use mcpstore::config::{Format, Outside, Plain, Source};

/// A world in which everything that a text refers to is there.
pub(crate) struct Everything;

impl Outside for Everything {
    fn variable(&self, _: &str) -> Option<String> {
        Some("https://set.example".to_owned())
    }

    fn file(&self, _: &str, _: &str) -> Result<String, String> {
        Ok("NAME=value\n".to_owned())
    }

    fn workspace(&self, _: &str) -> Option<String> {
        Some("/srv/project".to_owned())
    }
}

/// A fenced block of a page.
pub(crate) struct Block {
    pub(crate) source: Source,
    /// It changes single fields of the block before it.
    pub(crate) is_patch: bool,
}

/// The configs of a page: its blocks of JSON, TOML and YAML, but for those that say `fragment` and manifests of Cargo.
pub(crate) fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut out = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let body: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim_start() != "```").collect();
        let body = format!("{}\n", body.join("\n"));
        let mut info = info.split_whitespace();
        let language = info.next().unwrap_or_default();
        let word = info.next().unwrap_or_default();
        let is_config = matches!(language, "json" | "jsonc" | "yaml" | "toml") && word != "fragment";
        if is_config && !body.starts_with("[dependencies]") {
            let source = Source::new(format!("{page}:{}.{language}", number + 1), body);
            out.push(Block { source, is_patch: word == "patch" });
        }
    }
    out
}

/// Every page of the docs with its text.
pub(crate) fn pages(root: &Path) -> Vec<(String, String)> {
    let mut paths = vec![root.join("README.md")];
    for folder in ["docs", "docs/decisions"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        paths.extend(entries.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    paths.sort();
    let name = |path: &Path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// The text as an editor of JSON sees it: as it is, or its value when it is TOML or YAML.
pub(crate) fn as_json(source: &Source) -> String {
    if Format::of(&source.name, &source.text) == Format::Json {
        return source.text.clone();
    }
    camel(Plain::of(source).expect("good syntax"), true).pretty()
}

/// Keys as JSON has them: `max_attempts` is `maxAttempts`. Names of services, variables and headers stay.
fn camel(value: Plain, are_words: bool) -> Plain {
    const OWN: &[&str] = &["mcpServers", "servers", "profiles", "env", "headers", "settings"];
    match value {
        Plain::Object(members) => Plain::Object(
            members
                .into_iter()
                .map(|(key, value)| {
                    let key = if are_words { word(&key) } else { key };
                    let inner = !(are_words && OWN.contains(&key.as_str()));
                    (key, camel(value, inner))
                })
                .collect(),
        ),
        Plain::List(list) => Plain::List(list.into_iter().map(|value| camel(value, true)).collect()),
        other => other,
    }
}

fn word(key: &str) -> String {
    let mut parts = key.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut word, part| {
        let mut letters = part.chars();
        word.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        word.push_str(letters.as_str());
        word
    })
}

#[test]
fn keys_of_toml_and_yaml_become_those_of_json() {
    let source = Source::new("x.yaml", "mcpServers:\n  my_a: { depends_on: [b], env: { A_B: \"1\" } }");
    assert_eq!(
        camel(Plain::of(&source).unwrap(), true).to_string(),
        r#"{ "mcpServers": { "my_a": { "dependsOn": ["b"], "env": { "A_B": "1" } } } }"#
    );
}
