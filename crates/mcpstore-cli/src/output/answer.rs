//! The result of a tool, for people.

use serde::Deserialize;
use serde_json::Value;

use super::clean;

/// A result object, as far as the command needs to understand it.
#[derive(Debug)]
pub(crate) struct ResultView<'a> {
    raw: &'a str,
    is_error: bool,
}

impl<'a> ResultView<'a> {
    /// Looks at a result object; everything in it stays as it is.
    pub(crate) fn read(raw: &'a str) -> Self {
        #[derive(Deserialize)]
        struct Flag {
            #[serde(rename = "isError")]
            is_error: Option<bool>,
        }
        // On its own: the rest of a result may be nested deeper than a value can be.
        let flag = serde_json::from_str::<Flag>(raw);
        Self { raw, is_error: flag.is_ok_and(|flag| flag.is_error == Some(true)) }
    }

    /// The tool says that it failed.
    pub(crate) const fn is_error(&self) -> bool {
        self.is_error
    }
}

/// The result as text: texts as they are, everything else by what it is. Cleaned; ends with a line break unless empty.
pub(crate) fn answer_text(view: &ResultView<'_>) -> String {
    let mut out = match serde_json::from_str::<Value>(view.raw) {
        Ok(result) => {
            let mut parts: Vec<String> = result["content"].as_array().into_iter().flatten().map(block).collect();
            if parts.is_empty() && !result["structuredContent"].is_null() {
                parts.push(pretty(&result["structuredContent"]));
            }
            clean(&parts.join("\n"))
        }
        // Too deep to be taken apart.
        Err(_) => clean(view.raw),
    };
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

fn block(block: &Value) -> String {
    let word = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    match block["type"].as_str() {
        Some("text") => word(block, "text"),
        Some(kind @ ("image" | "audio")) => {
            let bytes = block["data"].as_str().map_or(0, |data| data.trim_end_matches('=').len() * 3 / 4);
            format!("[{kind} {}, {bytes} bytes; -o json has it]", word(block, "mimeType"))
        }
        Some("resource_link") => format!("[{} {}]", word(block, "name"), word(block, "uri")),
        Some("resource") => {
            let resource = &block["resource"];
            let text = resource["text"].as_str().map_or_else(String::new, |text| format!("\n{text}"));
            format!("[resource {}]{text}", word(resource, "uri"))
        }
        Some(_) | None => pretty(block),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn content_is_shown_by_what_it_is() {
        let result = r#"{"content":[{"type":"text","text":"[FILE] a\u001b[31m.txt"},{"type":"image","mimeType":"image/png","data":"aGVsbG8="},
            {"type":"resource_link","name":"readme","uri":"file:///r"},{"type":"resource","resource":{"uri":"x://y","text":"inside"}},
            {"type":"new","x":1}],"structuredContent":{"a":1}}"#;
        let view = ResultView::read(result);
        assert!(!view.is_error());
        expect![[r#"
            [FILE] a.txt
            [image image/png, 5 bytes; -o json has it]
            [readme file:///r]
            [resource x://y]
            inside
            {
              "type": "new",
              "x": 1
            }
        "#]]
        .assert_eq(&answer_text(&view));
    }

    #[test]
    fn structured_content_stands_in_and_errors_show() {
        let view = ResultView::read(r#"{"content":[],"structuredContent":{"sum":3},"isError":true}"#);
        assert!(view.is_error());
        assert_eq!(answer_text(&view), "{\n  \"sum\": 3\n}\n");
        assert_eq!(answer_text(&ResultView::read("{}")), "");
        let silent = r#"{"content":[{"type":"text","text":""}],"structuredContent":{"sum":3}}"#;
        assert_eq!(answer_text(&ResultView::read(silent)), "", "the server had nothing to say to people");
        let deep = format!(r#"{{"content":{}{},"isError":true}}"#, "[".repeat(500), "]".repeat(500));
        let view = ResultView::read(&deep);
        assert!(view.is_error() && answer_text(&view).trim_end() == deep);
        assert!(!ResultView::read(r#"{"isError":"yes"}"#).is_error() && !ResultView::read("[1]").is_error());
    }
}
