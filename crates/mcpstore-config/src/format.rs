//! In which language a text is written.

use std::fmt;

/// The language of a config text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// JSON, with comments and trailing commas.
    #[default]
    Json,
    /// TOML.
    Toml,
    /// YAML.
    Yaml,
}

impl Format {
    /// The format of a text that goes by this name: by the ending of the name (`.json`, `.jsonc`, `.json5`, `.toml`, `.yaml`,
    /// `.yml`), else by how the text begins.
    #[must_use]
    pub fn of(name: &str, text: &str) -> Self {
        let ending =
            name.rsplit(['/', '\\']).next().and_then(|file| Some(file.rsplit_once('.')?.1)).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "json" | "jsonc" | "json5" => Self::Json,
            "toml" => Self::Toml,
            "yaml" | "yml" => Self::Yaml,
            _ => Self::guess(text),
        }
    }

    /// The format a text looks like.
    fn guess(text: &str) -> Self {
        let body = text.trim_start_matches('\u{feff}').trim_start();
        if body.is_empty() || body.starts_with(['{', '"']) || body.starts_with("//") || body.starts_with("/*") {
            return Self::Json;
        }
        let first = body.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or("");
        if let Some(inside) = first.strip_prefix('[') {
            // A list of JSON, or the header of a table.
            let is_header = inside.trim_start().starts_with(|c: char| c.is_alphanumeric() || matches!(c, '[' | '_'));
            return if is_header { Self::Toml } else { Self::Json };
        }
        let is_key = |text: &str| {
            let key = text.trim();
            !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\''))
        };
        match first.split_once('=') {
            Some((key, _)) if is_key(key) => Self::Toml,
            _ => Self::Yaml,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_says_it() {
        for (name, format) in [
            ("mcp.json", Format::Json),
            ("/a.b/settings.JSONC", Format::Json),
            ("config.toml", Format::Toml),
            ("x.yml", Format::Yaml),
            ("x.yaml", Format::Yaml),
        ] {
            assert_eq!(Format::of(name, "key = 1"), format, "{name}");
        }
    }

    #[test]
    fn else_the_text_does() {
        for (text, format) in [
            ("", Format::Json),
            ("\u{feff} {}", Format::Json),
            ("// c\n{}", Format::Json),
            ("[{ }]", Format::Json),
            ("[\n \"a\"]", Format::Json),
            ("# c\n\n[mcp_servers.a]\n", Format::Toml),
            ("[[x]]", Format::Toml),
            ("model = \"x\"", Format::Toml),
            ("mcpServers:\n  a: {}", Format::Yaml),
            ("---\n- name: a", Format::Yaml),
            ("url: http://x/?a=b", Format::Yaml),
        ] {
            assert_eq!(Format::of("<stdin>", text), format, "{text}");
            assert_eq!(Format::of("a.d/config", text), format, "{text}");
        }
    }
}
