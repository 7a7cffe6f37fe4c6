//! The result of a tool, for people.

use serde::Deserialize;
use serde_json::Value;

use super::clean;

/// What the command needs to know of a result; everything else stays raw.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ResultView {
    is_error: Value,
    content: Value,
    structured_content: Value,
}

impl ResultView {
    /// Reads a result object; what is no object has nothing to show.
    pub(crate) fn read(result: &str) -> Self {
        serde_json::from_str(result).unwrap_or_default()
    }

    /// The tool says that it failed.
    pub(crate) fn is_error(&self) -> bool {
        self.is_error == Value::Bool(true)
    }
}

/// The result as text: texts as they are, everything else by what it is. Cleaned; ends with a line break unless empty.
pub(crate) fn answer_text(view: &ResultView) -> String {
    let mut parts: Vec<String> = view.content.as_array().into_iter().flatten().map(block).collect();
    if parts.iter().all(String::is_empty) && !view.structured_content.is_null() {
        parts.push(pretty(&view.structured_content));
    }
    let mut out = clean(&parts.join("\n"));
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
        assert!(!ResultView::read(r#"{"isError":"yes"}"#).is_error() && !ResultView::read("[1]").is_error());
    }
}
